//! A real Elasticsearch: that of `ELASTICSEARCH_URL`, or one that `scripts/elasticsearch.sh` starts.

use std::process::Command;

/// Its URL.
pub fn url() -> String {
    if let Ok(url) = std::env::var("ELASTICSEARCH_URL") {
        return url.trim_end_matches('/').to_owned();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/elasticsearch.sh");
    let output = Command::new(script).arg("start").output().expect("the script can be run");
    assert!(output.status.success(), "no Elasticsearch: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Its URL, once the indexes of installations before are gone: their documents are newer than any of a new log.
pub async fn empty() -> String {
    let url = url();
    let http = reqwest::Client::new();
    let listed = http.get(format!("{url}/_cat/indices/caravan*?h=index")).send().await.expect("it answers");
    let listed = listed.text().await.expect("it lists its indexes");
    for index in listed.split_whitespace() {
        let removed = http.delete(format!("{url}/{index}")).send().await.expect("it answers");
        assert!(removed.status().is_success(), "{index}: {}", removed.status());
    }
    url
}
