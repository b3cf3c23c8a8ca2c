//! Rentals' queries, by what they are about.

mod health;
mod pages;
mod postman;

use caravan_wire::Routes;
use caravan_wire::rentals::DIALECT;

use crate::Read;

/// The services that have default pages.
const SERVICES: [&str; 7] =
    ["auth", "messaging", "propertycatalog", "bookingmanagement", "reviewsystem", "platformadmin", "agenthub"];

pub(crate) fn routes() -> Routes<Read> {
    SERVICES.iter().fold(Routes::new(&DIALECT), |routes, service| {
        let page = |name: &str| format!("{service}-{name}");
        routes
            .public(&page("api-face"), pages::operations)
            .public(&page("swagger"), pages::reference)
            .public(&page("favicon"), pages::icon)
            .public(&page("get-postman-collection"), postman::collection)
            .public(&page("health"), health::health)
            .public(&page("admin-health"), health::admin_health)
    })
}
