//! `caravan import events` and the demo on the data that people really publish, against a real log.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use support::{Server, Settings};
use tempfile::TempDir;

/// A database of its own, and the program on it.
struct Catalogue {
    url: String,
    dir: TempDir,
}

impl Catalogue {
    async fn new() -> Catalogue {
        Catalogue {
            url: caravan_private_postgres::testing::database().await,
            dir: tempfile::tempdir().expect("a temporary directory can be made"),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caravan"));
        command.args(arguments).env("CARAVAN_DATABASE_URL", &self.url).env("CARAVAN_DATA_DIR", self.dir.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn import(&self, file: &Path) -> Import {
        self.import_with(file, &[])
    }

    fn import_with(&self, file: &Path, options: &[&str]) -> Import {
        let file = file.to_str().expect("paths of tests are text");
        let mut command = self.command(&[&["import", "events", file], options].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Import::of(command.output().expect("the program can be started"))
    }

    /// The same from a pipe.
    fn import_piped(&self, file: &str, content: &[u8]) -> Import {
        let mut command = self.command(&["import", "events", file]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let mut input = child.stdin.take().expect("its input is a pipe");
        std::thread::scope(|scope| {
            scope.spawn(move || input.write_all(content).expect("it reads its input"));
            Import::of(child.wait_with_output().expect("it ends"))
        })
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("the test database takes connections")
    }

    async fn head(&self) -> i64 {
        let head = sqlx::query_scalar("select coalesce(max(position), 0) from events");
        head.fetch_one(&mut self.connect().await).await.expect("the log has a head")
    }

    /// What became of the events, by name: when they start and end by the clocks of their zone, and where.
    async fn events(&self) -> BTreeMap<String, String> {
        let cities = "select stream_id::text, data->'fields'->>'name' from events where category = 'city'";
        let cities: Vec<(String, String)> =
            sqlx::query_as(cities).fetch_all(&mut self.connect().await).await.expect("the log can be read");
        let cities: BTreeMap<String, String> = cities.into_iter().collect();
        let events = "select stream_id::text, event_type, data from events where category = 'event' order by position";
        let events: Vec<(String, String, Value)> =
            sqlx::query_as(events).fetch_all(&mut self.connect().await).await.expect("the log can be read");
        let mut found: BTreeMap<String, (Value, bool)> = BTreeMap::new();
        for (id, event_type, data) in events {
            match (event_type.as_str(), found.get_mut(&id)) {
                ("Listed", _) => drop(found.insert(id, (data, false))),
                ("Cancelled", Some((_, cancelled))) => *cancelled = true,
                ("Reinstated", Some((_, cancelled))) => *cancelled = false,
                (_, Some((event, _))) => {
                    let changes = data.as_object().expect("an event is an object");
                    changes.iter().for_each(|(name, value)| event[name] = value.clone());
                }
                (_, None) => panic!("an event begins with {event_type}"),
            }
        }
        let text = |event: &Value, cancelled: bool| {
            let zone: chrono_tz::Tz = event["zone"].as_str().and_then(|zone| zone.parse().ok()).expect("a zone");
            let local = |name: &str| {
                let instant = event[name].as_str()?.parse::<chrono::DateTime<chrono::Utc>>().ok()?;
                Some(instant.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string())
            };
            let mut parts = vec![local("starts_at").expect("a start")];
            parts.extend(local("ends_at").map(|end| format!("– {end}")));
            parts.push(zone.name().to_owned());
            parts.extend(event["city"].as_str().and_then(|city| cities.get(city)).map(|city| format!("in {city}")));
            parts.extend((event["all_day"] == true).then(|| "all day".to_owned()));
            parts.extend(cancelled.then(|| "cancelled".to_owned()));
            parts.join(" ")
        };
        found
            .into_values()
            .map(|(event, cancelled)| (event["name"].as_str().expect("a name").to_owned(), text(&event, cancelled)))
            .collect()
    }

    /// Data of the events of a category and type, in order.
    async fn stored(&self, category: &str, event_type: &str) -> Vec<Value> {
        sqlx::query_scalar("select data from events where category = $1 and event_type = $2 order by position")
            .bind(category)
            .bind(event_type)
            .fetch_all(&mut self.connect().await)
            .await
            .expect("the log can be read")
    }
}

struct Import {
    good: bool,
    summary: String,
    /// What was reported about single records.
    reports: Vec<String>,
    errors: String,
}

impl Import {
    fn of(output: Output) -> Import {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let reports = errors.lines().filter(|line| line.contains(": record ") || line.contains(": line "));
        Import {
            good: output.status.success(),
            summary: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            reports: reports.map(str::to_owned).collect(),
            errors,
        }
    }

    fn reported(&self, reason: &str) -> BTreeSet<&str> {
        let found = self.reports.iter().filter(|report| report.contains(reason));
        found.filter_map(|report| report.split(": ").nth(1)).collect()
    }
}

fn case(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(file)
}

fn demo(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo").join(file)
}

fn set<'s>(items: impl IntoIterator<Item = &'s str>) -> BTreeSet<&'s str> {
    items.into_iter().collect()
}

#[tokio::test]
async fn what_toronto_publishes_goes_in_as_far_as_it_is_sound() {
    let catalogue = Catalogue::new().await;
    let file = demo("toronto.jsonld");
    let first = catalogue.import_with(&file, &["--source", "city"]);
    assert!(first.good, "{}", first.errors);
    assert_eq!(first.summary, "1664 new, 0 changed, 0 unchanged, 63 skipped");
    assert_eq!(
        first.reported("taken in part: ends_at: ends before it starts"),
        set(["record 31", "record 477", "record 570", "record 779"])
    );
    let nowhere = set(["record 1092", "record 1550", "record 1600", "record 1646", "record 1672", "record 1694"]);
    assert_eq!(first.reported("neither a city that is known nor a time zone"), nowhere);
    // The same event twice, once in UTC and once with an offset.
    assert_eq!(first.reported("repeats record").len(), 57);
    assert_eq!(first.reports.len(), 67);

    let events = catalogue.stored("event", "Listed").await;
    assert_eq!(events.len(), 1664);
    assert!(events.iter().all(|event| event["zone"] == "America/Toronto" && event["region"].is_string()));
    assert!(events.iter().all(|event| event["organizer"] != serde_json::json!({"organisation": ""})));
    assert!(events.iter().any(|event| event.get("ends_at").is_none()));
    assert_eq!(catalogue.stored("region", "Created").await.len(), 1);
    let venues = catalogue.stored("venue", "Created").await;
    let mut of_one_name: BTreeMap<(String, Option<&str>), u32> = BTreeMap::new();
    for venue in venues.iter().map(|venue| &venue["fields"]) {
        let name = venue["name"].as_str().expect("a venue has a name").to_lowercase();
        *of_one_name.entry((name, venue["city"].as_str())).or_default() += 1;
    }
    let twice: Vec<_> = of_one_name.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");

    let head = catalogue.head().await;
    let second = catalogue.import_with(&file, &["--source", "city"]);
    assert!(second.good, "{}", second.errors);
    assert_eq!(second.summary, "0 new, 0 changed, 1664 unchanged, 63 skipped");
    assert_eq!(second.reports, first.reports);
    assert_eq!(catalogue.head().await, head, "not one event was appended");
}

#[tokio::test]
async fn events_from_all_over_the_world_find_their_cities() {
    let catalogue = Catalogue::new().await;
    let file = demo("events.csv");
    let first = catalogue.import_with(&file, &["--source", "world"]);
    assert_eq!(first.summary, "894 new, 0 changed, 0 unchanged, 0 skipped", "{}", first.errors);
    assert_eq!(first.reported("taken in part: ends_at: ends before it starts"), set(["line 397"]));
    assert_eq!(catalogue.stored("event", "Cancelled").await.len(), 12);
    let placed = catalogue.stored("event", "Listed").await.iter().filter(|event| event["city"].is_string()).count();
    assert!(placed >= 865, "only {placed} have a city");
    let cities = catalogue.stored("city", "Created").await;
    let names: BTreeSet<_> = cities.iter().map(|city| city["fields"].to_string()).collect();
    assert_eq!(names.len(), cities.len());
    let head = catalogue.head().await;
    let again = catalogue.import_with(&file, &["--source", "world"]);
    assert_eq!(again.summary, "0 new, 0 changed, 894 unchanged, 0 skipped");
    assert_eq!(catalogue.head().await, head, "not one event was appended");
}

#[tokio::test]
async fn only_what_changed_is_stored() {
    let catalogue = Catalogue::new().await;
    let row = |name: &str, venue: &str, status: &str| {
        let header = "source,source_id,name,starts_at,venue,city,country,status";
        catalogue.file("events.csv", format!("{header}\nclub,1,{name},2031-05-01T20:00,{venue},Wrocław,PL,{status}\n"))
    };
    assert_eq!(catalogue.import(&row("Jazz", "Klub", "")).summary, "1 new, 0 changed, 0 unchanged, 0 skipped");
    let before = catalogue.head().await;
    // The venue's name in another spelling is the same venue.
    let renamed = catalogue.import(&row("Free Jazz", "KLUB", ""));
    assert_eq!(renamed.summary, "0 new, 1 changed, 0 unchanged, 0 skipped", "{}", renamed.errors);
    assert_eq!(catalogue.head().await, before + 1);
    assert_eq!(catalogue.stored("event", "Renamed").await, [serde_json::json!({"name": "Free Jazz"})]);
    assert_eq!(
        catalogue.import(&row("Free Jazz", "Klub", "cancelled")).summary,
        "0 new, 1 changed, 0 unchanged, 0 skipped"
    );
    assert_eq!(catalogue.head().await, before + 2);
    assert_eq!(catalogue.import(&row("Free Jazz", "Klub", "")).summary, "0 new, 1 changed, 0 unchanged, 0 skipped");
    assert_eq!(catalogue.stored("event", "Reinstated").await.len(), 1);
}

#[tokio::test]
async fn dates_of_one_id_may_come_in_any_order_and_an_only_one_may_change() {
    let catalogue = Catalogue::new().await;
    let series = |dates: &[&str]| {
        let rows = dates.iter().map(|date| format!("derby,Derby,{date},Toronto,CA\n"));
        let rows = rows.collect::<String>();
        catalogue.file("league.csv", format!("source_id,name,starts_at,city,country\n{rows}"))
    };
    let import = |dates: &[&str]| catalogue.import(&series(dates)).summary;
    assert_eq!(import(&["2031-05-01T19:00"]), "1 new, 0 changed, 0 unchanged, 0 skipped");
    assert_eq!(import(&["2031-05-02T19:00"]), "0 new, 1 changed, 0 unchanged, 0 skipped");
    let all = ["2031-05-01T19:00", "2031-05-02T19:00", "2031-05-03T19:00"];
    assert_eq!(import(&all), "2 new, 0 changed, 1 unchanged, 0 skipped");
    let head = catalogue.head().await;
    assert_eq!(import(&[all[2], all[0], all[1]]), "0 new, 0 changed, 3 unchanged, 0 skipped");
    assert_eq!(import(&all[1..]), "0 new, 0 changed, 2 unchanged, 0 skipped");
    assert_eq!(import(&all[2..]), "0 new, 0 changed, 1 unchanged, 0 skipped");
    assert_eq!(import(&[all[0], all[0]]), "0 new, 0 changed, 1 unchanged, 1 skipped");
    assert_eq!(catalogue.head().await, head, "not one event was appended");
}

#[tokio::test]
async fn a_pipe_is_read_from_its_beginning() {
    let catalogue = Catalogue::new().await;
    let line = |number: usize| {
        let name = format!("Reading {number} {}", "of a long novel ".repeat(16));
        format!("{{\"name\": \"{name}\", \"starts_at\": \"2031-05-01\", \"city\": \"Toronto\", \"country\": \"CA\"}}\n")
    };
    let lines: String = (0..300).map(line).collect();
    assert!(lines.len() > 64 * 1024);
    let import = catalogue.import_piped("/dev/stdin", lines.as_bytes());
    assert_eq!(import.summary, "300 new, 0 changed, 0 unchanged, 0 skipped", "{}", import.errors);
}

#[tokio::test]
async fn an_address_says_in_which_country_its_city_is() {
    let catalogue = Catalogue::new().await;
    let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Concert\r\nDTSTART:20310501T200000Z\r\n\
        LOCATION:Massey Hall\\n178 Victoria St\\nToronto\\, Ontario\\, Canada\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Talk\r\nDTSTART:20310501T200000Z\r\nLOCATION:Portland\\, OR\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";
    assert!(catalogue.import(&catalogue.file("concerts.ics", calendar)).good);
    let rows = "name,starts_at,city,region,country,time_zone\nFair,2031-05-01,London,Ontario,Canada,\n\
        Nowhere,2031-05-01,Portland,Vermont,USA,\nZoned,2031-05-01,Portland,Vermont,USA,America/New_York\n";
    let import = catalogue.import(&catalogue.file("fairs.csv", rows));
    assert_eq!(import.reported("says neither a city that is known nor a time zone"), set(["line 3"]));
    let zones: BTreeMap<String, String> = catalogue
        .stored("event", "Listed")
        .await
        .iter()
        .map(|event| (event["name"].to_string(), format!("{} {}", event["zone"], event["city"].is_string())))
        .collect();
    let expected = [
        ("Concert", "America/Toronto", true),
        ("Fair", "America/Toronto", true),
        ("Talk", "America/Los_Angeles", true),
        ("Zoned", "America/New_York", false),
    ];
    let expected = expected.map(|(name, zone, placed)| (format!("{name:?}"), format!("{zone:?} {placed}")));
    assert_eq!(zones, BTreeMap::from(expected));
}

#[tokio::test]
async fn calendars_and_lines_of_json_are_taken_and_their_faults_named() {
    let catalogue = Catalogue::new().await;
    let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Concert\r\n\
        DTSTART;TZID=America/Toronto:20310501T200000\r\nDTEND;TZID=America/Toronto:20310501T190000\r\n\
        LOCATION:Massey Hall\\, Toronto\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Other Concert\r\n\
        DTSTART;TZID=America/Toronto:20310501T200000\r\nLOCATION:Massey Hall\\, Toronto\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let import = catalogue.import(&catalogue.file("concerts.ics", calendar));
    assert!(import.good, "{}", import.errors);
    assert_eq!(import.summary, "2 new, 0 changed, 0 unchanged, 0 skipped");
    assert_eq!(import.reported("taken in part: ends_at: ends before it starts"), set(["line 2"]));

    let lines = r#"{"@type": "Event", "name": "Talk", "startDate": "2031-05-02T19:00:00-04:00",
        "location": "#
        .replace('\n', "")
        + r#"{"name": "massey hall", "address": {"addressLocality": "Toronto", "addressCountry": "CA"}}, "organizer": {"@type": "Person", "name": "Quill Ottoline"}}"#
        + "\n{\"name\": \"Broken\n{\"name\": \"Flat\", \"starts_at\": \"2031-05-03\", \"city\": \"Toronto\", \"country\": \"CA\"}\n";
    let import = catalogue.import(&catalogue.file("talks.ndjson", lines));
    assert!(import.good, "{}", import.errors);
    assert_eq!(import.summary, "2 new, 0 changed, 0 unchanged, 1 skipped");
    assert_eq!(import.reported("is not JSON"), set(["line 2"]));
    assert_eq!(catalogue.stored("venue", "Created").await.len(), 1, "one venue in two files");

    let person: Vec<Value> = catalogue.stored("event", "Listed").await;
    let sealed = person.iter().filter_map(|event| event["organizer"].get("person")).count();
    assert_eq!(sealed, 1, "a person who organises is stored");
    assert!(person.iter().all(|event| !event.to_string().contains("Ottoline")), "but never in clear text");
}

#[tokio::test]
async fn a_file_that_helps_nobody_fails() {
    let catalogue = Catalogue::new().await;
    let missing = catalogue.import(Path::new("/nowhere/events.csv"));
    assert!(!missing.good && missing.errors.contains("/nowhere/events.csv"));
    let directory = catalogue.import(catalogue.dir.path());
    assert!(
        !directory.good && directory.errors.contains(&format!("{} is a directory", catalogue.dir.path().display()))
    );
    let useless = catalogue.import(&catalogue.file("bad.csv", "name,starts_at\nX,soon\n"));
    assert!(!useless.good && useless.errors.contains("no event went in"), "{}", useless.errors);
    assert_eq!(useless.reported("starts_at"), set(["line 2"]));
    let header = catalogue.import(&catalogue.file("other.csv", "title,date\nX,2031-01-01\n"));
    assert!(!header.good && header.errors.contains("no column name"), "{}", header.errors);
    assert_eq!(catalogue.head().await, 0, "nothing was stored");

    // Cut off in the middle: what stands before goes in, and the rest is told.
    let event = r#"{"@type": "Event", "name": "A", "startDate": "2031-05-01", "location": {"address": {"addressLocality": "Toronto", "addressCountry": "CA"}}}"#;
    let cut = catalogue.import(&catalogue.file("cut.jsonld", format!("[{event},\n{{\"name\": ")));
    assert!(
        !cut.good && cut.errors.contains("1 new, 0 changed, 0 unchanged, 0 skipped: cannot be read to its end"),
        "{}",
        cut.errors
    );
    assert_eq!(catalogue.stored("event", "Listed").await.len(), 1);
}

#[tokio::test]
async fn an_import_cut_off_goes_on_where_it_was() {
    let catalogue = Catalogue::new().await;
    let file = demo("toronto.jsonld");
    let file = file.to_str().expect("paths of tests are text");
    for events in [200, 700] {
        let mut child = catalogue
            .command(&["import", "events", file, "--source", "city"])
            .spawn()
            .expect("the program can be started");
        let deadline = Instant::now() + Duration::from_secs(60);
        while listed(&catalogue).await < events && child.try_wait().expect("it can be asked").is_none() {
            assert!(Instant::now() < deadline, "{events} events did not go in");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it can be reaped");
    }
    let before = listed(&catalogue).await;
    assert!((700..1664).contains(&before), "{before} events went in before the kill");
    let rest = catalogue.import_with(&demo("toronto.jsonld"), &["--source", "city"]);
    assert_eq!(rest.summary, format!("{} new, 0 changed, {before} unchanged, 63 skipped", 1664 - before));
    let ids: BTreeSet<String> =
        catalogue.stored("event", "Listed").await.iter().map(|event| event["external_id"].to_string()).collect();
    assert_eq!(ids.len(), 1664);
    assert_eq!(listed(&catalogue).await, 1664);
}

#[tokio::test]
async fn two_imports_at_once_bring_in_everything_once() {
    let catalogue = Catalogue::new().await;
    let first = catalogue.file("first.csv", "name,starts_at,city,country\nFirst,2031-05-01,Toronto,CA\n");
    assert!(catalogue.import(&first).good, "so that the databases are there");
    let file = demo("toronto.jsonld");
    let (one, other) = std::thread::scope(|scope| {
        let import = || catalogue.import_with(&file, &["--source", "city"]);
        let other = scope.spawn(import);
        (import(), other.join().expect("it ends"))
    });
    assert!(one.good && other.good, "{}{}", one.errors, other.errors);
    assert_eq!(listed(&catalogue).await, 1665);
    let venues = catalogue.stored("venue", "Created").await;
    let names: BTreeSet<String> = venues.iter().map(|venue| venue["fields"].to_string()).collect();
    assert_eq!(names.len(), venues.len());
    let owners = catalogue.stored("claim", "Claimed").await;
    assert_eq!(owners.len(), 1665 + venues.len() + catalogue.stored("city", "Created").await.len() + 1);
}

/// Events in the log; none before there is a log.
async fn listed(catalogue: &Catalogue) -> i64 {
    let count = sqlx::query_scalar("select count(*) from events where category = 'event' and event_type = 'Listed'");
    count.fetch_one(&mut catalogue.connect().await).await.unwrap_or(0)
}

#[tokio::test]
async fn the_demo_is_loaded_once_however_often_it_is_killed() {
    let catalogue = Catalogue::new().await;
    let settings = || {
        Settings::new(env!("CARGO_BIN_EXE_caravan"))
            .with("CARAVAN_DATABASE_URL", catalogue.url.clone())
            .with("CARAVAN_DEMO", "yes")
    };
    let mut cut_off = catalogue
        .command(&["serve"])
        .env("CARAVAN_DEMO", "yes")
        .env("CARAVAN_LISTEN", format!("127.0.0.1:{}", support::server::free_port()))
        .spawn()
        .expect("the program can be started");
    let deadline = Instant::now() + Duration::from_secs(60);
    while listed(&catalogue).await < 300 {
        assert!(Instant::now() < deadline, "the demo did not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cut_off.kill().expect("it can be killed");
    cut_off.wait().expect("it can be reaped");
    assert!(listed(&catalogue).await < 2558);

    let mut server = Server::start_in(settings(), catalogue.dir.path()).await;
    assert_eq!(listed(&catalogue).await, 2558);
    let now: chrono::DateTime<chrono::Utc> = chrono::Utc::now();
    for event in catalogue.stored("event", "Listed").await {
        let starts_at = event["starts_at"].as_str().expect("a start").parse::<chrono::DateTime<chrono::Utc>>();
        assert!(starts_at.expect("an instant") > now - chrono::Duration::hours(1), "{event}");
    }
    let head = catalogue.head().await;
    server.stop();
    server.restart().await;
    assert_eq!(catalogue.head().await, head, "it is not loaded again");
}

#[tokio::test]
async fn a_demo_that_an_import_has_moved_is_repaired_by_a_restart() {
    let catalogue = Catalogue::new().await;
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan"))
        .with("CARAVAN_DATABASE_URL", catalogue.url.clone())
        .with("CARAVAN_DEMO", "yes");
    let mut server = Server::start_in(settings, catalogue.dir.path()).await;
    server.stop();
    let rows = "football,Final,2031-05-01,Toronto,CA\nclub,Jazz,2031-05-01,Toronto,CA\n";
    let mixed = catalogue.file("mixed.csv", format!("source,name,starts_at,city,country\n{rows}"));
    let rehearsed = catalogue.import_with(&mixed, &["--dry-run"]);
    assert_eq!(
        rehearsed.summary, "1 new, 0 changed, 0 unchanged, 1 skipped; nothing was written",
        "{}",
        rehearsed.errors
    );
    let taken = catalogue.import(&mixed);
    assert_eq!(taken.summary, "1 new, 0 changed, 0 unchanged, 1 skipped", "{}", taken.errors);
    assert_eq!(taken.reported("football is a source of the demo"), set(["line 2"]));
    assert_eq!(taken.reports, rehearsed.reports);
    let before = catalogue.events().await;
    let head = catalogue.head().await;
    let refused = catalogue.import(&demo("toronto.jsonld"));
    assert!(!refused.good && refused.errors.contains("toronto is a source of the demo"), "{}", refused.errors);
    let refused = catalogue.import(&demo("events.csv"));
    assert!(!refused.good && refused.errors.contains("is a source of the demo"), "{}", refused.errors);
    let rehearsed = catalogue.import_with(&demo("toronto.jsonld"), &["--dry-run"]);
    assert!(!rehearsed.good, "{}", rehearsed.errors);
    assert_eq!(rehearsed.summary, "0 new, 0 changed, 0 unchanged, 1727 skipped; nothing was written");
    assert_eq!(catalogue.head().await, head, "not one event was appended");

    // Whoever insists moves them to the dates that they had.
    let moved = catalogue.import_with(&demo("toronto.jsonld"), &["--source", "toronto"]);
    assert!(moved.good && !moved.summary.contains(" 0 changed"), "{}", moved.summary);
    assert_ne!(catalogue.events().await, before);
    server.restart().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while catalogue.events().await != before {
        assert!(Instant::now() < deadline, "the demo was not repaired");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_feed_without_places_takes_them_from_its_options() {
    let catalogue = Catalogue::new().await;
    let talks = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:Keynote\nDTSTART:20310501T090000\nLOCATION:Main Hall\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:2\nSUMMARY:Closing\nDTSTART:20310501T220000Z\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:3\nSUMMARY:Trip\nDTSTART:20310502T080000Z\nLOCATION:Pier\\, Montréal\\, QC\nEND:VEVENT\nEND:VCALENDAR\n";
    let file = catalogue.file("talks.ics", talks);
    let without = catalogue.import(&file);
    assert_eq!(without.summary, "1 new, 0 changed, 0 unchanged, 2 skipped");
    let unknown = catalogue.import_with(&file, &["--city", "Nowhereville"]);
    assert!(!unknown.good && unknown.errors.contains("--city: \"Nowhereville\" is no city"), "{}", unknown.errors);
    let with = catalogue.import_with(&file, &["--city", "Toronto, ON"]);
    assert_eq!(with.summary, "2 new, 0 changed, 1 unchanged, 0 skipped", "{}", with.errors);
    let options = ["--source", "zoned", "--time-zone", "Eastern Standard Time"];
    let zoned =
        catalogue.import_with(&catalogue.file("zoned.ics", talks.replace("Keynote", "Zoned Keynote")), &options);
    assert_eq!(zoned.summary, "3 new, 0 changed, 0 unchanged, 0 skipped", "{}", zoned.errors);
    let events = catalogue.events().await;
    assert_eq!(events["Keynote"], "2031-05-01 09:00 America/Toronto in Toronto");
    assert_eq!(events["Zoned Keynote"], "2031-05-01 09:00 America/New_York");
    assert_eq!(events["Trip"], "2031-05-02 04:00 America/Toronto in Montréal");
}

#[tokio::test]
async fn files_may_be_compressed_or_come_from_standard_input() {
    let catalogue = Catalogue::new().await;
    let rows = "name,starts_at,city,country\nFair,2031-05-01,Toronto,CA\n";
    let file = catalogue.file("fairs.csv", rows);
    assert!(Command::new("gzip").arg(&file).status().expect("gzip is there").success());
    let compressed = catalogue.import(&file.with_extension("csv.gz"));
    assert_eq!(compressed.summary, "1 new, 0 changed, 0 unchanged, 0 skipped", "{}", compressed.errors);
    let bytes = std::fs::read(file.with_extension("csv.gz")).expect("it can be read");
    let piped = catalogue.import_piped("-", &bytes);
    assert_eq!(piped.summary, "1 new, 0 changed, 0 unchanged, 0 skipped", "{}", piped.errors);
    let cut = catalogue.import_piped("-", &bytes[..bytes.len() - 12]);
    assert!(!cut.good && cut.errors.contains("cannot be read to its end"), "{}", cut.errors);
}

#[tokio::test]
async fn an_interrupt_prints_the_totals() {
    let catalogue = Catalogue::new().await;
    let file = demo("toronto.jsonld");
    let file = file.to_str().expect("paths of tests are text");
    let mut command = catalogue.command(&["import", "events", file, "--source", "city"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be started");
    let deadline = Instant::now() + Duration::from_secs(60);
    while listed(&catalogue).await < 200 {
        assert!(Instant::now() < deadline, "no events went in");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().expect("a process id"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it can be interrupted");
    let import = Import::of(child.wait_with_output().expect("it ends"));
    assert!(!import.good && import.errors.contains("interrupted"), "{}", import.errors);
    let told: i64 = import.summary.split(' ').next().and_then(|new| new.parse().ok()).expect("a count");
    let stored = listed(&catalogue).await;
    // What was on its way is not counted, and may have gone in.
    assert!((stored - 64..=stored).contains(&told), "{} of {stored}", import.summary);
}

#[tokio::test]
async fn every_record_of_the_cases_is_placed_right_or_named() {
    let catalogue = Catalogue::new().await;
    let import = |file: &str| catalogue.import(&case(file));
    for (file, summary) in [
        ("A29b-one-trailing-space.ics", "3 new, 0 changed, 0 unchanged, 0 skipped"),
        ("A31-xwr-param.ics", "1 new, 0 changed, 0 unchanged, 0 skipped"),
        ("A32-unknown-tz-xwr.ics", "1 new, 0 changed, 0 unchanged, 0 skipped"),
        ("A33-seq.ics", "1 new, 0 changed, 0 unchanged, 1 skipped"),
        ("A44-nul.ics", "3 new, 0 changed, 0 unchanged, 0 skipped"),
        ("A66-xwr-utc-z.ics", "1 new, 0 changed, 0 unchanged, 0 skipped"),
        ("A66d-allday-xwr.ics", "1 new, 0 changed, 0 unchanged, 0 skipped"),
        ("C03-extra.csv", "2 new, 0 changed, 0 unchanged, 0 skipped"),
        ("C04-short.csv", "2 new, 0 changed, 0 unchanged, 0 skipped"),
        ("C07-sep.csv", "1 new, 0 changed, 0 unchanged, 0 skipped"),
        ("C09-unclosed.csv", "18 new, 0 changed, 0 unchanged, 1 skipped"),
        ("J18-graph-object.jsonld", "1 new, 0 changed, 0 unchanged, 0 skipped"),
        ("J20-raw-newline.jsonld", "2 new, 0 changed, 0 unchanged, 1 skipped"),
        ("J21-nul-url.jsonld", "3 new, 0 changed, 0 unchanged, 0 skipped"),
        ("addresses.ics", "22 new, 0 changed, 0 unchanged, 0 skipped"),
        ("cities.jsonld", "38 new, 0 changed, 0 unchanged, 0 skipped"),
        ("events.jsonld", "16 new, 0 changed, 0 unchanged, 0 skipped"),
        ("G-misc.ics", "16 new, 0 changed, 0 unchanged, 0 skipped"),
    ] {
        let first = import(file);
        assert_eq!(first.summary, summary, "{file}: {}", first.errors);
    }
    let zones = import("ev.ics");
    assert_eq!(zones.reported("TZID: \"Customized Time Zone\" is no time zone that is known").len(), 1);
    let moved = |file| catalogue.import_with(&case(file), &["--source", "moved"]).summary;
    assert_eq!(moved("J43-moved-1.jsonld"), "1 new, 0 changed, 0 unchanged, 0 skipped");
    assert_eq!(moved("J43-moved-2.jsonld"), "0 new, 1 changed, 0 unchanged, 0 skipped");

    let events = catalogue.events().await;
    let evening = "2027-06-10 19:00 America/Toronto in Toronto";
    for (name, expected) in [
        ("Case A29b-2", evening),
        ("Case A31", "2027-06-10 19:00 America/Los_Angeles"),
        ("Case A32", "2027-06-10 19:00 – 2027-06-10 21:00 America/Toronto in Toronto"),
        ("New name", evening),
        ("Case A44-2", "2027-06-11 19:00 America/Toronto in Toronto"),
        ("Case A66", "2027-06-10 21:00 – 2027-06-10 23:00 America/Toronto in Toronto"),
        ("Case A66d", "2027-06-11 00:00 – 2027-06-12 00:00 America/Toronto in Toronto all day"),
        ("Case C03-1", evening),
        ("Case C04-1", evening),
        ("Case C07", evening),
        ("Case C09-3", evening),
        ("Case J18", evening),
        ("Case J20-3", evening),
        ("Case J43", "2027-06-12 19:00 America/Toronto in Toronto"),
        ("Case J01", evening),
        ("Case J02", evening),
        ("Case J03", "2027-06-11 00:00 Europe/Dublin in Dublin"),
        ("Case J04", "2027-06-10 19:00 America/Toronto in Toronto cancelled"),
        ("Case J05", "2027-06-10 19:00 America/Toronto in Toronto cancelled"),
        ("Case J07c", "2027-06-10 19:00 America/Toronto in Toronto cancelled"),
        ("Case J10b", "2027-06-10 19:00 – 2027-06-11 00:00 America/Toronto in Toronto"),
        ("Case J11", evening),
        ("Konzert", evening),
        ("Case J14b", evening),
        ("Case J15", evening),
        ("Case J24d", evening),
        ("Rock & Roll – 'Live'", evening),
        ("Case J28", evening),
        ("Case J33", "2027-06-10 19:00 America/Toronto in London"),
        ("Case A01", "2027-06-10 19:00 Europe/Vienna in Vienna"),
        ("Case A02", "2027-06-10 19:00 Europe/London in London"),
        ("Case A03", "2027-06-10 20:00 – 2027-06-10 22:00 Europe/London in London"),
        ("Case A04", "2027-06-10 19:00 Europe/Vienna in Vienna"),
        ("Case A06", evening),
        ("Case A07", "2027-06-10 19:00 Europe/Vienna"),
        ("Case A08", evening),
        ("Case A10", "2027-06-10 00:00 – 2027-06-11 00:00 America/Toronto in Toronto all day"),
        ("Case A10b", "2027-06-10 00:00 – 2027-06-13 00:00 America/Toronto in Toronto all day"),
        ("Case A11", "2027-03-13 12:00 – 2027-03-14 12:00 America/Toronto in Toronto"),
        ("Case A11b", "2027-03-13 12:00 – 2027-03-14 13:00 America/Toronto in Toronto"),
        ("Case A15", "2027-06-10 19:00 America/Toronto in Toronto cancelled"),
        ("Case A40c", "2027-01-01 00:00 – 2027-01-02 00:00 Pacific/Apia in Apia all day"),
        ("Case A62", evening),
        ("Case G2", "2027-06-10 20:00 America/Toronto in Toronto"),
        ("Case G3", "2027-06-10 16:00 – 2027-06-10 18:00 America/Toronto in Toronto"),
        ("Case G4", evening),
        ("Case G5", "2027-06-10 15:00 America/Toronto in Toronto"),
        ("Case G9", evening),
        ("Case G10", "2027-06-10 19:00 – 2027-06-10 21:00 America/Toronto in Toronto"),
        ("Case G11", evening),
        ("Case G16", evening),
    ] {
        assert_eq!(events.get(name).map(String::as_str), Some(expected), "{name}");
    }
    assert!(!events.contains_key("Old name") && !events.contains_key("Case A05"));
    let line_ups = catalogue.stored("event", "Listed").await;
    let longest = line_ups.iter().filter_map(|event| event["performers"].as_array()).map(Vec::len).max();
    assert_eq!(longest, Some(100));

    let places: BTreeMap<String, String> =
        serde_json::from_slice(&std::fs::read(case("addresses.json")).expect("it can be read")).expect("it is JSON");
    let found: BTreeMap<String, String> = places
        .keys()
        .map(|name| {
            let event = events.get(&format!("Case D-{name}")).map_or("", String::as_str);
            (name.clone(), event.split(" in ").nth(1).unwrap_or_default().to_owned())
        })
        .collect();
    let expected =
        places.iter().map(|(name, place)| (name.clone(), place.split('/').next().unwrap_or_default().to_owned()));
    assert_eq!(found, expected.collect());
    let placed = events.iter().filter(|(name, event)| name.starts_with("City ") && event.contains(" in ")).count();
    assert_eq!(placed, 38);
}

#[tokio::test]
async fn a_longer_file_takes_no_more_memory() {
    const MIB: usize = 1024 * 1024;
    let catalogue = Catalogue::new().await;
    let cities = ["Toronto", "Montréal", "Vancouver", "Ottawa", "Calgary"];
    let padding = "never kept ".repeat(700);
    let peak = |megabytes: usize| {
        let path = catalogue.dir.path().join(format!("{megabytes}.ndjson"));
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file can be made"));
        let mut written = 0;
        let mut number = 0;
        while written < megabytes * MIB {
            let city = cities[number % cities.len()];
            let line = format!(
                r#"{{"@type": "Event", "@id": "{number}", "name": "Concert {number}", "startDate": "2031-05-01T20:00", "description": "{padding}", "location": {{"name": "Hall {}", "address": {{"addressLocality": "{city}", "addressCountry": "CA"}}}}, "performer": {{"name": "Band {}"}}}}"#,
                number % 700,
                number % 2_000
            );
            writeln!(file, "{line}").expect("it can be written");
            written += line.len() + 1;
            number += 1;
        }
        drop(file);
        let path = path.to_str().expect("paths of tests are text");
        let mut child = catalogue.command(&["import", "events", path]).spawn().expect("the program can be started");
        let mut peak = 0;
        let status = loop {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let resident = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            peak = peak.max(resident.unwrap_or(0));
            if let Some(status) = child.try_wait().expect("it can be asked") {
                break status;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success() && peak > 0, "{status}");
        peak
    };
    let short = peak(8);
    let long = peak(64);
    assert!(long * 10 <= short * 12, "64 MiB took {long} KiB, 8 MiB {short} KiB");
}
