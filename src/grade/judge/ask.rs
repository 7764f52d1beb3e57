//! What to ask a judge.

use super::REASON;
use super::read::JudgeFault;
use crate::domain::exchange::OutputSchema;
use crate::domain::{Message, Request, Role, Scale};
use crate::manifest::prompt::{Dimension, Needs};
use crate::manifest::suite::Judge;
use crate::render::{RenderError, Renderer, Subject, question};
use serde_json::{Map, Value, json};

/// Levels up to which a schema lists them one by one. Providers limit the size of an enumeration; beyond this the schema
/// names the type, and the reader alone holds the scale.
const MOST_LEVELS: usize = 101;

/// Characters of a bad reply that a second question repeats.
const MOST_REPEATED: usize = 4_000;

/// The dimensions that are applicable to a case: those whose needs it has. Decided before the call, so that a judge is
/// never asked for what it cannot know; the others are left out of the schema and of the weights.
pub fn asked(judge: &Judge, has_context: bool, has_expected: bool) -> Vec<Dimension> {
    let has = |need: &Needs| match need {
        Needs::Context => has_context,
        Needs::Expected => has_expected,
    };
    judge.dimensions.iter().filter(|dimension| dimension.needs.iter().all(has)).cloned().collect()
}

/// The schema of the reply: `reason` first, so that the judge argues before it scores, then each dimension as one of
/// the levels of the scale.
pub fn schema(asked: &[Dimension], scale: Scale) -> OutputSchema {
    let level = level(scale);
    let mut properties = Map::new();
    properties.insert(REASON.to_owned(), json!({"type": "string"}));
    for dimension in asked {
        properties.insert(dimension.name.to_string(), level.clone());
    }
    let required: Vec<Value> = properties.keys().map(|key| json!(key)).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), Value::Array(required));
    schema.insert("additionalProperties".to_owned(), json!(false));
    OutputSchema { name: "grade".to_owned(), schema: Value::Object(schema), strict: true }
}

/// The schema of one score.
fn level(scale: Scale) -> Value {
    let whole = |number: f64| number.fract() == 0.0 && number.abs() < 1e9;
    let integers = scale.step == 1.0 && whole(scale.min) && whole(scale.max);
    let kind = if integers { "integer" } else { "number" };
    let levels: Vec<f64> = (0..=MOST_LEVELS)
        .map(|step| scale.min + scale.step * f64::from(u16::try_from(step).unwrap_or(u16::MAX)))
        .take_while(|level| *level <= scale.max + scale.step * 1e-6)
        // Nine decimals: 0.1 + 0.2 is a level that people write as 0.3.
        .map(|level| (level * 1e9).round() / 1e9)
        .collect();
    if levels.len() > MOST_LEVELS {
        return json!({"type": kind});
    }
    #[expect(clippy::cast_possible_truncation, reason = "an integer below 1e9")]
    let listed: Vec<Value> = levels
        .into_iter()
        .map(|level| if whole(level) { json!(level as i64) } else { json!(level) })
        .collect();
    json!({"type": kind, "enum": listed})
}

/// The request to the judge. `trial` numbers its calls over all trials and repeats of a case, so that each has a key of
/// its own. Programs and the built-in judge see the same as data.
///
/// # Errors
/// The rubric could not be rendered.
pub fn request(
    judge: &Judge,
    api: &str,
    subject: &Subject<'_>,
    asked: &[Dimension],
    trial: u32,
    renderer: &Renderer,
) -> Result<Request, RenderError> {
    let data = if matches!(api, "builtin" | "exec" | "http") {
        data(subject, asked, judge.scale)
    } else {
        Value::Null
    };
    Ok(Request {
        provider: judge.provider.clone(),
        api: api.to_owned(),
        model: judge.model.clone(),
        messages: renderer.judge(&judge.rubric, subject, asked, judge.scale)?,
        tools: Vec::new(),
        parameters: judge.rubric.parameters.clone(),
        output: Some(schema(asked, judge.scale)),
        json: true,
        trial,
        data,
        inputs: None,
        cacheable: true,
    })
}

/// What programs and the built-in judge see beside the messages.
pub fn data(subject: &Subject<'_>, asked: &[Dimension], scale: Scale) -> Value {
    let dimensions: Vec<Value> = asked
        .iter()
        .map(|dimension| json!({"name": dimension.name, "description": dimension.description}))
        .collect();
    json!({
        "input": question(subject.vars),
        "vars": subject.vars,
        "context": subject.context,
        "expected": subject.expected,
        "output": subject.output,
        "dimensions": dimensions,
        "scale": {"min": scale.min, "max": scale.max, "step": scale.step},
    })
}

/// The same question once more: the judge's own reply, then what was wrong with it. Asked once at most.
pub fn re_ask(request: &Request, reply_text: &str, fault: &JudgeFault) -> Request {
    let mut again = request.clone();
    // Providers refuse an empty message, and a very long reply says no more than its start.
    let said: String = reply_text.trim().chars().take(MOST_REPEATED).collect();
    let said = if said.is_empty() { "(no text)".to_owned() } else { said };
    again.messages.push(Message::new(Role::Assistant, said));
    again.messages.push(Message::new(
        Role::User,
        format!(
            "That reply cannot be used: {fault}. Grade the same answer again, by the same rules. Reply with one JSON \
             object that has `{REASON}` and every dimension, each a number on the scale, and with nothing else."
        ),
    ));
    if !again.data.is_null() {
        again.data["fault"] = json!(fault.to_string());
    }
    again
}

#[cfg(test)]
mod tests;
