//! The conductor: keeps enough trials in flight, lets their records leave in plan order, and drains when it is
//! asked to stop.

use super::events::{Ending, Reporter};
use super::order::Reorder;
use super::shared::Shared;
use super::trial;
use crate::call::{Asked, Stop};
use crate::domain::{Error, Result, TrialRecord};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Finished records that may wait for a slower one before them: bounds memory, and is far more than a call of
/// ordinary slowness lets others overtake.
const MAX_AHEAD: usize = 4096;

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
    let mut stopping = stop.subscribe();
    let window = shared.window();
    let places = shared.plan.places().map(|(gate, case, trial)| trial::Place { gate, case, trial });
    let mut trials = places.skip(skip).enumerate().peekable();
    let mut flight: JoinSet<(usize, Result<Option<TrialRecord>>)> = JoinSet::new();
    let mut reorder = Reorder::default();
    let mut left = false;
    loop {
        let asked = *stopping.borrow_and_update();
        if asked == Asked::Abandon {
            return Ok(if flight.is_empty() && trials.peek().is_none() && !left {
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
        let Some(record) = record? else {
            left = true;
            continue;
        };
        reporter.arrived(&record);
        for record in reorder.push(ordinal, record) {
            reporter.trial(&record)?;
        }
    }
    // What waits for a trial that was left goes with it: its record would stand in the wrong place. Its replies are
    // stored.
    Ok(if left || trials.peek().is_some() { Ending::Interrupted } else { Ending::Complete })
}
