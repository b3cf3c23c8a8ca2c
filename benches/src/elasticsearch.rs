//! A real Elasticsearch: that of `ELASTICSEARCH_URL`, or one that `scripts/elasticsearch.sh` starts.

use anyhow::{Result, ensure};
use tokio::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/elasticsearch.sh");

pub struct Elasticsearch {
    url: String,
    /// Whether it is ours to stop: it takes memory and time from what is measured next.
    started: bool,
}

impl Elasticsearch {
    /// Without the indexes of earlier runs, whose names begin with `prefix`: their documents are newer than any of a
    /// new log.
    pub async fn start(prefix: &str) -> Result<Elasticsearch> {
        let server = match std::env::var("ELASTICSEARCH_URL") {
            Ok(url) => Elasticsearch { url: url.trim_end_matches('/').to_owned(), started: false },
            Err(_) => {
                let started = run("url").await.is_err();
                Elasticsearch { url: run("start").await?, started }
            }
        };
        let http = reqwest::Client::new();
        let list = format!("{}/_cat/indices/{prefix}-*?h=index", server.url);
        let listed = http.get(list).send().await?.error_for_status()?.text().await?;
        for index in listed.split_whitespace() {
            http.delete(format!("{}/{index}", server.url)).send().await?.error_for_status()?;
        }
        Ok(server)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn stop(self) -> Result<()> {
        if self.started {
            run("stop").await?;
        }
        Ok(())
    }
}

async fn run(action: &str) -> Result<String> {
    let output = Command::new(SCRIPT).arg(action).output().await?;
    ensure!(output.status.success(), "{SCRIPT} {action}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
