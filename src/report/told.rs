//! What was said in a trial: the messages as they were sent, and what the baseline answered. Only pages that open a
//! case ask for it, for it has to be looked up case by case.

use crate::domain::exchange::Exchange;
use crate::domain::{Digest, Message};
use crate::ledger::{ExchangeStore, Recordings};

/// What was said in one trial, as far as it is kept.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Told {
    /// The messages as they were sent to the model under test.
    pub messages: Vec<Message>,
    /// The baseline's answer to the same case.
    pub base_output: Option<String>,
    /// The baseline's score of it.
    pub base_score: Option<f64>,
}

/// Where exchanges are looked up for people to read.
#[derive(Debug)]
pub struct Exchanges {
    /// The store.
    pub store: ExchangeStore,
    /// The recordings of the run's prompts.
    pub recordings: Vec<Recordings>,
}

impl Exchanges {
    /// The exchange of this key. What cannot be read is missing on a page, and no reason to have none.
    pub fn get(&self, key: &Digest) -> Option<Exchange> {
        let stored = self.store.get(key).ok().flatten();
        stored.or_else(|| self.recordings.iter().find_map(|recordings| recordings.get(key)))
    }
}
