//! What a judge sees: every judged value stands between delimiters that it cannot forge.

use super::context;
use super::fence::fence;
use crate::domain::{Chunk, Scale};
use crate::manifest::prompt::Dimension;
use minijinja::Value;
use minijinja::value::{Enumerator, Object, Serde};
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What a judge judges.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The case's variables; `input` is one of them.
    pub vars: &'a Map<String, Json>,
    /// What the model was shown.
    pub context: &'a [Chunk],
    /// The expected answer.
    pub expected: Option<&'a Json>,
    /// The answer.
    pub output: &'a str,
}

/// What a judge manifest judges when it is itself under test: the case's variables name the parts.
#[derive(Clone, Debug)]
pub struct CaseSubject<'a> {
    vars: Map<String, Json>,
    context: &'a [Chunk],
    expected: Option<Json>,
    output: String,
}

impl<'a> CaseSubject<'a> {
    /// Takes `output` and `expected` out of a case's variables; the others are the variables of the case that
    /// was judged.
    pub fn new(vars: &Map<String, Json>, context: &'a [Chunk]) -> Self {
        let mut vars = vars.clone();
        let expected = vars.shift_remove("expected").filter(|expected| !expected.is_null());
        let output = vars.shift_remove("output").map(|output| text(&output)).unwrap_or_default();
        Self { vars, context, expected, output }
    }

    /// As a judge sees it.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            vars: &self.vars,
            context: self.context,
            expected: self.expected.as_ref(),
            output: &self.output,
        }
    }
}

/// The question of a case: `input`, else its only variable, else all of them as JSON.
pub fn question(vars: &Map<String, Json>) -> String {
    if let Some(input) = vars.get("input") {
        return text(input);
    }
    match vars.values().next() {
        Some(only) if vars.len() == 1 => text(only),
        _ => Json::Object(vars.clone()).to_string(),
    }
}

/// A value as a reader would write it: text as it is, anything else as JSON.
fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The variables of a rubric: `input`, `vars`, `context`, `expected`, `output`, `dimensions` and `scale`.
pub(super) fn scope(subject: &Subject<'_>, asked: &[Dimension], scale: Scale) -> HashMap<String, Value> {
    let dimensions: Vec<Json> = asked
        .iter()
        .map(|dimension| json!({"name": dimension.name, "description": dimension.description.trim()}))
        .collect();
    let expected =
        subject.expected.map_or(Value::from(()), |expected| Value::from(fence("expected", &text(expected))));
    let vars: Judged = subject.vars.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let context =
        context::value(subject.context, |text| fence("context", text), |text| fence("context", text));
    HashMap::from([
        ("input".to_owned(), Value::from(fence("input", &question(subject.vars)))),
        ("vars".to_owned(), Value::from_object(vars)),
        ("context".to_owned(), context),
        ("expected".to_owned(), expected),
        ("output".to_owned(), Value::from(fence("output", subject.output))),
        ("dimensions".to_owned(), Value::from(Serde(dimensions))),
        ("scale".to_owned(), Value::from(Serde(scale_value(scale)))),
    ])
}

/// The ends of the scale, as integers where they are.
fn scale_value(scale: Scale) -> Json {
    let tidy = |number: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "a scale's end without a fraction")]
        if number.fract() == 0.0 && number.abs() < 1e9 { json!(number as i64) } else { json!(number) }
    };
    json!({"min": tidy(scale.min), "max": tidy(scale.max), "step": tidy(scale.step)})
}

/// The case's variables, each fenced; printed as a whole, all of them as fenced JSON.
#[derive(Debug)]
struct Judged(Map<String, Json>);

impl FromIterator<(String, String)> for Judged {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(iter: I) -> Self {
        Self(iter.into_iter().map(|(name, value)| (name, Json::String(value))).collect())
    }
}

impl Object for Judged {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let value = self.0.get(key.as_str()?)?;
        Some(Value::from(fence("vars", value.as_str().unwrap_or_default())))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|key| Value::from(key.as_str())).collect())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&fence("vars", &Json::Object(self.0.clone()).to_string()))
    }
}
