//! What a change costs, in words: what is retrieved is in none of the numbers, and that is said.

use super::lines::Lines;
use crate::compare::Cost;
use crate::domain::Usd;
use crate::report::numbers;

/// The lines about tokens, the cache and money. `retrieves_otherwise` says whether retrieval changed.
pub(super) fn show(lines: &mut Lines, cost: &Cost, retrieves_otherwise: bool) {
    let about = if cost.estimate { " (estimate)" } else { "" };
    let share = if cost.tokens_before > 0 {
        let (before, after) = (numbers::to_f64(cost.tokens_before), numbers::to_f64(cost.tokens_after));
        format!(" ({:+.1}%)", (after / before - 1.0) * 100.0)
    } else {
        String::new()
    };
    let moved = cost.retrieves && retrieves_otherwise;
    let cache = match (cost.prefix_break, moved) {
        (Some(at), false) => format!("; cache prefix breaks at byte {at}"),
        (Some(at), true) => {
            format!("; cache prefix breaks at byte {at}, or before it where retrieved text begins")
        }
        (None, false) => "; cache prefix intact".to_owned(),
        (None, true) => "; cache prefix breaks where retrieved text begins".to_owned(),
    };
    let without = if cost.retrieves { ", without what is retrieved" } else { "" };
    let (before, after) = (cost.tokens_before, cost.tokens_after);
    lines.plain("tokens", format!("median {before} → {after} in{share}{about}{without}{cache}"));
    let usd = |usd: Option<Usd>| usd.map_or("no price".to_owned(), |usd| format!("${}", usd.0.normalize()));
    lines.plain(
        "cost",
        format!("input {} → {} per call{without}", usd(cost.input_before), usd(cost.input_after)),
    );
}
