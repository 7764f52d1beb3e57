//! The wall clock of a whole run: when it is over, nothing more is asked, and what is under way is given up.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When a run has to be over, and how many trials that cut off.
#[derive(Debug)]
pub struct Deadline {
    allowed: Duration,
    at: Option<Instant>,
    cut: AtomicU64,
}

impl Deadline {
    /// So long from now. A time beyond what the clock can tell never comes.
    pub fn after(allowed: Duration) -> Self {
        Self { allowed, at: Instant::now().checked_add(allowed), cut: AtomicU64::new(0) }
    }

    /// How long the run may take.
    pub fn allowed(&self) -> Duration {
        self.allowed
    }

    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// Trials that have no grade because the time was over.
    pub fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    /// Does `work` as long as there is time; `None` when it was not begun or not finished. Between two points where
    /// it waits, work is never cut: a reply that has arrived is stored.
    pub(super) async fn hold<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self.at {
            _ if self.is_over() => None,
            Some(at) => tokio::time::timeout_at(at.into(), work).await.ok(),
            None => Some(work.await),
        }
    }

    /// Counts a trial that was cut off.
    pub(super) fn cut_one(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_cut_when_the_time_is_over_and_not_begun_afterwards() {
        assert_eq!(Deadline::after(Duration::from_secs(60)).hold(async { 1 }).await, Some(1));
        let deadline = Deadline::after(Duration::from_millis(20));
        assert_eq!(deadline.hold(std::future::pending::<()>()).await, None);
        assert!(deadline.is_over());
        assert_eq!(deadline.hold(async { 1 }).await, None, "begun after the time was over");
    }

    #[tokio::test]
    async fn a_time_beyond_the_clock_never_comes() {
        let deadline = Deadline::after(Duration::MAX);
        assert!(!deadline.is_over());
        assert_eq!(deadline.hold(async { 1 }).await, Some(1));
    }
}
