//! The rows of the table: one measure each, over the dimensions.

use super::{ends, share, shown, signed};
use crate::report::numbers::{UNKNOWN, delta, percent, score, threshold};
use crate::study::agreement::Measured;
use crate::study::agreement::passing::Passing;
use crate::study::calibration::{Agreement, Means};

type Column<'a> = (String, &'a Agreement, Option<&'a Means>);

/// Every measure that at least one dimension has something to say on.
pub(super) fn measures(columns: &[Column<'_>], confidence: f64) -> Vec<Vec<String>> {
    let interval = format!("  {} interval", percent(Some(confidence)));
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, cell: &dyn Fn(&Column<'_>) -> String| {
        let cells: Vec<String> = columns.iter().map(cell).collect();
        if cells.iter().any(|cell| cell != UNKNOWN && !cell.is_empty()) {
            rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
        }
    };
    row("labelled answers", &|(_, found, _)| found.n.to_string());
    row("same score", &|(_, found, _)| of(&found.residuals, |r| percent(Some(r.exact))));
    row("within one level", &|(_, found, _)| of(&found.residuals, |r| percent(Some(r.within_one))));
    row("kappa, quadratic", &|(_, found, _)| of(&found.kappa, |kappa| score(Some(kappa.value))));
    row(&interval, &|(_, found, _)| of(&found.kappa, ends));
    row("Gwet's AC2", &|(_, found, _)| shown(found.ac2));
    row("alpha among people", &|(_, found, _)| shown(found.alpha_raters));
    row("alpha with the judge", &|(_, found, _)| {
        if found.alpha_raters.is_ok() { shown(found.alpha_with_judge) } else { UNKNOWN.to_owned() }
    });
    row("Spearman", &|(_, found, _)| shown(found.spearman));
    row("mean absolute error", &|(_, found, _)| of(&found.residuals, |r| score(Some(r.mae))));
    row("bias, judge − people", &|(_, found, _)| of(&found.residuals, |r| delta(Some(r.bias.value))));
    row(&interval, &|(_, found, _)| of(&found.residuals, |r| signed(&r.bias)));
    row("passes at", &|(_, found, _)| line(found, |line| threshold(line.threshold)));
    row("  of what people pass, passed", &|(_, found, _)| {
        line(found, |line| of(&line.true_pass_rate, |rate| share(rate.hits, rate.of)))
    });
    row("  of what people fail, failed", &|(_, found, _)| {
        line(found, |line| of(&line.true_fail_rate, |rate| share(rate.hits, rate.of)))
    });
    row("points per doubled length", &|(_, found, _)| {
        of(&found.verbosity, |v| delta(Some(v.points_per_doubling)))
    });
    row("mean by the judge", &|(_, _, means)| means.map_or_else(String::new, |means| shown(means.judge)));
    row("mean, corrected", &|(_, _, means)| {
        means
            .map_or_else(String::new, |means| of(&means.corrected, |powered| score(Some(powered.mean.value))))
    });
    row(&interval, &|(_, _, means)| {
        means.map_or_else(String::new, |means| of(&means.corrected, |powered| ends(&powered.mean)))
    });
    rows
}

fn of<T>(measured: &Measured<T>, show: impl Fn(&T) -> String) -> String {
    measured.as_ref().map_or_else(|_| UNKNOWN.to_owned(), show)
}

fn line(found: &Agreement, show: impl Fn(&Passing) -> String) -> String {
    found.passing.as_ref().map_or_else(|| UNKNOWN.to_owned(), |line| of(line, show))
}
