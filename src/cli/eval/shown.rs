//! What was retrieved for a gate, and what a reader should know of it.

use crate::cli::clock;
use crate::domain::{Grade, TrialRecord, date};
use crate::report::found;
use crate::retrieve::freshness::{self, Freshness};
use crate::retrieve::injection;
use std::collections::{BTreeMap, BTreeSet};

/// Sources and cases to name.
const NAMED: usize = 3;

/// Gathers what trials were shown that their cases did not pin.
#[derive(Debug, Default)]
pub struct Shown {
    max_age_days: Option<u32>,
    freshness: Freshness,
    checked: BTreeSet<u64>,
    suspicious: BTreeMap<String, &'static str>,
    missed: Vec<String>,
    named: usize,
}

impl Shown {
    /// Nothing yet.
    pub fn new(max_age_days: Option<u32>) -> Self {
        Self { max_age_days, ..Self::default() }
    }

    /// Takes in a trial that was graded.
    pub fn add(&mut self, record: &TrialRecord) {
        if !matches!(record.grade, Grade::Scored { .. }) {
            return;
        }
        self.freshness.add(&record.context);
        for chunk in &record.context {
            if self.checked.insert(hash(&chunk.text))
                && let Some(rule) = injection::suspicious(&chunk.text)
            {
                let source = chunk.source.clone().unwrap_or_else(|| "a chunk without source".to_owned());
                self.suspicious.insert(source, rule);
            }
        }
        if !record.relevant.is_empty() {
            self.named += 1;
            if let Some(missing) = found::missing(&record.context, &record.relevant) {
                self.missed.push(format!("{} ({missing})", record.id));
            }
        }
    }

    /// What to say of it, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.missed.is_empty() {
            let some: Vec<&str> = self.missed.iter().take(NAMED).map(String::as_str).collect();
            let more = if self.missed.len() > NAMED { ", …" } else { "" };
            notes.push(format!(
                "retrieval missed in {} of {} trials that name relevant sources: {}{more}",
                self.missed.len(),
                self.named,
                some.join(", ")
            ));
        }
        if !self.suspicious.is_empty() {
            let some: Vec<String> = self
                .suspicious
                .iter()
                .take(NAMED)
                .map(|(source, rule)| format!("{source} ({rule})"))
                .collect();
            notes.push(format!(
                "retrieved text that reads like instructions to a model, in {}: look at it before you trust it",
                some.join(", ")
            ));
        }
        if let Some(days) = self.max_age_days {
            let today = clock::today();
            let ages = date(&today)
                .zip(freshness::limit(&today, days))
                .map(|(today, limit)| self.freshness.ages(today, limit));
            notes.extend(ages.and_then(|ages| ages.sentence(days)));
        }
        notes
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
