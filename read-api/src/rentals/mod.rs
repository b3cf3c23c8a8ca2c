//! Rentals' queries, by what they are about.

mod health;
mod index;
mod pages;
mod postman;
mod sessions;
mod users;

use caravan_wire::Routes;
use caravan_wire::rentals::DIALECT;

use crate::{Read, exposed};

/// The services that have pages of their own and know who calls them.
const SERVICES: [&str; 7] =
    ["auth", "messaging", "propertycatalog", "bookingmanagement", "reviewsystem", "platformadmin", "agenthub"];

pub(crate) fn routes() -> Routes<Read> {
    let routes = Routes::new(&DIALECT)
        .public("publickey", sessions::public_key)
        .opened("list-users", users::users)
        .opened("search-users", users::search)
        .public("get-brief-user", users::brief)
        .on("bff-index-list-records-get", index::records)
        .on("bff-index-list-records-post", index::records)
        .on("bff-index-count-records-get", index::count)
        .on("bff-index-count-records-post", index::count)
        .on("bff-index-get-index-schema", index::schema)
        .on("bff-index-get-one-record", index::record)
        .on("bff-index-list-filters", index::stored_filters);
    let routes = SERVICES.iter().fold(routes, |routes, service| {
        let of = |name: &str| format!("{service}-{name}");
        routes
            .public(&of("api-face"), pages::operations)
            .public(&of("swagger"), pages::reference)
            .public(&of("favicon"), pages::icon)
            .public(&of("get-postman-collection"), postman::collection)
            .public(&of("health"), health::health)
            .public(&of("admin-health"), health::admin_health)
            .on(&of("currentuser"), sessions::current_user)
            .on(&of("permissions"), sessions::permissions)
            .on(&of("permission-scope-check"), sessions::permission)
    });
    exposed::serve(routes, &DIALECT)
}
