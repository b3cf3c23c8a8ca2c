//! Commands of the groups `users` and `facebook`: signing up, logging in, passwords, phones, profiles.

mod facebook;
mod passwords;
mod phones;
mod profile;
mod sessions;
mod sign_up;

use caravan_commands::CommandError;
use caravan_commands::identity::{LoggedIn, Next, Tokens};
use caravan_domain::EntityId;
use caravan_domain::identity::AccountState;
use caravan_domain::identity::account::Registered;
use caravan_wire::krugo::accounts::{self, Profile, Session};
use caravan_wire::{Answer, Call, Failure, Log, Routes, Stream};

use tracing::Instrument;

use crate::Write;

pub(super) fn routes(routes: Routes<Write>) -> Routes<Write> {
    routes
        .public("signup", sign_up::sign_up)
        .public("signupresend", sign_up::resend)
        .public("signupconfirm", sign_up::confirm)
        .public("login", sessions::log_in)
        .public("loginmfa", sessions::answer_mfa)
        .public("loginnewpassword", sessions::answer_new_password)
        .public("refreshsession", sessions::refresh)
        .on("logout", sessions::log_out)
        .public("facebook", facebook::log_in)
        .public("continue-with-facebook", facebook::log_in)
        .on("facebook-update-phone-number", facebook::update_phone)
        .on("update-phone-number", facebook::update_phone)
        .on("resend-code", facebook::resend_code)
        .on("verify-code", facebook::verify_code)
        .public("forgotpassword", passwords::forgot)
        .public("resetpassword", passwords::reset)
        .on("changepassword", passwords::change)
        .on("editphonenumber", phones::edit)
        .on("verifyphonenumber", phones::verify)
        .on("editprofile", profile::edit)
        .on("enablemfa", profile::switch_mfa)
        .on("update-user-preferences", profile::update_preferences)
}

/// What a command comes to: by default one on the account alone.
type Outcome<O = Stream> = Result<Answer<O>, Failure>;

/// The profile of a registered account.
fn profile(id: EntityId, state: &AccountState) -> Result<Profile, Failure> {
    Ok(Profile::of(id, registered(state)?))
}

fn registered(state: &AccountState) -> Result<&Registered, Failure> {
    state.registered().ok_or_else(|| Failure::not_found("no such account"))
}

/// The session that a login opened, rendered with the profile.
fn with_session(login: &LoggedIn, tokens: &Tokens, shape: fn(&Profile, &Session) -> serde_json::Value) -> Outcome<Log> {
    let profile = profile(login.account, &login.state)?;
    let session = Session {
        access_token: &tokens.access_token,
        id_token: &tokens.id_token,
        refresh_token: &tokens.refresh_token,
        expires_at: tokens.expires_at,
    };
    Ok(Answer::json(shape(&profile, &session)).secret().at(login.position))
}

/// What a login led to: the session in its shape, or what is asked besides.
fn logged_in(login: &LoggedIn, shape: fn(&Profile, &Session) -> serde_json::Value) -> Outcome<Log> {
    match &login.next {
        Next::Session(tokens) => with_session(login, tokens, shape),
        Next::Challenge { challenge, login_session } => {
            let asked = accounts::challenged(login.account, *challenge, login_session);
            Ok(Answer::json(asked).secret().at(login.position))
        }
    }
}

/// Answers `{}` and does what may have to be done apart from that: neither what is answered nor how long it takes tells
/// whether there was anything to do.
fn apart(call: &Call<Write>, work: impl Future<Output = Result<(), CommandError>> + Send + 'static) -> Answer {
    let work = async move {
        if let Err(error) = work.await {
            tracing::error!(error = &error as &dyn std::error::Error, "what was answered already failed");
        }
    };
    call.state.tasks.spawn(work.instrument(tracing::Span::current()));
    Answer::json(serde_json::json!({}))
}

/// The tokens of a login that cannot be asked for more.
fn tokens(login: &LoggedIn) -> Result<&Tokens, Failure> {
    match &login.next {
        Next::Session(tokens) => Ok(tokens),
        Next::Challenge { .. } => Err(Failure::unauthorised("this login needs more")),
    }
}
