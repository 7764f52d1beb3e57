//! What a run would do and cost: the machine form `llmops/plan/v1`, and what people read.

use super::grid;
use super::numbers::{count, counted, threshold};
use super::table::Options;
use super::text::{one_line, wrap};
use super::v1::Breach;
use crate::domain::Usd;
use serde::Serialize;

/// Heads of the table of calls.
const HEADS: [&str; 8] =
    ["", "live", "stored", "built in", "input tokens", "output at most", "cost at most", "typical"];
/// Columns that the table needs.
const NARROW: usize = 96;

/// The name of this format.
pub const SCHEMA: &str = "llmops/plan/v1";

/// What a run would do.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Planned {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Always 0: a plan decides nothing.
    pub exit_code: u8,
    /// Whether the run would be evidence: it is not narrowed.
    pub complete: bool,
    /// Gate by gate.
    pub gates: Vec<PlannedGate>,
}

/// What a gate would do.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PlannedGate {
    /// The prompt's name.
    pub prompt: String,
    /// The suite's name.
    pub suite: String,
    /// The model under test.
    pub model: String,
    /// The judge's model.
    pub judge: Option<String>,
    /// Cases.
    pub cases: u64,
    /// Trials of each.
    pub trials: u32,
    /// `eval_score_required`.
    pub required: Option<f64>,
    /// Calls to the model under test.
    pub answers: Calls,
    /// Calls to the judge.
    pub judgements: Calls,
    /// What the suite can show.
    pub detect: Detect,
    /// Whether nothing is known that keeps it from passing.
    pub can_pass: bool,
    /// What keeps it from passing.
    pub obstacles: Vec<Breach>,
    /// What the numbers leave out.
    pub notes: Vec<String>,
}

/// Calls to one model. Tokens and money are those of the live calls alone.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Calls {
    /// Calls that would be made, at most but for re-asks.
    pub live: u64,
    /// Replies at hand.
    pub stored: u64,
    /// Replies that this program gives itself.
    pub local: u64,
    /// Input tokens.
    pub input_tokens: u64,
    /// Whether they are an estimate: the vendor's tokenizer is not public, or the answer to judge is not there yet.
    pub estimated: bool,
    /// Output tokens at most: `max_tokens`, else what the model can write.
    pub most_output_tokens: u64,
    /// The median output of earlier replies, where there are any.
    pub typical_output_tokens: Option<u64>,
    /// USD at most; `None` where the model has no price.
    pub most_cost_usd: Option<Usd>,
    /// USD with outputs of the median length.
    pub typical_cost_usd: Option<Usd>,
    /// Whether the model has a price.
    pub priced: bool,
}

/// What a suite can show.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Detect {
    /// The smallest change against a baseline that would be found, in points.
    pub change: Option<f64>,
    /// The chance to find it.
    pub power: f64,
    /// Of the comparison.
    pub confidence: f64,
    /// Assumed: standard deviation of the true change from case to case, in points.
    pub sd_between: f64,
    /// Standard deviation from trial to trial, in points.
    pub sd_within: f64,
    /// Whether `sd_within` was measured by the last run.
    pub measured: bool,
    /// Cases that a change takes.
    pub needed: Vec<Needed>,
    /// Half of the interval around the mean, by the spread of the last run.
    pub half_width: Option<f64>,
    /// The highest lower bound that so many cases can have.
    pub best_lower_bound: Option<f64>,
    /// Whether `max_regression` could block at all.
    pub regression_can_block: Option<bool>,
}

/// How many cases a change takes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Needed {
    /// In points.
    pub change: f64,
    /// Cases.
    pub cases: Option<u64>,
}

/// Draws the plan.
pub fn text(plan: &Planned, options: Options) -> String {
    let mut text = String::new();
    for gate in &plan.gates {
        let title = format!(
            "{} on {}: {} × {}, {}",
            one_line(&gate.prompt),
            one_line(&gate.suite),
            counted(gate.cases, "case"),
            counted(u64::from(gate.trials), "trial"),
            models(gate)
        );
        for (at, line) in wrap(&title, options.width.clamp(60, 120) - 2, 6).iter().enumerate() {
            text.push_str(&format!("{}{line}\n", if at == 0 { "" } else { "  " }));
        }
        if options.width < NARROW {
            for row in rows(gate) {
                for line in wrap(&in_words(&row), options.width.clamp(60, 120) - 2, 4) {
                    text.push_str(&format!("  {line}\n"));
                }
            }
        } else {
            text.push_str(&grid::draw(&HEADS.map(str::to_owned), &rows(gate), options));
        }
        for line in sentences(gate) {
            for line in wrap(&line, options.width.clamp(60, 120) - 2, 6) {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text.push('\n');
    }
    text.push_str(&total(plan));
    text
}

fn models(gate: &PlannedGate) -> String {
    let model = one_line(&gate.model);
    gate.judge
        .as_ref()
        .map_or_else(|| model.clone(), |judge| format!("{model} judged by {}", one_line(judge)))
}

fn rows(gate: &PlannedGate) -> Vec<Vec<String>> {
    let row = |name: &str, calls: &Calls| {
        let tilde = if calls.estimated { "≈ " } else { "" };
        vec![
            name.to_owned(),
            count(calls.live),
            count(calls.stored),
            count(calls.local),
            format!("{tilde}{}", count(calls.input_tokens)),
            count(calls.most_output_tokens),
            money(calls, calls.most_cost_usd),
            money(calls, calls.typical_cost_usd),
        ]
    };
    let mut rows = vec![row("answers", &gate.answers)];
    rows.extend(gate.judge.as_ref().map(|_| row("judgements", &gate.judgements)));
    rows
}

/// A row where the table would break its heads.
fn in_words(row: &[String]) -> String {
    let cells = HEADS.iter().zip(row).skip(1).map(|(head, cell)| format!("{cell} {head}"));
    let [name, ..] = row else { return String::new() };
    format!("{name}: {}", cells.collect::<Vec<_>>().join(", "))
}

fn money(calls: &Calls, usd: Option<Usd>) -> String {
    match usd {
        Some(usd) => usd.display(),
        None if calls.live == 0 => Usd::ZERO.display(),
        None if !calls.priced => "no price".to_owned(),
        None => "–".to_owned(),
    }
}

fn sentences(gate: &PlannedGate) -> Vec<String> {
    let detect = &gate.detect;
    let mut lines = Vec::new();
    if gate.judge.is_some() {
        if let Some(change) = detect.change {
            lines.push(format!(
                "Detects a change of {change:.2} points against a baseline, with {:.0} % power at {} confidence. Assumed: a spread of {} points in the change from case to case{}.",
                detect.power * 100.0,
                threshold(detect.confidence),
                threshold(detect.sd_between),
                if detect.measured {
                    format!("; measured by the last run: {:.2} from trial to trial", detect.sd_within)
                } else {
                    format!(", and {} from trial to trial", threshold(detect.sd_within))
                },
            ));
        }
        let needed: Vec<String> = detect
            .needed
            .iter()
            .filter_map(|needed| {
                Some(format!("{} for ±{}", counted(needed.cases?, "case"), threshold(needed.change)))
            })
            .collect();
        if !needed.is_empty() {
            lines.push(format!("It takes {}.", needed.join(", ")));
        }
        lines.extend(detect.half_width.map(|half| {
            format!("The mean will be known to about ±{half:.2} points, by the spread of the last run.")
        }));
        if detect.regression_can_block == Some(false) {
            lines.push("`max_regression` cannot block with so few cases, whatever the drop.".to_owned());
        }
    }
    if gate.can_pass {
        lines.push("The gate can pass.".to_owned());
    } else {
        lines.push("The gate cannot pass:".to_owned());
        lines.extend(gate.obstacles.iter().map(|breach| format!("- {} [{}]", breach.message, breach.code)));
    }
    lines.extend(gate.notes.iter().map(|note| format!("Note: {note}")));
    lines
}

/// One line for the whole run.
fn total(plan: &Planned) -> String {
    let calls = || plan.gates.iter().flat_map(|gate| [&gate.answers, &gate.judgements]);
    let live: u64 = calls().map(|calls| calls.live).sum();
    let unpriced: u64 = calls().filter(|calls| !calls.priced).map(|calls| calls.live).sum();
    let most: Usd = calls().filter_map(|calls| calls.most_cost_usd).sum();
    let mut line = counted(live, "live call");
    if live > unpriced {
        line.push_str(&format!(", {} at most", most.display()));
    }
    if unpriced > 0 {
        line.push_str(&format!(", {} without a known price", counted(unpriced, "call")));
    }
    let evidence =
        if plan.complete { "" } else { " This run is narrowed: it is no evidence for `lock` or `promote`." };
    format!("{line}. Nothing was called.{evidence}\n")
}
