//! How the text of a setting is read, and the secrets that are made where none is set.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use axum::http::{HeaderValue, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use sqlx::postgres::PgConnectOptions;

/// A text, or a number as the text it was written as.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Text {
        Number(u64),
        Text(String),
    }
    Ok(match Text::deserialize(deserializer)? {
        Text::Number(number) => number.to_string(),
        Text::Text(text) => text,
    })
}

/// Where something is answered: a port alone is one of this machine only.
pub(super) fn address(text: &str) -> Result<SocketAddr> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let mut addresses = text
        .to_socket_addrs()
        .context("expected a port, or an address or name with one, such as 0.0.0.0:8080 or localhost:8080")?;
    addresses.next().context("this name has no address")
}

/// The entries of a comma separated list.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

pub(super) fn postgres(url: &str) -> Result<PgConnectOptions> {
    let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
    ensure!(known, "expected postgres://user:password@host/database");
    Ok(url.parse()?)
}

/// An Elasticsearch's URL without its path, and the path: the prefix of index names, so that installations can share a
/// server.
pub(super) fn elasticsearch(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url.get(host..).and_then(|rest| rest.find('/')).map_or(url.len(), |slash| host + slash);
    let (server, prefix) = url.split_at(path);
    match prefix.trim_matches('/') {
        "" => (server, "caravan"),
        prefix => (server, prefix),
    }
}

/// A web origin as browsers send it: scheme, host and port, nothing else.
pub(super) fn origin(text: &str) -> Result<HeaderValue> {
    let text = text.to_ascii_lowercase();
    let uri: Option<Uri> = text.parse().ok();
    let parts = uri.as_ref().and_then(|uri| uri.scheme_str().zip(uri.authority()));
    let whole = parts.is_some_and(|(scheme, host)| text == format!("{scheme}://{host}") && !text.contains('@'));
    ensure!(whole, "{text:?} is not a web origin such as https://app.example");
    Ok(text.parse()?)
}

/// A network, or an address as the network that holds nothing else.
pub(super) fn network(text: &str) -> Result<IpNet> {
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)));
    network.with_context(|| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
}

/// The content of a generated secret, made on first use: 32 random bytes, base64. Whoever comes first makes it.
pub(super) fn generated(dir: &Path, name: &str) -> Result<String> {
    let path = dir.join(name);
    fs::create_dir_all(dir).with_context(|| format!("{}", dir.display()))?;
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let fresh = STANDARD.encode(random);
    let temporary = dir.join(format!(".{name}-{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(fresh.as_bytes())?;
    file.sync_all()?;
    // A hard link fails when the name is taken, so that two processes starting at once agree on one secret.
    let linked = fs::hard_link(&temporary, &path);
    fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => Ok(fresh),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let secret = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
            Ok(secret.trim().to_owned())
        }
        Err(error) => Err(error).with_context(|| format!("{}", path.display())),
    }
}
