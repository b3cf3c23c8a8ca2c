//! What the program itself has put into the log, so that it need not compare all of it at each start.

use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use crate::CommandError;

/// What was put, by its name, in the main database.
#[derive(Clone)]
pub struct Planted(PgPool);

/// The form in which something is to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    what: &'static str,
    digest: Uuid,
}

impl Form {
    /// Of something that is put under this name.
    pub fn of(what: &'static str, content: &impl Serialize) -> Result<Form, CommandError> {
        let content = serde_json::to_vec(content).map_err(CommandError::broken)?;
        Ok(Form { what, digest: Uuid::new_v5(&Uuid::nil(), &content) })
    }
}

impl Planted {
    pub fn new(pool: PgPool) -> Planted {
        Planted(pool)
    }

    /// Whether it was put last in this form.
    pub async fn has(&self, form: Form) -> Result<bool, CommandError> {
        let known = sqlx::query_scalar("select exists (select from planted where what = $1 and digest = $2)");
        Ok(known.bind(form.what).bind(form.digest).fetch_one(&self.0).await?)
    }

    /// Notes that all of it was put.
    pub async fn note(&self, form: Form) -> Result<(), CommandError> {
        sqlx::query(
            "insert into planted (what, digest) values ($1, $2)
             on conflict (what) do update set digest = excluded.digest",
        )
        .bind(form.what)
        .bind(form.digest)
        .execute(&self.0)
        .await?;
        Ok(())
    }
}
