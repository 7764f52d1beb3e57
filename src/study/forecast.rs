//! What a suite can show, before anything is spent: the change that it can detect, how many cases a smaller one takes,
//! and what already stands in the way of passing.

use super::calibration::shown::Shown;
use crate::aggregate::power::{Assumptions, Preflight, cases_needed, detectable, preflight};
use crate::domain::{Breach, Code};
use crate::gate::codes;
use crate::grade::judge::asked;
use crate::manifest::project::Api;
use crate::manifest::suite::{DecideOn, Judge};
use crate::plan::GatePlan;

/// The highest lower bound that so few cases can have is below what is required.
pub const OUT_OF_REACH: Code = Code("threshold-out-of-reach");

/// Changes, in points, of which the plan says how many cases they take.
pub const CHANGES: [f64; 2] = [0.1, 0.3];

/// What the last run of the suite showed of its noise, in points.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Noise {
    /// Standard deviation of the cases' scores; `None` below two cases.
    pub between_cases: Option<f64>,
    /// Standard deviation of one case's score from trial to trial; `None` where no case had two trials.
    pub within_cases: Option<f64>,
}

/// What a gate can show.
#[derive(Clone, PartialEq, Debug)]
pub struct Forecast {
    /// What is assumed of noise, and asked of the comparison.
    pub assumptions: Assumptions,
    /// Whether the noise from trial to trial was measured by a run, and not assumed.
    pub measured: bool,
    /// The smallest change against a baseline that would be found, in points.
    pub detectable: Option<f64>,
    /// Of each of [`CHANGES`], the cases that it takes.
    pub needed: Vec<(f64, Option<u64>)>,
    /// Half of the interval around the mean score, in points: t·s/√n would need the run, so z is taken; `None` until a
    /// run has shown the spread of cases.
    pub half_width: Option<f64>,
    /// What so many cases can show at best; `None` without a judge.
    pub preflight: Option<Preflight>,
}

/// Asks what the planned cases of a gate can show.
pub fn forecast(gate: &GatePlan, noise: Noise) -> Forecast {
    let terms = &gate.suite.gate;
    let assumptions = Assumptions {
        sd_within: noise.within_cases.unwrap_or(Assumptions::default().sd_within),
        trials: gate.trials,
        confidence: terms.confidence,
        ..Assumptions::default()
    };
    let n = gate.cases.len();
    let z = crate::aggregate::distribution::normal_quantile(0.5 + terms.confidence / 2.0);
    #[expect(clippy::cast_precision_loss, reason = "a number of cases")]
    let root = (n as f64).sqrt();
    Forecast {
        assumptions,
        measured: noise.within_cases.is_some(),
        detectable: detectable(n, &assumptions),
        needed: CHANGES.iter().map(|change| (*change, cases_needed(*change, &assumptions))).collect(),
        half_width: noise
            .between_cases
            .filter(|sd| *sd > 0.0)
            .zip(z)
            .filter(|_| n > 0)
            .map(|(sd, z)| z * sd / root),
        preflight: gate.suite.judge.as_ref().map(|judge| {
            preflight(n, judge.scale, step(judge, gate.trials), terms.confidence, gate.prompt.required)
        }),
    }
}

/// The smallest difference between two case scores: one step in the lightest dimension, of one repeat of one trial.
fn step(judge: &Judge, trials: u32) -> f64 {
    let weights = judge.dimensions.iter().map(|dimension| dimension.weight);
    let (all, least) = (weights.clone().sum::<f64>(), weights.fold(f64::INFINITY, f64::min));
    judge.scale.step * least / all / (f64::from(judge.repeats) * f64::from(trials))
}

/// What keeps a gate from passing whatever the answers are; empty where nothing is known to.
pub fn obstacles(gate: &GatePlan, forecast: &Forecast, shown: Option<&Shown>) -> Vec<Breach> {
    let terms = &gate.suite.gate;
    let mut found = Vec::new();
    let mut add = |code, message: String| found.push(Breach { code, message });
    let n = gate.cases.len();
    if u32::try_from(n).unwrap_or(u32::MAX) < terms.min_cases {
        add(codes::TOO_FEW_CASES, format!("{n} cases planned, and `min_cases` is {}", terms.min_cases));
    }
    if let (DecideOn::LowerBound, Some(required), Some(best)) =
        (terms.decide_on, gate.prompt.required, &forecast.preflight)
        && best.lower_bound_can_pass == Some(false)
    {
        let bound = best.best_lower_bound.map_or_else(|| "none".to_owned(), |bound| format!("{bound:.2}"));
        add(
            OUT_OF_REACH,
            format!(
                "the lower bound decides, and with {n} cases the best that answers can give is {bound}, below the required {required}"
            ),
        );
    }
    for name in out_of_reach(gate) {
        add(codes::DIMENSION_ABSENT, format!("`{name}` is required, and no planned case has what it needs"));
    }
    if let (Some(terms), Some(shown)) = (&terms.require_calibration, shown) {
        found.extend(shown.lacks(terms));
    }
    found
}

/// Required dimensions that no planned case can be scored on. What retrieval brings counts as there.
fn out_of_reach(gate: &GatePlan) -> Vec<String> {
    let Some(judge) = &gate.suite.judge else { return Vec::new() };
    let required = judge.dimensions.iter().filter(|dimension| dimension.required.is_some());
    let never = required.filter(|dimension| {
        !gate.cases.iter().any(|&case| {
            let row = gate.suite.cases.get(case);
            // A program may bring what it retrieved itself.
            let context = gate.retrieval.is_some()
                || matches!(gate.provider.api, Api::Exec | Api::Http)
                || row.case.context.as_ref().is_some_and(|context| !context.is_empty());
            asked(judge, context, row.case.expected.is_some())
                .iter()
                .any(|asked| asked.name == dimension.name)
        })
    });
    never.map(|dimension| dimension.name.to_string()).collect()
}
