//! From announcements to the catalogue: matched, and put.
//!
//! Records are taken in portions. Of each portion first the places and performers that its events name are put, each
//! once, then the events; within a step many are on their way at once, since the store batches what comes together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use caravan_commands::catalogue::{self, Put};
use caravan_commands::{Asking, Caller, CommandError, Commands};
use caravan_domain::Decider;
use caravan_domain::catalogue::event::{Details, Event, EventCommand, EventState, Location, Organizer};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::announcement::{self, AnnouncedOrganizer, Spot};
use crate::fault::Fault;
use crate::ids::{self, Ids, Sightings};
use crate::input::Input;
use crate::matching::{Matching, Sound};
use crate::places::{Places, TOGETHER};
use crate::reading::Format;
use crate::report::Report;

/// Records per portion.
const PORTION: usize = 512;

pub struct Intake<'i> {
    pub commands: &'i Commands,
    pub matching: Matching<'i>,
    pub now: DateTime<Utc>,
    /// Whether nothing is written.
    pub is_rehearsal: bool,
}

/// What was put about an event: nothing where the catalogue's rules refused it.
type Taken = (Spot, Vec<Fault>, Result<Put, Fault>);

/// Records as they come from their reader.
struct Records {
    records: Receiver<(Spot, announcement::Record)>,
    reading: JoinHandle<Result<()>>,
    /// Bytes read.
    read: Arc<AtomicU64>,
}

impl<'i> Intake<'i> {
    /// Takes the records of a file, which is read twice: ids are gathered before anything is put. An error means that
    /// not all of it could be read or written; what went in stays.
    pub async fn take(&self, format: Format, input: &Input, report: &mut dyn Report) -> Result<()> {
        let ids = self.gather(format, input, report).await?;
        let mut records = Records::of(format, input)?;
        let taken = self.take_all(&mut records.records, &ids, &records.read, report).await;
        taken.context("the catalogue cannot be written; what went in stays, start again to go on")?;
        records.reading.await?.context("cannot be read to its end")
    }

    /// Goes through all records for their ids. Where the reader fails, it will fail again.
    async fn gather(&self, format: Format, input: &Input, report: &mut dyn Report) -> Result<Ids> {
        let mut records = Records::of(format, input)?;
        let mut sightings = Sightings::default();
        let mut portion = vec![];
        let mut ordinals = 0..;
        while next_portion(&mut records.records, &mut portion).await {
            for ((spot, record), ordinal) in portion.drain(..).zip(&mut ordinals) {
                let Ok(sound) = record.and_then(|announcement| self.matching.check(spot, ordinal, announcement)) else {
                    continue;
                };
                sightings.push(sound.sighting());
            }
            report.read(records.read.load(Ordering::Relaxed));
        }
        Ok(Ids::of(sightings))
    }

    async fn take_all(
        &self,
        records: &mut Receiver<(Spot, announcement::Record)>,
        ids: &Ids,
        read: &AtomicU64,
        report: &mut dyn Report,
    ) -> Result<()> {
        let mut places = Places::new(self.commands, self.matching.gazetteer, self.now);
        let mut portion = vec![];
        let mut ordinals = 0..;
        while next_portion(records, &mut portion).await {
            let mut sound = vec![];
            for ((spot, record), ordinal) in portion.drain(..).zip(&mut ordinals) {
                let record = record.and_then(|announcement| self.matching.check(spot, ordinal, announcement));
                match record.and_then(|record| record.counts(ids)) {
                    Ok(record) => sound.push(record),
                    Err(fault) => report.skipped(spot, &fault),
                }
            }
            let known = self.known_ids(&sound).await?;
            if self.is_rehearsal {
                sound.iter().zip(known).for_each(|(record, known)| self.rehearse(record, known, report));
            } else {
                let named = sound.into_iter().zip(known).map(|(record, known)| record.named(ids, known)).collect();
                self.put(named, &mut places, report).await?;
            }
            report.read(read.load(Ordering::Relaxed));
        }
        Ok(())
    }

    async fn put(&self, sound: Vec<Sound<'i>>, places: &mut Places<'i>, report: &mut dyn Report) -> Result<()> {
        places.put(&sound).await?;
        let places = &*places;
        let puts = futures::stream::iter(sound).map(|record| self.put_event(record, places)).buffered(TOGETHER);
        let mut puts = std::pin::pin!(puts);
        // Told one by one, so that an interrupt finds the counts right.
        while let Some((spot, left_out, outcome)) = puts.try_next().await? {
            match outcome {
                Ok(put) => {
                    report.took(put.outcome);
                    left_out.iter().for_each(|fault| report.left_out(spot, fault));
                }
                Err(fault) => report.skipped(spot, &fault),
            }
        }
        Ok(())
    }

    /// What the catalogue has about the ids of records.
    async fn known_ids(&self, sound: &[Sound<'i>]) -> Result<Vec<ids::Known>> {
        let known = sound.iter().map(|record| async move {
            // An id that was made for the record holds its date.
            if record.announcement.source_id.is_none() && !self.is_rehearsal {
                return Ok(ids::Known::default());
            }
            let alone = catalogue::event_start(self.commands, &record.origin).await?;
            let dated = alone != Some(record.schedule.starts_at)
                && catalogue::event_start(self.commands, &record.dated).await?.is_some();
            anyhow::Ok(ids::Known { alone, dated })
        });
        futures::stream::iter(known.collect::<Vec<_>>()).buffered(TOGETHER).try_collect().await
    }

    async fn put_event(&self, record: Sound<'i>, places: &Places<'i>) -> Result<Taken, CommandError> {
        let location = places.location(&record);
        let Sound { spot, announcement, origin, schedule, .. } = record;
        let name = announcement.name.clone();
        let details = Details {
            schedule,
            location,
            performers: places.performers(&announcement.performers),
            category: announcement.category,
            offers: announcement.offers,
            organizer: self.organizer(&origin.source, announcement.organizer).await?,
            name: announcement.name,
        };
        match catalogue::put_event(&self.asking(), origin, details, announcement.cancelled).await {
            Ok(put) => Ok((spot, announcement.notes, Ok(put))),
            Err(CommandError::Rejected(rejection)) => {
                Ok((spot, vec![], Err(Fault::new(rejection.to_string()).of(&name))))
            }
            Err(error) => Err(error),
        }
    }

    async fn organizer(
        &self,
        source: &str,
        organizer: Option<AnnouncedOrganizer>,
    ) -> Result<Option<Organizer>, CommandError> {
        match organizer {
            None => Ok(None),
            Some(AnnouncedOrganizer { name, is_person: false }) => Ok(Some(Organizer::Organisation(name))),
            Some(AnnouncedOrganizer { name, is_person: true }) => {
                catalogue::organizing_person(self.commands, source, &name).await
            }
        }
    }

    /// Tells what would become of the record.
    fn rehearse(&self, record: &Sound<'i>, known: ids::Known, report: &mut dyn Report) {
        let details = Details {
            name: record.announcement.name.clone(),
            schedule: record.schedule.clone(),
            location: Location { place: record.announcement.location.place, ..Location::default() },
            performers: vec![],
            category: record.announcement.category.clone(),
            offers: record.announcement.offers.clone(),
            organizer: None,
        };
        let put = EventCommand::Put { origin: record.origin.clone(), details: Box::new(details) };
        match Event::decide(&EventState::Unknown, put, &self.asking().caller().context()) {
            Ok(_) => {
                report.would_take(known.dated || known.alone.is_some());
                record.announcement.notes.iter().for_each(|fault| report.left_out(record.spot, fault));
            }
            Err(rejection) => {
                report.skipped(record.spot, &Fault::new(rejection.to_string()).of(&record.announcement.name));
            }
        }
    }

    fn asking(&self) -> Asking {
        self.commands.asked_by(Caller::system(self.now, Uuid::new_v4()))
    }
}

impl Records {
    /// Reads an input from its beginning, on a thread of its own.
    fn of(format: Format, input: &Input) -> Result<Records> {
        const READ_AHEAD: usize = 256;
        let (sender, records) = channel(READ_AHEAD);
        let read = Arc::new(AtomicU64::new(0));
        let input = input.read(read.clone())?;
        let reading = tokio::task::spawn_blocking(move || {
            format.read(input, &mut |spot, record| sender.blocking_send((spot, record)).is_ok())
        });
        Ok(Records { records, reading, read })
    }
}

/// Always as many as there are, up to a portion, so that the same file is told of in the same order.
async fn next_portion<T>(records: &mut Receiver<T>, portion: &mut Vec<T>) -> bool {
    while portion.len() < PORTION && records.recv_many(portion, PORTION - portion.len()).await > 0 {}
    !portion.is_empty()
}
