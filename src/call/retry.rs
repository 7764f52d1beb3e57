//! Whether and when to try again: a pure predicate over faults. One owner sleeps.

use super::advice::RetryAfter;
use super::fault::{Cause, Fault};
use std::time::{Duration, SystemTime};

/// How often and how long to wait.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Backoff {
    /// Most retries of one call.
    pub retries: u32,
    /// The first wait; each further one is twice as long.
    pub first: Duration,
    /// No own wait is longer.
    pub ceiling: Duration,
}

impl Backoff {
    /// From 0.5 s to 8 s, as the vendors' own clients wait.
    pub fn new(retries: u32) -> Self {
        Self { retries, first: Duration::from_millis(500), ceiling: Duration::from_secs(8) }
    }
}

/// A provider that wants to be left alone for longer than this is asked again after our own wait instead.
pub const LONGEST_ADVICE: Duration = Duration::from_secs(60);

/// Why a call is tried again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RetryReason {
    /// 429: too many requests or tokens.
    RateLimited,
    /// 503 or 529: the provider has no room.
    Overloaded,
    /// Any other 5xx.
    ServerError,
    /// 408: the provider gave up waiting.
    RequestTimeout,
    /// 409: a lock at the provider.
    Conflict,
    /// `x-should-retry: true`.
    Asked,
    /// No connection.
    Connection,
    /// No answer in time.
    Timeout,
    /// The connection ended before the response did.
    Cut,
    /// A body of success that holds no reply.
    Undecodable,
}

impl RetryReason {
    /// The word for it in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::RequestTimeout => "request_timeout",
            Self::Conflict => "conflict",
            Self::Asked => "asked",
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Cut => "cut",
            Self::Undecodable => "undecodable",
        }
    }
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Next {
    /// Wait, then try again.
    Retry {
        /// How long to wait.
        after: Duration,
        /// Why.
        reason: RetryReason,
    },
    /// Give up: it would fail again, or it was tried often enough.
    Stop,
}

/// Decides after attempt number `attempt`, from 0. `now` is the wall clock and `unit` a random number from 0
/// to 1.
///
/// A wait is `retry-after-ms` or `retry-after` where that is more than nothing and at most [`LONGEST_ADVICE`]; else
/// min(first · 2ᵃᵗᵗᵉᵐᵖᵗ, ceiling) · (1 − 0.25 · unit), the formula of the vendors' own clients. So a provider that
/// says "at once", or a time that has passed, is not asked seven times in a millisecond.
pub fn decide(fault: &Fault, attempt: u32, backoff: &Backoff, now: SystemTime, unit: f64) -> Next {
    if attempt >= backoff.retries {
        return Next::Stop;
    }
    match reason(fault) {
        Some(reason) => Next::Retry { after: wait(fault, attempt, backoff, now, unit), reason },
        None => Next::Stop,
    }
}

/// Why a fault is worth another attempt; `None` when it is final.
///
/// `x-should-retry: false` always ends it. `x-should-retry: true` makes other statuses of failure worth
/// another attempt, but not those which no repetition heals: 400, 401, 403, 404 and a used-up quota.
pub fn reason(fault: &Fault) -> Option<RetryReason> {
    if fault.advice.should_retry == Some(false) {
        return None;
    }
    match &fault.cause {
        Cause::Connect => Some(RetryReason::Connection),
        Cause::Timeout => Some(RetryReason::Timeout),
        Cause::Cut => Some(RetryReason::Cut),
        Cause::Undecodable => Some(RetryReason::Undecodable),
        Cause::Reported { code } if is_final(code.as_deref()) => None,
        Cause::Reported { .. } => Some(RetryReason::Undecodable),
        Cause::Status { code, .. } if code.as_deref() == Some("insufficient_quota") => None,
        Cause::Status { status, .. } => match status {
            400 | 401 | 403 | 404 => None,
            408 => Some(RetryReason::RequestTimeout),
            409 => Some(RetryReason::Conflict),
            429 => Some(RetryReason::RateLimited),
            503 | 529 => Some(RetryReason::Overloaded),
            500.. => Some(RetryReason::ServerError),
            _ if fault.advice.should_retry == Some(true) => Some(RetryReason::Asked),
            _ => None,
        },
        Cause::TooLarge | Cause::Setup | Cause::Redirect | Cause::Unsupported | Cause::Program => None,
    }
}

/// Whether a provider's word for an error in a body of success means that it will fail again.
fn is_final(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "insufficient_quota"
                | "invalid_request_error"
                | "authentication_error"
                | "billing_error"
                | "permission_error"
                | "not_found_error"
                | "invalid_api_key"
                | "model_not_found"
                | "request_too_large"
                | "400"
                | "401"
                | "402"
                | "403"
                | "404"
        )
    )
}

/// How long a provider wants to be left alone, where that is more than nothing and at most [`LONGEST_ADVICE`].
pub fn advised(fault: &Fault, now: SystemTime) -> Option<Duration> {
    let delay = match fault.advice.after? {
        RetryAfter::Delay(delay) => delay,
        RetryAfter::At(date) => date.duration_since(now).unwrap_or_default(),
    };
    Some(delay).filter(|delay| !delay.is_zero() && *delay <= LONGEST_ADVICE)
}

fn wait(fault: &Fault, attempt: u32, backoff: &Backoff, now: SystemTime, unit: f64) -> Duration {
    if let Some(delay) = advised(fault, now) {
        return delay;
    }
    let factor = 2u32.checked_pow(attempt).unwrap_or(u32::MAX);
    let whole = backoff.first.saturating_mul(factor).min(backoff.ceiling);
    whole.mul_f64(1.0 - 0.25 * unit.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::advice::Advice;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn status(status: u16, code: Option<&str>) -> Fault {
        Fault::new(Cause::Status { status, code: code.map(str::to_owned) }, "x")
    }

    fn after(fault: &Fault, attempt: u32, unit: f64) -> Option<f64> {
        match decide(fault, attempt, &Backoff::new(6), NOW, unit) {
            Next::Retry { after, .. } => Some(after.as_secs_f64()),
            Next::Stop => None,
        }
    }

    #[test]
    fn every_status_is_final_or_has_a_reason() {
        let retried: Vec<u16> = (400..600)
            .filter(|code| reason(&status(*code, None)).is_some())
            .filter(|code| *code < 500)
            .collect();
        assert_eq!(retried, [408, 409, 429]);
        assert!((500..600).all(|code| reason(&status(code, None)).is_some()));
        assert_eq!(reason(&status(429, Some("rate_limit_exceeded"))), Some(RetryReason::RateLimited));
        assert_eq!(reason(&status(429, Some("insufficient_quota"))), None);
        assert_eq!(reason(&status(529, None)), Some(RetryReason::Overloaded));
    }

    #[test]
    fn every_other_cause_is_final_or_has_a_reason() {
        let of = |cause| reason(&Fault::new(cause, "x"));
        assert_eq!(of(Cause::Connect), Some(RetryReason::Connection));
        assert_eq!(of(Cause::Timeout), Some(RetryReason::Timeout));
        assert_eq!(of(Cause::Cut), Some(RetryReason::Cut));
        assert_eq!(of(Cause::Undecodable), Some(RetryReason::Undecodable));
        assert_eq!(
            of(Cause::Reported { code: Some("overloaded_error".into()) }),
            Some(RetryReason::Undecodable)
        );
        for last in [
            Cause::Reported { code: Some("authentication_error".into()) },
            Cause::Reported { code: Some("insufficient_quota".into()) },
            Cause::TooLarge,
            Cause::Setup,
            Cause::Redirect,
            Cause::Unsupported,
            Cause::Program,
        ] {
            assert_eq!(of(last.clone()), None, "{last:?}");
        }
    }

    #[test]
    fn the_header_overrides_but_does_not_heal_what_is_final() {
        let with = |code: u16, should| Fault {
            advice: Advice { should_retry: Some(should), after: None },
            ..status(code, None)
        };
        assert_eq!(reason(&with(429, false)), None);
        assert_eq!(reason(&with(500, false)), None);
        assert_eq!(reason(&with(422, true)), Some(RetryReason::Asked));
        assert!([400, 401, 403, 404].iter().all(|code| reason(&with(*code, true)).is_none()));
    }

    #[test]
    fn waits_double_to_a_ceiling_less_up_to_a_quarter() {
        let waits: Vec<Option<f64>> = (0..7).map(|attempt| after(&status(500, None), attempt, 0.0)).collect();
        let expected = [Some(0.5), Some(1.0), Some(2.0), Some(4.0), Some(8.0), Some(8.0), None];
        assert_eq!(waits, expected);
        assert_eq!(after(&status(500, None), 0, 1.0), Some(0.375));
        assert_eq!(after(&status(500, None), 5, 0.5), Some(7.0));
        let many = Backoff { retries: u32::MAX, ..Backoff::new(0) };
        let late = decide(&status(500, None), 4_000, &many, NOW, 0.0);
        assert_eq!(late, Next::Retry { after: Duration::from_secs(8), reason: RetryReason::ServerError });
    }

    #[test]
    fn advice_is_followed_up_to_a_minute() {
        let advised =
            |after| Fault { advice: Advice { should_retry: None, after: Some(after) }, ..status(429, None) };
        let delay = |secs| advised(RetryAfter::Delay(Duration::from_secs(secs)));
        assert_eq!(after(&delay(60), 0, 1.0), Some(60.0));
        assert_eq!(after(&delay(61), 0, 0.0), Some(0.5));
        assert_eq!(after(&delay(0), 3, 0.0), Some(4.0), "as without advice");
        assert_eq!(after(&advised(RetryAfter::At(NOW + Duration::from_secs(7))), 0, 0.0), Some(7.0));
        assert_eq!(after(&advised(RetryAfter::At(NOW + Duration::from_secs(700))), 0, 0.0), Some(0.5));
    }

    #[test]
    fn a_date_in_the_past_is_no_leave_to_ask_at_once() {
        let fault = Fault {
            advice: Advice { should_retry: None, after: Some(RetryAfter::At(NOW)) },
            ..status(429, None)
        };
        let later = NOW + Duration::from_secs(5);
        let next = decide(&fault, 0, &Backoff::new(1), later, 0.0);
        let after = Duration::from_millis(500);
        assert_eq!(next, Next::Retry { after, reason: RetryReason::RateLimited });
        assert_eq!(decide(&fault, 0, &Backoff::new(0), later, 0.0), Next::Stop);
    }
}
