//! The one plain sentence that says why a gate passed, failed or has no verdict.

use super::check::{Check, State};
use super::{Decision, codes, show};
use crate::aggregate::tally::Tally;
use crate::domain::{Breach, Verdict};

/// For example "failed: score 3.71 is below the required 4.20 (95 % interval 3.50 to 3.92, 24 cases)".
pub fn sentence(decision: &Decision, tally: &Tally) -> String {
    match &decision.verdict {
        Verdict::Passed => format!("passed: {}", passed(&decision.checks)),
        Verdict::Failed { breaches } => format!("failed: {}", first_two(breaches, "; ")),
        Verdict::Inconclusive { why } => {
            // Where nothing has a grade, all else that is not known follows from it.
            let nothing = why.iter().any(|why| why.code == codes::NOTHING_SCORED);
            let others: Vec<Breach> =
                why.iter().filter(|why| why.code != codes::TOO_MANY_UNSCORED && !nothing).cloned().collect();
            match (tally.trials_unscored(), others.is_empty()) {
                (0, _) => format!("no verdict: {}", first_two(why, "; ")),
                (_, true) => format!("no verdict: {}", unscored(tally)),
                (_, false) => format!("no verdict: {}, and {}", unscored(tally), first_two(&others, "; ")),
            }
        }
    }
}

fn passed(checks: &[Check]) -> String {
    let holding: Vec<&Check> = checks.iter().filter(|check| check.state == State::Holds).collect();
    let Some(first) = holding.first() else { return "everything demanded holds".to_owned() };
    match u64::try_from(holding.len() - 1).unwrap_or(u64::MAX) {
        0 => first.sentence.clone(),
        1 => format!("{}, and 1 other check holds", first.sentence),
        more => format!("{}, and {more} other checks hold", first.sentence),
    }
}

fn first_two(breaches: &[Breach], between: &str) -> String {
    let mut text = breaches.iter().take(2).map(|breach| &*breach.message).collect::<Vec<_>>().join(between);
    let more = u64::try_from(breaches.len().saturating_sub(2)).unwrap_or(u64::MAX);
    if more > 0 {
        text.push_str(&format!("; and {}", show::count(more, "more reason")));
    }
    text
}

/// "3 of 24 trials have no grade (provider_error: 401 unauthorized; 1 timeout)".
pub(super) fn unscored(tally: &Tally) -> String {
    let mut reasons: Vec<_> = tally.unscored.iter().collect();
    reasons.sort_by_key(|(_, reason)| std::cmp::Reverse(reason.count));
    let words = reasons.iter().map(|(why, reason)| {
        let detail: String = reason.detail.lines().next().unwrap_or_default().chars().take(120).collect();
        let colon = if detail.is_empty() { "" } else { ": " };
        let number = if reasons.len() > 1 { format!("{} ", reason.count) } else { String::new() };
        format!("{number}{}{colon}{detail}", why.as_str())
    });
    let words = words.collect::<Vec<_>>().join("; ");
    let (open, all) = (tally.trials_unscored(), show::count(tally.planned().all(), "trial"));
    let verb = if open == 1 { "has" } else { "have" };
    format!("{open} of {all} {verb} no grade ({words})")
}
