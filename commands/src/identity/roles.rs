//! Platform roles: granting them and taking them away.
//!
//! Who is super-admin, the roster decides, so that the last one stays; the account follows it. Flows that run at the
//! same time may reach an account in another order than the roster: whoever has changed one looks at the roster once
//! more, so the last to change it leaves it as the roster says.

use caravan_domain::EntityId;
use caravan_domain::identity::roster::ROSTER;
use caravan_domain::identity::{Account, AccountCommand, Role, Roster, RosterCommand};

use crate::{Asking, CommandError, Commands, Done};

/// Grants a role to an account, or takes it away.
pub async fn change_role(
    asking: &Asking,
    account: EntityId,
    role: Role,
    on: bool,
) -> Result<Done<Account>, CommandError> {
    // Who has no account is not listed either.
    if role != Role::SuperAdmin || asking.state::<Account>(account).await?.state.registered().is_none() {
        return asking.send(account, AccountCommand::ChangeRole { account, role, on }).await;
    }
    let listing = if on { RosterCommand::Add { account } } else { RosterCommand::Remove { account } };
    asking.step("roster").send::<Roster>(ROSTER, listing).await?;
    match follow(asking, account).await {
        Err(CommandError::Rejected(rejection)) => {
            // Somebody who was forgotten meanwhile is nobody who could be left.
            asking.step("strike").send::<Roster>(ROSTER, RosterCommand::Strike { account }).await?;
            Err(rejection.into())
        }
        changed => changed,
    }
}

/// Takes somebody who is about to be forgotten from the roster; refused where nobody else is on it.
pub(super) async fn unlist(asking: &Asking, account: EntityId) -> Result<(), CommandError> {
    asking.step("roster").send::<Roster>(ROSTER, RosterCommand::Remove { account }).await.map(drop)
}

/// Gives an account the role of super-admin, or takes it, as the roster says.
async fn follow(asking: &Asking, account: EntityId) -> Result<Done<Account>, CommandError> {
    let mut round = 0;
    loop {
        let on = is_listed(asking, account).await?;
        let change = AccountCommand::ChangeRole { account, role: Role::SuperAdmin, on };
        let changed = asking.step(&format!("follow {round}")).send(account, change).await?;
        if is_listed(asking, account).await? == on {
            return Ok(changed);
        }
        round += 1;
    }
}

async fn is_listed(commands: &Commands, account: EntityId) -> Result<bool, CommandError> {
    Ok(commands.state::<Roster>(ROSTER).await?.state.super_admins.contains(&account))
}
