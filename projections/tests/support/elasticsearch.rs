//! A real Elasticsearch: that of `ELASTICSEARCH_URL`, or one that `scripts/elasticsearch.sh` starts.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use caravan_projections::{Elastic, SearchTarget};
use uuid::Uuid;

/// Its URL. Panics when there is none to be had: a test without its server fails.
pub fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        if let Ok(url) = std::env::var("ELASTICSEARCH_URL") {
            return url;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/elasticsearch.sh");
        let output = Command::new(&script).arg("start").output().expect("the script can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "this test needs Elasticsearch: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}

/// The server at `url`, with names of its own.
pub fn target_at(url: &str) -> SearchTarget {
    SearchTarget::Elasticsearch(Elastic::new(url, &format!("test-{}", Uuid::new_v4().simple())).unwrap())
}

pub async fn target() -> SearchTarget {
    let url = tokio::task::spawn_blocking(url).await.unwrap();
    target_at(url)
}
