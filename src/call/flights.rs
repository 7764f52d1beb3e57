//! Requests under way: of two that are the same, one is made and the other waits for it.

use crate::domain::Digest;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

type Turn = Arc<tokio::sync::Mutex<()>>;

/// The requests that are under way, by key.
#[derive(Debug, Default)]
pub struct Flights(Mutex<FxHashMap<Digest, Turn>>);

/// The right to make one request. Dropping it, however that comes, lets the next in line try.
#[derive(Debug)]
pub struct Flight<'a> {
    flights: &'a Flights,
    key: Digest,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Flights {
    /// Waits until nobody else makes this request. What the one before brought is stored by then; where it failed,
    /// those who waited try one after the other.
    pub async fn enter(&self, key: Digest) -> Flight<'_> {
        // Made before waiting, so that whoever is dropped while it waits leaves nothing behind either.
        let mut flight = Flight { flights: self, key, turn: None };
        let turn = Arc::clone(self.map().entry(key).or_default());
        flight.turn = Some(turn.lock_owned().await);
        flight
    }

    fn map(&self) -> MutexGuard<'_, FxHashMap<Digest, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut map = self.flights.map();
        self.turn = None;
        // Those who wait hold the turn as well; the last one takes it away.
        if map.get(&self.key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            map.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(text: &str) -> Digest {
        Digest::of_json(&serde_json::json!(text))
    }

    #[tokio::test]
    async fn one_at_a_time_enters_and_other_keys_do_not_wait() {
        let flights = Flights::default();
        let first = flights.enter(key("a")).await;
        let other = flights.enter(key("b")).await;
        let mut second = Box::pin(flights.enter(key("a")));
        let waits = tokio::time::timeout(Duration::from_millis(20), &mut second).await;
        assert!(waits.is_err(), "two made one request");
        drop(first);
        let second = second.await;
        drop((second, other));
        assert!(flights.map().is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn whoever_is_dropped_while_waiting_blocks_nobody() {
        let flights = Flights::default();
        let first = flights.enter(key("a")).await;
        let mut second = Box::pin(flights.enter(key("a")));
        let mut third = Box::pin(flights.enter(key("a")));
        for waiting in [&mut second, &mut third] {
            assert!(tokio::time::timeout(Duration::from_millis(5), waiting).await.is_err());
        }
        drop(second);
        drop(first);
        let third = tokio::time::timeout(Duration::from_secs(60), third).await.expect("its turn");
        drop(third);
        assert!(flights.map().is_empty(), "nothing is left behind");
    }
}
