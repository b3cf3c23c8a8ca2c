//! Configuration: commented defaults in one embedded file, each overridden by an environment variable.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;

const DEFAULTS: &str = include_str!("config.default.toml");

/// What is in force; `config.default.toml` says what each setting means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub env: Environment,
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub database_url: String,
    pub event_store: String,
    pub keys_url: String,
    pub search: String,
    pub mail: String,
    pub mail_from: String,
    pub sms: String,
    pub public_url: String,
    pub cors_origins: String,
    pub secret: String,
    pub master_key: String,
    pub demo: Demo,
    pub log: String,
    pub log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Development,
    Production,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demo {
    Auto,
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// Variables that tests and tools read, not settings.
const NOT_SETTINGS: [&str; 4] = ["test_postgres", "conformance_url", "conformance_read_url", "conformance_outbox"];

impl Config {
    /// Defaults overridden by the environment. An unknown `CARAVAN_…` variable is an error: it is most likely a typo.
    pub fn load() -> Result<Config> {
        Figment::from(Toml::string(DEFAULTS))
            .merge(Env::prefixed("CARAVAN_").ignore(&NOT_SETTINGS).lowercase(true))
            .extract()
            .map_err(|error| anyhow::anyhow!("configuration: {error}"))
    }

    pub fn cors_origins(&self) -> Vec<String> {
        self.cors_origins.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect()
    }

    pub fn is_production(&self) -> bool {
        self.env == Environment::Production
    }

    pub fn wants_demo(&self) -> bool {
        match self.demo {
            Demo::Auto => !self.is_production(),
            Demo::Yes => true,
            Demo::No => false,
        }
    }

    /// The secret that signs access tokens: configured, or generated into the data directory.
    pub fn secret(&self) -> Result<String> {
        self.configured_or_generated("CARAVAN_SECRET", &self.secret, "secret")
    }

    /// The master key, base64: configured, or generated into the data directory.
    pub fn master_key(&self) -> Result<String> {
        self.configured_or_generated("CARAVAN_MASTER_KEY", &self.master_key, "master-key")
    }

    fn configured_or_generated(&self, variable: &str, configured: &str, file: &str) -> Result<String> {
        if !configured.is_empty() {
            if self.is_production() && configured.len() < 32 {
                bail!("{variable} is too short for production: give at least 32 characters");
            }
            return Ok(configured.to_owned());
        }
        if self.is_production() {
            bail!("production needs {variable}: generated secrets are for development (try `openssl rand -base64 32`)");
        }
        generated(&self.data_dir.join("secrets"), file)
    }
}

/// The content of a generated secret, made on first use: 32 random bytes, base64. Whoever comes first makes it.
fn generated(dir: &Path, name: &str) -> Result<String> {
    use base64::Engine;
    let path = dir.join(name);
    fs::create_dir_all(dir).with_context(|| format!("{}", dir.display()))?;
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let fresh = base64::engine::general_purpose::STANDARD.encode(random);
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
            fs::read_to_string(&path).with_context(|| format!("{}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("{}", path.display())),
    }
}

/// The settings as `NAME=value` lines, secrets masked.
pub fn describe(config: &Config) -> String {
    let mask = |value: &str| if value.is_empty() { "(generated)".to_owned() } else { "(set)".to_owned() };
    let url = |value: &str| redact(value);
    let lines = [
        ("ENV", format!("{:?}", config.env).to_lowercase()),
        ("LISTEN", config.listen.to_string()),
        ("DATA_DIR", config.data_dir.display().to_string()),
        ("DATABASE_URL", url(&config.database_url)),
        ("EVENT_STORE", url(&config.event_store)),
        ("KEYS_URL", url(&config.keys_url)),
        ("SEARCH", url(&config.search)),
        ("MAIL", url(&config.mail)),
        ("MAIL_FROM", config.mail_from.clone()),
        ("SMS", url(&config.sms)),
        ("PUBLIC_URL", config.public_url.clone()),
        ("CORS_ORIGINS", config.cors_origins.clone()),
        ("SECRET", mask(&config.secret)),
        ("MASTER_KEY", mask(&config.master_key)),
        ("DEMO", format!("{:?}", config.demo).to_lowercase()),
        ("LOG", config.log.clone()),
        ("LOG_FORMAT", format!("{:?}", config.log_format).to_lowercase()),
    ];
    lines.iter().map(|(name, value)| format!("CARAVAN_{name}={value}\n")).collect()
}

/// A URL without its password.
fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:…@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete() {
        let config: Config = Figment::from(Toml::string(DEFAULTS)).extract().unwrap();
        assert_eq!(config.listen.port(), 8080);
        assert!(!config.is_production());
    }

    #[test]
    fn production_demands_its_own_secrets() {
        let config: Config =
            Figment::from(Toml::string(DEFAULTS)).merge(Toml::string("env = 'production'")).extract().unwrap();
        assert!(config.secret().is_err());
        assert!(config.master_key().is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(redact("postgres://anna:geheim@db/main"), "postgres://anna:…@db/main");
    }
}
