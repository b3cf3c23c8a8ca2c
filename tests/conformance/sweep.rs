//! What holds for every documented operation, without a scenario: unserved ones say so, served ones refuse strangers.

use caravan_wire::contracts;
use futures::StreamExt;
use reqwest::Method;
use serde_json::Value;

use crate::contract::Contract;
use crate::ledger::Ledger;
use crate::run::Target;

/// Calls every operation without a token or input: 501 if it is not served, 401 unless it is public. What is wrong.
pub async fn sweep(target: &Target, contracts_served: &[Contract], ledger: &Ledger) -> Vec<String> {
    let http = reqwest::Client::new();
    let calls = contracts().iter().zip(contracts_served).flat_map(|(contract, served)| {
        let served = served.served();
        contract.operations.iter().map(move |operation| (operation, served.contains(&operation.id.as_str())))
    });
    let checks = calls.map(|(operation, served)| {
        let (http, public) = (http.clone(), ledger.is_public(operation.dialect.name, &operation.id));
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
            let is_json = response.json::<Value>().await.is_ok();
            let expected = match (served, public) {
                (false, _) => status == 501,
                (true, false) => status == 401,
                (true, true) => status == 400,
            };
            (!expected || !is_json).then(|| format!("{name}: {status} to nobody, served: {served}, public: {public}"))
        }
    });
    let wrong: Vec<Option<String>> = futures::stream::iter(checks).buffer_unordered(16).collect().await;
    wrong.into_iter().flatten().collect()
}
