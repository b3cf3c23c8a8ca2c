//! A six-digit code, to the contact that it proves or that a login is known by.

use caravan_domain::identity::code::CODE_LIFE;
use caravan_domain::identity::{Account, AccountEvent, CodeIssued, CodePurpose, SignUp, SignUpEvent};
use caravan_event_store::following::FollowError;
use futures::FutureExt;

use super::super::composing::{Composed, Composing, Reached};
use super::super::reach::Reach;
use super::super::words::Values;
use super::super::{Demand, Mail, Template};
use crate::CommandError;
use crate::processes::reaction::Reaction;

pub const SIGN_UP: Template = Template { compose: |it| of_sign_up(it).boxed(), ..named("sign-up-code", Some(1)) };
pub const LOGIN: Template = named("login-code", None);
pub const PASSWORD_RESET: Template = named("password-reset-code", Some(2));
pub const PHONE_CHANGE: Template = named("phone-code", None);
pub const EMAIL_CHANGE: Template = named("email-code", Some(3));

const fn named(name: &'static str, setting: Option<u64>) -> Template {
    let mail = match setting {
        Some(number) => Some(Mail { number, recipient: "User" }),
        None => None,
    };
    Template { name, words: include_str!("code.txt"), mail, notice: None, compose: |it| of_account(it).boxed() }
}

pub async fn demand_of_sign_up(reaction: Reaction<'_>, event: SignUpEvent) -> Result<(), FollowError> {
    let SignUpEvent::CodeIssued(code) = event else { return Err(reaction.misled()) };
    demand(reaction, &code).await
}

pub async fn demand_of_account(reaction: Reaction<'_>, event: AccountEvent) -> Result<(), FollowError> {
    let AccountEvent::CodeIssued(code) = event else { return Err(reaction.misled()) };
    demand(reaction, &code).await
}

async fn demand(mut reaction: Reaction<'_>, code: &CodeIssued) -> Result<(), FollowError> {
    let template = match code.purpose {
        CodePurpose::SignUp => SIGN_UP,
        CodePurpose::Login => LOGIN,
        CodePurpose::PasswordReset => PASSWORD_RESET,
        CodePurpose::PhoneChange => PHONE_CHANGE,
        CodePurpose::EmailChange => EMAIL_CHANGE,
    };
    let demand = Demand { expires_at: code.expires_at, ..Demand::of(&reaction, code.to.subject) };
    template.demand(&mut reaction, demand).await
}

async fn of_sign_up(composing: &Composing<'_>) -> Result<Option<Composed>, CommandError> {
    let SignUpEvent::CodeIssued(code) = composing.event::<SignUp>()? else { return Ok(None) };
    compose(composing, &code).await
}

async fn of_account(composing: &Composing<'_>) -> Result<Option<Composed>, CommandError> {
    let AccountEvent::CodeIssued(code) = composing.event::<Account>()? else { return Ok(None) };
    compose(composing, &code).await
}

async fn compose(composing: &Composing<'_>, code: &CodeIssued) -> Result<Option<Composed>, CommandError> {
    let reach = Reach::of_code(composing.commands, composing.template, code.channel, &code.to).await?;
    let to = Reached { person: code.to.subject, reach, has_account: false };
    let values = values(code.purpose, &composing.commands.vault().code(code.nonce));
    Ok(Some(Composed { to, values, named: None, limited: None, written: None }))
}

pub fn values(purpose: CodePurpose, code: &str) -> Values {
    let (name, does) = match purpose {
        CodePurpose::SignUp => ("sign-up", "confirms your sign-up"),
        CodePurpose::PhoneChange => ("phone verification", "verifies your phone number"),
        CodePurpose::EmailChange => ("address verification", "verifies your email address"),
        CodePurpose::PasswordReset => ("password reset", "resets your password"),
        CodePurpose::Login => ("login", "completes your login"),
    };
    Values::default().ours("code", code).ours("name", name).ours("does", does).ours("minutes", CODE_LIFE.num_minutes())
}
