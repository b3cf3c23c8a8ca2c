//! Scenario files, run over HTTP against started servers, and the coverage they prove. `README.md` says how they are
//! written.

mod contract;
mod coverage;
mod expect;
mod installation;
mod ledger;
mod resource;
mod run;
mod scenario;
#[path = "../support/mod.rs"]
mod support;
mod sweep;
mod variables;

use std::path::{Path, PathBuf};

use caravan_wire::DIALECTS;
use futures::StreamExt;

use contract::Contract;
use installation::Installation;
use ledger::Ledger;
use run::Target;
use scenario::File;

/// Files at work at once.
const AT_ONCE: usize = 4;

/// One configuration at a time: the machine is not large.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// One process, search in Postgres; its run is what COVERAGE.md shows.
#[tokio::test(flavor = "multi_thread")]
async fn serve() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let installation = match Installation::given() {
        Some(given) => given,
        None => Installation::serve().await,
    };
    let coverage = conform(installation.target()).await;
    if std::env::var_os("CARAVAN_SCENARIO").is_none() {
        check_coverage(&coverage);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_on_elasticsearch() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let installation = Installation::serve_on_elasticsearch().await;
    same_as_written(&conform(installation.target()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let installation = Installation::three_processes().await;
    same_as_written(&conform(installation.target()).await);
}

/// Runs all files; panics with everything that was not as expected. The coverage otherwise.
async fn conform(target: &Target) -> String {
    run::until_imported_events_are_found(target).await;
    let contracts = contracts(target).await;
    let wanted = std::env::var("CARAVAN_SCENARIO").unwrap_or_default();
    let files: Vec<(PathBuf, File)> = files().into_iter().filter(|(path, _)| name(path).contains(&wanted)).collect();
    assert!(!files.is_empty(), "no scenario file is named like {wanted:?}");
    let runs = files.iter().zip(1..).map(|((path, file), number)| {
        let name = name(path);
        let contract = contracts.iter().find(|contract| name.starts_with(&format!("{}/", contract.dialect.name)));
        let contract = contract.unwrap_or_else(|| panic!("{name} is in no dialect's folder"));
        async move { run::file(target, contract, &name, number, file).await }
    });
    let reports: Vec<run::Report> = futures::stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let mut ledger = Ledger::default();
    let mut failures = vec![];
    for report in reports {
        ledger.merge(report.ledger);
        failures.extend(report.failures);
    }
    if wanted.is_empty() {
        failures.extend(sweep::sweep(target, &contracts).await);
    }
    assert!(failures.is_empty(), "{} not as expected:\n{}", failures.len(), failures.join("\n"));
    coverage::render(&contracts, &ledger)
}

/// The documents that the server publishes; of two servers, both the same.
async fn contracts(target: &Target) -> Vec<Contract> {
    let mut contracts = vec![];
    for dialect in DIALECTS {
        let document = published(&target.write, dialect.name).await;
        assert!(document == published(&target.read, dialect.name).await, "the APIs publish two of {}", dialect.name);
        contracts.push(Contract::new(dialect, document));
    }
    contracts
}

async fn published(base: &str, dialect: &str) -> serde_json::Value {
    let url = format!("{base}/openapi.json?dialect={dialect}");
    let response = reqwest::get(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    response.json().await.unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/scenarios")
}

/// `<dialect>/<group>.yaml`
fn name(path: &Path) -> String {
    path.strip_prefix(folder()).unwrap_or(path).display().to_string()
}

fn files() -> Vec<(PathBuf, File)> {
    let entries = |dir: &Path| {
        let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let paths = entries(&folder()).into_iter().filter(|path| path.is_dir()).flat_map(|dialect| entries(&dialect));
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, file)
    })
    .collect()
}

/// COVERAGE.md is what this run shows; written with `CARAVAN_UPDATE_COVERAGE=1`.
fn check_coverage(coverage: &str) {
    let written = std::fs::read_to_string(coverage::path()).unwrap_or_default();
    let now = coverage::proven(coverage);
    let lost: Vec<_> = coverage::proven(&written).difference(&now).cloned().collect();
    if std::env::var_os("CARAVAN_UPDATE_COVERAGE").is_some() {
        for (dialect, id) in &lost {
            eprintln!("no longer proven: {dialect} {id}");
        }
        std::fs::write(coverage::path(), coverage).expect("COVERAGE.md can be written");
        return;
    }
    assert!(lost.is_empty(), "no longer proven: {lost:?}");
    assert!(written == coverage, "docs/COVERAGE.md is stale: run `make coverage`");
}

/// A configuration proves what COVERAGE.md says; checked when all scenarios ran.
fn same_as_written(coverage: &str) {
    if std::env::var_os("CARAVAN_SCENARIO").is_some() {
        return;
    }
    let written = std::fs::read_to_string(coverage::path()).unwrap_or_default();
    assert_eq!(coverage::proven(coverage), coverage::proven(&written), "proves other operations than COVERAGE.md says");
}
