//! How a run is asked to end: calls that were not sent yet are not sent, and nothing waits for its turn any more.

use std::future::Future;
use tokio::sync::watch;

/// What was asked for so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// Send nothing more; wait for the replies to what was sent, and keep them.
    Drain,
    /// Drop what is under way too.
    Abandon,
}

/// Asks a run to stop. Clones ask the same run.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<Asked>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(Asked::Nothing))
    }
}

impl Stop {
    /// Asks it to send nothing more.
    pub fn request(&self) {
        self.0.send_if_modified(|asked| {
            let first = *asked == Asked::Nothing;
            if first {
                *asked = Asked::Drain;
            }
            first
        });
    }

    /// Asks it to end at once, with what has finished.
    pub fn abandon(&self) {
        self.0.send_replace(Asked::Abandon);
    }

    /// What was asked for so far.
    pub fn asked(&self) -> Asked {
        *self.0.borrow()
    }

    /// Whether anything was.
    pub fn is_asked(&self) -> bool {
        self.asked() != Asked::Nothing
    }

    /// Hears of it.
    pub fn subscribe(&self) -> watch::Receiver<Asked> {
        self.0.subscribe()
    }

    /// What `wait` brings; `None` as soon as the run is asked to stop. For waiting alone: what has been sent is not
    /// to be dropped.
    pub async fn unless<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        if self.is_asked() {
            return None;
        }
        let mut heard = self.subscribe();
        tokio::select! {
            biased;
            // A turn that comes together with the stop is not taken.
            done = wait => (!self.is_asked()).then_some(done),
            _ = heard.wait_for(|asked| *asked != Asked::Nothing) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_when_a_stop_is_asked_for_and_does_not_begin_afterwards() {
        let stop = Stop::default();
        assert_eq!(stop.unless(async { 1 }).await, Some(1));
        let other = stop.clone();
        let waiting = tokio::spawn(async move { other.unless(std::future::pending::<()>()).await });
        stop.request();
        assert_eq!(waiting.await.expect("it ended"), None);
        assert_eq!(stop.unless(async { 1 }).await, None);
        let stop = Stop::default();
        let turn = stop.unless(async {
            stop.request();
            1
        });
        assert_eq!(turn.await, None, "a turn that comes together with the stop");
    }

    #[test]
    fn a_request_takes_no_abandonment_back() {
        let stop = Stop::default();
        stop.abandon();
        stop.request();
        assert_eq!(stop.asked(), Asked::Abandon);
    }
}
