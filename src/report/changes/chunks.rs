//! Which cases are shown other chunks, in lines and as JSON.

use super::lines::{Lines, Mark};
use crate::report::numbers::many;
use crate::retrieve::shift::{Shift, Spot};
use serde_json::{Value, json};

/// Cases that are listed; the rest is counted.
const CASES: usize = 8;
/// Chunks of a case that are listed each way.
const CHUNKS: usize = 4;

/// What two retrievers bring to the cases of a prompt's suites.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Chunks {
    /// The suites, in the order of their names.
    pub suites: Vec<SuiteChunks>,
    /// Why some or all cases were not compared.
    pub not_compared: Option<String>,
}

/// The cases of one suite.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SuiteChunks {
    /// Its name.
    pub suite: String,
    /// Cases that were searched for on both sides; those that pin their own context are not.
    pub compared: usize,
    /// Cases that are shown something else, in the order of the suite.
    pub shifted: Vec<(String, Shift)>,
}

/// The lines of a prompt.
pub(super) fn lines(lines: &mut Lines, chunks: &Chunks) {
    for suite in &chunks.suites {
        let other = suite.shifted.len();
        let of = many(suite.compared, "case");
        if other > 0 {
            lines.warn("chunks", format!("others in {other} of {of} of {}", suite.suite));
        } else if suite.compared > 0 {
            lines.plain("chunks", format!("the same in {of} of {}", suite.suite));
        }
        for (case, shift) in suite.shifted.iter().take(CASES) {
            if shift.came.is_empty() && shift.went.is_empty() {
                lines.plain("chunks", format!("  {case}: the same chunks in another order"));
                continue;
            }
            lines.plain("chunks", format!("  {case}"));
            one_way(lines, Mark::RemovedLine, &shift.went);
            one_way(lines, Mark::AddedLine, &shift.came);
        }
        if other > CASES {
            lines.plain("chunks", format!("  … and {} other cases", other - CASES));
        }
    }
    if let Some(why) = &chunks.not_compared {
        lines.warn("chunks", format!("not compared: {why}"));
    }
}

fn one_way(lines: &mut Lines, mark: Mark, spots: &[Spot]) {
    for spot in spots.iter().take(CHUNKS) {
        let place = spot.range.map_or(String::new(), |(start, end)| format!(" bytes {start}–{end}"));
        let source = spot.source.as_deref().unwrap_or("no source");
        lines.push("chunks", vec![(mark, format!("{source}{place} (rank {})", spot.rank))]);
    }
    if spots.len() > CHUNKS {
        lines.push("chunks", vec![(mark, format!("… and {} more", spots.len() - CHUNKS))]);
    }
}

/// The machine form: every case.
pub(super) fn machine(chunks: &Chunks) -> Value {
    let spot = |spot: &Spot| {
        json!({"source": spot.source, "start": spot.range.map(|range| range.0), "end": spot.range.map(|range| range.1),
               "rank": spot.rank})
    };
    let suites = chunks.suites.iter().map(|suite| {
        let cases = suite.shifted.iter().map(|(case, shift)| {
            json!({"id": case, "came": shift.came.iter().map(spot).collect::<Vec<_>>(),
                   "went": shift.went.iter().map(spot).collect::<Vec<_>>()})
        });
        json!({"name": suite.suite, "compared": suite.compared, "cases": cases.collect::<Vec<_>>()})
    });
    json!({"suites": suites.collect::<Vec<_>>(), "not_compared": chunks.not_compared})
}
