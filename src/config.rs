//! Configuration: commented defaults in one embedded file, each overridden by an environment variable.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use axum::http::{HeaderValue, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caravan_commands::effects::{Carriers, LONGEST_PUBLIC_URL};
use caravan_projections::{Elastic, SearchTarget};
use figment::Figment;
use figment::providers::{Format, Toml};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use sqlx::postgres::PgConnectOptions;
use tracing_subscriber::EnvFilter;

const DEFAULTS: &str = include_str!("config.default.toml");

/// What is in force; `config.default.toml` says what each setting means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub env: Environment,
    #[serde(deserialize_with = "text")]
    pub listen: String,
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
    pub trusted_proxies: String,
    pub header_read_timeout: u64,
    pub body_read_timeout: u64,
    pub secret: String,
    pub master_key: String,
    pub allow: String,
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
                    let text = fs::read_to_string(&value).with_context(|| format!("{variable}: {value}"))?;
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
        figment.extract().map_err(|error| anyhow::anyhow!("configuration: {error}"))
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
        self.cors_origins()?;
        self.trusted_proxies()?;
        self.limits()?;
        self.listen()?;
        self.check_reach()?;
        ensure!(self.header_read_timeout > 0, "CARAVAN_HEADER_READ_TIMEOUT: is 0");
        ensure!(self.body_read_timeout > 0, "CARAVAN_BODY_READ_TIMEOUT: is 0");
        let short = self.public_url()?.chars().count() <= LONGEST_PUBLIC_URL;
        ensure!(short, "CARAVAN_PUBLIC_URL: is longer than {LONGEST_PUBLIC_URL} characters");
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

    /// Where HTTP is answered: a port alone is one of this machine only.
    pub fn listen(&self) -> Result<SocketAddr> {
        if let Ok(port) = self.listen.parse::<u16>() {
            return Ok((Ipv4Addr::LOCALHOST, port).into());
        }
        let mut addresses = self.listen.to_socket_addrs().context(
            "CARAVAN_LISTEN: expected a port, or an address or name with one, such as 0.0.0.0:8080 or localhost:8080",
        )?;
        addresses.next().context("CARAVAN_LISTEN: this name has no address")
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
        for (name, carrier) in [("MAIL", &self.mail), ("SMS", &self.sms)] {
            ensure!(
                carrier != "outbox" || allowed.contains(&"outbox"),
                "CARAVAN_{name}: production writes no messages to files, unless CARAVAN_ALLOW=outbox"
            );
        }
        let url = self.public_url()?;
        let host = url.parse::<Uri>().ok().and_then(|url| url.host().map(str::to_owned)).unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
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
        Ok(Carriers::open(&self.mail, &self.mail_from, &self.sms, &self.outbox())?)
    }

    /// Whether anything is kept in files: on a cluster nothing need be.
    pub fn uses_data_dir(&self) -> bool {
        self.database_url == "embedded"
            || [&self.secret, &self.master_key].iter().any(|secret| secret.is_empty())
            || [&self.mail, &self.sms].iter().any(|carrier| *carrier == "outbox")
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

/// A text, or a number as the text it was written as.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
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

/// The entries of a comma separated list.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn postgres(url: &str) -> Result<PgConnectOptions> {
    let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
    ensure!(known, "expected postgres://user:password@host/database");
    Ok(url.parse()?)
}

/// An Elasticsearch's URL without its path, and the path: the prefix of index names, so that installations can share a
/// server.
fn elasticsearch(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url.get(host..).and_then(|rest| rest.find('/')).map_or(url.len(), |slash| host + slash);
    let (server, prefix) = url.split_at(path);
    match prefix.trim_matches('/') {
        "" => (server, "caravan"),
        prefix => (server, prefix),
    }
}

/// A web origin as browsers send it: scheme, host and port, nothing else.
fn origin(text: &str) -> Result<HeaderValue> {
    let text = text.to_ascii_lowercase();
    let uri: Option<Uri> = text.parse().ok();
    let parts = uri.as_ref().and_then(|uri| uri.scheme_str().zip(uri.authority()));
    let whole = parts.is_some_and(|(scheme, host)| text == format!("{scheme}://{host}") && !text.contains('@'));
    ensure!(whole, "{text:?} is not a web origin such as https://app.example");
    Ok(text.parse()?)
}

/// A network, or an address as the network that holds nothing else.
fn network(text: &str) -> Result<IpNet> {
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)));
    network.with_context(|| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
}

/// The content of a generated secret, made on first use: 32 random bytes, base64. Whoever comes first makes it.
fn generated(dir: &Path, name: &str) -> Result<String> {
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

/// The settings as `NAME=value` lines, secrets masked, each with where it comes from.
pub fn describe(config: &Config) -> String {
    let mask = |value: &str| if value.is_empty() { "(generated)".to_owned() } else { "(set)".to_owned() };
    let source = |name: &str| {
        let variable = |suffix| std::env::var_os(format!("CARAVAN_{name}{suffix}"));
        match (variable(""), variable("_FILE")) {
            (Some(_), _) => "environment".to_owned(),
            (None, Some(file)) => format!("file {}", file.display()),
            (None, None) => "default".to_owned(),
        }
    };
    let lines = [
        ("ENV", format!("{:?}", config.env).to_lowercase()),
        ("LISTEN", config.listen.clone()),
        ("DATA_DIR", config.data_dir.display().to_string()),
        ("DATABASE_URL", url(&config.database_url)),
        ("EVENT_STORE", url(&config.event_store)),
        ("KEYS_URL", url(&config.keys_url)),
        ("SEARCH", url(&config.search)),
        ("MAIL", url(&config.mail)),
        ("MAIL_FROM", config.mail_from.clone()),
        ("SMS", webhook(&config.sms)),
        ("PUBLIC_URL", config.public_url().unwrap_or_default()),
        ("CORS_ORIGINS", config.cors_origins.clone()),
        ("TRUSTED_PROXIES", config.trusted_proxies.clone()),
        ("HEADER_READ_TIMEOUT", config.header_read_timeout.to_string()),
        ("BODY_READ_TIMEOUT", config.body_read_timeout.to_string()),
        ("SECRET", mask(&config.secret)),
        ("MASTER_KEY", mask(&config.master_key)),
        ("ALLOW", config.allow.clone()),
        ("DEMO", format!("{:?}", config.demo).to_lowercase()),
        ("LIMITS", format!("{:?}", config.limits).to_lowercase()),
        ("LOG", config.log.clone()),
        ("LOG_FORMAT", format!("{:?}", config.log_format).to_lowercase()),
    ];
    let limits = config.limit.iter().map(|(name, most)| (format!("LIMIT_{}", name.to_uppercase()), most.to_string()));
    let lines = lines.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(limits);
    lines.map(|(name, value)| format!("CARAVAN_{name}={value} # {}\n", source(&name))).collect()
}

/// A URL without its password, whether that is before the host or a parameter.
fn url(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (rest, parameters) = rest.split_once('?').map_or((rest, ""), |(rest, parameters)| (rest, parameters));
    let parameters = match parameters {
        "" => String::new(),
        secret if secret.contains("password") => "?…".to_owned(),
        parameters => format!("?{parameters}"),
    };
    match rest.rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:…@{host}{parameters}")
        }
        None => format!("{scheme}://{rest}{parameters}"),
    }
}

/// A webhook without all that may be its secret: everything but scheme and host.
fn webhook(value: &str) -> String {
    if value == "outbox" {
        return value.to_owned();
    }
    let uri: Option<Uri> = value.parse().ok();
    match uri.as_ref().and_then(|uri| uri.scheme_str().zip(uri.host())) {
        Some((scheme, host)) => format!("{scheme}://{host}/…"),
        None => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(settings: &str) -> Config {
        Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(settings)).extract().unwrap()
    }

    #[test]
    fn the_defaults_are_complete() {
        let config = with("");
        assert_eq!(config.listen().unwrap().port(), 8080);
        assert!(!config.is_production());
        config.check().unwrap();
    }

    #[test]
    fn production_demands_its_own_secrets() {
        let config = with("env = 'production'");
        assert!(config.secret().is_err());
        assert!(config.master_key().is_err());
        assert!(config.check().is_err());
    }

    #[test]
    fn listening_takes_a_port_an_address_or_a_name() {
        let listen = |text: &str| with(&format!("listen = {text}")).listen().unwrap().to_string();
        assert_eq!(listen("9000"), "127.0.0.1:9000");
        assert_eq!(listen("'9000'"), "127.0.0.1:9000");
        assert_eq!(listen("'[::1]:9000'"), "[::1]:9000");
        assert!(listen("'localhost:9000'").ends_with(":9000"));
    }

    #[test]
    fn messages_point_to_where_the_process_listens_unless_told_otherwise() {
        let url = |settings: &str| with(settings).public_url().unwrap();
        assert_eq!(url("listen = 9000"), "http://127.0.0.1:9000");
        assert_eq!(url("listen = '0.0.0.0:9000'"), "http://localhost:9000");
        assert_eq!(url("public_url = 'https://trips.example'"), "https://trips.example");
    }

    #[test]
    fn production_that_reaches_nobody_is_refused_unless_meant() {
        let secrets = format!("secret = '{}'\nmaster_key = '{}'", "x".repeat(32), STANDARD.encode([7; 32]));
        let outside = "mail = 'smtp://mail.example'\nsms = 'https://sms.example'\npublic_url = 'https://trips.example'";
        let check = |settings: &str| with(&format!("env = 'production'\n{secrets}\n{settings}")).check();
        check(outside).unwrap();
        check("allow = 'outbox, localhost'").unwrap();
        for (settings, named) in [
            ("allow = 'localhost'", "CARAVAN_MAIL: "),
            ("allow = 'localhost'\nmail = 'smtp://mail.example'", "CARAVAN_SMS: "),
            ("allow = 'outbox'", "CARAVAN_PUBLIC_URL: "),
            ("allow = 'outbox'\npublic_url = 'https://[::1]:8443/x'", "CARAVAN_PUBLIC_URL: "),
        ] {
            let error = check(settings).unwrap_err().to_string();
            assert!(error.starts_with(named), "{settings}: {error}");
        }
    }

    #[test]
    fn two_secrets_are_each_long_enough() {
        let (long, other) = ("x".repeat(32), "y".repeat(32));
        assert!(with(&format!("secret = '{long}, {other}'")).secret().is_ok());
        assert!(with(&format!("secret = '{long},'")).secret().is_err());
    }

    #[test]
    fn an_unknown_variable_names_the_nearest() {
        assert_eq!(unknown("CARAVAN_LISEN"), "CARAVAN_LISEN is no setting: is it meant to be CARAVAN_LISTEN?");
        assert!(is_setting("header_read_timeout") && is_setting("limit_codes_to_contact") && !is_setting("lisen"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (setting, wrong) in [
            ("data_dir", ""),
            ("log", ")(("),
            ("database_url", "mysql://a/b"),
            ("database_url", ""),
            ("keys_url", "embedded"),
            ("event_store", "foo"),
            ("search", "foo"),
            ("search", "http://"),
            ("mail", "foo"),
            ("mail_from", "nobody"),
            ("sms", "foo"),
            ("cors_origins", "not an origin"),
            ("cors_origins", "https://app.example,*"),
            ("cors_origins", "https://app.example/path"),
            ("master_key", "c2VjcmV0"),
            ("secret", "31 bytes are not enough for it."),
            ("trusted_proxies", "10.0.0.0/8,proxy.example"),
            ("limit.codes", "1"),
            ("listen", "nowhere"),
            ("listen", "99999"),
            ("allow", "everything"),
        ] {
            let mail = if setting == "mail_from" { "mail = 'smtp://localhost'" } else { "" };
            let wrong = wrong.parse::<u32>().map_or(format!("'{wrong}'"), |number| number.to_string());
            let error = with(&format!("{setting} = {wrong}\n{mail}")).check().unwrap_err();
            let name = format!("CARAVAN_{}: ", setting.to_uppercase().replace('.', "_"));
            let text = format!("{error:#}");
            assert!(text.starts_with(&name) && !text.contains('\n'), "{setting} = {wrong}: {text}");
        }
    }

    #[test]
    fn limits_are_set_one_by_one_and_all_off_only_in_development() {
        let config = with("limit.codes_to_contact = 7");
        assert_eq!(config.limits().unwrap().most(&caravan_limits::rules::CODES_TO_CONTACT), 7);
        assert!(with("limits = 'off'").limits().unwrap().are_off());
        let error = with("limits = 'off'\nenv = 'production'").limits().unwrap_err();
        assert!(error.to_string().starts_with("CARAVAN_LIMITS: "), "{error}");
    }

    #[test]
    fn origins_and_proxies_are_lists() {
        let config = with("cors_origins = 'https://App.example, http://localhost:3000,capacitor://localhost'");
        let origins = config.cors_origins().unwrap();
        assert_eq!(origins, ["https://app.example", "http://localhost:3000", "capacitor://localhost"]);
        let config = with("trusted_proxies = '10.0.0.0/8, 127.0.0.1,fd00::/8,::1,'");
        let proxies: Vec<String> = config.trusted_proxies().unwrap().iter().map(IpNet::to_string).collect();
        assert_eq!(proxies, ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8", "::1/128"]);
    }

    #[test]
    fn the_path_of_an_elasticsearch_url_names_its_indexes() {
        assert_eq!(elasticsearch("http://localhost:9200"), ("http://localhost:9200", "caravan"));
        assert_eq!(elasticsearch("https://a:b@search/"), ("https://a:b@search", "caravan"));
        assert_eq!(elasticsearch("http://search:9200/staging"), ("http://search:9200", "staging"));
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(url("postgres://anna:geheim@db/main"), "postgres://anna:…@db/main");
        assert_eq!(url("postgres://db/main?user=anna&password=geheim"), "postgres://db/main?…");
        assert_eq!(url("smtp://mail?tls=required"), "smtp://mail?tls=required");
    }

    #[test]
    fn of_a_webhook_only_scheme_and_host_are_shown() {
        assert_eq!(webhook("outbox"), "outbox");
        assert_eq!(webhook("https://me:tk@sms.example:8443/hooks/tk?token=tk#tk"), "https://sms.example/…");
        assert_eq!(webhook("sms.example/hooks/tk"), "…");
    }
}
