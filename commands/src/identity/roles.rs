//! Platform roles: granting them and taking them away.
//!
//! Who is super-admin, the roster decides, so that the last one stays; the account follows it. Flows that run at the
//! same time may reach an account in another order than the roster: whoever has changed one looks at the roster once
//! more, so the last to change it leaves it as the roster says.

use caravan_domain::EntityId;
use caravan_domain::identity::roster::ROSTER;
use caravan_domain::identity::{Account, AccountCommand, Role, Roster, RosterCommand};

use crate::{Caller, CommandError, Commands, Current, Done, stream};

/// Grants a role to an account, or takes it away.
pub async fn change_role(
    commands: &Commands,
    account: EntityId,
    role: Role,
    on: bool,
    caller: &Caller,
) -> Result<Done<Account>, CommandError> {
    let change = AccountCommand::ChangeRole { account, role, on };
    // Who has no account is not listed either.
    if role != Role::SuperAdmin || commands.account(account).await?.state.registered().is_none() {
        return commands.change_account(account, change, caller).await;
    }
    let listing = if on { RosterCommand::Add { account } } else { RosterCommand::Remove { account } };
    list(commands, listing, &caller.step("roster")).await?;
    match follow(commands, account, caller).await {
        Err(CommandError::Rejected(rejection)) => {
            // Somebody who was forgotten meanwhile is nobody who could be left.
            list(commands, RosterCommand::Strike { account }, &caller.step("strike")).await?;
            Err(rejection.into())
        }
        changed => changed,
    }
}

/// Takes somebody who is about to be forgotten from the roster; refused where nobody else is on it.
pub(super) async fn unlist(commands: &Commands, account: EntityId, caller: &Caller) -> Result<(), CommandError> {
    list(commands, RosterCommand::Remove { account }, &caller.step("roster")).await
}

/// Gives an account the role of super-admin, or takes it, as the roster says.
async fn follow(commands: &Commands, account: EntityId, caller: &Caller) -> Result<Done<Account>, CommandError> {
    let mut round = 0;
    loop {
        let on = is_listed(commands, account).await?;
        let change = AccountCommand::ChangeRole { account, role: Role::SuperAdmin, on };
        let changed = commands.change_account(account, change, &caller.step(&format!("follow {round}"))).await?;
        if is_listed(commands, account).await? == on {
            return Ok(changed);
        }
        round += 1;
    }
}

async fn is_listed(commands: &Commands, account: EntityId) -> Result<bool, CommandError> {
    let roster: Current<Roster> = commands.state(&stream::<Roster>(ROSTER)).await?;
    Ok(roster.state.super_admins.contains(&account))
}

async fn list(commands: &Commands, command: RosterCommand, caller: &Caller) -> Result<(), CommandError> {
    commands.execute::<Roster>(stream::<Roster>(ROSTER), command, caller).await?;
    Ok(())
}
