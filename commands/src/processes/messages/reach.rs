//! By what a message reaches somebody now, and whether they want it so.

use caravan_domain::identity::account;
use caravan_domain::identity::notices::NoticeSettings;
use caravan_domain::identity::{AccountState, Channel, Medium};
use caravan_domain::platform::message_setting::{MESSAGE_SETTING, MessageSetting};
use caravan_domain::{EntityId, Sealed};
use chrono::{DateTime, Utc};

use super::{Mail, Template};
use crate::{CommandError, Commands};

/// Where a message goes.
pub(crate) enum Reach {
    /// To each of these.
    By(Medium, Vec<Destination>),
    /// Whatever would reach them is switched off.
    SwitchedOff,
    Nowhere,
}

/// A mail address, phone number or device.
pub(crate) struct Destination {
    /// The session of the device, where it is one.
    pub device: Option<u32>,
    /// As the account has it.
    pub sealed: Sealed,
    pub address: String,
}

impl Reach {
    /// By what it goes, if it goes anywhere.
    pub(crate) fn medium(&self) -> Option<Medium> {
        match self {
            Reach::By(medium, _) => Some(*medium),
            Reach::SwitchedOff | Reach::Nowhere => None,
        }
    }

    /// What limits know the recipient by.
    pub(crate) fn recipients(&self) -> Vec<String> {
        match self {
            Reach::By(medium, to) => to.iter().map(|to| medium.claimed_form(&to.address)).collect(),
            Reach::SwitchedOff | Reach::Nowhere => vec![],
        }
    }

    /// How a notice reaches somebody: by the first of mail, push and SMS that reaches them at all and is not switched
    /// off: by themselves, or the mail by staff.
    pub(crate) async fn of(
        commands: &Commands,
        template: &Template,
        person: EntityId,
        state: &AccountState,
        now: DateTime<Utc>,
    ) -> Result<Reach, CommandError> {
        let mut otherwise = Reach::Nowhere;
        for medium in Medium::ALL {
            let known = state.reached_by(medium, now);
            if known.is_empty() {
                continue;
            }
            let wanted = state.registered().is_none() || wants(commands, template, person, medium).await?;
            if wanted && !(medium == Medium::Mail && mail_is_off(commands, template).await?) {
                return opening(commands, medium, &known).await;
            }
            otherwise = Reach::SwitchedOff;
        }
        Ok(otherwise)
    }

    /// How a code reaches the contact that it proves, or that a login is known by: its owner has no say in it.
    pub(super) async fn of_code(
        commands: &Commands,
        template: &Template,
        channel: Channel,
        contact: &Sealed,
    ) -> Result<Reach, CommandError> {
        if channel == Channel::Mail && mail_is_off(commands, template).await? {
            return Ok(Reach::SwitchedOff);
        }
        opening(commands, channel.into(), &[account::Destination { device: None, address: contact }]).await
    }
}

/// What is sealed, opened; nowhere where somebody was forgotten.
async fn opening(commands: &Commands, medium: Medium, to: &[account::Destination<'_>]) -> Result<Reach, CommandError> {
    let mut destinations = vec![];
    for account::Destination { device, address: sealed } in to {
        let Some(address) = opened(commands, sealed).await? else { return Ok(Reach::Nowhere) };
        destinations.push(Destination { device: *device, sealed: (*sealed).clone(), address });
    }
    Ok(Reach::By(medium, destinations))
}

/// What is sealed; none of somebody who was forgotten.
pub(super) async fn opened(commands: &Commands, sealed: &Sealed) -> Result<Option<String>, CommandError> {
    let vault = commands.vault();
    if vault.is_forgotten(sealed.subject).await? {
        return Ok(None);
    }
    Ok(Some(vault.open_text(sealed).await?))
}

/// Whether an account's owner wants to be told so.
async fn wants(
    commands: &Commands,
    template: &Template,
    person: EntityId,
    medium: Medium,
) -> Result<bool, CommandError> {
    let Some(notice) = template.notice else { return Ok(true) };
    let settings = commands.record(medium.settings(), person).await?.state.get::<NoticeSettings>();
    Ok(settings.unwrap_or_default().wants(notice))
}

/// Whether staff want no such mail to be sent.
async fn mail_is_off(commands: &Commands, template: &Template) -> Result<bool, CommandError> {
    let Some(Mail { number, .. }) = template.mail else { return Ok(false) };
    let id = commands.vault().id_of(MESSAGE_SETTING.kind.name, number);
    let setting = commands.record(&MESSAGE_SETTING, id).await?.state.get::<MessageSetting>();
    Ok(setting.is_some_and(|setting| !setting.enabled))
}
