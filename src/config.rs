//! Configuration: commented defaults in one embedded file, each overridden by an environment variable.

mod show;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caravan_clock::Clock;
use caravan_commands::effects::{CarrierSettings, Carriers, LONGEST_PUBLIC_URL};
use caravan_commands::identity::GraphSettings;
use caravan_domain::identity::contact;
use caravan_files::{Files, FilesError};
use caravan_projections::{Elastic, SearchTarget};
use figment::Figment;
use figment::providers::{Format, Toml};
use ipnet::IpNet;
use serde::Deserialize;
use sqlx::postgres::PgConnectOptions;
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

pub use show::describe;
use value::{address, elasticsearch, generated, list, network, origin, postgres, text};

/// The directory of files, within the data directory.
pub const FILES: &str = "files";

const DEFAULTS: &str = include_str!("config.default.toml");

/// What is in force; `config.default.toml` says what each setting means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub env: Environment,
    #[serde(deserialize_with = "text")]
    pub listen: String,
    #[serde(deserialize_with = "text")]
    pub metrics_listen: String,
    pub data_dir: PathBuf,
    pub database_url: String,
    pub event_store: String,
    pub keys_url: String,
    pub search: String,
    pub mail: String,
    pub mail_from: String,
    pub mail_senders: String,
    pub files: String,
    pub sms: String,
    pub push: String,
    pub webhook_secret: String,
    #[serde(deserialize_with = "text")]
    pub facebook_app_id: String,
    #[serde(deserialize_with = "text")]
    pub facebook_app_secret: String,
    pub facebook_url: String,
    pub public_url: String,
    #[serde(deserialize_with = "text")]
    pub booking_partner: String,
    pub cors_origins: String,
    pub trusted_proxies: String,
    pub header_read_timeout: u64,
    pub body_read_timeout: u64,
    pub secret: String,
    pub master_key: String,
    pub allow: String,
    #[serde(deserialize_with = "text")]
    pub clock: String,
    pub demo: Demo,
    pub limits: Limiting,
    /// What `CARAVAN_LIMIT_<NAME>` sets, by name in lower case.
    #[serde(default)]
    pub limit: BTreeMap<String, u32>,
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
pub enum Limiting {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// Who vouches for people that log in without a password of ours: one of these, never two.
pub enum VouchedBy {
    Nobody,
    /// Whoever has `caravan dev-token`. Never in production.
    Development,
    Facebook(GraphSettings),
}

/// Variables that tests and tools read, not settings.
const NOT_SETTINGS: [&str; 4] = ["test_postgres", "conformance_url", "conformance_read_url", "conformance_outbox"];

impl Config {
    /// Defaults overridden by the environment, where `CARAVAN_<NAME>_FILE` names a file that holds a value. An unknown
    /// variable is an error: it is most likely a typo.
    pub fn load() -> Result<Config> {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix("CARAVAN_")?.to_lowercase();
            Some((name, value.into_string()))
        });
        let mut given = BTreeMap::new();
        for (name, value) in environment.filter(|(name, _)| !NOT_SETTINGS.contains(&name.as_str())) {
            let variable = format!("CARAVAN_{}", name.to_uppercase());
            let value = value.map_err(|_| anyhow::anyhow!("{variable}: is not UTF-8"))?;
            let (name, value) = match name.strip_suffix("_file") {
                None => (name, value),
                Some(name) => {
                    let text = fs::read_to_string(&value).with_context(|| format!("{variable}: {value:?}"))?;
                    (name.to_owned(), text.trim().to_owned())
                }
            };
            ensure!(is_setting(&name), "{}", unknown(&variable));
            let once = given.insert(name.clone(), value).is_none();
            ensure!(once, "CARAVAN_{}: is given as a value and as a file", name.to_uppercase());
        }
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        for (name, value) in given {
            let key = if is_limit(&name) { name.replacen('_', ".", 1) } else { name };
            // As an environment variable is read: a number where it is one.
            let value: figment::value::Value = value.parse().unwrap_or_else(|never| match never {});
            figment = figment.merge((key, value));
        }
        figment.extract().map_err(|error| {
            let name = error.path.join("_").to_uppercase();
            anyhow::anyhow!("CARAVAN_{name}: {}", error.kind)
        })
    }

    /// Finds what is wrong before anything is started; the error names the setting.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.data_dir.as_os_str().is_empty(), "CARAVAN_DATA_DIR: is empty");
        self.log_filter()?;
        self.database()?;
        self.keys_database()?;
        let known_store = matches!(self.event_store.as_str(), "database" | "memory:");
        ensure!(known_store, "CARAVAN_EVENT_STORE: expected database or memory:");
        self.search_target()?;
        self.carriers()?;
        self.mail_senders()?;
        self.files()?;
        self.vouched_by()?;
        self.cors_origins()?;
        self.trusted_proxies()?;
        self.limits()?;
        self.clock()?;
        let apart = self.metrics_listen()? != Some(self.listen()?);
        ensure!(
            apart,
            "CARAVAN_METRICS_LISTEN: is the address of CARAVAN_LISTEN: give another, or none to answer both there"
        );
        self.check_reach()?;
        ensure!(self.header_read_timeout > 0, "CARAVAN_HEADER_READ_TIMEOUT: is 0: give seconds");
        ensure!(self.body_read_timeout > 0, "CARAVAN_BODY_READ_TIMEOUT: is 0: give seconds");
        let url = self.public_url()?;
        let short = url.chars().count() <= LONGEST_PUBLIC_URL;
        ensure!(short, "CARAVAN_PUBLIC_URL: is longer than {LONGEST_PUBLIC_URL} characters");
        let sound = Url::parse(&url).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none()
        });
        ensure!(sound, "CARAVAN_PUBLIC_URL: expected a web address such as https://trips.example");
        let master_key = STANDARD.decode(self.master_key.trim());
        let sound = self.master_key.is_empty() || master_key.is_ok_and(|key| key.len() == 32);
        ensure!(sound, "CARAVAN_MASTER_KEY: expected 32 bytes in base64");
        // One that is not there yet is generated by whoever needs it.
        if !self.secret.is_empty() || self.is_production() || self.secrets().join("secret").exists() {
            self.secret()?;
        }
        if self.is_production() {
            self.master_key()?;
        }
        Ok(())
    }

    /// Where HTTP is answered.
    pub fn listen(&self) -> Result<SocketAddr> {
        address(&self.listen).context("CARAVAN_LISTEN")
    }

    /// Where metrics are, if not there.
    pub fn metrics_listen(&self) -> Result<Option<SocketAddr>> {
        let own = Some(&self.metrics_listen).filter(|own| !own.is_empty());
        own.map(|own| address(own)).transpose().context("CARAVAN_METRICS_LISTEN")
    }

    /// The address that messages point to.
    pub fn public_url(&self) -> Result<String> {
        if !self.public_url.is_empty() {
            return Ok(self.public_url.clone());
        }
        let listen = self.listen()?;
        Ok(if listen.ip().is_unspecified() {
            format!("http://localhost:{}", listen.port())
        } else {
            format!("http://{listen}")
        })
    }

    /// Refuses production where nobody outside is reached, unless that is meant.
    fn check_reach(&self) -> Result<()> {
        let allowed: Vec<&str> = list(&self.allow).collect();
        let unknown = allowed.iter().find(|allowed| !["outbox", "localhost"].contains(allowed));
        ensure!(unknown.is_none(), "CARAVAN_ALLOW: expected outbox, localhost or both");
        if !self.is_production() {
            return Ok(());
        }
        for (name, carrier) in [("MAIL", &self.mail), ("SMS", &self.sms), ("PUSH", &self.push)] {
            ensure!(
                carrier != "outbox" || allowed.contains(&"outbox"),
                "CARAVAN_{name}: production writes no messages to files, unless CARAVAN_ALLOW=outbox"
            );
        }
        let url = self.public_url()?;
        let local = match Url::parse(&url)?.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').split('.').next_back() == Some("localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
            Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
            None => true,
        };
        ensure!(
            !local || allowed.contains(&"localhost"),
            "CARAVAN_PUBLIC_URL: nobody outside reaches {url}: set it, or CARAVAN_ALLOW=localhost"
        );
        Ok(())
    }

    pub fn log_filter(&self) -> Result<EnvFilter> {
        EnvFilter::try_new(&self.log).context("CARAVAN_LOG")
    }

    /// The main database; none where it is the embedded one.
    pub fn database(&self) -> Result<Option<PgConnectOptions>> {
        match self.database_url.as_str() {
            "embedded" => Ok(None),
            url => postgres(url).context("CARAVAN_DATABASE_URL").map(Some),
        }
    }

    /// The keys database; none where it is beside the main one.
    pub fn keys_database(&self) -> Result<Option<PgConnectOptions>> {
        match self.keys_url.as_str() {
            "" => Ok(None),
            url => postgres(url).context("CARAVAN_KEYS_URL").map(Some),
        }
    }

    pub fn search_target(&self) -> Result<SearchTarget> {
        match self.search.as_str() {
            "postgres" => Ok(SearchTarget::Postgres),
            url if url.starts_with("http://") || url.starts_with("https://") => {
                let (server, prefix) = elasticsearch(url);
                Ok(SearchTarget::Elasticsearch(Elastic::new(server, prefix).context("CARAVAN_SEARCH")?))
            }
            _ => bail!("CARAVAN_SEARCH: expected postgres, http://host:port or https://host:port"),
        }
    }

    /// What takes messages out.
    pub fn carriers(&self) -> Result<Carriers> {
        Ok(Carriers::open(CarrierSettings {
            mail: &self.mail,
            mail_from: &self.mail_from,
            sms: &self.sms,
            push: &self.push,
            webhook_secret: &self.webhook_secret,
            outbox: &self.outbox(),
        })?)
    }

    /// Where files are: ours, and those that go with mails.
    pub fn files(&self) -> Result<Files> {
        let own = self.data_dir.join(FILES);
        let place = if self.files.is_empty() { own.to_str() } else { Some(self.files.as_str()) };
        let text = |variable: OsString| variable.into_string().ok();
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        place.ok_or(FilesError::Place).and_then(|place| Files::open(place, variables)).context("CARAVAN_FILES")
    }

    /// The addresses that mails of staff may be from.
    pub fn mail_senders(&self) -> Result<Vec<String>> {
        let sender = |address: &str| {
            contact::email("CARAVAN_MAIL_SENDERS", address).map_err(|error| anyhow::anyhow!("{error}: {address}"))
        };
        list(&self.mail_senders).map(sender).collect()
    }

    /// Who vouches for people.
    pub fn vouched_by(&self) -> Result<VouchedBy> {
        let (app_id, app_secret) = (&self.facebook_app_id, &self.facebook_app_secret);
        let url = self.facebook_url()?;
        match (app_id.is_empty(), app_secret.is_empty()) {
            (true, true) if self.is_production() => return Ok(VouchedBy::Nobody),
            (true, true) => return Ok(VouchedBy::Development),
            (true, false) => bail!("CARAVAN_FACEBOOK_APP_ID: is not set, but its secret is"),
            (false, true) => bail!("CARAVAN_FACEBOOK_APP_SECRET: is not set, but the app's id is"),
            (false, false) => {}
        }
        let sound = app_id.bytes().all(|byte| byte.is_ascii_digit());
        ensure!(sound, "CARAVAN_FACEBOOK_APP_ID: expected digits");
        let sound = app_secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ensure!(sound, "CARAVAN_FACEBOOK_APP_SECRET: expected letters and digits");
        let (app_id, app_secret) = (app_id.clone(), app_secret.clone());
        Ok(VouchedBy::Facebook(GraphSettings { app_id, app_secret, url, patience: GraphSettings::PATIENCE }))
    }

    /// Where Facebook is. The secret goes there.
    fn facebook_url(&self) -> Result<Url> {
        let url = Url::parse(&self.facebook_url).context("CARAVAN_FACEBOOK_URL")?;
        let safe = url.scheme() == "https" || url.scheme() == "http" && !self.is_production();
        ensure!(safe, "CARAVAN_FACEBOOK_URL: expected https://…");
        let open = url.username().is_empty() && url.password().is_none();
        let plain = open && url.query().is_none() && url.fragment().is_none();
        ensure!(plain, "CARAVAN_FACEBOOK_URL: expected nothing but scheme, host and path");
        Ok(url)
    }

    /// Whether anything is kept in files: on a cluster nothing need be.
    pub fn uses_data_dir(&self) -> bool {
        self.database_url == "embedded"
            || [&self.secret, &self.master_key].iter().any(|secret| secret.is_empty())
            || [&self.mail, &self.sms, &self.push].iter().any(|carrier| *carrier == "outbox")
    }

    /// Where messages go that are written to files.
    pub fn outbox(&self) -> PathBuf {
        self.data_dir.join("outbox")
    }

    pub fn cors_origins(&self) -> Result<Vec<HeaderValue>> {
        list(&self.cors_origins).map(origin).collect::<Result<_>>().context("CARAVAN_CORS_ORIGINS")
    }

    pub fn trusted_proxies(&self) -> Result<Vec<IpNet>> {
        list(&self.trusted_proxies).map(network).collect::<Result<_>>().context("CARAVAN_TRUSTED_PROXIES")
    }

    /// What may happen how often.
    pub fn limits(&self) -> Result<caravan_limits::Settings> {
        if self.limits == Limiting::Off {
            ensure!(!self.is_production(), "CARAVAN_LIMITS: production does not run without limits");
            return Ok(caravan_limits::Settings::off());
        }
        let mut settings = caravan_limits::Settings::default();
        for (name, most) in &self.limit {
            let name = name.to_uppercase();
            settings = settings.with(&name, *most).with_context(|| format!("CARAVAN_LIMIT_{name}"))?;
        }
        Ok(settings)
    }

    /// The clock of this process.
    pub fn clock(&self) -> Result<Clock> {
        let given = !self.clock.is_empty();
        ensure!(!given || !self.is_production(), "CARAVAN_CLOCK: production goes by the machine's time");
        self.clock.parse().context("CARAVAN_CLOCK")
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
        let secret = self.configured_or_generated("CARAVAN_SECRET", &self.secret, "secret")?;
        // A shorter one could be found by trying, with any token at hand.
        let shortest = secret.split(',').map(|secret| secret.trim().len()).min().unwrap_or_default();
        ensure!(shortest >= 32, "CARAVAN_SECRET: {shortest} bytes are too few: give at least 32");
        Ok(secret)
    }

    /// The master key, base64: configured, or generated into the data directory.
    pub fn master_key(&self) -> Result<String> {
        self.configured_or_generated("CARAVAN_MASTER_KEY", &self.master_key, "master-key")
    }

    fn configured_or_generated(&self, variable: &str, configured: &str, file: &str) -> Result<String> {
        if !configured.is_empty() {
            return Ok(configured.to_owned());
        }
        if self.is_production() {
            bail!("production needs {variable}: generated secrets are for development (try `openssl rand -base64 32`)");
        }
        generated(&self.secrets(), file)
    }

    fn secrets(&self) -> PathBuf {
        self.data_dir.join("secrets")
    }
}

/// `limit_…`, not `limits`.
fn is_limit(name: &str) -> bool {
    name.starts_with("limit_")
}

/// The names of the settings, as the defaults have them.
fn names() -> impl Iterator<Item = &'static str> {
    DEFAULTS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.split_once(" = ")?.0))
}

fn is_setting(name: &str) -> bool {
    is_limit(name) || names().any(|known| known == name)
}

/// What is said of a variable that sets nothing: which one it may be meant to be.
fn unknown(variable: &str) -> String {
    let known = names().map(|name| format!("CARAVAN_{}", name.to_uppercase()));
    let nearest = known.min_by_key(|known| strsim::damerau_levenshtein(variable, known));
    format!("{variable} is no setting: is it meant to be {}?", nearest.unwrap_or_default())
}

#[cfg(test)]
mod tests;
