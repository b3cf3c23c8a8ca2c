//! Clients as customers make them: generated from the published documents, checked against their types, and on krugo
//! signed in. `scripts/clients` installs what this needs.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use caravan_wire::DIALECTS;
use support::{Server, Settings};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A tool that `scripts/clients` has installed.
fn tool(path: &str) -> Command {
    let program = sources().join(path);
    assert!(program.exists(), "{} is missing: run scripts/clients", program.display());
    Command::new(program)
}

/// Runs a command that has to succeed without a warning; what it says.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{said}");
    said
}

/// An empty directory that outlives the run, so that it can be looked into.
fn workshop(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory can be made");
    dir
}

/// The documents of all dialects as files.
async fn documents(server: &Server) -> PathBuf {
    let dir = workshop("documents");
    for dialect in DIALECTS {
        let url = format!("{}/openapi.json?dialect={}", server.url(), dialect.name);
        let answer = reqwest::get(&url).await.expect("the server answers").text().await.expect("with a document");
        fs::write(dir.join(format!("{}.json", dialect.name)), answer).expect("it can be written");
    }
    dir
}

fn python(documents: &Path, server: &Server) {
    let clients = workshop("python");
    for dialect in DIALECTS {
        let (document, config) = (documents.join(format!("{}.json", dialect.name)), sources().join("python.yaml"));
        let package = clients.join(dialect.name.replace('-', "_"));
        let mut generate = tool(".venv/bin/openapi-python-client");
        generate.args(["generate", "--meta", "none", "--fail-on-warning", "--path"]).arg(document);
        run(generate.arg("--config").arg(config).arg("--output-path").arg(package));
    }
    fs::copy(sources().join("sign_in.py"), clients.join("sign_in.py")).expect("a file can be copied");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients/mypy");
    run(tool(".venv/bin/mypy").args(["--strict", "--cache-dir"]).arg(cache).arg(".").current_dir(&clients));
    let said = run(tool(".venv/bin/python").arg(clients.join("sign_in.py")).arg(server.url()).arg(server.outbox()));
    assert!(said.contains("is in The Wanderers"), "{said}");
}

fn typescript(documents: &Path, server: &Server) {
    let clients = workshop("typescript");
    let said = run(Command::new("node").arg(sources().join("generate.mjs")).arg(documents).arg(&clients));
    assert!(!said.to_lowercase().contains("warn"), "{said}");
    for file in ["sign_in.ts", "tsconfig.json"] {
        fs::copy(sources().join(file), clients.join(file)).expect("a file can be copied");
    }
    run(tool("node_modules/.bin/tsc").args(["--project", "."]).current_dir(&clients));
    let said = run(Command::new("node").arg(clients.join("sign_in.js")).arg(server.url()).arg(server.outbox()));
    assert!(said.contains("is in The Wanderers"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_clients_type_check_and_sign_in() {
    let server = Server::start(Settings::new(env!("CARGO_BIN_EXE_caravan"))).await;
    let documents = documents(&server).await;
    std::thread::scope(|both| {
        both.spawn(|| python(&documents, &server));
        both.spawn(|| typescript(&documents, &server));
    });
}
