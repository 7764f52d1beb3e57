//! How old is what a suite is shown, against `max_age_days`.

use crate::domain::{Chunk, Error, RelPath, Result, date};
use crate::manifest::retrieval::Retrieval;
use crate::repo::{Repository, Snapshot};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// From this share of stale chunks on, the advice is to bring the corpus up to date.
pub const REINDEX_ABOVE: f64 = 0.2;
/// Sources to name.
const OLDEST: usize = 5;

/// The first date that is still fresh: `max_age_days` before today.
pub fn limit(today: &str, max_age_days: u32) -> Option<Date> {
    date(today)?.checked_sub(jiff::Span::new().try_days(i64::from(max_age_days)).ok()?).ok()
}

/// Gathers what is shown. Every chunk that is shown counts: a stale one that is shown often misleads often.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Freshness {
    /// Chunks by their date.
    dated: BTreeMap<Date, u64>,
    undated: u64,
    /// The oldest date that each source was shown with.
    sources: BTreeMap<String, Date>,
}

/// What came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Ages {
    /// Days, the lower of two in the middle; `None` when no date is known.
    pub median_age_days: Option<i64>,
    /// Share of the chunks with a known date that are older than the limit; `None` when no date is known.
    pub stale_fraction: Option<f64>,
    /// Chunks shown of which the date is not known.
    pub undated: u64,
    /// The oldest sources with their dates, oldest first.
    pub oldest: Vec<(String, Date)>,
}

impl Freshness {
    /// Adds what one trial was shown.
    pub fn add(&mut self, context: &[Chunk]) {
        for chunk in context {
            let Some(updated) = chunk.last_updated.as_deref().and_then(date) else {
                self.undated += 1;
                continue;
            };
            *self.dated.entry(updated).or_default() += 1;
            if let Some(source) = &chunk.source {
                let oldest = self.sources.entry(source.clone()).or_insert(updated);
                *oldest = updated.min(*oldest);
            }
        }
    }

    /// The ages as of `today`, with what is older than `limit` counted as stale.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn ages(&self, today: Date, limit: Date) -> Ages {
        let shown: u64 = self.dated.values().sum();
        let stale: u64 = self.dated.range(..limit).map(|(_, count)| count).sum();
        // From the youngest: the first whose running count reaches half.
        let mut seen = 0;
        let median = self.dated.iter().rev().find(|(_, count)| {
            seen += *count;
            seen * 2 >= shown
        });
        let mut oldest: Vec<(String, Date)> =
            self.sources.iter().map(|(source, date)| (source.clone(), *date)).collect();
        oldest.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        oldest.truncate(OLDEST);
        Ages {
            median_age_days: median
                .and_then(|(date, _)| today.since(*date).ok())
                .map(|span| i64::from(span.get_days())),
            stale_fraction: (shown > 0).then(|| stale as f64 / shown as f64),
            undated: self.undated,
            oldest,
        }
    }
}

impl Ages {
    /// One sentence for people; `None` when no date is known.
    pub fn sentence(&self, max_age_days: u32) -> Option<String> {
        let (median, stale) = (self.median_age_days?, self.stale_fraction?);
        let mut text = format!(
            "what was retrieved is {median} days old in the median; {:.0} % is older than {max_age_days} days",
            stale * 100.0
        );
        if stale > REINDEX_ABOVE {
            text.push_str(": reindex");
        }
        if !self.oldest.is_empty() {
            let oldest: Vec<String> =
                self.oldest.iter().map(|(source, date)| format!("{source} ({date})")).collect();
            text.push_str(&format!("; oldest: {}", oldest.join(", ")));
        }
        if self.undated > 0 {
            text.push_str(&format!("; the age of {} more is not known", self.undated));
        }
        Some(text)
    }
}

/// The day of each file of a corpus: of the last commit that touched it, or `today` where it was changed since.
///
/// # Errors
/// When the history cannot be read.
pub(super) fn of_files(
    git: &Repository,
    paths: &[RelPath],
    today: &str,
) -> Result<BTreeMap<RelPath, String>> {
    let mut found = git.last_commits(paths)?;
    if let Some(head) = git.head()? {
        for path in git.changed_paths(&head)? {
            if paths.binary_search(&path).is_ok() {
                found.insert(path, today.to_owned());
            }
        }
    }
    Ok(found)
}

/// [`of_files`] of a manifest's corpus, where there is a history.
///
/// # Errors
/// When the corpus or its history cannot be read.
pub(super) fn of_corpus(
    snapshot: &Snapshot,
    git: Option<&Repository>,
    retrieval: &Retrieval,
    today: &str,
) -> Result<BTreeMap<RelPath, String>> {
    let Some(git) = git else { return Ok(BTreeMap::new()) };
    let listed = super::corpus::list(snapshot, retrieval).map_err(|fault| Error::invalid(vec![fault]))?;
    of_files(git, &listed.paths, today)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(source: &str, updated: Option<&str>) -> Chunk {
        Chunk {
            text: String::new(),
            source: Some(source.to_owned()),
            score: None,
            last_updated: updated.map(str::to_owned),
        }
    }

    #[test]
    fn ages_count_what_is_shown_and_more_than_a_fifth_says_reindex() {
        let mut found = Freshness::default();
        let new = chunk("new.md", Some("2026-11-20"));
        found.add(&[new.clone(), new.clone(), chunk("old.md", Some("2020-01-01T10:00:00Z"))]);
        found.add(&[new, chunk("undated.md", None)]);
        let today = date("2026-11-21").expect("a date");
        let ages = found.ages(today, limit("2026-11-21", 90).expect("a date"));
        assert_eq!((ages.median_age_days, ages.stale_fraction, ages.undated), (Some(1), Some(0.25), 1));
        assert_eq!(ages.oldest[0].0, "old.md");
        let says = ages.sentence(90).expect("a sentence");
        assert!(says.contains("25 %") && says.contains("reindex") && says.contains("old.md"), "{says}");
        let fresh = Ages { stale_fraction: Some(0.2), ..ages };
        assert!(!fresh.sentence(90).expect("a sentence").contains("reindex"));
    }

    #[test]
    fn each_chunk_has_its_own_date_and_the_oldest_are_always_named() {
        let mut found = Freshness::default();
        let sourceless = |updated| Chunk { source: None, ..chunk("", updated) };
        found.add(&[chunk("a", Some("2026-11-20")), chunk("a", Some("2020-01-01")), chunk("a", None)]);
        found.add(&[chunk("a", None), sourceless(Some("2026-11-20")), sourceless(None)]);
        found.add(&[
            sourceless(Some("2026-11-19")),
            chunk("b", Some("2026-11-19")),
            chunk("b", Some("2026-11-20")),
        ]);
        let ages = found.ages(date("2026-11-21").expect("a date"), date("2026-01-01").expect("a date"));
        assert_eq!((ages.median_age_days, ages.undated), (Some(1), 3));
        assert_eq!(ages.stale_fraction, Some(1.0 / 6.0));
        let says = ages.sentence(90).expect("a sentence");
        assert!(
            says.ends_with("; oldest: a (2020-01-01), b (2026-11-19); the age of 3 more is not known"),
            "{says}"
        );
        assert!(!says.contains("reindex"), "{says}");
    }

    #[test]
    fn nothing_dated_is_unknown_and_not_fresh() {
        let mut found = Freshness::default();
        found.add(&[chunk("a", None)]);
        let day = date("2026-11-21").expect("a date");
        let ages = found.ages(day, day);
        assert_eq!((ages.stale_fraction, ages.sentence(9)), (None, None));
    }
}
