//! Open-event's commands: sessions, and what follows from its exposures.

mod sessions;

use caravan_wire::Routes;
use caravan_wire::open_event::DIALECT;

use crate::{Write, exposed};

pub(crate) fn routes() -> Routes<Write> {
    let routes = Routes::new(&DIALECT)
        .public("authenticate-and-generate-token", sessions::log_in)
        .public("access-token-refresh-for-web", sessions::renew)
        .welcome("logout", sessions::log_out)
        .on("generate-fresh-token", sessions::prove_anew)
        .on("api-to-verify-password-of-signed-in-account", sessions::check_password)
        .on("blacklist-tokens", sessions::void);
    exposed::serve(routes, &DIALECT)
}
