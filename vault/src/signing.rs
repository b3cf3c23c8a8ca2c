//! The RSA key pairs of tokens that others verify by themselves, with the public half.
//!
//! A token's header names its pair, and what a pair signs is RS256 and nothing else. All processes share the pairs: one
//! makes the first, all look for further ones, and a further one signs only once all must have seen it.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use pem::{EncodeConfig, LineEnding, Pem};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};

use crate::secrets::Secret;
use crate::{Vault, VaultError};

/// How often each process looks for pairs that others have made.
const LOOK: Duration = Duration::from_secs(1);
/// How long after it was made a further pair signs: several looks later.
const SETTLED: Duration = Duration::from_secs(30);
/// How long a pair verifies after the next one signs: as long as tokens live.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Held by whoever makes a pair.
const LOCK: i64 = 0x7369_676e;

pub(crate) struct SigningKeys {
    pool: PgPool,
    master: Secret,
    known: RwLock<Arc<Known>>,
}

/// The pairs that count.
struct Known {
    pairs: HashMap<String, Arc<Pair>>,
    /// The one that signs.
    current: Arc<Pair>,
}

pub(crate) struct Pair {
    pub(crate) id: String,
    sign: EncodingKey,
    pub(crate) verify: DecodingKey,
    /// The public half, as text.
    pem: String,
}

/// The public half of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// What the header of a token names it by (`kid`).
    pub id: String,
    /// `SubjectPublicKeyInfo` in PEM.
    pub pem: String,
}

impl SigningKeys {
    /// The pairs there are; the first is made by whoever comes first.
    pub(crate) async fn open(pool: PgPool, master: Secret) -> Result<Arc<Self>, VaultError> {
        make_first(&pool, &master).await?;
        let known = load(&pool, &master, &HashMap::new()).await?;
        let known = known.ok_or_else(|| VaultError::Corrupt("no signing key signs yet".to_owned()))?;
        let keys = Arc::new(SigningKeys { pool, master, known: RwLock::new(Arc::new(known)) });
        tokio::spawn(watch(Arc::downgrade(&keys)));
        Ok(keys)
    }

    fn known(&self) -> Arc<Known> {
        // No holder leaves it half changed.
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn current(&self) -> Arc<Pair> {
        self.known().current.clone()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Pair>> {
        self.known().pairs.get(id).cloned()
    }

    /// Takes in what others have made, and that a pair's time has come or is over.
    async fn look(&self) -> Result<(), VaultError> {
        if let Some(known) = load(&self.pool, &self.master, &self.known().pairs).await? {
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        }
        Ok(())
    }
}

impl Pair {
    /// The pair of a private half.
    fn read(id: String, pkcs8: &[u8]) -> Result<Pair, Box<dyn Error + Send + Sync>> {
        let public: PublicKeyX509Der<'_> = KeyPair::from_pkcs8(pkcs8)?.public_key().as_der()?;
        let public = text("PUBLIC KEY", public.as_ref());
        let sign = EncodingKey::from_rsa_pem(text("PRIVATE KEY", pkcs8).as_bytes())?;
        Ok(Pair { id, sign, verify: DecodingKey::from_rsa_pem(public.as_bytes())?, pem: public })
    }

    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, VaultError> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &self.sign).map_err(|error| VaultError::Broken(error.into()))
    }

    fn public(&self) -> PublicKey {
        PublicKey { id: self.id.clone(), pem: self.pem.clone() }
    }
}

fn text(label: &str, der: &[u8]) -> String {
    pem::encode_config(&Pem::new(label, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

/// Makes the first pair, which signs at once; nothing where another process was first.
async fn make_first(pool: &PgPool, master: &Secret) -> Result<(), VaultError> {
    let mut transaction = pool.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let any: bool = sqlx::query_scalar("select exists (select from signing_keys)").fetch_one(&mut *transaction).await?;
    if !any {
        make(&mut transaction, master, Duration::ZERO).await?;
    }
    Ok(transaction.commit().await?)
}

/// Makes a pair that signs after a while, and gives its id.
async fn make(connection: &mut PgConnection, master: &Secret, after: Duration) -> Result<String, VaultError> {
    // Some 100 ms of arithmetic.
    let (id, pkcs8) =
        tokio::task::spawn_blocking(generate).await.map_err(|error| VaultError::Broken(error.into()))??;
    sqlx::query(
        "insert into signing_keys (id, wrapped, signs_from)
         values ($1, $2, clock_timestamp() + make_interval(secs => $3))",
    )
    .bind(&id)
    .bind(master.encrypt(pkcs8.as_ref(), name(&id).as_bytes())?)
    .bind(after.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(id)
}

fn generate() -> Result<(String, Pkcs8V1Der<'static>), VaultError> {
    let broken = |error: aws_lc_rs::error::Unspecified| VaultError::Broken(error.into());
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(broken)?;
    let hash = Sha256::digest(pair.public_key().as_ref());
    let id = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok((id, AsDer::<Pkcs8V1Der>::as_der(&pair).map_err(broken)?))
}

/// The pairs that count, and which of them signs; nothing where there is none. Those in `read` are not read again.
async fn load(pool: &PgPool, master: &Secret, read: &HashMap<String, Arc<Pair>>) -> Result<Option<Known>, VaultError> {
    let rows: Vec<(String, Vec<u8>, bool)> = sqlx::query_as(
        "select id, wrapped, signs_from <= clock_timestamp() from signing_keys k
         where not exists (select from signing_keys next where next.signs_from > k.signs_from
             and next.signs_from < clock_timestamp() - make_interval(secs => $1))
         order by signs_from, id",
    )
    .bind(KEPT.as_secs_f64())
    .fetch_all(pool)
    .await?;
    let mut pairs = HashMap::new();
    let mut current = None;
    for (id, wrapped, signs) in rows {
        let pair = match read.get(&id) {
            Some(pair) => pair.clone(),
            None => {
                let pkcs8 = master.decrypt(&wrapped, name(&id).as_bytes()).ok_or(VaultError::WrongMasterKey)?;
                let corrupt = |error| VaultError::Corrupt(format!("signing key {id}: {error}"));
                Arc::new(Pair::read(id.clone(), &pkcs8).map_err(corrupt)?)
            }
        };
        if signs {
            current = Some(pair.clone());
        }
        pairs.insert(id, pair);
    }
    Ok(current.map(|current| Known { pairs, current }))
}

/// What a pair's encryption is bound to, so that rows cannot be swapped.
fn name(id: &str) -> String {
    format!("signing key {id}")
}

/// Looks for further pairs as long as the keys are used and their database is not closed.
async fn watch(keys: Weak<SigningKeys>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(keys) = keys.upgrade() else { return };
        match keys.look().await {
            Ok(()) => {}
            Err(_) if keys.pool.is_closed() => return,
            // That the database does not answer is said by the look for forgotten people.
            Err(VaultError::Unavailable(_)) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "signing keys cannot be read"),
        }
    }
}

impl Vault {
    /// The public half of a pair by its id, or of the one that signs now; nothing where no such pair counts.
    pub fn public_key(&self, id: Option<&str>) -> Option<PublicKey> {
        let keys = &self.0.signing_keys;
        match id {
            Some(id) => keys.find(id).map(|pair| pair.public()),
            None => Some(keys.current().public()),
        }
    }

    /// Makes a further pair and gives its id. It signs half a minute later, when every process knows it; the one before
    /// verifies for a day after that. Pairs that no longer count are deleted.
    pub async fn rotate_signing_key(&self) -> Result<String, VaultError> {
        let keys = &self.0.signing_keys;
        let made = make(&mut *keys.pool.acquire().await?, &keys.master, SETTLED).await?;
        keys.look().await?;
        let counting: Vec<String> = keys.known().pairs.keys().cloned().collect();
        // Others may have been made since they were looked for: those are younger.
        sqlx::query(
            "delete from signing_keys
             where id <> all($1) and signs_from < clock_timestamp() - make_interval(secs => $2)",
        )
        .bind(counting)
        .bind(KEPT.as_secs_f64())
        .execute(&keys.pool)
        .await?;
        Ok(made)
    }
}
