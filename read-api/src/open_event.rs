//! Open-event's queries: what follows from its exposures.

use caravan_wire::Routes;
use caravan_wire::open_event::DIALECT;

use crate::{Read, exposed};

pub(crate) fn routes() -> Routes<Read> {
    exposed::serve(Routes::new(&DIALECT), &DIALECT)
}
