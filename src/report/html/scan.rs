//! What the page needs to know of all cases before it writes the first: how they are distributed, and which moved.

use super::MOST_CHOICES;
use crate::domain::Result;
use crate::report::document::Document;
use crate::report::numbers::to_f64;
use crate::report::v1::{Case, Gate};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What has to be known of all cases before the first is written.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) scores: Vec<f64>,
    pub(super) latencies: Vec<f64>,
    pub(super) tags: BTreeSet<String>,
    /// Where cases that moved stand, by id: the first trial of each.
    pub(super) moved: HashMap<String, Moved>,
}

/// A case that got worse or better.
pub(super) struct Moved {
    pub(super) row: usize,
    pub(super) before: Option<f64>,
    pub(super) now: Option<f64>,
}

impl Scan {
    pub(super) fn of(document: &Document<'_>, gate: usize, changes: &Changes<'_>) -> Result<Self> {
        let mut scan = Self::default();
        for (row, case) in document.cases.of(gate).enumerate() {
            let case = case?;
            if !changes.of_case(&case).is_empty() && !scan.moved.contains_key(&case.id) {
                let before = document.tells.and_then(|tells| (tells.0)(gate, &case).base_score);
                scan.moved.insert(case.id.clone(), Moved { row, before, now: case.score });
            }
            scan.scores.extend(case.score.filter(|score| score.is_finite()));
            scan.latencies.extend(case.latency_ms.map(to_f64));
            for (key, value) in case.tags {
                if scan.tags.len() < MOST_CHOICES {
                    scan.tags.insert(format!("{key}={value}"));
                }
            }
        }
        Ok(scan)
    }
}

/// Which cases got worse or better.
pub(super) struct Changes<'a> {
    worse: HashSet<&'a str>,
    better: HashSet<&'a str>,
}

impl<'a> Changes<'a> {
    pub(super) fn of(gate: &'a Gate) -> Self {
        let set = |pick: fn(&crate::report::v1::Baseline) -> &Vec<String>| -> HashSet<&'a str> {
            gate.baseline.iter().flat_map(|base| pick(base).iter().map(String::as_str)).collect()
        };
        Self { worse: set(|base| &base.worse), better: set(|base| &base.better) }
    }

    pub(super) fn of_case(&self, case: &Case) -> &'static str {
        if self.worse.contains(case.id.as_str()) {
            "worse"
        } else if self.better.contains(case.id.as_str()) {
            "better"
        } else {
            ""
        }
    }
}
