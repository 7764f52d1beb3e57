//! Does the judge agree with people? Its scores of one run, held against human labels of the same answers.

pub mod record;
pub mod shown;
#[cfg(test)]
mod tests;

use super::agreement::alpha::{Level, alpha};
use super::agreement::kappa::{Table, Weighting, gwet, kappa};
use super::agreement::passing::{Corrected, PassRate, Passing, passing, rogan_gladen};
use super::agreement::powered::{Powered, powered_mean};
use super::agreement::residual::{Residuals, residuals};
use super::agreement::verbosity::{Verbosity, verbosity};
use super::agreement::{Estimate, Measured, Undefined, correlation};
use super::labels::{Label, Labels};
use crate::domain::score::reaches;
use crate::domain::{CaseId, DimensionName, Error, Kind, Result, Scale};
use std::collections::{BTreeMap, BTreeSet};

/// What the judge said of one answer: the trial that people were shown.
#[derive(Clone, PartialEq, Debug)]
pub struct JudgedCase {
    /// The case.
    pub id: CaseId,
    /// Its scores; `None` where a dimension was not applicable.
    pub dimensions: BTreeMap<DimensionName, Option<f64>>,
    /// Length of the answer, in characters.
    pub output_chars: usize,
}

/// A dimension of the judge that is calibrated.
#[derive(Clone, PartialEq, Debug)]
pub struct Calibrated {
    /// Its name.
    pub name: DimensionName,
    /// Its weight in a case's score.
    pub weight: f64,
    /// The least mean that the gate demands of it.
    pub required: Option<f64>,
}

/// What is asked of a calibration.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// The judge's dimensions, in the suite's order.
    pub dimensions: Vec<Calibrated>,
    /// The judge's scale.
    pub scale: Scale,
    /// Where pass and fail part, for dimensions that have no `required` of their own; `None`: no threshold.
    pub threshold: Option<f64>,
    /// Of every interval, between 0 and 1.
    pub confidence: f64,
}

/// How well the judge agrees with people. The human score of a case is the mean over its raters.
#[derive(Clone, PartialEq, Debug)]
pub struct Agreement {
    /// The dimension; `None` for all of them pooled.
    pub dimension: Option<DimensionName>,
    /// Labelled answers that the judge scored, each counted once however many raters it had.
    pub n: usize,
    /// How many of them kappa and AC had to take at the nearest level, being means between two.
    pub rounded: usize,
    /// Cohen's kappa, quadratic weights.
    pub kappa: Measured<Estimate>,
    /// Cohen's kappa, linear weights.
    pub kappa_linear: Measured<Estimate>,
    /// Cohen's kappa, unweighted.
    pub kappa_unweighted: Measured<Estimate>,
    /// Gwet's AC1, unweighted.
    pub ac1: Measured,
    /// Gwet's AC2, quadratic weights.
    pub ac2: Measured,
    /// Krippendorff's ordinal alpha among the people: no judge can be held to more.
    pub alpha_raters: Measured,
    /// The same with the judge as one more rater.
    pub alpha_with_judge: Measured,
    /// Spearman's rank correlation.
    pub spearman: Measured,
    /// Kendall's tau-b.
    pub tau_b: Measured,
    /// Pearson's correlation.
    pub pearson: Measured,
    /// Errors and signed bias, judge − human; raw agreement is its `exact`.
    pub residuals: Measured<Residuals>,
    /// Agreement on pass and fail; `None` without a threshold.
    pub passing: Option<Measured<Passing>>,
    /// The share of the unlabelled answers that people would pass: the judge's, corrected for its errors on the
    /// labelled ones (Rogan–Gladen); `None` without a threshold.
    pub pass_rate: Option<Measured<Corrected>>,
    /// Whether the judge rewards length.
    pub verbosity: Measured<Verbosity>,
}

/// A mean by the judge, and what it would be by people.
#[derive(Clone, PartialEq, Debug)]
pub struct Means {
    /// The judge's, over every answer that it scored.
    pub judge: Measured,
    /// The prediction-powered one.
    pub corrected: Measured<Powered>,
}

/// A judge held against labels.
#[derive(Clone, PartialEq, Debug)]
pub struct Calibration {
    /// Per dimension, in the suite's order; those without labels too.
    pub dimensions: Vec<(Agreement, Means)>,
    /// Every labelled answer of every dimension in one pool.
    pub pooled: Agreement,
    /// Of the case score, the weighted mean of its dimensions; corrected by the cases of which people labelled
    /// every dimension that the judge scored. Cases count alike here, whatever their weight in the gate.
    pub score: Means,
    /// Labels in the file.
    pub labels: usize,
    /// Labels without a score of the judge: the answer was unscored, or the dimension not applicable.
    pub unjudged: Vec<(CaseId, DimensionName)>,
    /// People who labelled.
    pub raters: usize,
    /// Of every interval.
    pub confidence: f64,
}

/// Joins labels with the judge's scores of a run, by case and dimension.
///
/// # Errors
/// [`Kind::NoVerdict`] when the judge scored none of what was labelled.
pub fn calibrate(labels: &Labels, judged: &[JudgedCase], question: &Question) -> Result<Calibration> {
    let by_id: BTreeMap<&CaseId, &JudgedCase> = judged.iter().map(|case| (&case.id, case)).collect();
    let mut human: BTreeMap<(&DimensionName, &CaseId), Vec<f64>> = BTreeMap::new();
    let mut unjudged = BTreeSet::new();
    for Label { case, dimension, score, .. } in &labels.labels {
        match by_id.get(case).and_then(|judged| judged.dimensions.get(dimension).copied().flatten()) {
            Some(_) => human.entry((dimension, case)).or_default().push(*score),
            None => {
                unjudged.insert((case.clone(), dimension.clone()));
            }
        }
    }
    if human.is_empty() {
        return Err(Error::new(Kind::NoVerdict, "the judge scored none of the labelled answers")
            .hint("run `llmops eval` for the suite first, then calibrate against that run"));
    }
    let rows = |dimension: &Calibrated| -> Vec<Row> {
        let row = |case: &JudgedCase| {
            let judge = case.dimensions.get(&dimension.name).copied().flatten()?;
            let human = human.get(&(&dimension.name, &case.id)).cloned().unwrap_or_default();
            Some(Row { judge, human, chars: case.output_chars })
        };
        judged.iter().filter_map(row).collect()
    };
    let mut pool = Vec::new();
    let mut dimensions = Vec::new();
    for dimension in &question.dimensions {
        let rows = rows(dimension);
        let threshold = dimension.required.or(question.threshold);
        let name = Some(dimension.name.clone());
        dimensions.push((agreement(name, &rows, threshold, question), means(&rows, question.confidence)));
        pool.extend(rows);
    }
    let composites: Vec<Row> =
        judged.iter().filter_map(|case| composite(case, &human, &question.dimensions)).collect();
    Ok(Calibration {
        dimensions,
        pooled: agreement(None, &pool, question.threshold, question),
        score: means(&composites, question.confidence),
        labels: labels.labels.len(),
        unjudged: unjudged.into_iter().collect(),
        raters: labels.raters(),
        confidence: question.confidence,
    })
}

/// One answer: the judge's score, and every human's.
struct Row {
    judge: f64,
    human: Vec<f64>,
    chars: usize,
}

impl Row {
    fn human_mean(&self) -> Option<f64> {
        mean(&self.human)
    }
}

/// The case's score by the judge, and by people where they labelled all of what the judge scored.
fn composite(
    case: &JudgedCase,
    human: &BTreeMap<(&DimensionName, &CaseId), Vec<f64>>,
    dimensions: &[Calibrated],
) -> Option<Row> {
    let (mut weights, mut judge, mut people) = (0.0, 0.0, Some(0.0));
    for dimension in dimensions {
        let Some(score) = case.dimensions.get(&dimension.name).copied().flatten() else { continue };
        weights += dimension.weight;
        judge += dimension.weight * score;
        let label = human.get(&(&dimension.name, &case.id)).and_then(|scores| mean(scores));
        people = people.zip(label).map(|(sum, label)| sum + dimension.weight * label);
    }
    (weights > 0.0).then(|| Row {
        judge: judge / weights,
        human: people.map(|sum| sum / weights).into_iter().collect(),
        chars: case.output_chars,
    })
}

fn agreement(
    dimension: Option<DimensionName>,
    rows: &[Row],
    threshold: Option<f64>,
    question: &Question,
) -> Agreement {
    let labelled: Vec<&Row> = rows.iter().filter(|row| !row.human.is_empty()).collect();
    let human: Vec<f64> = labelled.iter().filter_map(|row| row.human_mean()).collect();
    let judge: Vec<f64> = labelled.iter().map(|row| row.judge).collect();
    let chars: Vec<usize> = labelled.iter().map(|row| row.chars).collect();
    let table = Table::new(&human, &judge, question.scale);
    let kappa_by = |weighting| kappa(table.as_ref().map_err(|why| *why)?, weighting, question.confidence);
    let gwet_by = |weighting| gwet(table.as_ref().map_err(|why| *why)?, weighting);
    let people: Vec<Vec<f64>> = labelled.iter().map(|row| row.human.clone()).collect();
    let with_judge: Vec<Vec<f64>> =
        labelled.iter().map(|row| row.human.iter().copied().chain([row.judge]).collect()).collect();
    let line = threshold.map(|line| passing(&human, &judge, line, question.confidence));
    let rest: Vec<f64> = rows.iter().filter(|row| row.human.is_empty()).map(|row| row.judge).collect();
    let pass_rate = line
        .as_ref()
        .map(|line| corrected_rate(line.as_ref().map_err(|why| *why)?, &rest, question.confidence));
    Agreement {
        dimension,
        n: labelled.len(),
        rounded: table.as_ref().map_or(0, Table::rounded),
        kappa: kappa_by(Weighting::Quadratic),
        kappa_linear: kappa_by(Weighting::Linear),
        kappa_unweighted: kappa_by(Weighting::Unweighted),
        ac1: gwet_by(Weighting::Unweighted),
        ac2: gwet_by(Weighting::Quadratic),
        alpha_raters: alpha(&people, Level::Ordinal),
        alpha_with_judge: alpha(&with_judge, Level::Ordinal),
        spearman: correlation::spearman(&human, &judge),
        tau_b: correlation::tau_b(&human, &judge),
        pearson: correlation::pearson(&human, &judge),
        residuals: residuals(&human, &judge, question.scale.step, question.confidence),
        passing: line,
        pass_rate,
        verbosity: verbosity(&human, &judge, &chars, question.confidence),
    }
}

fn corrected_rate(line: &Passing, unlabelled: &[f64], confidence: f64) -> Measured<Corrected> {
    let (sensitivity, specificity) = (line.true_pass_rate?, line.true_fail_rate?);
    let passes: Vec<f64> =
        unlabelled.iter().map(|score| f64::from(u8::from(reaches(*score, line.threshold)))).collect();
    let rate = PassRate {
        judged: mean(&passes).ok_or(Undefined::NoSuchRows)?,
        n: u64::try_from(passes.len()).map_err(|_| Undefined::Unusable)?,
        specificity: (specificity.share, specificity.of),
        sensitivity: (sensitivity.share, sensitivity.of),
    };
    rogan_gladen(&rate, confidence)
}

fn means(rows: &[Row], confidence: f64) -> Means {
    let (labelled, rest): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| !row.human.is_empty());
    let human: Vec<f64> = labelled.iter().filter_map(|row| row.human_mean()).collect();
    let judge: Vec<f64> = labelled.iter().map(|row| row.judge).collect();
    let unlabelled: Vec<f64> = rest.iter().map(|row| row.judge).collect();
    let all: Vec<f64> = rows.iter().map(|row| row.judge).collect();
    Means {
        judge: mean(&all).ok_or(Undefined::TooFew),
        corrected: powered_mean(&human, &judge, &unlabelled, None, confidence),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of labels")]
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
