//! What was retrieved for a gate, and what a reader should know of it.

use crate::cli::clock;
use crate::domain::{Code, Diagnostic, Grade, TrialRecord, date};
use crate::manifest::retrieval::Retrieval;
use crate::report::found;
use crate::retrieve::freshness::{self, Freshness, REINDEX_ABOVE};
use crate::retrieve::injection;
use std::collections::{BTreeMap, BTreeSet};

/// Cases were not shown what they name as relevant, or no chunk held what they needed.
pub const MISSED: Code = Code("retrieval-missed");
/// Text that was retrieved reads like instructions to a model.
pub const SUSPICIOUS: Code = Code("retrieved-instructions");
/// More than a fifth of what was retrieved is older than `max_age_days`.
pub const STALE: Code = Code("retrieved-stale");
/// How old what was retrieved is.
pub const AGE: Code = Code("retrieved-age");

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
            let beyond = || {
                let texts = found::beyond(&record.context, &found::lacking(record))?;
                Some(format!("no chunk holds {texts}"))
            };
            if let Some(why) = found::missing(&record.context, &record.relevant).or_else(beyond) {
                self.missed.push(format!("{} ({why})", record.id));
            }
        }
    }

    /// What to say of it, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        self.told().into_iter().map(|(_, sentence)| sentence).collect()
    }

    /// The same for machines, at the manifest that retrieves.
    pub fn diagnostics(&self, retrieval: &Retrieval) -> Vec<Diagnostic> {
        let told = self.told().into_iter();
        told.map(|(about, message)| {
            let found = match about {
                About::Missed => Diagnostic::note(MISSED, message).help(
                    "see the failing cases; try `llmops retrieve MANIFEST --suite SUITE --sweep top_k=…`",
                ),
                About::Suspicious => Diagnostic::warning(SUSPICIOUS, message)
                    .help("look at the text in the corpus, and take it out if nobody meant it"),
                About::Stale => {
                    Diagnostic::warning(STALE, message).help("bring the oldest sources up to date")
                }
                About::Fresh => Diagnostic::note(AGE, message).help("the limit is `max_age_days`"),
            };
            found.at(retrieval.place.clone())
        })
        .collect()
    }

    fn told(&self) -> Vec<(About, String)> {
        let mut told = Vec::new();
        if !self.missed.is_empty() {
            let some: Vec<&str> = self.missed.iter().take(NAMED).map(String::as_str).collect();
            let more = if self.missed.len() > NAMED { ", …" } else { "" };
            told.push((
                About::Missed,
                format!(
                    "retrieval missed in {} of {} trials that name relevant sources: {}{more}",
                    self.missed.len(),
                    self.named,
                    some.join(", ")
                ),
            ));
        }
        if !self.suspicious.is_empty() {
            let some: Vec<String> = self
                .suspicious
                .iter()
                .take(NAMED)
                .map(|(source, rule)| format!("{source} ({rule})"))
                .collect();
            told.push((
                About::Suspicious,
                format!(
                    "retrieved text that reads like instructions to a model, in {}: look at it before you trust it",
                    some.join(", ")
                ),
            ));
        }
        if let Some(days) = self.max_age_days {
            let today = clock::today();
            let ages = date(&today)
                .zip(freshness::limit(&today, days))
                .map(|(today, limit)| self.freshness.ages(today, limit));
            told.extend(ages.and_then(|ages| {
                let stale = ages.stale_fraction.is_some_and(|share| share > REINDEX_ABOVE);
                Some((if stale { About::Stale } else { About::Fresh }, ages.sentence(days)?))
            }));
        }
        told
    }
}

/// What a sentence is about.
#[derive(Clone, Copy, Debug)]
enum About {
    Missed,
    Suspicious,
    Stale,
    Fresh,
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
