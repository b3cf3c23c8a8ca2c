//! Rentals' commands, by what they are about.

mod sessions;

use caravan_wire::Routes;
use caravan_wire::rentals::DIALECT;

use crate::{Write, exposed};

pub(crate) fn routes() -> Routes<Write> {
    let routes = Routes::new(&DIALECT)
        .public("login", sessions::log_in)
        .welcome("logout", sessions::log_out)
        .on("relogin", sessions::relogin);
    exposed::serve(routes, &DIALECT)
}
