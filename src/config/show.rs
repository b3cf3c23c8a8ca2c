//! `caravan config`: what is in force, without secrets.

use axum::http::Uri;

use super::Config;

/// The settings as `NAME=value` lines, secrets masked, each with where it comes from.
pub fn describe(config: &Config) -> String {
    let mask = |value: &str| if value.is_empty() { "(generated)".to_owned() } else { "(set)".to_owned() };
    let set = |value: &str| if value.is_empty() { String::new() } else { "(set)".to_owned() };
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
        ("METRICS_LISTEN", config.metrics_listen.clone()),
        ("DATA_DIR", config.data_dir.display().to_string()),
        ("DATABASE_URL", url(&config.database_url)),
        ("EVENT_STORE", url(&config.event_store)),
        ("KEYS_URL", url(&config.keys_url)),
        ("SEARCH", url(&config.search)),
        ("MAIL", url(&config.mail)),
        ("MAIL_FROM", config.mail_from.clone()),
        ("MAIL_SENDERS", config.mail_senders.clone()),
        ("FILES", config.files.clone()),
        ("SMS", webhook(&config.sms)),
        ("PUSH", webhook(&config.push)),
        ("WEBHOOK_SECRET", set(&config.webhook_secret)),
        ("FACEBOOK_APP_ID", config.facebook_app_id.clone()),
        ("FACEBOOK_APP_SECRET", set(&config.facebook_app_secret)),
        ("FACEBOOK_URL", url(&config.facebook_url)),
        ("PUBLIC_URL", config.public_url().unwrap_or_default()),
        ("BOOKING_PARTNER", config.booking_partner.clone()),
        ("CORS_ORIGINS", config.cors_origins.clone()),
        ("TRUSTED_PROXIES", config.trusted_proxies.clone()),
        ("HEADER_READ_TIMEOUT", config.header_read_timeout.to_string()),
        ("BODY_READ_TIMEOUT", config.body_read_timeout.to_string()),
        ("SECRET", mask(&config.secret)),
        ("MASTER_KEY", mask(&config.master_key)),
        ("ALLOW", config.allow.clone()),
        ("CLOCK", config.clock.clone()),
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
