//! Rentals' commands, by what they are about.

mod filters;
mod sessions;

use caravan_wire::Routes;
use caravan_wire::rentals::DIALECT;

use crate::{Write, exposed};

pub(crate) fn routes() -> Routes<Write> {
    let routes = Routes::new(&DIALECT)
        .public("login", sessions::log_in)
        .welcome("logout", sessions::log_out)
        .on("relogin", sessions::relogin)
        .on("bff-index-create-filter", filters::store)
        .on("bff-index-delete-filter", filters::remove);
    exposed::serve(routes, &DIALECT)
}
