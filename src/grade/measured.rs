//! Asserts about what an answer took.

use super::fault::AssertFault;
use super::material::{Answer, Finding};
use crate::manifest::assert::{Assert, MeasuredAssert};
use rust_decimal::prelude::ToPrimitive;

/// Decides one measured assert: the measured value against a maximum, which may be reached.
///
/// What was not measured cannot be decided: an unpriced model is not free, and an answer that was never called for is
/// not fast.
pub fn check(assert: &Assert, test: &MeasuredAssert, answer: &Answer<'_>) -> Result<Finding, AssertFault> {
    let unmeasured = |message| AssertFault::Unmeasured { kind: assert.written.clone(), message };
    match test {
        MeasuredAssert::Latency { max_ms } => {
            let took =
                answer.latency_ms.ok_or_else(|| unmeasured("the latency of the answer is not known"))?;
            // Milliseconds up to 2^53 are exact, which is 285,000 years.
            let took_ms =
                took.to_f64().ok_or_else(|| unmeasured("the latency of the answer is not known"))?;
            Ok(Finding {
                holds: took_ms <= *max_ms,
                score: Some(took_ms),
                threshold: Some(*max_ms),
                reason: format!("took {took} ms, at most {max_ms} ms allowed"),
                lacking: Vec::new(),
            })
        }
        MeasuredAssert::Cost { max } => {
            let usage = &answer.reply.usage;
            let why = match usage.input.is_some() && usage.output.is_some() {
                true => "the model has no price",
                false => "the provider reported no usage to put a price to",
            };
            let cost = answer.cost.ok_or_else(|| unmeasured(why))?;
            Ok(Finding {
                holds: cost <= *max,
                score: cost.0.to_f64(),
                threshold: max.0.to_f64(),
                reason: format!("cost {cost} USD, at most {max} USD allowed"),
                lacking: Vec::new(),
            })
        }
    }
}
