//! Tokens that a key pair signs, and what no token of ours may look like.

use std::time::{Duration, Instant};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use caravan_domain::EntityId;
use caravan_vault::{TokenError, Vault};
use chrono::TimeDelta;
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pem::Pem;
use serde_json::{Value, json};
use sha2::Sha256;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Databases, LATE, MASTER, SECRET, now, pool, somebody};

/// A running process, and what an attacker could know of it, and more.
struct World {
    databases: Databases,
    keys: PgPool,
    vault: Vault,
}

impl World {
    async fn new() -> World {
        let databases = Databases::new().await;
        let (keys, vault) = (pool(&databases.keys).await, databases.open().await);
        World { databases, keys, vault }
    }

    fn id(&self) -> String {
        self.vault.public_key(None).unwrap().id
    }

    /// The private half of the pair that signs, as the keys database holds it.
    async fn private(&self) -> EncodingKey {
        let wrapped: Vec<u8> = sqlx::query_scalar("select wrapped from signing_keys where id = $1")
            .bind(self.id())
            .fetch_one(&self.keys)
            .await
            .unwrap();
        let master: [u8; 32] = STANDARD.decode(MASTER).unwrap().try_into().unwrap();
        let (nonce, cipher) = wrapped.split_first_chunk::<12>().unwrap();
        let bound_to = format!("signing key {}", self.id());
        let payload = Payload { msg: cipher, aad: bound_to.as_bytes() };
        encoding(&Aes256Gcm::new(&master.into()).decrypt(&Nonce::from(*nonce), payload).unwrap())
    }

    #[track_caller]
    fn refuses(&self, token: &str) {
        for _ in 0..2 {
            assert_eq!(self.vault.verify_access(token, now()), Err(TokenError::Invalid), "{token}");
        }
    }

    /// Moves a pair's beginning, as if it were that much longer ago.
    async fn age(&self, id: &str, hours: f64) {
        let age =
            sqlx::query("update signing_keys set signs_from = signs_from - make_interval(secs => $2) where id = $1");
        assert_eq!(age.bind(id).bind(hours * 3600.0).execute(&self.keys).await.unwrap().rows_affected(), 1);
    }
}

fn claims() -> Value {
    json!({"sub": EntityId(Uuid::nil()), "sid": 1, "iat": now().timestamp(), "exp": now().timestamp() + 600})
}

fn header(algorithm: Algorithm, id: Option<&str>) -> Header {
    Header { kid: id.map(str::to_owned), ..Header::new(algorithm) }
}

fn signed(header: &Header, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, &claims(), key).unwrap()
}

/// The key that HS256 access tokens are signed with.
fn access_key() -> EncodingKey {
    // A comma separates secrets, of which the first signs.
    let secret = SECRET.split(',').next().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let purpose = b"access token";
    mac.update(&(purpose.len() as u64).to_be_bytes());
    mac.update(purpose);
    EncodingKey::from_secret(&mac.finalize().into_bytes())
}

fn encoding(pkcs8: &[u8]) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem::encode(&Pem::new("PRIVATE KEY", pkcs8)).as_bytes()).unwrap()
}

fn pair() -> EncodingKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    encoding(AsDer::<Pkcs8V1Der>::as_der(&pair).unwrap().as_ref())
}

#[tokio::test]
async fn a_public_token_lives_a_day_and_is_good_in_every_process() {
    let World { databases, vault, .. } = World::new().await;
    let anna = somebody();
    let access = vault.sign_public_access(anna, 3, now(), LATE).unwrap();
    assert_eq!(access, vault.sign_public_access(anna, 3, now(), LATE).unwrap());
    assert_eq!(access.expires_at, now() + TimeDelta::hours(24));
    for vault in [&vault, &vault, &databases.open().await] {
        let read = vault.verify_access(&access.token, now() + TimeDelta::hours(23)).unwrap();
        assert_eq!((read.account, read.session, read.expires_at), (anna, 3, access.expires_at));
        assert_eq!(vault.verify_access(&access.token, access.expires_at), Err(TokenError::Expired));
    }
    // Not beyond its session, and not from a time that is to come.
    let soon = now() + TimeDelta::hours(2);
    assert_eq!(vault.sign_public_access(anna, 3, now(), soon).unwrap().expires_at, soon);
    assert_eq!(vault.verify_access(&access.token, now() - TimeDelta::minutes(6)), Err(TokenError::Invalid));
    // The token secret has no part in it.
    let elsewhere = databases.try_open(MASTER, "another secret").await.unwrap();
    assert!(elsewhere.verify_access(&access.token, now()).is_ok());
}

#[tokio::test]
async fn others_verify_it_with_the_public_half() {
    let World { vault, .. } = World::new().await;
    let token = vault.sign_public_access(somebody(), 3, now(), LATE).unwrap().token;
    let id = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    let public = vault.public_key(Some(&id)).unwrap();
    assert_eq!(vault.public_key(None), Some(public.clone()));
    assert_eq!(vault.public_key(Some("a1b2c3d4")), None);
    assert!(public.pem.starts_with("-----BEGIN PUBLIC KEY-----\n") && !public.pem.contains('\r'), "{}", public.pem);
    let key = DecodingKey::from_rsa_pem(public.pem.as_bytes()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    let read: Value = jsonwebtoken::decode(&token, &key, &validation).unwrap().claims;
    assert_eq!(read["sid"], 3);
}

#[tokio::test]
async fn processes_that_start_together_agree_on_the_pair() {
    let databases = Databases::new().await;
    let (one, two, three) = tokio::join!(databases.open(), databases.open(), databases.open());
    assert_eq!(one.public_key(None), two.public_key(None));
    assert_eq!(one.public_key(None), three.public_key(None));
}

#[tokio::test]
async fn a_token_made_as_ours_are_is_taken() {
    let world = World::new().await;
    let take = |token: String| world.vault.verify_access(&token, now()).unwrap();
    take(signed(&header(Algorithm::RS256, Some(&world.id())), &world.private().await));
    take(signed(&header(Algorithm::HS256, None), &access_key()));
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let world = World::new().await;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = world.vault.sign_public_access(somebody(), 1, now(), LATE).unwrap().token;
    let signature = signature.rsplit('.').next().unwrap();
    for none in ["none", "None", "NONE", ""] {
        for header in [json!({"alg": none}), json!({"alg": none, "kid": world.id()})] {
            for signature in ["", signature] {
                world.refuses(&format!("{}.{}.{signature}", part(&header), part(&claims())));
            }
        }
    }
}

#[tokio::test]
async fn the_token_secret_does_not_sign_for_a_pair() {
    let world = World::new().await;
    world.refuses(&signed(&header(Algorithm::HS256, Some(&world.id())), &access_key()));
}

#[tokio::test]
async fn the_public_half_is_no_secret_to_sign_with() {
    let world = World::new().await;
    let public = world.vault.public_key(None).unwrap();
    let der = pem::parse(&public.pem).unwrap().into_contents();
    for secret in [public.pem.as_bytes(), public.pem.trim_end().as_bytes(), &der] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for id in [Some(public.id.as_str()), None] {
                world.refuses(&signed(&header(algorithm, id), &EncodingKey::from_secret(secret)));
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_is_not_ours_is_refused() {
    let world = World::new().await;
    let private = world.private().await;
    for id in ["a1b2c3d4", "", "../../etc/passwd"] {
        world.refuses(&signed(&header(Algorithm::RS256, Some(id)), &private));
        world.refuses(&signed(&header(Algorithm::HS256, Some(id)), &access_key()));
    }
    world.refuses(&signed(&header(Algorithm::RS256, Some(&world.id())), &pair()));
}

#[tokio::test]
async fn a_pair_that_the_header_does_not_name_is_refused() {
    let world = World::new().await;
    world.refuses(&signed(&header(Algorithm::RS256, None), &world.private().await));
}

#[tokio::test]
async fn a_pair_signs_by_one_algorithm() {
    let world = World::new().await;
    let (id, private) = (world.id(), world.private().await);
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        world.refuses(&signed(&header(algorithm, Some(&id)), &private));
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        world.refuses(&signed(&header(algorithm, None), &access_key()));
    }
}

#[tokio::test]
async fn a_further_pair_signs_when_all_know_it_and_the_one_before_verifies_for_a_day() {
    let world = World::new().await;
    let (vault, other) = (&world.vault, world.databases.open().await);
    let (before, old) = (world.id(), vault.sign_public_access(somebody(), 1, now(), LATE).unwrap().token);
    let further = vault.rotate_signing_key().await.unwrap();
    assert_eq!(world.id(), before, "not all may have seen the further one");
    let began = Instant::now();
    while other.public_key(Some(&further)).is_none() {
        assert!(began.elapsed() < Duration::from_secs(5), "the other process does not see it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    world.age(&before, 48.0).await;
    world.age(&further, 0.01).await;
    while other.public_key(None).unwrap().id != further {
        assert!(began.elapsed() < Duration::from_secs(10), "the other process does not sign with it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let new = other.sign_public_access(somebody(), 1, now(), LATE).unwrap().token;
    for vault in [vault, &other] {
        assert!(vault.verify_access(&old, now()).is_ok() && vault.verify_access(&new, now()).is_ok());
    }

    world.age(&further, 24.0).await;
    while other.public_key(Some(&before)).is_some() {
        assert!(began.elapsed() < Duration::from_secs(15), "the other process still takes the one before");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for vault in [&other, &world.databases.open().await] {
        assert_eq!(vault.verify_access(&old, now()), Err(TokenError::Invalid), "also where it was taken before");
        assert!(vault.verify_access(&new, now()).is_ok());
    }
    vault.rotate_signing_key().await.unwrap();
    let kept: Vec<String> =
        sqlx::query_scalar("select id from signing_keys order by signs_from").fetch_all(&world.keys).await.unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0], further);
}
