//! Asserts of promptfoo, one by one.

mod kinds;

use super::losses::Losses;
use super::tree::{self, Tree};
use super::{javascript, template};
use regex::Regex;
use serde_json::{Value, json};
use std::sync::LazyLock;

pub use kinds::is_known;

/// What an assert becomes.
#[derive(Clone, Debug)]
pub enum Made {
    /// Asserts here.
    Asserts(Vec<Value>),
    /// Something that a judge scores.
    Judged(Judged),
    /// Nothing; it was reported.
    Lost,
}

/// What a judge is asked.
#[derive(Clone, Debug)]
pub struct Judged {
    /// A name for the dimension.
    pub name: String,
    /// What is asked.
    pub rubric: String,
    /// The least share, from 0 to 1.
    pub threshold: Option<f64>,
    /// What it counts for among the others, where that was said.
    pub weight: Option<f64>,
    /// Where it stands.
    pub line: u32,
}

/// What asserts are converted among.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Reads a file beside the configuration.
    pub read: &'a dyn Fn(&str) -> Result<String, String>,
    /// Whether every model under test has a known price.
    pub priced: bool,
}

/// Asserts that one set may hold; beyond that the set is refused as a whole.
const MOST: usize = 1_000;

/// Keys of an assert that are read.
const KEYS: &[&str] = &["type", "value", "threshold", "weight", "metric", "provider", "transform"];

/// Converts one entry of an `assert` list.
pub fn convert(node: Tree<'_>, around: Asked<'_>, losses: &Losses) -> Vec<Made> {
    match node.text_of("type") {
        None => {
            losses.dropped(node.line(), "assert", "it has no type");
            vec![Made::Lost]
        }
        Some("assert-set") => set(node, around, losses),
        Some(kind) => vec![one(kind, node, around, losses)],
    }
}

/// The asserts of a set.
fn set(node: Tree<'_>, around: Asked<'_>, losses: &Losses) -> Vec<Made> {
    let (line, name) = (node.line(), "assert-set");
    let inner = node.get("assert").map(Tree::items).unwrap_or_default();
    if inner.len() > MOST {
        losses.dropped(line, name, format!("it holds more than {MOST} asserts"));
        return vec![Made::Lost];
    }
    losses.approximated(line, name, "its asserts count one by one; its own threshold and weight do not");
    for (key, at, _) in node.entries() {
        if !["type", "assert", "threshold", "weight"].contains(&key) {
            losses.dropped(at, format!("{name}.{key}"), "this key of a set has no counterpart");
        }
    }
    let each = inner.into_iter().flat_map(|inner| {
        if inner.text_of("type") == Some(name) {
            losses.dropped(inner.line(), name, "a set inside a set");
            return vec![Made::Lost];
        }
        convert(inner, around, losses)
    });
    each.collect()
}

fn one(kind: &str, node: Tree<'_>, around: Asked<'_>, losses: &Losses) -> Made {
    let line = node.line();
    let lost = |why: &str| {
        losses.dropped(line, kind, why);
        Made::Lost
    };
    for (key, at, _) in node.entries() {
        if !KEYS.contains(&key) {
            losses.dropped(at, format!("{kind}.{key}"), "this key of an assert has no counterpart");
        }
    }
    if kind.ends_with("cost") && !around.priced {
        return lost(
            "no price of the model is known: name a table under `prices:` in llmops.yaml, then add the assert",
        );
    }
    if node.get("weight").and_then(Tree::number).is_some_and(|weight| weight <= 0.0) {
        return lost("an assert of weight 0 decides nothing");
    }
    let (name, negated) = kind.strip_prefix("not-").map_or((kind, false), |name| (name, true));
    let value = match value(name, node, around) {
        Ok(value) => value,
        Err(why) => return lost(&why),
    };
    let made = match node.get("transform") {
        None => kinds::made(&kinds::Written::new(name, negated, &value, node), losses),
        Some(transform) => match field(transform.text().unwrap_or(""), name, negated, &value) {
            Some(assert) => Made::Asserts(vec![assert]),
            None => {
                return lost(
                    "it looks at a transformed answer; check a field with `json-path`, or run a program with `exec`",
                );
            }
        },
    };
    match made {
        Made::Asserts(list) => {
            unused(kind, name, node, losses);
            Made::Asserts(list.into_iter().map(|assert| dressed(assert, node)).collect())
        }
        other => other,
    }
}

/// What is expected; a file's text where one is named.
fn value(name: &str, node: Tree<'_>, around: Asked<'_>) -> Result<Value, String> {
    let value = node.get("value").map(Tree::value).unwrap_or(Value::Null);
    let Some(file) = value.as_str().and_then(|text| text.strip_prefix("file://")) else { return Ok(value) };
    let code = ["js", "ts", "py", "mjs", "cjs", "rb"]
        .iter()
        .any(|end| file.ends_with(&format!(".{end}")) || file.contains(&format!(".{end}:")));
    if code {
        return Err(format!("`{file}` is code; run it with an `exec` assert"));
    }
    let text = (around.read)(file).map_err(|why| format!("`{file}`: {why}"))?;
    if name != "is-json" && name != "contains-json" {
        return Ok(Value::String(text.trim().to_owned()));
    }
    tree::parse(&text).map(Tree::value).map_err(|fault| format!("`{file}`: {fault}"))
}

/// The assert on one field of an answer that is JSON: `transform: output.status`.
fn field(transform: &str, name: &str, negated: bool, value: &Value) -> Option<Value> {
    static FIELD: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(?:JSON\.parse\(output\)|output)((?:\.[A-Za-z_]\w*|\[\d+\])+)$").ok());
    let found = FIELD.as_ref()?.captures(transform.trim())?;
    let test = match name {
        "equals" => "equals",
        "contains" if value.is_string() => "contains",
        _ => return None,
    };
    // A text is asked for as text, a template is not filled in inside of JSON.
    let plain = !value.is_null() && !template::is_dynamic(&value.to_string()) && value.as_str() != Some("");
    let first = found[1].trim_start_matches('.').split(['.', '[']).next().unwrap_or("");
    (plain && !javascript::OF_TEXT.contains(&first)).then(|| {
        let kind = if negated { "not-json-path" } else { "json-path" };
        json!({"type": kind, "path": format!("${}", &found[1]), test: value})
    })
}

/// A metric that has a name here.
fn metric(node: Tree<'_>) -> Option<&str> {
    let metric = node.text_of("metric").filter(|metric| !metric.trim().is_empty())?;
    (metric != "refusal_rate" && !metric.contains("{{")).then_some(metric)
}

/// Says what of an assert's own keys is not in the result.
fn unused(kind: &str, name: &str, node: Tree<'_>, losses: &Losses) {
    if let (Some(given), None) = (node.get("metric"), metric(node)) {
        losses.dropped(given.line(), format!("{kind}.metric"), "no name for a metric here");
    }
    if let Some(threshold) = node.get("threshold").filter(|_| !kinds::has_threshold(name)) {
        let why = "an assert of this type has no threshold in the source either, which ignores it";
        losses.ignored(threshold.line(), format!("{kind}.threshold"), why);
    }
}

/// With metric and weight.
fn dressed(mut assert: Value, node: Tree<'_>) -> Value {
    if let Some(metric) = metric(node) {
        assert["metric"] = json!(metric);
    }
    if let Some(weight) = node.get("weight").and_then(Tree::number).filter(|weight| *weight != 1.0) {
        assert["weight"] = json!(weight);
    }
    assert
}
