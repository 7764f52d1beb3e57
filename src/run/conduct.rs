//! The conductor: keeps enough trials in flight, lets their records leave in plan order, and drains when it is
//! asked to stop.

use super::events::{Ending, Reporter};
use super::order::Reorder;
use super::trial::{self, Shared};
use crate::domain::{Error, Result, TrialRecord};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Finished records that may wait for a slower one before them: bounds memory, and is far more than a call of
/// ordinary slowness lets others overtake.
const MAX_AHEAD: usize = 4096;

/// Asks a run to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<Asked>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Nothing,
    /// Start nothing more, finish what is under way, and keep it.
    Drain,
    /// Drop what is under way too.
    Abandon,
}

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(Asked::Nothing))
    }
}

impl Stop {
    /// Asks it to start nothing more; it finishes what is under way, and keeps it.
    pub fn request(&self) {
        self.0.send_replace(Asked::Drain);
    }

    /// Asks it to end at once, with what has finished.
    pub fn abandon(&self) {
        self.0.send_replace(Asked::Abandon);
    }
}

/// Runs every trial of the plan after the first `skip`, which an earlier part of the same run has finished.
///
/// # Errors
/// An input error that only a trial could find, or a record that could not be kept. Failures of providers and
/// judges are grades, not errors.
pub async fn conduct(
    shared: Arc<Shared>,
    skip: usize,
    stop: &Stop,
    reporter: &mut (dyn Reporter + Send),
) -> Result<Ending> {
    let mut stopping = stop.0.subscribe();
    let window = shared.window();
    let mut trials = ordinals(&shared).skip(skip).enumerate().peekable();
    let mut flight: JoinSet<(usize, Result<TrialRecord>)> = JoinSet::new();
    let mut reorder = Reorder::default();
    loop {
        let asked = *stopping.borrow_and_update();
        if asked == Asked::Abandon {
            // What waits for a trial before it is left to the next run: its record would stand in the wrong place.
            return Ok(if flight.is_empty() && trials.peek().is_none() {
                Ending::Complete
            } else {
                Ending::Interrupted
            });
        }
        let stopped = asked == Asked::Drain;
        while !stopped && flight.len() < window {
            let Some((ordinal, _)) = trials.peek() else { break };
            if *ordinal > reorder.next() + MAX_AHEAD {
                break;
            }
            let Some((ordinal, place)) = trials.next() else { break };
            let shared = Arc::clone(&shared);
            flight.spawn(async move { (ordinal, trial::run(&shared, place).await) });
        }
        let finished = tokio::select! {
            finished = flight.join_next() => finished,
            changed = stopping.changed() => {
                // Whoever could ask for a stop is gone: nobody will.
                if changed.is_err() { flight.join_next().await } else { continue }
            }
        };
        let Some(finished) = finished else { break };
        let (ordinal, record) = finished.map_err(|error| Error::storage("a trial broke off", error))?;
        let record = record?;
        reporter.arrived(&record);
        for record in reorder.push(ordinal, record) {
            reporter.trial(&record)?;
        }
    }
    let ending = if trials.peek().is_none() { Ending::Complete } else { Ending::Interrupted };
    for record in reorder.rest() {
        reporter.trial(&record)?;
    }
    Ok(ending)
}

/// Every trial in plan order: gate by gate, case by case.
fn ordinals(shared: &Arc<Shared>) -> impl Iterator<Item = trial::Place> + Send + 'static {
    let shared = Arc::clone(shared);
    (0..shared.plan.gates.len()).flat_map(move |gate| {
        let (cases, trials) = (shared.plan.gates[gate].cases.len(), shared.plan.gates[gate].trials);
        (0..cases).flat_map(move |case| (0..trials).map(move |trial| trial::Place { gate, case, trial }))
    })
}
