//! Reading a judge's reply: a grade, or a fault. Never a zero, never a clamped score.

use super::REASON;
use crate::domain::{DimensionName, FinishReason, ModelId, Reply, Scale, Unscored};
use crate::grade::json::{self, Fault, FaultKind, Json};
use crate::grade::{refusal, say};
use crate::manifest::prompt::Dimension;

/// A judge's reply, read.
#[derive(Clone, PartialEq, Debug)]
pub struct JudgeReply {
    /// A score for every dimension that was asked for, in that order.
    pub scores: Vec<(DimensionName, f64)>,
    /// The rationale; empty when the judge gave none.
    pub reason: String,
    /// Whether the object had to be taken out of other text.
    pub lenient: bool,
    /// Keys that were not asked for, which are ignored.
    pub extra: Vec<String>,
    /// The model as the provider reported it.
    pub reported: Option<ModelId>,
}

/// Why a judge's reply is no grade. As text it is what the judge is told when it is asked again.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum JudgeFault {
    /// The judge, or its provider, refused.
    #[error("it is a refusal")]
    Refused,
    /// The reply was cut off, so that nothing in it is final.
    #[error("it was cut off by the token limit")]
    Truncated,
    /// There is no JSON object in it.
    #[error("it holds no JSON object ({0})")]
    NoObject(String),
    /// There is more in it than one JSON object and plain text: which one is the grade cannot be known.
    #[error("it holds more than one JSON object, or braces beside it")]
    SeveralObjects,
    /// An object has a key twice.
    #[error("key {0:?} stands in it twice")]
    Duplicate(String),
    /// A dimension that was asked for is not there.
    #[error("`{0}` is missing")]
    Missing(DimensionName),
    /// A dimension is not a number.
    #[error("`{0}` is {1} and not a number")]
    NotNumber(DimensionName, &'static str),
    /// A score is not on the scale, or between two of its steps.
    #[error("`{name}` is {found}, which is not on the scale from {min} to {max} in steps of {step}", min = .scale.min, max = .scale.max, step = .scale.step)]
    OffScale {
        /// The dimension.
        name: DimensionName,
        /// The score as written.
        found: String,
        /// The scale.
        scale: Scale,
    },
    /// The rationale is not text.
    #[error("`{REASON}` is not text")]
    Reason,
}

impl JudgeFault {
    /// What the trial becomes when the second reply is no better.
    pub fn unscored(&self) -> Unscored {
        match self {
            Self::Refused => Unscored::JudgeRefusal,
            Self::Truncated
            | Self::NoObject(_)
            | Self::SeveralObjects
            | Self::Duplicate(_)
            | Self::Missing(_)
            | Self::NotNumber(..)
            | Self::OffScale { .. }
            | Self::Reason => Unscored::JudgeUnparseable,
        }
    }
}

/// Reads a judge's reply.
///
/// Strictly first: the whole text is one JSON object (a byte order mark and white space aside) with every asked
/// dimension as a number on the scale and on a step of it, no key twice at any depth, and nothing that JSON does not
/// have, such as `NaN`. Text is no number, nor is `true`. A missing `reason` is empty; other keys are ignored and noted
/// in [`JudgeReply::extra`].
///
/// Else leniently: the *only* JSON object in the text, fenced or embedded, by the same rules and noted as
/// [`JudgeReply::lenient`]. Another object, or any brace outside of it, makes the reply unusable: a draft, a quotation
/// and a grade cannot be told apart. (Other tools take the first object or the last.) Objects inside the object do
/// not count.
///
/// # Errors
/// A [`JudgeFault`].
pub fn read(reply: &Reply, asked: &[Dimension], scale: Scale) -> Result<JudgeReply, JudgeFault> {
    if reply.finish == FinishReason::Refusal || reply.refusal.is_some() {
        return Err(JudgeFault::Refused);
    }
    if reply.finish == FinishReason::Length {
        return Err(JudgeFault::Truncated);
    }
    let text = reply.text.trim_start_matches('\u{feff}');
    let (object, lenient) = match json::parse(text) {
        Ok(object @ Json::Object(_)) => (object, false),
        Err(Fault { kind: FaultKind::Duplicate(key), .. }) => return Err(JudgeFault::Duplicate(key)),
        other => {
            let why = match other {
                Ok(value) => format!("it is {}", value.noun()),
                Err(fault) => fault.describe(text),
            };
            match only_object(text, why) {
                Err(JudgeFault::NoObject(_)) if refusal::wording(text).is_some() => {
                    return Err(JudgeFault::Refused);
                }
                found => (found?, true),
            }
        }
    };
    let mut scores = Vec::with_capacity(asked.len());
    for dimension in asked {
        scores.push((dimension.name.clone(), score(&object, &dimension.name, scale)?));
    }
    let reason = match object.get(REASON) {
        Some(Json::Text(reason)) => reason.trim().to_owned(),
        None | Some(Json::Null) => String::new(),
        Some(_) => return Err(JudgeFault::Reason),
    };
    let extra = match &object {
        Json::Object(members) => members
            .iter()
            .map(|(key, _)| key)
            .filter(|key| *key != REASON && !asked.iter().any(|dimension| dimension.name.as_str() == *key))
            .cloned()
            .collect(),
        _ => Vec::new(),
    };
    Ok(JudgeReply { scores, reason, lenient, extra, reported: reply.model.clone() })
}

fn score(object: &Json, name: &DimensionName, scale: Scale) -> Result<f64, JudgeFault> {
    match object.get(name.as_str()) {
        None => Err(JudgeFault::Missing(name.clone())),
        Some(Json::Number(number)) => {
            let score = number.to_f64();
            if scale.holds(score) {
                return Ok(score);
            }
            Err(JudgeFault::OffScale { name: name.clone(), found: say::line(&number.to_string(), 40), scale })
        }
        Some(other) => Err(JudgeFault::NotNumber(name.clone(), other.noun())),
    }
}

/// The only JSON object in `text`. `why` says why the whole text is none.
fn only_object(text: &str, why: String) -> Result<Json, JudgeFault> {
    let Some(start) = text.find('{') else { return Err(JudgeFault::NoObject(why)) };
    match json::parse_prefix(&text[start..]) {
        Ok((object, length)) => {
            let beside = [&text[..start], &text[start + length..]];
            if beside.iter().any(|part| part.contains(['{', '}'])) {
                return Err(JudgeFault::SeveralObjects);
            }
            Ok(object)
        }
        Err(Fault { kind: FaultKind::Duplicate(key), .. }) => Err(JudgeFault::Duplicate(key)),
        Err(_) => Err(JudgeFault::NoObject(why)),
    }
}

#[cfg(test)]
mod tests;
