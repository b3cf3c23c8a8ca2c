//! What holds for every documented operation, without a scenario: unserved ones say so, served ones refuse strangers
//! where their document asks for a token.

use caravan_wire::contracts;
use futures::StreamExt;
use reqwest::Method;

use crate::contract::{Contract, read_body};
use crate::run::Target;

/// Calls every operation without a token or input: 501 if it is not served, 401 unless it is public, success if it then
/// needs no input, each as documented. What is wrong.
pub async fn sweep(target: &Target, contracts_served: &[Contract]) -> Vec<String> {
    let http = reqwest::Client::new();
    let calls = contracts().iter().zip(contracts_served).flat_map(|(contract, served)| {
        let is_served = served.served();
        contract.operations.iter().map(move |operation| (served, operation, is_served.contains(&operation.id.as_str())))
    });
    let checks = calls.map(|(contract, operation, served)| {
        let (http, public) = (http.clone(), contract.is_public(&operation.id));
        async move {
            let base = if operation.command { &target.write } else { &target.read };
            let path = operation.path.replace(['{', '}'], "");
            let method = Method::from_bytes(operation.method.as_str().as_bytes()).expect("a documented method");
            let name = format!("{} {}", operation.dialect.name, operation.id);
            let response = match http.request(method, format!("{base}{path}")).send().await {
                Ok(response) => response,
                Err(error) => return Some(format!("{name}: no answer: {error}")),
            };
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            let bytes = response.bytes().await.unwrap_or_default();
            let body = read_body(&headers, &bytes);
            let valid = body.and_then(|body| contract.validate(operation, status, &headers, &body));
            if let Err(error) = valid {
                return Some(format!("{name}: {error}"));
            }
            let needs_body = operation.body.as_ref().is_some_and(|body| body.required);
            let needs_input = needs_body || operation.parameters.iter().any(|parameter| parameter.required);
            let expected = match (served, public) {
                (false, _) => status == 501,
                (true, false) => status == 401,
                // A path may lead to nothing.
                (true, true) if needs_input => matches!(status, 400 | 404 | 422),
                // Its contract asks for something else than the token that the service looks at.
                (true, true) if !operation.open && status == 401 => true,
                (true, true) => status == operation.success.as_u16(),
            };
            (!expected).then(|| format!("{name}: {status} to nobody, served: {served}, public: {public}"))
        }
    });
    let wrong: Vec<Option<String>> = futures::stream::iter(checks).buffer_unordered(16).collect().await;
    wrong.into_iter().flatten().collect()
}
