//! Trip bookings: a crew's trip to a city with its members, events, tickets and rooms, and who owes whom for them.
//!
//! Rules stand by meaning: `lifecycle`, `members`, `attendance`, `tickets`, `rooms`, `guests`, `costs`.

mod attendance;
mod commands;
mod costs;
mod events;
mod evolve;
mod guests;
mod lifecycle;
mod members;
mod prices;
mod rooms;
mod size;
mod state;
#[cfg(test)]
mod tests;
mod tickets;

pub use commands::{
    AddAccommodation, AddBundle, AddMember, ChangeAccommodation, ChangeBooking, ChangeBundle, ChangeGuest,
    ChangeMember, ChangeRoom, CreateBooking, DetailsChange, MemberChange, NewBooking, NewGuest, NewMember, NewRoom,
    Price, TicketTerms, TripBookingCommand,
};
pub use events::{
    Accommodation, Availability, Bundle, Details, Guest, Purchase, Room, RoomTerms, Terms, Ticket, TripBookingEvent,
    TripBookingEventKind,
};
pub use state::{Attendance, TripBooking, TripBookingState, no_such_booking};

use crate::kind::{day, keyword, keywords};
use crate::{Context, Decider, Kind, Rejection};

/// The rules of trip bookings.
pub enum TripBookings {}

pub const KIND: Kind = Kind::of::<TripBookings>().within("crew", "crew").fields(&[
    keyword("crew"),
    keywords("members"),
    keyword("status"),
    day("end_date"),
]);

type Decision = Result<Vec<TripBookingEvent>, Rejection>;

impl Decider for TripBookings {
    const CATEGORY: &'static str = "trip_booking";
    const FOLD_VERSION: i32 = 4;
    type State = TripBookingState;
    type Command = TripBookingCommand;
    type Event = TripBookingEvent;

    fn decide(state: &TripBookingState, command: TripBookingCommand, context: &Context) -> Decision {
        match state {
            TripBookingState::Unknown => match command {
                TripBookingCommand::Create(create) => lifecycle::create(create, context),
                _ => Err(state::no_such_booking()),
            },
            TripBookingState::Active(booking) => {
                let events = decide_active(booking, command, context)?;
                size::check(booking, &events)?;
                Ok(members::taking_part(booking, events, context))
            }
            TripBookingState::Abandoned(booking) => {
                let events = decide_abandoned(booking, command, context)?;
                Ok(members::taking_part(booking, events, context))
            }
        }
    }

    fn evolve(state: TripBookingState, event: &TripBookingEvent) -> TripBookingState {
        evolve::evolve(state, event)
    }
}

/// An abandoned booking accepts only recover.
fn decide_abandoned(booking: &TripBooking, command: TripBookingCommand, context: &Context) -> Decision {
    match command {
        TripBookingCommand::Create(_) => Err(lifecycle::made_already()),
        TripBookingCommand::ReplaceMember { from, to } => members::replace(booking, from, to, context),
        TripBookingCommand::Recover { crew_id, crew, forced } => {
            lifecycle::recover(booking, crew_id, &crew, forced, context)
        }
        // The shares stay until somebody recovers it, which takes a leader who is in the crew.
        TripBookingCommand::LeaveCrew { person, with_account }
        | TripBookingCommand::PassOn { person, with_account } => {
            crate::trips::by_system(context)?;
            Ok(members::lead_on(booking, person, &with_account).unwrap_or_default())
        }
        TripBookingCommand::AbandonWithCrew => crate::trips::by_system(context).map(|()| vec![]),
        _ => {
            booking.acting_member(context)?;
            Err(Rejection::conflict("booking-abandoned", "this trip booking was abandoned"))
        }
    }
}

fn decide_active(booking: &TripBooking, command: TripBookingCommand, context: &Context) -> Decision {
    use TripBookingCommand as C;
    match command {
        C::Create(_) => Err(lifecycle::made_already()),
        C::Change(change) => lifecycle::change(booking, change, context),
        C::Abandon { crew_id } => lifecycle::abandon(booking, crew_id, context),
        C::AbandonWithCrew => lifecycle::abandon_with_crew(context),
        C::Recover { crew_id, .. } => lifecycle::recovered_already(booking, crew_id, context),
        C::AddMember(add) => members::add(booking, add, context),
        C::ChangeMember(change) => members::change(booking, change, context),
        C::RemoveMember { person, with_account } => members::remove(booking, person, &with_account, context),
        C::RemindMember { person, medium } => members::remind(booking, person, medium, context),
        C::LeaveCrew { person, with_account } => members::leave_crew(booking, person, &with_account, context),
        C::PassOn { person, with_account } => members::pass_on(booking, person, &with_account, context),
        C::ReplaceMember { from, to } => members::replace(booking, from, to, context),
        C::AddEvent { event, attendees } => attendance::add(booking, event, attendees, context),
        C::ChangeAttendees { event, attendees } => attendance::change(booking, event, attendees, context),
        C::RemoveEvent { event } => attendance::remove(booking, event, context),
        C::AddBundle(add) => tickets::add_bundle(booking, add, context),
        C::ChangeBundle(change) => tickets::change_bundle(booking, change, context),
        C::RemoveBundle { bundle } => tickets::remove_bundle(booking, bundle, context),
        C::AddTicket { bundle, ticket } => tickets::add(booking, bundle, ticket, context),
        C::ChangeTicket { bundle, ticket, terms } => tickets::change(booking, bundle, ticket, terms, context),
        C::AssignTicket { bundle, ticket, consumer } => tickets::assign(booking, bundle, ticket, consumer, context),
        C::RemoveTicket { bundle, ticket } => tickets::remove(booking, bundle, ticket, context),
        C::AddAccommodation(add) => rooms::add_accommodation(booking, add, context),
        C::ChangeAccommodation(change) => rooms::change_accommodation(booking, change, context),
        C::RemoveAccommodation { accommodation } => rooms::remove_accommodation(booking, accommodation, context),
        C::AddRoom { accommodation, room } => rooms::add(booking, accommodation, room, context),
        C::ChangeRoom(change) => rooms::change(booking, change, context),
        C::RemoveRoom { accommodation, room } => rooms::remove(booking, accommodation, room, context),
        C::AddGuests { guests } => guests::add(booking, guests, context),
        C::ChangeGuest(change) => guests::change(booking, change, context),
        C::RemoveGuest { room, guest } => guests::remove(booking, room, guest, context),
    }
}

/// Numbers for the children of one decision.
struct Numbers(u32);

impl Numbers {
    fn of(booking: &TripBooking) -> Self {
        Numbers(booking.next_child)
    }

    fn take(&mut self) -> u32 {
        let number = self.0;
        self.0 += 1;
        number
    }
}
