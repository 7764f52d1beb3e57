//! What a run has to say of itself, whatever came of it: how its calls went. A reader sees it beside the verdict,
//! because it is why a run took so long.

use super::v1::Report;
use crate::domain::Code;

/// What pacing a provider took: retries and waits, by reason.
pub const PACED: Code = Code("provider-paced");
/// `--concurrency` is above what a provider allows at once.
pub const CONCURRENCY_ABOVE: Code = Code("concurrency-above-limit");

/// The remarks of a run, in its own order.
pub(super) fn remarks(report: &Report) -> impl Iterator<Item = &str> {
    let shown = [PACED, CONCURRENCY_ABOVE];
    let found = report.diagnostics.iter().filter(move |found| shown.iter().any(|code| code.0 == found.code));
    found.map(|found| found.message.as_str())
}
