//! The vault on real Postgres.

mod signing;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use caravan_domain::{EntityId, Sealed};
use caravan_postgres::purging::PurgeError;
use caravan_private_postgres::testing;
use caravan_vault::{FORGOTTEN, TokenError, Vault, VaultError};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use sqlx::{Connection, Executor, PgConnection, PgPool};
use uuid::Uuid;

const MASTER: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const SECRET: &str = "a token secret for tests, long enough";

struct Databases {
    keys: String,
    main: String,
}

impl Databases {
    async fn new() -> Databases {
        let databases = Databases { keys: testing::database().await, main: testing::database().await };
        caravan_migrations::run(&pool(&databases.main).await, &pool(&databases.keys).await).await.unwrap();
        databases
    }

    async fn try_open(&self, master: &str, secret: &str) -> Result<Vault, VaultError> {
        Vault::open(pool(&self.keys).await, pool(&self.main).await, master, secret).await
    }

    /// As another process opens it: with connections and caches of its own.
    async fn open(&self) -> Vault {
        self.try_open(MASTER, SECRET).await.unwrap()
    }
}

async fn pool(url: &str) -> PgPool {
    PgPool::connect(url).await.unwrap()
}

async fn vault() -> Vault {
    Databases::new().await.open().await
}

fn somebody() -> EntityId {
    EntityId(Uuid::new_v4())
}

/// The end of a session that lasts.
const LATE: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

#[tokio::test]
async fn ids_and_numbers_convert_both_ways() {
    let vault = vault().await;
    proptest!(|(number in 0u64..1 << 48, kind in "[a-z_]{1,12}")| {
        let id = vault.id_of(&kind, number);
        prop_assert_eq!(id.number(), number);
        prop_assert_eq!(vault.id_of(&kind, id.number()), id);
        prop_assert_ne!(vault.id_of(&format!("{kind}2"), number), id);
    });
    let id = vault.new_id("crew").await.unwrap();
    assert_eq!(vault.id_of("crew", id.number()), id);
    assert_ne!(vault.id_of("crew", 1).number(), vault.id_of("crew", 1 << 48 | 2).number());
    assert_ne!(vault.id_of("crew", 1), vault.id_of("crew", 1 << 48 | 1), "a number out of range names nobody");
}

#[tokio::test]
async fn numbers_never_repeat_across_processes() {
    let databases = Databases::new().await;
    let (one, two) = (databases.open().await, databases.open().await);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let vault = if task % 2 == 0 { one.clone() } else { two.clone() };
        tasks.spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..200 {
                ids.push(vault.new_id("event").await.unwrap());
            }
            ids
        });
    }
    let ids: Vec<EntityId> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(ids.iter().map(EntityId::number).collect::<HashSet<_>>().len(), 1600);
    assert!(ids.iter().all(|id| id.number() >= 1));
    assert_eq!(one.new_id("another kind").await.unwrap().number(), 1);
}

#[tokio::test]
async fn a_statement_that_is_refused_is_told_from_a_database_that_is_gone() {
    let Databases { keys, main } = Databases::new().await;
    let main = pool(&main).await;
    let vault = Vault::open(pool(&keys).await, main.clone(), MASTER, SECRET).await.unwrap();
    sqlx::query("alter table number_sequences rename to elsewhere").execute(&main).await.unwrap();
    let refused = vault.new_id("trip").await;
    assert!(matches!(refused, Err(VaultError::Broken(_))), "{refused:?}");
    main.close().await;
    let gone = vault.new_id("trip").await;
    assert!(matches!(gone, Err(VaultError::Unavailable(_))), "{gone:?}");
}

#[tokio::test]
async fn a_lifted_sequence_goes_on_above() {
    let vault = vault().await;
    assert_eq!(vault.new_id("event").await.unwrap().number(), 1);
    vault.lift("event", 1000).await.unwrap();
    assert_eq!(vault.new_id("event").await.unwrap().number(), 1001);
    vault.lift("event", 500).await.unwrap();
    assert_eq!(vault.new_id("event").await.unwrap().number(), 1002);
}

#[tokio::test]
async fn a_wrong_master_key_is_refused() {
    let databases = Databases::new().await;
    let code = databases.open().await.code(Uuid::nil());
    for wrong in ["", "no base64!", "dG9vIHNob3J0", "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="] {
        let refused = databases.try_open(wrong, SECRET).await;
        assert!(matches!(refused, Err(VaultError::WrongMasterKey)), "{wrong}: {refused:?}");
    }
    assert_eq!(databases.open().await.code(Uuid::nil()), code, "the pepper is made once");
}

#[tokio::test]
async fn processes_that_start_together_agree_on_the_keys() {
    let databases = Databases::new().await;
    let (one, two) = tokio::join!(databases.open(), databases.open());
    assert_eq!(one.id_of("crew", 7), two.id_of("crew", 7));
    assert_eq!(one.hash("phone", "+431"), two.hash("phone", "+431"));
    let anna = somebody();
    let (a, b) = tokio::join!(one.seal(anna, "Anna"), two.seal(anna, "Anna"));
    assert_eq!(a.unwrap(), b.unwrap(), "one key per person, whoever makes it first");
}

#[tokio::test]
async fn what_was_sealed_opens_again() {
    let vault = vault().await;
    let (anna, ben) = (somebody(), somebody());
    let name = vault.seal(anna, "Anna Émile 👍").await.unwrap();
    assert_eq!(vault.open_text(&name).await.unwrap(), "Anna Émile 👍");
    let same = vault.seal(anna, "Anna Émile 👍").await.unwrap();
    assert_eq!(name, same);
    assert_ne!(name.cipher, same.cipher);
    assert_ne!(name, vault.seal(anna, "Anna").await.unwrap());
    assert_ne!(name.hash, vault.seal(ben, "Anna Émile 👍").await.unwrap().hash, "nobody sees who shares a name");
    let empty = vault.seal(ben, "").await.unwrap();
    assert_eq!(vault.open_many(&[&empty, &name, &same]).await.unwrap(), ["", "Anna Émile 👍", "Anna Émile 👍"]);
}

#[tokio::test]
async fn a_seal_is_bound_to_its_person() {
    let vault = vault().await;
    let (anna, ben) = (somebody(), somebody());
    vault.seal(ben, "Ben").await.unwrap();
    let name = vault.seal(anna, "Anna").await.unwrap();
    for tampered in [
        Sealed { subject: ben, ..name.clone() },
        Sealed { cipher: "AAAA".to_owned(), ..name.clone() },
        Sealed { cipher: "§".to_owned(), ..name.clone() },
    ] {
        assert!(matches!(vault.open_text(&tampered).await, Err(VaultError::Corrupt(_))));
        // Nor does it keep the rest of an answer from being shown.
        assert_eq!(vault.open_to_show(&[&tampered, &name]).await.unwrap(), [FORGOTTEN, "Anna"]);
    }
}

#[tokio::test]
async fn a_forgotten_person_stays_forgotten() {
    let databases = Databases::new().await;
    let vault = databases.open().await;
    let (anna, ben) = (somebody(), somebody());
    let name = vault.seal(anna, "Anna").await.unwrap();
    let other = vault.seal(ben, "Ben").await.unwrap();
    assert!(!vault.is_forgotten(anna).await.unwrap());
    assert_eq!(vault.forget(anna).await.unwrap(), [anna]);
    assert_eq!(vault.forget(anna).await.unwrap(), [anna]);
    for vault in [&vault, &databases.open().await] {
        assert!(vault.is_forgotten(anna).await.unwrap());
        assert_eq!(vault.open_many(&[&name, &other]).await.unwrap(), [FORGOTTEN, "Ben"]);
        assert!(matches!(vault.seal(anna, "Anna").await, Err(VaultError::Forgotten)));
    }
    let kept: i64 = sqlx::query_scalar("select count(*) from personal_keys where wrapped is not null")
        .fetch_one(&pool(&databases.keys).await)
        .await
        .unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn a_person_without_values_can_be_forgotten() {
    let vault = vault().await;
    let anna = somebody();
    vault.forget(anna).await.unwrap();
    assert!(matches!(vault.seal(anna, "Anna").await, Err(VaultError::Forgotten)));
}

#[tokio::test]
async fn linked_subjects_are_forgotten_together() {
    let vault = vault().await;
    let (anna, temp, older, late) = (somebody(), somebody(), somebody(), somebody());
    let values = [vault.seal(temp, "+431").await.unwrap(), vault.seal(older, "+432").await.unwrap()];
    vault.link(temp, anna).await.unwrap();
    vault.link(temp, anna).await.unwrap();
    vault.link(older, temp).await.unwrap();
    vault.link(anna, older).await.unwrap();
    assert_eq!(vault.open_text(&values[0]).await.unwrap(), "+431", "linking hides nothing");
    let mut all = [anna, temp, older];
    all.sort();
    assert_eq!(vault.forget(anna).await.unwrap(), all);
    assert_eq!(vault.open_many(&[&values[0], &values[1]]).await.unwrap(), [FORGOTTEN, FORGOTTEN]);

    let value = vault.seal(late, "+433").await.unwrap();
    vault.link(late, anna).await.unwrap();
    assert_eq!(vault.open_text(&value).await.unwrap(), FORGOTTEN, "who is linked to a forgotten person is too");
}

#[tokio::test]
async fn forgetting_reaches_other_processes_within_a_second() {
    let databases = Databases::new().await;
    let (one, two) = (databases.open().await, databases.open().await);
    let anna = somebody();
    let name = one.seal(anna, "Anna").await.unwrap();
    for _ in 0..3 {
        assert_eq!(two.open_text(&name).await.unwrap(), "Anna");
    }
    one.forget(anna).await.unwrap();
    let forgotten_at = Instant::now();
    while two.open_text(&name).await.unwrap() != FORGOTTEN {
        assert!(forgotten_at.elapsed() < Duration::from_secs(1), "still open in the other process");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(matches!(two.seal(anna, "Anna").await, Err(VaultError::Forgotten)));
}

/// Whether the file of a table of the keys database holds some bytes.
async fn holds(keys: &mut PgConnection, table: &str, bytes: &[u8]) -> bool {
    keys.execute("checkpoint").await.unwrap();
    sqlx::query_scalar("select position($1 in pg_read_binary_file(pg_relation_filepath($2::text::regclass))) > 0")
        .bind(bytes)
        .bind(table)
        .fetch_one(keys)
        .await
        .unwrap()
}

async fn wrapped(keys: &mut PgConnection, subject: EntityId) -> Vec<u8> {
    sqlx::query_scalar("select wrapped from personal_keys where subject = $1")
        .bind(subject.0)
        .fetch_one(keys)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_purged_key_is_not_in_the_files_of_its_database() {
    let databases = Databases::new().await;
    let vault = databases.open().await;
    let mut keys = PgConnection::connect(&databases.keys).await.unwrap();
    let (anna, ben) = (somebody(), somebody());
    let name = vault.seal(ben, "Ben").await.unwrap();
    vault.seal(anna, "Anna").await.unwrap();
    let (of_anna, of_ben) = (wrapped(&mut keys, anna).await, wrapped(&mut keys, ben).await);
    keys.execute("analyze personal_keys").await.unwrap();
    assert!(!holds(&mut keys, "pg_statistic", &of_anna).await, "the statistics hold no key");
    // As an earlier version left them.
    for earlier in ["set statistics 100", "type bytea, alter wrapped set statistics 0"] {
        let alter = format!("alter table personal_keys alter wrapped {earlier}");
        keys.execute(sqlx::AssertSqlSafe(alter)).await.unwrap();
        keys.execute("analyze personal_keys").await.unwrap();
    }
    assert!(holds(&mut keys, "pg_statistic", &of_anna).await);

    assert!(!vault.has_forgotten_since(None).await.unwrap());
    vault.forget(anna).await.unwrap();
    assert!(vault.has_forgotten_since(None).await.unwrap());
    assert!(holds(&mut keys, "personal_keys", &of_anna).await, "the search finds what is there");
    let purged = vault.purge(Duration::from_secs(20)).await.unwrap();
    assert!(!vault.has_forgotten_since(Some(purged)).await.unwrap());
    for table in ["personal_keys", "pg_statistic"] {
        assert!(!holds(&mut keys, table, &of_anna).await, "{table}");
    }
    assert!(holds(&mut keys, "personal_keys", &of_ben).await);
    assert_eq!(databases.open().await.open_text(&name).await.unwrap(), "Ben");
}

#[tokio::test]
async fn a_purge_waits_for_whoever_still_sees_a_key_and_names_them() {
    let databases = Databases::new().await;
    let vault = databases.open().await;
    let anna = somebody();
    vault.seal(anna, "Anna").await.unwrap();
    let mut keys = PgConnection::connect(&databases.keys).await.unwrap();
    let key = wrapped(&mut keys, anna).await;

    let mut old = PgConnection::connect(&format!("{}?application_name=pg_dump", databases.keys)).await.unwrap();
    old.execute("begin isolation level repeatable read").await.unwrap();
    old.execute("select").await.unwrap();
    vault.forget(anna).await.unwrap();
    let purged = vault.purge(Duration::from_millis(300)).await;
    assert!(matches!(&purged, Err(PurgeError::Seen(who)) if who.contains("(pg_dump)")), "{purged:?}");
    assert_eq!(wrapped(&mut old, anna).await, key, "they do see it");

    // Without a snapshot, but with the table in use.
    old.execute("commit").await.unwrap();
    old.execute("begin").await.unwrap();
    old.execute("select from personal_keys").await.unwrap();
    let purged = vault.purge(Duration::from_millis(300)).await;
    assert!(matches!(&purged, Err(PurgeError::Seen(who)) if who.contains("at work on the table")), "{purged:?}");

    let (purged, ()) = tokio::join!(vault.purge(Duration::from_secs(20)), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        old.execute("commit").await.unwrap();
    });
    purged.unwrap();
    assert!(!holds(&mut keys, "personal_keys", &key).await);
}

#[tokio::test]
async fn codes_and_hashes_belong_to_their_input() {
    let vault = vault().await;
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    assert_eq!(vault.code(one), vault.code(one));
    assert_eq!(vault.code(one).len(), 6);
    assert!(vault.code(two).bytes().all(|digit| digit.is_ascii_digit()));
    assert_ne!(vault.hash("login", "anna"), vault.hash("code", "anna"));
    assert_ne!(vault.claim_id("email", "a@b.c"), vault.claim_id("username", "a@b.c"));
    assert_eq!(vault.claim_id("email", "a@b.c"), vault.claim_id("email", "a@b.c"));
    let other = self::vault().await;
    assert_ne!(vault.claim_id("email", "a@b.c"), other.claim_id("email", "a@b.c"));
}

#[tokio::test]
async fn access_tokens_live_an_hour() {
    let databases = Databases::new().await;
    let vault = databases.open().await;
    let anna = somebody();
    let access = vault.sign_access(anna, 3, now());
    assert_eq!(access.expires_at, now() + TimeDelta::hours(1));
    assert!(!format!("{access:?}").contains(&access.token));
    for vault in [&vault, &vault, &databases.open().await] {
        let read = vault.verify_access(&access.token, now() + TimeDelta::minutes(59)).unwrap();
        assert_eq!((read.account, read.session, read.expires_at), (anna, 3, access.expires_at));
    }
    for _ in 0..2 {
        let late = vault.verify_access(&access.token, access.expires_at);
        assert_eq!(late, Err(TokenError::Expired));
    }
    let elsewhere = databases.try_open(MASTER, "another secret").await.unwrap();
    assert_eq!(elsewhere.verify_access(&access.token, now()), Err(TokenError::Invalid));
}

#[tokio::test]
async fn of_two_secrets_the_first_signs_and_both_verify() {
    let databases = Databases::new().await;
    let open = async |secrets| databases.try_open(MASTER, secrets).await.unwrap();
    let (before, during, after) = (open("old").await, open("new, old").await, open("new").await);
    let (old, new) = (before.sign_access(somebody(), 1, now()), during.sign_access(somebody(), 1, now()));
    assert!(during.verify_access(&old.token, now()).is_ok() && during.verify_access(&new.token, now()).is_ok());
    assert!(after.verify_access(&new.token, now()).is_ok());
    assert_eq!(after.verify_access(&old.token, now()), Err(TokenError::Invalid));
}

#[tokio::test]
async fn tampered_tokens_are_refused() {
    let vault = vault().await;
    let token = vault.sign_access(somebody(), 3, now()).token;
    vault.verify_access(&token, now()).unwrap();
    proptest!(|(at in 0..token.len(), to in "[A-Za-z0-9_.-]")| {
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        // The last character of a signature carries two bits that decode to nothing.
        prop_assume!(changed != token && at + 1 != token.len());
        prop_assert_eq!(vault.verify_access(&changed, now()), Err(TokenError::Invalid));
    });
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI2N2U1NTA0NC0xMGIxLTQyNmYtOTI0Ny1iYjY4MGU1ZmUwYzgiLCJzaWQiOjEsImlhdCI6MCwiZXhwIjo0MDAwMDAwMDAwfQ.";
    for wrong in ["", ".", "..", unsigned, &token[..token.len() - 1]] {
        assert_eq!(vault.verify_access(wrong, now()), Err(TokenError::Invalid));
    }
}

#[tokio::test]
async fn a_token_of_one_sort_is_none_of_another() {
    let vault = vault().await;
    let (anna, nonce, later) = (somebody(), Uuid::new_v4(), now() + TimeDelta::minutes(10));
    let access = vault.sign_access(anna, 1, now()).token;
    let refresh = vault.refresh_token(anna, 1, 2);
    let login = vault.sign_purpose("mfa", anna, nonce, later);
    let public = vault.sign_public_access(anna, 1, now(), LATE).unwrap().token;

    let read = vault.verify_refresh(&refresh).unwrap();
    assert_eq!((read.account, read.session, read.generation), (anna, 1, 2));
    assert_eq!(refresh, vault.refresh_token(anna, 1, 2));
    assert_ne!(refresh, vault.refresh_token(anna, 1, 3));
    assert_eq!(vault.verify_purpose("mfa", &login, now()), Ok((anna, nonce)));
    assert_eq!(vault.verify_purpose("mfa", &login, later), Err(TokenError::Expired));
    assert_eq!(vault.verify_purpose("new password", &login, now()), Err(TokenError::Invalid));

    for wrong in [&refresh, &login] {
        assert_eq!(vault.verify_access(wrong, now()), Err(TokenError::Invalid));
    }
    for wrong in [&access, &login, &public] {
        assert_eq!(vault.verify_refresh(wrong), Err(TokenError::Invalid));
    }
    for wrong in [&access, &refresh, &public] {
        assert_eq!(vault.verify_purpose("mfa", wrong, now()), Err(TokenError::Invalid));
    }
}

#[tokio::test]
async fn passwords_verify_against_their_hash() {
    let vault = vault().await;
    let (hash, again) = tokio::join!(vault.hash_password("correct horse"), vault.hash_password("correct horse"));
    let (hash, again) = (hash.unwrap(), again.unwrap());
    assert!(hash.starts_with("$argon2id$"));
    assert_ne!(hash, again, "salted");
    assert!(vault.verify_password(&hash, "correct horse").await.unwrap());
    assert!(!vault.verify_password(&hash, "Correct horse").await.unwrap());
    let composed = vault.hash_password("cr\u{e8}me br\u{fb}l\u{e9}e").await.unwrap();
    assert!(vault.verify_password(&composed, "cre\u{300}me bru\u{302}le\u{301}e").await.unwrap());
    assert!(matches!(vault.verify_password("no hash", "x").await, Err(VaultError::Corrupt(_))));
}
