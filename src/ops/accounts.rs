//! Accounts from an operator's side.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caravan_commands::effects::Outbox;
use caravan_commands::identity::roles::change_role;
use caravan_commands::identity::{DevelopmentProvider, Vouched, operator};
use caravan_commands::{Asking, Caller};
use caravan_domain::EntityId;
use caravan_domain::identity::Role;
use caravan_projections::{OPENED, forget_opened};
use chrono::TimeDelta;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::config::VouchedBy;
use crate::node::Node;
use crate::purge::{PATIENCE, purge};

#[derive(Subcommand)]
pub enum Account {
    /// Set a random password, print it, and close every session: the next login has to choose another
    ForcePassword {
        /// User name or account id
        account: String,
    },
    /// Grant a role on the whole platform, or take it away; commands know at once, queries within moments
    Role {
        /// User name or account id
        account: String,
        #[arg(value_parser = role())]
        role: Role,
        /// Take it away
        #[arg(long)]
        off: bool,
    },
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::name)).try_map(|name| name.parse::<Role>())
}

#[derive(Args)]
pub struct Forget {
    /// Account id or user name; a temp member's id too
    account: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
pub struct DevToken {
    /// The id that Facebook would know the person by
    #[arg(long)]
    facebook_id: String,
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    email: Option<String>,
}

impl Account {
    pub async fn run(self, node: &Node) -> Result<()> {
        match self {
            Account::ForcePassword { account } => force_password(node, find(node, &account).await?).await,
            Account::Role { account, role, off } => {
                let account = find(node, &account).await?;
                let changed = change_role(&asking(node), account, role, !off).await.context("role")?;
                let roles = changed.state.registered().map(|account| account.roles()).unwrap_or_default();
                println!("{account}: {}", roles.iter().map(Role::name).collect::<Vec<_>>().join(" "));
                Ok(())
            }
        }
    }
}

async fn force_password(node: &Node, account: EntityId) -> Result<()> {
    let mut random = [0u8; 18];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let password = URL_SAFE_NO_PAD.encode(random);
    operator::force_password(&asking(node), account, &password).await.context("force-password")?;
    println!("{password}");
    Ok(())
}

impl Forget {
    /// Refuses where nobody can be asked.
    pub fn check(&self) -> Result<()> {
        ensure!(self.yes || io::stdin().is_terminal(), "forget: nobody to ask on this terminal: give --yes");
        Ok(())
    }

    pub async fn run(self, node: &Node) -> Result<()> {
        let account = find(node, &self.account).await?;
        let (account, username) = operator::known_as(&node.commands, account).await.context("forget")?;
        if !self.yes {
            let whom = username.map_or_else(|| account.to_string(), |username| format!("{username} ({account})"));
            let question = format!("Forget {whom} for good? Nothing of theirs can be read afterwards. [y/N] ");
            ensure!(tokio::task::spawn_blocking(move || agrees(&question)).await??, "nothing is forgotten");
        }
        let subjects = operator::forget(&asking(node), account).await.context("forget")?;
        Outbox::new(&node.outbox()).forget(&subjects).context("messages in the outbox")?;
        let left = |what: &str| {
            format!("forgotten, but files of the database still hold {what} until `forget {account}` succeeds")
        };
        // Neither keeps the other from being done; the log is discarded at last.
        let closed = close(node, &subjects).await.with_context(|| left("name and address"));
        let purged = purge(&node.vault, node.embedded.as_ref()).await.with_context(|| left("the deleted key"));
        match (closed, purged) {
            (Err(closed), Err(purged)) => bail!("{closed:#}; and {purged:#}"),
            (closed, purged) => drop((closed?, purged?)),
        }
        node.files.forget(account).await.with_context(|| {
            format!("forgotten, but files of theirs are still there until `forget {account}` succeeds")
        })?;
        eprintln!("forgotten");
        if node.keys_server().is_none() {
            eprintln!(
                "The wrapped key remains where the keys database's server keeps its past: write-ahead log, archives, \
                 replicas, backups. See Forgetting in docs/OPERATIONS.md."
            );
        }
        if node.embedded.is_none() {
            eprintln!("So do name and address where the main database's server keeps its past.");
        }
        Ok(())
    }
}

/// Takes away what was opened of persons to find them by, from the files of the table too.
async fn close(node: &Node, persons: &[EntityId]) -> Result<()> {
    // What a follower had opened before, it writes first, and empties again.
    let (head, deadline) = (node.store.head().await?, Instant::now() + PATIENCE);
    let mut passed = Ok(());
    while node.checkpoints.is_followed(OPENED).await? && Instant::now() < deadline {
        passed = node.checkpoints.wait(OPENED, head, Duration::from_secs(1)).await;
        if passed.is_ok() {
            break;
        }
    }
    forget_opened(&node.pool, persons, PATIENCE).await?;
    // One that died meanwhile writes nothing more.
    match passed {
        Err(error) if node.checkpoints.is_followed(OPENED).await? => Err(error).context("what was opened"),
        _ => Ok(()),
    }
}

impl DevToken {
    pub async fn run(self, node: &Node) -> Result<()> {
        if !matches!(node.config.vouched_by()?, VouchedBy::Development) {
            bail!("the development identity provider is off in production, and where CARAVAN_FACEBOOK_APP_ID is set");
        }
        let vouched = Vouched { id: self.facebook_id, name: self.name, email: self.email, gender: None, picture: None };
        let expires_at = node.clock.now() + TimeDelta::hours(1);
        println!("{}", DevelopmentProvider::new(&node.config.secret()?).sign(vouched, expires_at)?);
        Ok(())
    }
}

/// Asks on the terminal.
fn agrees(question: &str) -> io::Result<bool> {
    let mut terminal = io::stderr();
    terminal.write_all(question.as_bytes())?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

async fn find(node: &Node, account: &str) -> Result<EntityId> {
    if let Ok(id) = account.parse() {
        return Ok(id);
    }
    operator::account_named(&node.commands, account)
        .await?
        .with_context(|| "there is no account of this name".to_owned())
}

/// The operator's commands.
fn asking(node: &Node) -> Asking {
    node.commands.asked_by(Caller::system(node.clock.now(), Uuid::new_v4()))
}
