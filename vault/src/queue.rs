//! The queue for hashing passwords, which takes a core and 19 MiB each: bounded, and in two lines, so that nobody who
//! floods it with sign-ups keeps those with an account from logging in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::VaultError;

/// How many passwords are hashed at a time, one of them a newcomer's at most: so half of the work is always open to
/// others.
const AT_ONCE: usize = 2;
/// How many may wait in both lines together.
const WAITING: usize = 64;
/// How many do, as a metric.
const WAITING_NOW: &str = "caravan_passwords_waiting";
/// How many of them may be newcomers.
const WAITING_NEWCOMERS: usize = 32;

/// Where somebody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Whoever has an account, or says so.
    SignedUp,
    /// Whoever signs up: served while nobody else waits.
    Newcomers,
}

/// Clones are one queue.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Mutex<Waiting>>);

struct Waiting {
    free: usize,
    newcomer_at_work: bool,
    signed_up: VecDeque<oneshot::Sender<Turn>>,
    newcomers: VecDeque<oneshot::Sender<Turn>>,
}

/// Somebody's turn, until it is dropped.
pub(crate) struct Turn {
    queue: Queue,
    line: Line,
}

impl Queue {
    pub(crate) fn new() -> Self {
        metrics::describe_gauge!(
            WAITING_NOW,
            "Passwords that wait to be hashed or verified; beyond 64 requests get 503"
        );
        metrics::gauge!(WAITING_NOW).set(0);
        Queue(Arc::new(Mutex::new(Waiting {
            free: AT_ONCE,
            newcomer_at_work: false,
            signed_up: VecDeque::new(),
            newcomers: VecDeque::new(),
        })))
    }

    /// Waits for a turn; [`VaultError::Overloaded`] at once where too many wait already.
    pub(crate) async fn turn(&self, line: Line) -> Result<Turn, VaultError> {
        let place = self.waiting().enter(line)?;
        match place {
            None => Ok(Turn { queue: self.clone(), line }),
            // A turn is never dropped unsent while somebody waits for it.
            Some(place) => place.await.map_err(|error| VaultError::Unavailable(Box::new(error))),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No holder leaves the lines half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// A place in a line, or none where it is one's turn at once.
    fn enter(&mut self, line: Line) -> Result<Option<oneshot::Receiver<Turn>>, VaultError> {
        if self.free > 0 && !(line == Line::Newcomers && self.newcomer_at_work) {
            self.begin(line);
            return Ok(None);
        }
        // Those who no longer wait hold no place.
        self.signed_up.retain(|place| !place.is_closed());
        self.newcomers.retain(|place| !place.is_closed());
        let full = self.signed_up.len() + self.newcomers.len() >= WAITING
            || (line == Line::Newcomers && self.newcomers.len() >= WAITING_NEWCOMERS);
        if full {
            return Err(VaultError::Overloaded);
        }
        let (sender, receiver) = oneshot::channel();
        match line {
            Line::SignedUp => self.signed_up.push_back(sender),
            Line::Newcomers => self.newcomers.push_back(sender),
        }
        self.measure();
        Ok(Some(receiver))
    }

    fn measure(&self) {
        metrics::gauge!(WAITING_NOW).set((self.signed_up.len() + self.newcomers.len()) as f64);
    }

    fn begin(&mut self, line: Line) {
        self.free -= 1;
        self.newcomer_at_work |= line == Line::Newcomers;
    }

    /// A turn ends; whose is next?
    fn end(&mut self, line: Line) -> Option<(Line, oneshot::Sender<Turn>)> {
        self.free += 1;
        self.newcomer_at_work &= line != Line::Newcomers;
        let next = match self.signed_up.pop_front() {
            Some(place) => Some((Line::SignedUp, place)),
            None if self.newcomer_at_work => None,
            None => self.newcomers.pop_front().map(|place| (Line::Newcomers, place)),
        };
        if let Some((line, _)) = &next {
            self.begin(*line);
        }
        self.measure();
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = self.queue.waiting().end(self.line);
        if let Some((line, place)) = next {
            // Whoever no longer waits gives the turn back, which is dropped and thereby handed on.
            let _ = place.send(Turn { queue: self.queue.clone(), line });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue whose turns are all taken.
    async fn busy() -> (Queue, Vec<Turn>) {
        let queue = Queue::new();
        let mut taken = vec![];
        for _ in 0..AT_ONCE {
            taken.push(queue.turn(Line::SignedUp).await.unwrap());
        }
        (queue, taken)
    }

    /// The places of those who get in, out of `wanted`.
    fn enter(queue: &Queue, line: Line, wanted: usize) -> Vec<oneshot::Receiver<Turn>> {
        let mut waiting = queue.waiting();
        (0..wanted).filter_map(|_| waiting.enter(line).ok()).map(|place| place.expect("nothing is free")).collect()
    }

    #[tokio::test]
    async fn sixty_four_wait_and_half_of_them_are_newcomers_at_most() {
        let (queue, _taken) = busy().await;
        let newcomers = enter(&queue, Line::Newcomers, 100);
        let others = enter(&queue, Line::SignedUp, 100);
        assert_eq!((newcomers.len(), others.len()), (32, 32));
        assert!(matches!(queue.turn(Line::SignedUp).await, Err(VaultError::Overloaded)));
        // Whoever no longer waits leaves the place to another.
        drop(newcomers);
        let more = enter(&queue, Line::SignedUp, 100);
        assert_eq!(more.len(), 32);
        assert_eq!(enter(&queue, Line::Newcomers, 100).len(), 0, "all places are taken");
        drop(others);
    }

    #[tokio::test]
    async fn whoever_has_an_account_passes_newcomers() {
        let (queue, mut taken) = busy().await;
        let mut newcomer = enter(&queue, Line::Newcomers, 1).remove(0);
        let gone = enter(&queue, Line::SignedUp, 1);
        let mut other = enter(&queue, Line::SignedUp, 1).remove(0);
        drop(gone);
        taken.pop();
        assert!(newcomer.try_recv().is_err(), "came first, and waits");
        let turn = other.try_recv().unwrap();
        drop(turn);
        drop(newcomer.try_recv().unwrap());
        taken.clear();
        assert_eq!(queue.waiting().free, AT_ONCE);
    }

    #[tokio::test]
    async fn newcomers_leave_a_turn_to_others() {
        let queue = Queue::new();
        let first = queue.turn(Line::Newcomers).await.unwrap();
        let mut second = enter(&queue, Line::Newcomers, 1).remove(0);
        drop(queue.turn(Line::SignedUp).await.unwrap());
        assert!(second.try_recv().is_err(), "one newcomer at a time");
        drop(first);
        drop(second.try_recv().unwrap());
        assert_eq!(queue.waiting().free, AT_ONCE);
    }
}
