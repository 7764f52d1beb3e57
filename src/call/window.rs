//! How much went out within the last minute: a pure sliding window with corrections.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The span over which vendors state their limits.
pub const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
struct Entry {
    ticket: u64,
    at: Instant,
    cost: u64,
}

/// At most `limit` within any minute. A run that stays below the limit never waits; unlike a bucket that
/// refills, no minute ever holds more than the limit either.
#[derive(Debug)]
pub struct Window {
    limit: u64,
    entries: VecDeque<Entry>,
    sum: u64,
    next: u64,
}

impl Window {
    /// A window with nothing in it.
    pub fn new(limit: u32) -> Self {
        Self { limit: u64::from(limit), entries: VecDeque::new(), sum: 0, next: 0 }
    }

    /// When `cost` fits: `None` for at once. What is above the limit by itself fits an empty window.
    pub fn ready_at(&mut self, now: Instant, cost: u64) -> Option<Instant> {
        while let Some(entry) = self.entries.front().filter(|entry| entry.at + MINUTE <= now) {
            self.sum = self.sum.saturating_sub(entry.cost);
            self.entries.pop_front();
        }
        let mut left = self.sum;
        let mut ready = None;
        for entry in &self.entries {
            if left == 0 || left.saturating_add(cost) <= self.limit {
                break;
            }
            left = left.saturating_sub(entry.cost);
            ready = Some(entry.at + MINUTE);
        }
        ready
    }

    /// Takes `cost` out of the minute that starts now; the ticket is for [`Window::settle`].
    pub fn take(&mut self, now: Instant, cost: u64) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.sum = self.sum.saturating_add(cost);
        self.entries.push_back(Entry { ticket, at: now, cost });
        ticket
    }

    /// Replaces the estimate of a ticket by what it really cost. A ticket that left the window is forgotten.
    pub fn settle(&mut self, ticket: u64, actual: u64) {
        if let Ok(found) = self.entries.binary_search_by_key(&ticket, |entry| entry.ticket) {
            let entry = &mut self.entries[found];
            self.sum = self.sum.saturating_sub(entry.cost).saturating_add(actual);
            entry.cost = actual;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_holds_more_than_the_limit() {
        let start = Instant::now();
        let second = |n| start + Duration::from_secs(n);
        let mut window = Window::new(3);
        for n in 0..3 {
            assert_eq!(window.ready_at(second(n), 1), None);
            window.take(second(n), 1);
        }
        assert_eq!(window.ready_at(second(3), 1), Some(second(60)));
        assert_eq!(window.ready_at(second(3), 2), Some(second(61)));
        assert_eq!(window.ready_at(second(60), 1), None);
        window.take(second(60), 1);
        assert_eq!(window.ready_at(second(60), 1), Some(second(61)));
    }

    #[test]
    fn a_refund_makes_room_and_a_surcharge_takes_it() {
        let now = Instant::now();
        let mut window = Window::new(1_000);
        let ticket = window.take(now, 900);
        assert_eq!(window.ready_at(now, 500), Some(now + MINUTE));
        window.settle(ticket, 100);
        assert_eq!(window.ready_at(now, 500), None);
        window.settle(ticket, 2_000);
        assert_eq!(window.ready_at(now, 1), Some(now + MINUTE));
        window.settle(ticket + 7, 0);
        assert_eq!(window.ready_at(now, 1), Some(now + MINUTE));
    }

    #[test]
    fn what_is_above_the_limit_alone_goes_when_nothing_else_is_there() {
        let now = Instant::now();
        let mut window = Window::new(10);
        assert_eq!(window.ready_at(now, 50), None);
        window.take(now, 50);
        assert_eq!(window.ready_at(now, 50), Some(now + MINUTE));
        assert_eq!(window.ready_at(now + MINUTE, 50), None);
    }
}
