//! What is read, and what is refused.

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
fn metrics_listen_where_nothing_else_does() {
    let check = |settings: &str| with(settings).check();
    check("listen = 9000\nmetrics_listen = 9001").unwrap();
    let error = check("listen = 9000\nmetrics_listen = '127.0.0.1:9000'").unwrap_err().to_string();
    assert!(error.starts_with("CARAVAN_METRICS_LISTEN: "), "{error}");
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
    let outside = "mail = 'smtp://mail.example'\nsms = 'https://sms.example'\npush = 'https://push.example'\npublic_url = 'https://trips.example'";
    let check = |settings: &str| with(&format!("env = 'production'\n{secrets}\n{settings}")).check();
    check(outside).unwrap();
    check("allow = 'outbox, localhost'").unwrap();
    for (settings, named) in [
        ("allow = 'localhost'", "CARAVAN_MAIL: "),
        ("allow = 'localhost'\nmail = 'smtp://mail.example'", "CARAVAN_SMS: "),
        ("allow = 'localhost'\nmail = 'smtp://mail.example'\nsms = 'https://sms.example'", "CARAVAN_PUSH: "),
        ("allow = 'outbox'", "CARAVAN_PUBLIC_URL: "),
        ("allow = 'outbox'\npublic_url = 'https://[::1]:8443/x'", "CARAVAN_PUBLIC_URL: "),
        ("allow = 'outbox'\npublic_url = 'http://127.1'", "CARAVAN_PUBLIC_URL: "),
        ("allow = 'outbox'\npublic_url = 'http://LOCALHOST.:80'", "CARAVAN_PUBLIC_URL: "),
        ("allow = 'outbox'\npublic_url = 'http://0.0.0.0'", "CARAVAN_PUBLIC_URL: "),
    ] {
        let error = check(settings).unwrap_err().to_string();
        assert!(error.starts_with(named), "{settings}: {error}");
    }
}

fn vouched_by(settings: &str) -> Result<VouchedBy> {
    with(settings).vouched_by()
}

const APP: &str = "facebook_app_id = 123456\nfacebook_app_secret = 'abcdef0123456789'";

#[test]
fn the_development_provider_never_runs_in_production_nor_beside_facebook() {
    let production = "env = 'production'";
    assert!(matches!(vouched_by("").unwrap(), VouchedBy::Development));
    assert!(matches!(vouched_by(production).unwrap(), VouchedBy::Nobody));
    for settings in [APP.to_owned(), format!("{production}\n{APP}")] {
        let VouchedBy::Facebook(graph) = vouched_by(&settings).unwrap() else { panic!("Facebook: {settings}") };
        assert_eq!((graph.app_id.as_str(), graph.app_secret.as_str()), ("123456", "abcdef0123456789"));
        assert_eq!(graph.url.scheme(), "https");
    }
}

#[test]
fn facebook_needs_all_of_its_settings_and_its_secret_goes_where_nobody_reads_it() {
    for (settings, named) in [
        ("facebook_app_id = 123456", "CARAVAN_FACEBOOK_APP_SECRET: "),
        ("facebook_app_secret = 'abcdef'", "CARAVAN_FACEBOOK_APP_ID: "),
        ("facebook_app_id = 'my app'\nfacebook_app_secret = 'abcdef'", "CARAVAN_FACEBOOK_APP_ID: "),
        ("facebook_app_id = 123456\nfacebook_app_secret = 'abc def'", "CARAVAN_FACEBOOK_APP_SECRET: "),
        ("env = 'production'\nfacebook_url = 'http://graph.example'", "CARAVAN_FACEBOOK_URL: "),
    ] {
        let error = vouched_by(settings).err().unwrap().to_string();
        assert!(error.starts_with(named) && !error.contains("abc"), "{settings}: {error}");
    }
    vouched_by("facebook_url = 'http://localhost:9000/v1'").unwrap();
    let shown = describe(&with(APP));
    assert!(shown.contains("CARAVAN_FACEBOOK_APP_SECRET=(set)") && !shown.contains("abcdef"), "{shown}");
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
        ("mail_senders", "trips@example.com,nobody"),
        ("sms", "foo"),
        ("push", "foo"),
        ("webhook_secret", "foo"),
        ("facebook_url", "foo"),
        ("facebook_url", "ftp://graph.facebook.com"),
        ("facebook_url", "https://app:secret@graph.facebook.com"),
        ("facebook_url", "https://:secret@graph.facebook.com"),
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
        ("clock", "-3d"),
        ("clock", "2027-01-31"),
        ("public_url", "foo"),
        ("public_url", "ftp://trips.example"),
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
    assert_eq!(config.limits().unwrap().most(&caravan_limits::known::CODES_TO_CONTACT), 7);
    assert!(with("limits = 'off'").limits().unwrap().are_off());
    let error = with("limits = 'off'\nenv = 'production'").limits().unwrap_err();
    assert!(error.to_string().starts_with("CARAVAN_LIMITS: "), "{error}");
}

#[test]
fn the_clock_is_moved_only_in_development() {
    assert_eq!(with("clock = '+1d1h'").clock().unwrap().ahead(), chrono::TimeDelta::hours(25));
    let error = with("clock = '+1d'\nenv = 'production'").clock().unwrap_err();
    assert!(error.to_string().starts_with("CARAVAN_CLOCK: "), "{error}");
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
