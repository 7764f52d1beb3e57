//! The calibration record: what a judge has shown, committed next to the suites, so that a gate can demand it.

use super::{Agreement, Calibration, Means};
use crate::domain::score::TOLERANCE;
use crate::domain::{
    Breach, Code, Diagnostic, Digest, DimensionName, ModelId, Place, RelPath, Span, SuiteName,
};
use crate::manifest::suite::CalibrationTerms;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format of records that this version reads and writes.
pub const SCHEMA: &str = "llmops/calibration/v1";

/// There is no calibration of this judge.
pub const UNCALIBRATED: Code = Code("judge-uncalibrated");
/// The judge is not the one that was calibrated.
pub const CHANGED: Code = Code("judge-changed");
/// The calibration rests on too few labels.
pub const FEW_LABELS: Code = Code("calibration-few-labels");
/// The judge does not agree well enough with people.
pub const LOW_KAPPA: Code = Code("calibration-low-kappa");
/// The judge is too lenient or too strict.
pub const BIASED: Code = Code("calibration-biased");
/// The record cannot be read.
pub const UNREADABLE: Code = Code("calibration-unreadable");

/// The codes of this file.
pub const CODES: [Code; 6] = [UNCALIBRATED, CHANGED, FEW_LABELS, LOW_KAPPA, BIASED, UNREADABLE];

/// Who was calibrated, against what, and when.
#[derive(Clone, PartialEq, Debug)]
pub struct Provenance {
    /// The suite.
    pub suite: SuiteName,
    /// The judge's digest.
    pub judge_digest: Digest,
    /// The rubric: its name and version.
    pub rubric: String,
    /// The judge's model.
    pub model: ModelId,
    /// The digest of the label file.
    pub labels_digest: Digest,
    /// The day, as an ISO 8601 date.
    pub date: String,
}

/// One dimension, or all pooled. `None` where the labels define no such number.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Labelled answers that the judge scored.
    pub n: usize,
    /// Share of answers with the same score.
    pub agreement: Option<f64>,
    /// Quadratic weighted kappa.
    pub kappa: Option<f64>,
    /// Lower end of its interval.
    pub kappa_low: Option<f64>,
    /// Upper end of its interval.
    pub kappa_high: Option<f64>,
    /// Gwet's AC2, quadratic weights.
    pub ac2: Option<f64>,
    /// Mean of judge − human, in points.
    pub bias: Option<f64>,
    /// Lower end of its interval.
    pub bias_low: Option<f64>,
    /// Upper end of its interval.
    pub bias_high: Option<f64>,
}

/// What a judge has shown against human labels. Written as JSON, one fact a line, keys in this order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// The suite.
    pub suite: SuiteName,
    /// The judge's digest: rubric, model, parameters, dimensions, scale.
    pub judge_digest: Digest,
    /// The rubric: its name and version.
    pub rubric: String,
    /// The judge's model.
    pub model: ModelId,
    /// The digest of the label file.
    pub labels_digest: Digest,
    /// The day, as an ISO 8601 date.
    pub date: String,
    /// Labels in the file.
    pub labels: usize,
    /// People who labelled.
    pub raters: usize,
    /// Of the intervals.
    pub confidence: f64,
    /// The judge's mean case score.
    pub judge_mean: Option<f64>,
    /// What it would be by people: prediction-powered.
    pub corrected_mean: Option<f64>,
    /// Lower end of its interval.
    pub corrected_low: Option<f64>,
    /// Upper end of its interval.
    pub corrected_high: Option<f64>,
    /// All dimensions in one pool.
    pub pooled: Entry,
    /// Every dimension of the judge, those without labels too.
    pub dimensions: BTreeMap<DimensionName, Entry>,
}

/// Where the record of a suite stands: `calibrations/NAME.json` under the evals folder. JSON, because every YAML
/// file there is a suite.
pub fn path(evals: &RelPath, suite: &SuiteName) -> Option<RelPath> {
    let folder = evals.join("calibrations")?;
    folder.join(&format!("{suite}.json")).filter(|path| path.is_under(folder.as_str()))
}

impl Record {
    /// The record of a calibration.
    pub fn new(calibration: &Calibration, about: Provenance) -> Self {
        let Provenance { suite, judge_digest, rubric, model, labels_digest, date } = about;
        let Means { judge, corrected } = &calibration.score;
        let corrected = corrected.as_ref().ok().map(|powered| powered.mean);
        let named = |(agreement, _): &(Agreement, Means)| {
            agreement.dimension.clone().map(|name| (name, Entry::new(agreement)))
        };
        Self {
            schema: SCHEMA.to_owned(),
            suite,
            judge_digest,
            rubric,
            model,
            labels_digest,
            date,
            labels: calibration.labels,
            raters: calibration.raters,
            confidence: calibration.confidence,
            judge_mean: judge.ok(),
            corrected_mean: corrected.map(|mean| mean.value),
            corrected_low: corrected.and_then(|mean| mean.interval).map(|(low, _)| low),
            corrected_high: corrected.and_then(|mean| mean.interval).map(|(_, high)| high),
            pooled: Entry::new(&calibration.pooled),
            dimensions: calibration.dimensions.iter().filter_map(named).collect(),
        }
    }

    /// The file's content. Numbers are finite by construction, so that none is written as null by accident.
    ///
    /// # Errors
    /// Only what `serde_json` may refuse.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads a record as [`Record::to_json`] wrote it.
    ///
    /// # Errors
    /// One diagnostic with its place: not JSON, unknown or missing keys, another schema.
    pub fn read(path: &RelPath, text: &str) -> Result<Self, Box<Diagnostic>> {
        let unreadable = |message: String, place| {
            let help = "write it anew with `llmops calibrate SUITE --labels FILE`";
            Box::new(Diagnostic::error(UNREADABLE, message).at(place).help(help))
        };
        let record: Self = serde_json::from_str(text).map_err(|error| {
            let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).max(1);
            let place = Place::at(path, Span::new(number(error.line()), number(error.column()), 1));
            unreadable(format!("not a calibration record: {error}"), place)
        })?;
        if record.schema == SCHEMA {
            return Ok(record);
        }
        let message = format!("a calibration record of schema {:?}, not {SCHEMA:?}", record.schema);
        Err(unreadable(message, Place::file(path)))
    }
}

impl Entry {
    fn new(agreement: &Agreement) -> Self {
        let kappa = agreement.kappa.ok();
        let residuals = agreement.residuals.as_ref().ok();
        let bias = residuals.map(|residuals| residuals.bias);
        Self {
            n: agreement.n,
            agreement: residuals.map(|residuals| residuals.exact),
            kappa: kappa.map(|kappa| kappa.value),
            kappa_low: kappa.and_then(|kappa| kappa.interval).map(|(low, _)| low),
            kappa_high: kappa.and_then(|kappa| kappa.interval).map(|(_, high)| high),
            ac2: agreement.ac2.ok(),
            bias: bias.map(|bias| bias.value),
            bias_low: bias.and_then(|bias| bias.interval).map(|(low, _)| low),
            bias_high: bias.and_then(|bias| bias.interval).map(|(_, high)| high),
        }
    }
}

/// Whether a record meets `gate.require_calibration` for the judge with `judge_digest`. A judge that is not
/// calibrated, or not the calibrated one, makes a gate inconclusive.
///
/// # Errors
/// Every reason why it does not.
pub fn satisfies(
    record: Option<&Record>,
    terms: &CalibrationTerms,
    judge_digest: &Digest,
) -> Result<(), Vec<Breach>> {
    let Some(record) = record else {
        let message =
            "the judge has no calibration record; write one with `llmops calibrate SUITE --labels FILE`";
        return Err(vec![Breach { code: UNCALIBRATED, message: message.to_owned() }]);
    };
    if record.judge_digest != *judge_digest {
        let message = format!(
            "the judge is {}, but {} was calibrated on {}: rubric, model, parameters, dimensions or scale moved",
            judge_digest.short(),
            record.judge_digest.short(),
            record.date
        );
        return Err(vec![Breach { code: CHANGED, message }]);
    }
    let breaches = shortfalls(record, terms);
    if breaches.is_empty() { Ok(()) } else { Err(breaches) }
}

/// Where a record falls short of `terms`, dimension by dimension: each has to hold by itself, since a pool hides
/// one bad dimension behind several good ones. A number that the labels do not define meets no demand.
pub fn shortfalls(record: &Record, terms: &CalibrationTerms) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if record.dimensions.is_empty() {
        let message = "the calibration record names no dimension".to_owned();
        breaches.push(Breach { code: UNCALIBRATED, message });
    }
    for (name, entry) in &record.dimensions {
        let mut add =
            |code, message: String| breaches.push(Breach { code, message: format!("{name}: {message}") });
        let labels = u32::try_from(entry.n).unwrap_or(u32::MAX);
        if let Some(least) = terms.min_labels.filter(|least| labels < *least) {
            add(FEW_LABELS, format!("{labels} labelled answers, {least} demanded"));
        }
        if let Some(least) = terms.min_kappa {
            match entry.kappa {
                Some(kappa) if kappa >= least - TOLERANCE => {}
                Some(kappa) => add(LOW_KAPPA, format!("kappa {kappa:.3}, at least {least} demanded")),
                None => add(LOW_KAPPA, format!("the labels define no kappa, at least {least} demanded")),
            }
        }
        if let Some(most) = terms.max_bias {
            match entry.bias {
                Some(bias) if bias.abs() <= most + TOLERANCE => {}
                Some(bias) => add(BIASED, format!("bias {bias:+.3} points, at most {most} allowed")),
                None => add(BIASED, format!("the labels define no bias, at most {most} allowed")),
            }
        }
    }
    breaches
}
