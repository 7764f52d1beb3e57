//! Everything about one provider during a run: where it is, how fast it is asked, whether it is asked at all.

use super::breaker::{Breaker, Stopped};
use super::endpoint::{Endpoint, Lack, Unready};
use super::environment::Environment;
use super::pace::{Pace, WaitReason};
use super::retry::RetryReason;
use crate::domain::ProviderName;
use crate::manifest::project::{Api, ProviderConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Limits of a whole run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Time of one attempt, from sending to the last byte, for providers without a limit of their own.
    pub timeout: Duration,
    /// Most retries of one call.
    pub retries: u32,
    /// Lowers every provider's calls at once.
    pub concurrency: Option<u32>,
    /// Whether providers that run a program are refused.
    pub no_exec: bool,
    /// The root of the repository, where programs run.
    pub root: PathBuf,
}

/// What pacing one provider took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pacing {
    /// The provider.
    pub provider: ProviderName,
    /// Retries by reason: how many, and how long was waited before them all together.
    pub retries: BTreeMap<RetryReason, (u64, Duration)>,
    /// Waits by reason: how many, and how long all together.
    pub waits: BTreeMap<WaitReason, (u64, Duration)>,
    /// What the breaker stopped: all of it, or some of its models.
    pub stopped: Vec<Stopped>,
}

/// One provider.
#[derive(Debug)]
pub(super) struct Lane {
    pub config: ProviderConfig,
    /// Time of one attempt.
    pub timeout: Duration,
    pub pace: Pace,
    pub breaker: Breaker,
    /// What is needed to reach it over HTTP; `None` for what runs on this machine.
    endpoint: Option<Result<Endpoint, Unready>>,
    no_exec: bool,
    called: AtomicBool,
    calls: AtomicU64,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    retries: BTreeMap<RetryReason, (u64, Duration)>,
    waits: BTreeMap<WaitReason, (u64, Duration)>,
}

impl Lane {
    pub fn new(config: &ProviderConfig, environment: &Environment, limits: &Limits) -> Self {
        let endpoint = match config.api {
            Api::Anthropic | Api::OpenAi | Api::Http => Some(Endpoint::resolve(config, environment)),
            Api::Exec | Api::Builtin => None,
        };
        Self {
            timeout: config.timeout_s.map_or(limits.timeout, Duration::from_secs),
            pace: Pace::new(config, limits.concurrency),
            breaker: Breaker::default(),
            endpoint,
            no_exec: limits.no_exec,
            called: AtomicBool::default(),
            calls: AtomicU64::default(),
            tally: Mutex::default(),
            config: config.clone(),
        }
    }

    /// Whether a call could be made: every variable is set, the address is one, programs are allowed.
    pub fn ready(&self) -> Result<(), Unready> {
        if self.config.api == Api::Exec && self.no_exec {
            return Err(Unready {
                message: format!("provider `{}` runs a program, and --no-exec forbids it", self.config.name),
                hint: "run without --no-exec where the repository is trusted".to_owned(),
                lack: Lack::Permission,
            });
        }
        match &self.endpoint {
            Some(Err(unready)) => Err(unready.clone()),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// The endpoint of a provider that is reached over HTTP.
    pub fn endpoint(&self) -> Result<&Endpoint, Unready> {
        match &self.endpoint {
            Some(Ok(endpoint)) => Ok(endpoint),
            Some(Err(unready)) => Err(unready.clone()),
            None => Err(Unready {
                message: format!("provider `{}` is not reached over HTTP", self.config.name),
                hint: "name a provider whose `api` is `anthropic`, `openai` or `http`".to_owned(),
                lack: Lack::Setup,
            }),
        }
    }

    pub fn count_retry(&self, reason: RetryReason, waited: Duration) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = tally.retries.entry(reason).or_default();
        entry.0 += 1;
        entry.1 += waited;
    }

    /// The number of a call, which all its attempts share.
    pub fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a call that is about to be sent.
    pub fn count_call(&self) {
        self.called.store(true, Ordering::Relaxed);
    }

    /// Whether any call was sent.
    pub fn was_called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    pub fn count_waits(&self, waits: &[(WaitReason, Duration)]) {
        if waits.is_empty() {
            return;
        }
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        for (reason, waited) in waits {
            let entry = tally.waits.entry(*reason).or_default();
            entry.0 += 1;
            entry.1 += *waited;
        }
    }

    pub fn pacing(&self) -> Pacing {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        Pacing {
            provider: self.config.name.clone(),
            retries: tally.retries.clone(),
            waits: tally.waits.clone(),
            stopped: self.breaker.stopped(),
        }
    }
}
