//! `builtin/lexical`: a judge that measures overlap of words.
//!
//! It reads the request's data, not its messages: `{input, vars, context, expected, output, dimensions: [{name,
//! description}], scale: {min, max, step}}`. What stands in none of these places is looked for in `vars`.
//! It replies with `{"reason": "…", "faithfulness": 4, …}`.
//!
//! A dimension is known by its name; its description is for other judges.
//!
//! | dimension | measure, as a share |
//! |---|---|
//! | `faithfulness`, `groundedness` | the answer's content words that stand in the context |
//! | `relevance`, `answer_relevance` | the question's content words, or the expected answer's, that the answer takes up |
//! | `correctness`, `accuracy` | F1 of the content words of answer and expected answer |
//! | `helpfulness`, `usefulness` | the lower of relevance and of what is new in the answer |
//! | `clarity`, `readability` | short sentences, none said again |
//! | `tone`, `politeness` | no rude word, no shouting |
//! | any other | the lower of relevance and clarity |
//!
//! Content words are compared in their stems and without stop words, which are English. A share s between 0 and 1
//! becomes the level min + s · (max − min), rounded to a step of the scale; in the middle between two, the lower.
//! Nothing that an answer says to its judge is understood, so it gains nothing by that.

use super::material;
use super::measures::{self, Measure, Subject};
use crate::call::local_fault::{LocalFault, Stage};
use crate::domain::{Request, Scale};
use serde_json::{Map, Number, Value};

/// The judgement as a JSON object.
pub(super) fn answer(request: &Request) -> Result<String, LocalFault> {
    let fault = |message: &str| LocalFault::new(Stage::Start, message);
    let data = &request.data;
    let output = value(data, "output")
        .ok_or_else(|| fault("`builtin/lexical` is a judge and was given no `output` to judge"))?;
    let dimensions = dimensions(request);
    if dimensions.is_empty() {
        return Err(fault("`builtin/lexical` was given no dimensions to judge"));
    }
    let scale = scale(data)?;
    let (question, output) = (value(data, "input").unwrap_or_default(), output);
    let subject = Subject {
        question: &question,
        answer: &output,
        context: material::context(data),
        expected: value(data, "expected").filter(|expected| !expected.trim().is_empty()),
    };
    let mut scores = Map::new();
    let mut reasons = Vec::new();
    for name in dimensions {
        let measure = measure(&name, &subject);
        let level = level(scale, measure.share);
        reasons.push(format!("{name} {level}: {}", measure.why));
        scores.insert(name, Value::Number(level));
    }
    let mut reply = Map::new();
    reply.insert("reason".to_owned(), Value::String(reasons.join("; ")));
    reply.extend(scores);
    Ok(Value::Object(reply).to_string())
}

fn measure(dimension: &str, subject: &Subject<'_>) -> Measure {
    match dimension.to_ascii_lowercase().as_str() {
        "faithfulness" | "groundedness" => measures::faithfulness(subject),
        "relevance" | "answer_relevance" => measures::relevance(subject),
        "correctness" | "accuracy" => measures::correctness(subject),
        "helpfulness" | "usefulness" => measures::helpfulness(subject),
        "clarity" | "readability" => measures::clarity(subject),
        "tone" | "politeness" => measures::tone(subject),
        _ => measures::other(subject),
    }
}

/// A value of the data, or of its `vars`, as text; JSON that is no text as compact JSON.
fn value(data: &Value, key: &str) -> Option<String> {
    let there = |value: &&Value| !value.is_null();
    let value = data.get(key).filter(there).or_else(|| data.get("vars")?.get(key).filter(there))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// The names of the dimensions; where the data has none, those of the reply's schema.
fn dimensions(request: &Request) -> Vec<String> {
    if let Some(listed) = request.data.get("dimensions").and_then(Value::as_array) {
        let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
        return listed.iter().filter_map(name).collect();
    }
    let schema = request.output.as_ref().and_then(|output| output.schema.get("properties"));
    let properties = schema.and_then(Value::as_object).into_iter().flatten();
    properties.map(|(name, _)| name.clone()).filter(|name| name != "reason").collect()
}

fn scale(data: &Value) -> Result<Scale, LocalFault> {
    let Some(value) = data.get("scale").filter(|value| !value.is_null()) else { return Ok(Scale::default()) };
    let read: Option<Scale> = serde_json::from_value(value.clone()).ok();
    read.filter(|scale| {
        let finite = scale.min.is_finite() && scale.max.is_finite() && scale.step.is_finite();
        finite && scale.step > 0.0 && scale.max > scale.min
    })
    .ok_or_else(|| LocalFault::new(Stage::Start, "`builtin/lexical` was given a scale that is none"))
}

/// A share on the steps of the scale.
fn level(scale: Scale, share: f64) -> Number {
    let steps = ((scale.max - scale.min) / scale.step + 1e-9).floor();
    let taken = (share.clamp(0.0, 1.0) * steps - 0.5).ceil().clamp(0.0, steps);
    let score = scale.min + taken * scale.step;
    // Six digits are finer than any step, and keep 0.1 + 0.2 from being 0.30000000000000004.
    let text = format!("{score:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    serde_json::from_str(text).unwrap_or_else(|_| Number::from(0))
}

#[cfg(test)]
mod tests;
