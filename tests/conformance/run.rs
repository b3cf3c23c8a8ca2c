//! Runs one scenario file against an installation.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use caravan_wire::{Operation, ParameterType};
use reqwest::header::HeaderMap;
use reqwest::{Method, multipart};
use serde_json::{Value, json};

use crate::contract::{Contract, read_body};
use crate::expect;
use crate::ledger::Ledger;
use crate::resource::{Form, Resource};
use crate::scenario::{Call, File, Message, Proves, Run, Scenario, Step};
use crate::support::client::{Client, PASSWORD, messages};
use crate::variables::{Variables, plain};

/// How long a message, or what a process manager does, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A token that says who comes and whose signature is none: {"alg":"none"}, {"sub":"…","sid":0,"exp":4102444800}.
const FORGED: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTgwMDAtODAwMC0wMDAwMDAwMDAwMDAiLCJzaWQiOjAsImV4cCI6\
    NDEwMjQ0NDgwMH0.";

/// Where a run goes.
#[derive(Clone)]
pub struct Target {
    pub write: String,
    pub read: String,
    pub outbox: PathBuf,
    /// Runs the program with arguments on the same data.
    pub program: Arc<Program>,
}

pub type Program = dyn Fn(&[&str]) -> Output + Send + Sync;

/// What a file's run came to.
#[derive(Default)]
pub struct Report {
    pub ledger: Ledger,
    /// What was not as expected: file, scenario, step and why.
    pub failures: Vec<String>,
}

/// Waits until search has seen what the log held when this was called; an index may have to be built first.
pub async fn until_imported_events_are_found(target: &Target) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let client = Client { read: target.read.clone(), ..Client::new(&target.write, &target.outbox) };
    let tag = uuid::Uuid::new_v4().as_u128() % 10_000_000_000;
    let scout = client.person(&format!("scout-{tag:010}"), &format!("+198{tag:010}")).await;
    let crew = json!({"adminIds": [scout.id], "name": "Scouts"});
    let made = client.send("/create-crew", Some(&scout.token), crew).await.expect("the server answers");
    let position = made.headers()["caravan-position"].clone();
    loop {
        let request = client.http.post(format!("{}/dev/discoverAny", target.read)).json(&json!({}));
        let request = request.bearer_auth(&scout.token).header("caravan-after", &position);
        let answer = request.send().await.expect("the server answers");
        if answer.status().is_success() {
            return;
        }
        assert!(Instant::now() < deadline, "search is not there after a minute: {}", answer.status());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Runs a file's scenarios in order. A step that fails ends its scenario, not the file.
pub async fn file(target: &Target, contract: &Contract, name: &str, number: u8, file: &File) -> Report {
    let mut report = Report::default();
    let mut runner = Runner {
        target,
        contract,
        http: client(target, number),
        variables: Variables::default(),
        seen: HashSet::new(),
        ledger: Ledger::default(),
    };
    if let Err(error) = runner.people(file).await {
        report.failures.push(format!("{name}: people: {error}"));
        return report;
    }
    runner.resources(&file.resources, name, &mut report.failures).await;
    let apart = target.read != target.write;
    for scenario in file.scenarios.iter().filter(|scenario| !(apart && scenario.one_process)) {
        for (variable, value) in runs(scenario) {
            let of = value.as_ref().map(|value| format!(" ({})", plain(value))).unwrap_or_default();
            if let (Some(variable), Some(value)) = (variable, value) {
                runner.variables.set(variable, value);
            }
            if let Err(error) = runner.steps(&scenario.steps).await {
                report.failures.push(format!("{name}: {}{of}: {error}", scenario.scenario));
            }
        }
    }
    runner.resources(&file.resources_after, name, &mut report.failures).await;
    report.ledger = runner.ledger;
    report
}

/// The variable and value of each run of a scenario: one without, where it has none.
fn runs(scenario: &Scenario) -> Vec<(Option<&String>, Option<Value>)> {
    let each = scenario.each.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let runs: Vec<_> = each.map(|(name, value)| (Some(name), Some(value.clone()))).collect();
    if runs.is_empty() { vec![(None, None)] } else { runs }
}

/// A client with an address of its own where the server is on this machine: limits per address do not mix.
fn client(target: &Target, number: u8) -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let local = target.write.contains("//127.0.0.1") && target.read.contains("//127.0.0.1");
    let builder = if local { builder.local_address(IpAddr::V4(Ipv4Addr::new(127, 1, 0, number))) } else { builder };
    builder.build().expect("a client can be made")
}

struct Runner<'r> {
    target: &'r Target,
    contract: &'r Contract,
    http: reqwest::Client,
    variables: Variables,
    /// Messages that a step has taken.
    seen: HashSet<String>,
    ledger: Ledger,
}

/// What came back.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Runner<'_> {
    async fn people(&mut self, file: &File) -> Result<(), String> {
        let now = chrono::Utc::now();
        self.variables.set("today", now.date_naive().to_string());
        self.variables.set("now", now.timestamp());
        for name in file.people.iter().chain(&file.by_mail).chain(&file.admins).chain(&file.unregistered) {
            let random = uuid::Uuid::new_v4();
            let digits = random.as_u128() % 10_000_000_000;
            let tag = random.simple().to_string();
            let username = format!("{name}-{}", &tag[..10]);
            self.variables.set(format!("{name}.email"), format!("{username}@example.org"));
            self.variables.set(format!("{name}.username"), username);
            self.variables.set(format!("{name}.password"), PASSWORD);
            self.variables.set(format!("{name}.phone"), format!("+199{digits:010}"));
            self.variables.set(format!("{name}.first"), format!("{}{name}", &tag[10..14]));
            self.variables.set(format!("{name}.last"), format!("Of{}", &tag[14..18]));
            self.variables.set(format!("{name}.tag"), tag[18..26].to_owned());
        }
        let by_phone = file.people.iter().map(|name| (name, "phone_number", "phone"));
        let by_mail = file.by_mail.iter().chain(&file.admins).map(|name| (name, "email", "email"));
        for (name, attribute, contact) in by_phone.chain(by_mail) {
            self.sign_up(name, attribute, contact).await.map_err(|error| format!("{name}: {error}"))?;
        }
        for name in &file.admins {
            let role = ["account", "role", &format!("${name}.username"), "admin"].map(str::to_owned).to_vec();
            self.run(&Run { run: role, contains: None, save_output: None })?;
        }
        Ok(())
    }

    /// Signs a person up as anybody would: with the code that is sent to the contact of theirs.
    async fn sign_up(&mut self, name: &str, attribute: &str, contact: &str) -> Result<(), String> {
        let fill = |template: Value| -> Result<Value, String> {
            let text = template.to_string().replace("$me.", &format!("${name}."));
            self.variables.fill(&serde_json::from_str(&text).expect("a template stays JSON"))
        };
        let form = fill(json!({"username": "$me.username", "password": "$me.password", "firstname": "$me.first",
            "lastname": "$me.last", "attributes": [{"Name": attribute, "Value": format!("$me.{contact}")}]}))?;
        let contact = self.variables.text(&format!("${name}.{contact}"))?;
        self.post("/dev/signup", form).await?;
        let (_, code) = self.message(&contact, |_| true).await?;
        let code = code.ok_or("the message has no code")?;
        let mut form = self.variables.fill(&json!({"username": format!("${name}.username"),
            "password": format!("${name}.password")}))?;
        form["confirmationCode"] = json!(code);
        let answer = self.post("/dev/signup/confirm", form).await?;
        for (variable, pointer) in [
            ("id", "/krugoId"),
            ("token", "/cognitoSession/accessToken"),
            ("refresh_token", "/cognitoSession/refreshToken"),
        ] {
            let value = expect::at(&answer, pointer)?.clone();
            self.variables.set(format!("{name}.{variable}"), value);
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, String> {
        let request = self.http.post(format!("{}{path}", self.target.write)).json(&body);
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body: Value = response.json().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(body) } else { Err(format!("{path}: {status}: {body}")) }
    }

    /// Looks at plain resources, each whatever became of the others.
    async fn resources(&mut self, resources: &[Resource], file: &str, failures: &mut Vec<String>) {
        for resource in resources {
            let outcome = match resource.steps(Form::of(self.contract.dialect.name)) {
                Ok(steps) => self.steps(&steps).await,
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                failures.push(format!("{file}: {}: {error}", resource.resource));
            }
        }
    }

    async fn steps(&mut self, steps: &[Step]) -> Result<(), String> {
        for (index, step) in steps.iter().enumerate() {
            let outcome = match step {
                Step::Call(call) => self.call(call).await.map_err(|error| format!("{}: {error}", call.op)),
                Step::Message(message) => self.await_message(message).await,
                Step::Run(run) => self.run(run),
            };
            outcome.map_err(|error| format!("step {}: {error}", index + 1))?;
        }
        Ok(())
    }

    async fn call(&mut self, call: &Call) -> Result<(), String> {
        let operation = self.contract.operation(&self.variables.text(&call.op)?)?;
        let deadline = Instant::now() + PATIENCE;
        let mut answer;
        for _ in 0..call.times.unwrap_or(1) {
            answer = self.expected(call, operation).await;
            while call.eventually && answer.is_err() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(50)).await;
                answer = self.expected(call, operation).await;
            }
            let answer = answer?;
            for (variable, pointer) in &call.save {
                let value = expect::at(&answer.body, pointer)?.clone();
                self.variables.set(variable, value);
            }
            for (variable, cookie) in &call.cookies {
                let set = answer.headers.get_all("set-cookie").iter().filter_map(|set| set.to_str().ok());
                let value = set.filter_map(|set| set.split_once('=')).find(|(name, _)| name == cookie);
                let value = value.and_then(|(_, set)| set.split(';').next());
                self.variables.set(variable, value.ok_or_else(|| format!("the answer sets no cookie {cookie}"))?);
            }
            if let Some(variable) = &call.etag {
                let etag = answer.headers.get("etag").and_then(|etag| etag.to_str().ok());
                let etag = etag.and_then(|etag| etag.trim_matches('"').parse::<i64>().ok());
                self.variables.set(variable, etag.ok_or("the answer has no ETag")?);
            }
        }
        // Boxed: effects are steps again.
        Box::pin(self.steps(&call.effect)).await.map_err(|error| format!("effect: {error}"))?;
        if let Some(proves) = call.proves {
            let status = call.status.unwrap_or(operation.success.as_u16());
            sound(call, proves, operation, status)?;
            if proves == Proves::Open {
                self.refuses_nobody(call, operation).await?;
            }
            self.ledger.enter(operation, proves, status, call.r#as.is_some() || call.token.is_some());
        }
        Ok(())
    }

    /// The answer to a call, if it is as expected.
    async fn expected(&self, call: &Call, operation: &Operation) -> Result<Answer, String> {
        let answer = self.send(call, operation).await?;
        let status = call.status.unwrap_or(operation.success.as_u16());
        if answer.status != status {
            return Err(format!("expected {status}, got {}: {}", answer.status, answer.body));
        }
        self.contract.validate(operation, answer.status, &answer.headers, &answer.body)?;
        expect::answer(call, &self.variables, &answer.body)?;
        Ok(answer)
    }

    async fn send(&self, call: &Call, operation: &Operation) -> Result<Answer, String> {
        let token = match (&call.r#as, &call.token) {
            (Some(person), _) => Some(self.variables.text(&format!("${person}.token"))?),
            (None, Some(token)) => Some(self.variables.text(token)?),
            (None, None) => None,
        };
        let (status, headers, bytes) = self.exchange(call, operation, token.as_deref()).await?;
        let body = read_body(&headers, &bytes).map_err(|error| format!("{status}, {error}"))?;
        Ok(Answer { status, headers, body })
    }

    /// A body in parts; what begins with `@` is a file among the images of these tests.
    fn parts(&self, parts: &BTreeMap<String, String>) -> Result<multipart::Form, String> {
        let mut form = multipart::Form::new();
        for (name, value) in parts {
            form = match value.strip_prefix('@') {
                Some(file) => {
                    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/images")).join(file);
                    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                    form.part(name.clone(), multipart::Part::bytes(bytes).file_name(file.to_owned()))
                }
                None => form.text(name.clone(), self.variables.text(value)?),
            };
        }
        Ok(form)
    }

    /// Sends a call with this token, whoever it is said to come from; what comes back.
    async fn exchange(
        &self,
        call: &Call,
        operation: &Operation,
        token: Option<&str>,
    ) -> Result<(u16, HeaderMap, Vec<u8>), String> {
        let base = if operation.command { &self.target.write } else { &self.target.read };
        let mut path = operation.path.clone();
        for (name, value) in &call.path {
            path = path.replace(&format!("{{{name}}}"), &plain(&self.variables.fill(value)?));
        }
        let method = Method::from_bytes(operation.method.as_str().as_bytes()).expect("a documented method");
        let mut request = self.http.request(method, format!("{base}{path}"));
        for (name, value) in &call.query {
            request = request.query(&query(operation, name, &self.variables.fill(value)?));
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &call.headers {
            request = request.header(name, self.variables.text(value)?);
        }
        if let Some(body) = &call.body {
            request = request.json(&self.variables.fill(body)?);
        } else if let Some(text) = &call.text {
            if !call.headers.contains_key("Content-Type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(text.clone());
        } else if !call.parts.is_empty() {
            request = request.multipart(self.parts(&call.parts)?);
        }
        let response = request.send().await.map_err(|error| format!("no answer: {error}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.map_err(|error| format!("no body: {error}"))?;
        Ok((status, headers, bytes.to_vec()))
    }

    /// That a forged token gets byte for byte what no token gets, within the time that figures may need to stand still.
    async fn refuses_nobody(&self, call: &Call, operation: &Operation) -> Result<(), String> {
        if !self.contract.is_public(&operation.id) {
            return Err("asks for a token, so it cannot be open to all".to_owned());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut plain = self.exchange(call, operation, None).await?;
            let mut forged = self.exchange(call, operation, Some(FORGED)).await?;
            for (_, headers, body) in [&mut plain, &mut forged] {
                for name in ["date", "x-request-id", "content-length"] {
                    headers.remove(name);
                }
                without_duration(body);
            }
            if plain == forged {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("a forged token gets {forged:?}, no token {plain:?}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn await_message(&mut self, message: &Message) -> Result<(), String> {
        let to = self.variables.text(&message.outbox)?;
        let text = message.text.as_deref().map(|text| self.variables.text(text)).transpose()?;
        let wanted = |found: &Value| {
            let of_channel = message.channel.as_ref().is_none_or(|channel| found["channel"] == channel.as_str());
            let of_text = text.as_ref().is_none_or(|text| found["text"].as_str().unwrap_or_default().contains(text));
            of_channel && of_text
        };
        let (found, code) = self.message(&to, wanted).await?;
        if let Some(lacks) = &message.lacks {
            let lacks = self.variables.text(lacks)?;
            let told = |found: &Value| found["text"].as_str().unwrap_or_default().contains(&lacks);
            if let Some(found) = messages(&self.target.outbox, &to).iter().find(|found| told(found)) {
                return Err(format!("{to} was sent {found}"));
            }
        }
        if let Some(variable) = &message.code {
            self.variables.set(variable, code.ok_or_else(|| format!("no six digits in {found}"))?);
        }
        Ok(())
    }

    /// The oldest message to `to` that no step has taken and that is `wanted`, and its code.
    async fn message(&mut self, to: &str, wanted: impl Fn(&Value) -> bool) -> Result<(Value, Option<String>), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = messages(&self.target.outbox, to);
            let id = |message: &Value| message["id"].as_str().unwrap_or_default().to_owned();
            if let Some(found) = found.iter().find(|message| !self.seen.contains(&id(message)) && wanted(message)) {
                self.seen.insert(id(found));
                let text = found["text"].as_str().unwrap_or_default();
                let code = text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6);
                return Ok((found.clone(), code.map(str::to_owned)));
            }
            if Instant::now() > deadline {
                return Err(format!("no such message to {to}; there are {found:?}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn run(&mut self, run: &Run) -> Result<(), String> {
        let arguments: Vec<String> =
            run.run.iter().map(|argument| self.variables.text(argument)).collect::<Result<_, _>>()?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = tokio::task::block_in_place(|| (self.target.program)(&arguments));
        if !output.status.success() {
            return Err(format!("{}: {}", run.run.join(" "), String::from_utf8_lossy(&output.stderr)));
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        let part = run.contains.as_deref().map(|part| self.variables.text(part)).transpose()?;
        if let Some(part) = part.filter(|part| !printed.contains(part)) {
            return Err(format!("{}: {part:?} is not in {printed}", run.run.join(" ")));
        }
        if let Some(variable) = &run.save_output {
            self.variables.set(variable, printed.trim());
        }
        Ok(())
    }
}

/// Takes out of JSON how long it took to answer, which is never the same.
fn without_duration(body: &mut Vec<u8>) {
    if let Ok(Value::Object(mut fields)) = serde_json::from_slice(body)
        && fields.remove("elapsedMs").is_some()
    {
        *body = Value::Object(fields).to_string().into_bytes();
    }
}

/// One parameter as pairs of a query string.
fn query(operation: &Operation, name: &str, value: &Value) -> Vec<(String, String)> {
    let parameter = operation.parameters.iter().find(|parameter| parameter.name == name);
    let joined = parameter.is_some_and(|parameter| parameter.of == ParameterType::Texts { repeated: false });
    match value {
        Value::Array(values) if joined => {
            vec![(name.to_owned(), values.iter().map(plain).collect::<Vec<_>>().join(","))]
        }
        Value::Array(values) => values.iter().map(|value| (name.to_owned(), plain(value))).collect(),
        value => vec![(name.to_owned(), plain(value))],
    }
}

/// Whether a step can prove what it says it proves.
fn sound(call: &Call, proves: Proves, operation: &Operation, status: u16) -> Result<(), String> {
    let sound = match proves {
        Proves::Success => (200..300).contains(&status) && (!operation.command || !call.effect.is_empty()),
        Proves::BadInput => (400..500).contains(&status) && call.field.is_some(),
        Proves::Refusal => matches!(status, 400 | 401 | 403 | 429),
        Proves::Open => (200..300).contains(&status) && call.r#as.is_none() && call.token.is_none(),
    };
    if sound { Ok(()) } else { Err(format!("cannot prove {proves:?} like this: see the README")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::of_krugo;

    const ID: &str = "00000000-0000-4000-8000-000000000000";

    /// A server that answers everything with 200 and the same crew.
    async fn target() -> Target {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(|| async { axum::Json(json!({"id": ID, "crewId": ID})) });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Target { write: url.clone(), read: url, outbox: "/nowhere".into(), program: Arc::new(|_| panic!()) }
    }

    async fn failures(steps: &str) -> Vec<String> {
        let contract = of_krugo();
        let yaml = format!("scenarios: [{{scenario: s, steps: {steps}}}]");
        let file_of_steps: File = serde_yaml_ng::from_str(&yaml).unwrap();
        file(&target().await, &contract, "f", 1, &file_of_steps).await.failures
    }

    #[tokio::test]
    async fn a_step_that_is_not_as_expected_fails_its_file() {
        let none: [String; 0] = [];
        assert_eq!(failures("[{op: abandon-trip-booking, body: {}}]").await, none);
        assert!(
            failures("[{op: abandon-trip-booking, body: {}, status: 400}]").await[0].contains("expected 400, got 200")
        );
        assert!(failures("[{op: abandon-trip-booking, body: {}, check: {/id: d}}]").await[0].contains("/id"));
        assert!(
            failures("[{op: abandon-trip-booking, body: {}, effect: [{op: crews, status: 404}]}]").await[0]
                .contains("effect")
        );
        assert!(failures("[{op: abandon-trip-booking, body: {}, proves: success}]").await[0].contains("cannot prove"));
        assert!(
            failures("[{op: abandon-trip-booking, body: {}, proves: bad-input}]").await[0].contains("cannot prove")
        );
        assert!(failures("[{op: abandon-trip-booking, body: {}, proves: open}]").await[0].contains("asks for a token"));
        assert!(failures("[{op: no-such}]").await[0].contains("no operation"));
        assert!(failures("[{op: abandon-trip-booking, as: nobody}]").await[0].contains("nobody.token"));
    }
}
