//! What an operator sees: settings that are wrong, errors, and who starts and stops the embedded Postgres.

mod support;

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::json;
use support::server::{free_port, reachable_directory};
use support::{Client, Person, Server, Settings, files};

/// The program on a data directory, without the demo.
fn caravan(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caravan"));
    command.env("CARAVAN_DATA_DIR", dir).env("CARAVAN_DEMO", "no").stdin(Stdio::null());
    command.env("CARAVAN_LISTEN", format!("127.0.0.1:{}", free_port())).env("RUST_BACKTRACE", "1");
    command
}

fn errors(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether the embedded Postgres runs: it removes this file when it ends.
fn postgres_runs(dir: &Path) -> bool {
    dir.join("postgres/data/postmaster.pid").exists()
}

#[test]
fn what_cannot_be_run_is_said_before_anything_is_started() {
    let dir = reachable_directory();
    for (setting, wrong, role) in [
        ("CARAVAN_MAIL", "foo", "serve"),
        ("CARAVAN_SEARCH", "foo", "serve"),
        ("CARAVAN_CORS_ORIGINS", "not an origin", "serve"),
        ("CARAVAN_EVENT_STORE", "foo", "verify"),
        ("CARAVAN_LOG", ")((", "migrate"),
    ] {
        let output = caravan(dir.path()).env(setting, wrong).arg(role).output().expect("the program can be started");
        let errors = errors(&output);
        assert!(errors.starts_with(&format!("caravan: {setting}: ")) && errors.lines().count() == 1, "{errors}");
    }
    let secrets = dir.path().join("secrets");
    std::fs::create_dir(&secrets).expect("a directory can be made");
    std::fs::write(secrets.join("secret"), "31 bytes are not enough for it.\n").expect("a file can be written");
    let output = caravan(dir.path()).arg("serve").output().expect("the program can be started");
    assert_eq!(errors(&output), "caravan: CARAVAN_SECRET: 31 bytes are too few: give at least 32\n");
    std::fs::remove_dir_all(&secrets).expect("it can be removed");
    let output = caravan(dir.path()).args(["forget", "ada"]).output().expect("the program can be started");
    assert_eq!(errors(&output), "caravan: forget: nobody to ask on this terminal: give --yes\n");
    assert_eq!(std::fs::read_dir(dir.path()).expect("it is there").count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_names_list_what_there_is_and_nothing_is_said_to_be_nothing() {
    let server = Server::start(Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_DEMO", "no")).await;
    for (arguments, good, said) in [
        (vec!["openapi", "klingon"], false, "there is no dialect klingon: there are krugo, "),
        (vec!["rebuild", "trips"], false, "there is no read model trips: there are "),
        (vec!["replay", "--category", "trips"], false, "there is no category trips: there are "),
        (vec!["replay", "--category", "crew"], true, "no events\n"),
        (vec!["parked", "list"], true, "nothing is parked\n"),
        (
            vec!["parked", "retry", "postgres", "crew-00000000-0001-8000-8000-000000000001"],
            false,
            "`caravan parked list`",
        ),
    ] {
        let (success, output) = server.run(&arguments);
        assert!(success == good && output.contains(said), "{arguments:?}: {output}");
    }
}

/// The bytes of an image of the app, small.
async fn image(client: &Client, person: &Person) -> Vec<u8> {
    let asked = [("id", "category-4"), ("size", "small")];
    let mut found = json!([]);
    // What is imported shows within moments.
    for _ in 0..100 {
        found = client.query("/getStaticImage", person, &asked).await;
        if found != json!([]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let url = found[0]["imageUrl"].as_str().expect("there is one");
    let answer = client.http.get(url).send().await.expect("the server answers").error_for_status();
    answer.expect("it is shown").bytes().await.expect("it is whole").to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_beside_a_running_server_is_restored_elsewhere() {
    let settings = || Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_DEMO", "no");
    let original = Server::start(settings()).await;
    let client = Client::new(original.url(), original.outbox());
    let anna = client.person("anna", "+15550500001").await;
    let crew = json!({"adminIds": [anna.id], "name": "Savers"});
    client.command("/create-crew", &anna, crew).await;
    let crews = client.query("/crews", &anna, &[("userId", anna.id.as_str())]).await;
    let images = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/images");
    let (good, said) = original.run(&["import", "images", images]);
    assert!(good, "{said}");
    let seen = image(&client, &anna).await;
    let kept = reachable_directory();
    let backup = kept.path().join("backup").to_string_lossy().into_owned();
    let (good, said) = original.run(&["backup", &backup]);
    assert!(good, "{said}");
    let (again, said) = original.run(&["backup", &backup]);
    assert!(!again && said.contains("name a directory that is not there yet"), "{said}");
    let (over, said) = original.run(&["restore", &backup]);
    assert!(!over && said.contains("is not empty"), "{said}");

    let dir = reachable_directory();
    let key = std::path::Path::new(&backup).join("secrets/master-key");
    let hidden = kept.path().join("master-key");
    std::fs::rename(&key, &hidden).expect("it can be moved");
    let keyless = caravan(dir.path()).args(["restore", &backup]).output().expect("the program can be started");
    assert!(errors(&keyless).contains("without its master key"));
    std::fs::rename(&hidden, &key).expect("it can be moved back");
    std::fs::write(dir.path().join("restoring"), "").expect("a file can be written");
    let half = caravan(dir.path()).arg("verify").output().expect("the program can be started");
    assert!(errors(&half).contains("was not restored to its end"));
    std::fs::remove_file(dir.path().join("restoring")).expect("it can be removed");
    let restored = caravan(dir.path()).args(["restore", &backup]).output().expect("the program can be started");
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert!(!postgres_runs(dir.path()), "it is left stopped");
    // What people are found by is opened anew: no backup has it in the clear.
    let named = |dir: &Path| files::holding(&[b"test anna".to_vec()], dir);
    assert!(named(dir.path()).is_empty() && !named(original.data_dir()).is_empty());
    // Beside its original, and without a wait for it.
    let copy = Server::start_in(settings(), dir.path()).await;
    let elsewhere = Client::new(copy.url(), copy.outbox());
    assert_eq!(elsewhere.query("/crews", &anna, &[("userId", anna.id.as_str())]).await, crews);
    assert!(image(&elsewhere, &anna).await == seen, "images come along");
    assert_eq!(std::fs::read_dir(copy.outbox()).expect("it is there").count(), 1, "messages come along");
    let crew = json!({"adminIds": [anna.id], "name": "Further on"});
    elsewhere.command("/create-crew", &anna, crew).await;
    let (clean, said) = copy.run(&["verify"]);
    assert!(clean, "{said}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while named(dir.path()).is_empty() {
        assert!(Instant::now() < deadline, "nobody is opened");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_not_create_databases_is_told_which_one_to_create() {
    let dir = reachable_directory();
    let url = caravan_private_postgres::testing::database().await;
    let pool = sqlx::PgPool::connect(&url).await.expect("Postgres answers");
    let name = url.rsplit('/').next().expect("a database");
    let role = format!("role_of_{name}");
    for statement in [
        format!("create role {role} login password 'x'"),
        format!("alter database {name} owner to {role}"),
        format!("alter schema public owner to {role}"),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await.expect("it can be made");
    }
    let host = url.rsplit('@').next().expect("a server");
    let mut migrate = caravan(dir.path());
    migrate.arg("migrate").env("CARAVAN_DATABASE_URL", format!("postgres://{role}:x@{host}"));
    let errors = errors(&migrate.output().expect("the program can be started"));
    let told = format!("create database \"{name}_keys\" owner \"{role}\"");
    assert!(errors.contains("may not create databases") && errors.contains(&told), "{errors}");
    for statement in
        [format!("alter database {name} owner to current_user"), format!("drop owned by {role}; drop role {role}")]
    {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await.expect("it can be undone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_a_form_that_nobody_reads_any_more_is_refused() {
    let dir = reachable_directory();
    let url = caravan_private_postgres::testing::database().await;
    let migrate = || {
        let mut migrate = caravan(dir.path());
        migrate.arg("migrate").env("CARAVAN_DATABASE_URL", &url);
        migrate.output().expect("the program can be started")
    };
    assert!(migrate().status.success());
    let pool = sqlx::PgPool::connect(&url).await.expect("Postgres answers");
    let claimed = "insert into events (position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata)
        values (1, 0, now(), gen_random_uuid(), gen_random_uuid(), 1, 'reservation', 'Claimed', '{}',
            jsonb_build_object('command_id', gen_random_uuid(), 'correlation_id', gen_random_uuid(), 'dialect', 'krugo'))";
    sqlx::raw_sql(claimed).execute(&pool).await.expect("it can be written");
    let errors = errors(&migrate());
    assert!(errors.contains("`reservation`") && errors.contains("start anew"), "{errors}");
}

#[test]
fn settings_come_from_the_environment_or_from_files_and_typos_are_named() {
    let dir = reachable_directory();
    let file = dir.path().join("listen");
    std::fs::write(&file, "9000\n").expect("a file can be written");
    let output =
        caravan(dir.path()).env_remove("CARAVAN_LISTEN").env("CARAVAN_LISTEN_FILE", &file).arg("config").output();
    let said = String::from_utf8(output.expect("the program can be started").stdout).expect("it is text");
    assert!(said.contains(&format!("CARAVAN_LISTEN=9000 # file {}\n", file.display())), "{said}");
    assert!(
        said.contains("CARAVAN_DEMO=no # environment\n") && said.contains("CARAVAN_SEARCH=postgres # default\n"),
        "{said}"
    );
    let both = caravan(dir.path()).env("CARAVAN_LISTEN_FILE", &file).arg("config").output();
    let both = errors(&both.expect("the program can be started"));
    assert_eq!(both, "caravan: CARAVAN_LISTEN: is given as a value and as a file\n");
    let senseless = caravan(dir.path()).env("CARAVAN_DEMO", "maybe").arg("config").output();
    let senseless = errors(&senseless.expect("the program can be started"));
    assert!(
        senseless.starts_with("caravan: CARAVAN_DEMO: unknown variant") && !senseless.contains("alloc::"),
        "{senseless}"
    );
    let typo = caravan(dir.path()).env("CARAVAN_SERCH", "postgres").arg("config").output();
    let typo = errors(&typo.expect("the program can be started"));
    assert_eq!(typo, "caravan: CARAVAN_SERCH is no setting: is it meant to be CARAVAN_SEARCH?\n");
}

#[test]
fn a_database_that_is_not_there_is_named_with_the_reason() {
    let dir = reachable_directory();
    let mut verify = caravan(dir.path());
    verify.arg("verify").env("CARAVAN_DATABASE_URL", "postgres://anna:geheim@127.0.0.1:1/main");
    let errors = errors(&verify.output().expect("the program can be started"));
    assert!(errors.starts_with("caravan: the main database: 127.0.0.1:1: "), "{errors}");
    assert!(errors.contains("Connection refused") && !errors.contains("geheim"), "{errors}");
    assert_eq!(errors.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_to_leave_stops_the_embedded_postgres() {
    let dir = reachable_directory();
    let settings = Settings::new(env!("CARGO_BIN_EXE_caravan")).with("CARAVAN_DEMO", "no").with("RUST_BACKTRACE", "1");
    let first = Server::start_in(settings.clone(), dir.path()).await;
    let second = Server::start_in(settings, dir.path()).await;
    let (_, errors) = first.run(&["forget", "--yes", "00000000-0000-0000-0000-000000000000"]);
    assert_eq!(errors, "caravan: forget: rejected: no such account\n");
    drop(first);
    let (clean, output) = second.run(&["verify"]);
    assert!(clean, "verify: {output}");
    let ready = reqwest::get(format!("{}/health/ready", second.url())).await.expect("an answer");
    assert!(ready.status().is_success(), "{ready:?}");
    drop(second);
    assert!(!postgres_runs(dir.path()));
}

#[tokio::test]
async fn an_interrupted_import_stops_the_postgres_that_it_started() {
    let dir = reachable_directory();
    let file = dir.path().join("endless.ndjson");
    mkfifo(&file, Mode::S_IRWXU).expect("a pipe can be made");
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut import = caravan(dir.path());
        let import = import.args(["import", "events"]).arg(&file).stderr(Stdio::piped()).spawn();
        let import = import.expect("the program can be started");
        let opened = {
            let file = file.clone();
            tokio::task::spawn_blocking(move || OpenOptions::new().write(true).open(file))
        };
        // From here on it reads, and there is never anything to read.
        let _endless = opened.await.expect("it ends").expect("the pipe can be opened");
        assert!(postgres_runs(dir.path()));
        let pid = import.id().try_into().expect("a process number");
        kill(Pid::from_raw(pid), signal).expect("it can be signalled");
        let asked = Instant::now();
        let output = import.wait_with_output().expect("it ends");
        assert!(errors(&output).ends_with("caravan: interrupted\n"), "{output:?}");
        assert!(asked.elapsed() < Duration::from_secs(10), "it ended only after {:?}", asked.elapsed());
        assert!(!postgres_runs(dir.path()));
    }
}
