//! Open-event's commands: what follows from its exposures.

use caravan_wire::Routes;
use caravan_wire::open_event::DIALECT;

use crate::{Write, exposed};

pub(crate) fn routes() -> Routes<Write> {
    exposed::serve(Routes::new(&DIALECT), &DIALECT)
}
