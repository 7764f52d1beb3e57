//! The breaker: a provider that is down, or that refuses the key, is not asked again.

use super::fault::{Cause, Fault};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Calls in a row that ended in failure after their retries, until the breaker opens.
pub const CALLS_IN_A_ROW: u32 = 20;

/// Attempts in a row, of any calls, that reached nobody or were never answered, until it opens for a provider that has
/// answered nothing in this run. With a time limit of two minutes and six retries, whole calls would take half an hour.
pub const SILENT_ATTEMPTS: u32 = 20;

/// Stops the calls of one provider for the rest of the run.
#[derive(Debug, Default)]
pub struct Breaker {
    open: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    first: Option<String>,
    /// Attempts in a row without a word from the provider.
    silent: u32,
    /// Whether a call has ever ended in a reply.
    heard: bool,
    cause: Option<String>,
}

impl Breaker {
    /// Why no call may be made: what the first failure said. `None` while the breaker is closed.
    pub fn cause(&self) -> Option<String> {
        if !self.open.load(Ordering::Acquire) {
            return None;
        }
        self.state().cause.clone()
    }

    /// A call ended in a reply.
    pub fn succeeded(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.first = None;
        state.heard = true;
    }

    /// An attempt failed, whether or not it is tried again. `detail` as for [`Breaker::failed`].
    pub fn attempt_failed(&self, fault: &Fault, detail: impl FnOnce() -> String) {
        let mut state = self.state();
        match fault.cause {
            Cause::Connect | Cause::Timeout => state.silent += 1,
            _ => state.silent = 0,
        }
        if state.cause.is_none() && !state.heard && state.silent >= SILENT_ATTEMPTS {
            self.open(&mut state, detail());
        }
    }

    /// A call ended in failure after its retries. `detail` is shown to people, so it is redacted already.
    pub fn failed(&self, fault: &Fault, detail: &str) {
        let mut state = self.state();
        if state.cause.is_some() {
            return;
        }
        state.failures += 1;
        let first = state.first.get_or_insert_with(|| detail.to_owned()).clone();
        let refused = matches!(fault.cause, Cause::Status { status: 401 | 403, .. });
        if refused || state.failures >= CALLS_IN_A_ROW {
            self.open(&mut state, if refused { detail.to_owned() } else { first });
        }
    }

    fn open(&self, state: &mut State, cause: String) {
        state.cause = Some(cause);
        self.open.store(true, Ordering::Release);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Fault {
        Fault::new(Cause::Status { status, code: None }, "x")
    }

    #[test]
    fn twenty_failures_in_a_row_open_it_with_the_first_cause() {
        let breaker = Breaker::default();
        for call in 0..19 {
            breaker.failed(&status(500), &format!("failure {call}"));
        }
        assert_eq!(breaker.cause(), None);
        breaker.failed(&status(500), "failure 19");
        assert_eq!(breaker.cause().as_deref(), Some("failure 0"));
        breaker.succeeded();
        breaker.failed(&status(401), "later");
        assert_eq!(breaker.cause().as_deref(), Some("failure 0"));
    }

    #[test]
    fn a_success_between_them_starts_the_count_again() {
        let breaker = Breaker::default();
        for call in 0..38 {
            if call == 19 {
                breaker.succeeded();
            }
            breaker.failed(&status(500), "down");
        }
        assert_eq!(breaker.cause(), None);
    }

    #[test]
    fn twenty_attempts_without_a_word_open_it_where_nothing_was_ever_answered() {
        let silent = |breaker: &Breaker, cause: Cause, attempts: u32| {
            for _ in 0..attempts {
                breaker.attempt_failed(&Fault::new(cause.clone(), "x"), || "nobody there".to_owned());
            }
        };
        for cause in [Cause::Timeout, Cause::Connect] {
            let breaker = Breaker::default();
            silent(&breaker, cause.clone(), 19);
            assert_eq!(breaker.cause(), None);
            silent(&breaker, cause, 1);
            assert_eq!(breaker.cause().as_deref(), Some("nobody there"));
        }
        let between = Breaker::default();
        silent(&between, Cause::Timeout, 19);
        silent(&between, Cause::Status { status: 500, code: None }, 1);
        silent(&between, Cause::Timeout, 19);
        assert_eq!(between.cause(), None, "an answer in between, be it a failure");
        let answered = Breaker::default();
        answered.succeeded();
        silent(&answered, Cause::Timeout, 100);
        assert_eq!(answered.cause(), None, "one that answered before is slow, and not away");
    }

    #[test]
    fn one_refused_key_opens_it_at_once() {
        for code in [401, 403] {
            let breaker = Breaker::default();
            breaker.failed(&status(500), "down");
            breaker.failed(&status(code), "bad key");
            assert_eq!(breaker.cause().as_deref(), Some("bad key"), "{code}");
        }
    }
}
