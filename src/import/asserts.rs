//! Asserts of promptfoo, one by one.

use super::tree::Tree;
use super::{Losses, javascript, slug};
use crate::manifest::assert_names::instead;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// What an assert becomes.
#[derive(Clone, Debug)]
pub enum Made {
    /// Asserts here.
    Asserts(Vec<Value>),
    /// Something that a judge scores.
    Judged {
        /// A name for the dimension.
        name: String,
        /// What is asked.
        rubric: String,
        /// The least share, from 0 to 1.
        threshold: Option<f64>,
        /// Where it stands.
        line: u32,
    },
    /// Nothing; it was reported.
    Lost,
}

/// What asserts are converted among.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Reads a file beside the configuration.
    pub read: &'a dyn Fn(&str) -> Option<String>,
    /// Whether every model under test has a known price.
    pub priced: bool,
}

/// Names that are the same here.
const TEXTS: &[&str] = &["contains", "icontains", "starts-with", "regex", "equals"];
const LISTS: &[&str] = &["contains-any", "contains-all", "icontains-any", "icontains-all"];

/// Graded asserts, and what is asked of the judge where they say nothing themselves.
const GRADED: &[(&str, &str, &str)] = &[
    ("llm-rubric", "rubric", ""),
    ("g-eval", "rubric", ""),
    ("model-graded-closedqa", "rubric", ""),
    ("model-graded-factuality", "factuality", "Does the answer agree with the facts of the expected answer?"),
    ("factuality", "factuality", "Does the answer agree with the facts of the expected answer?"),
    ("answer-relevance", "relevance", "Does the answer address the question, and nothing else?"),
    ("context-faithfulness", "faithfulness", "Is everything that the answer says supported by the context?"),
    ("context-relevance", "context_relevance", "Does the context hold what the question needs?"),
    ("context-recall", "context_coverage", "Does the context hold what the expected answer says?"),
];

/// Converts one entry of an `assert` list.
pub fn convert(node: Tree<'_>, around: Asked<'_>, losses: &Losses) -> Vec<Made> {
    let line = node.line();
    let Some(kind) = node.text_of("type") else {
        losses.dropped(line, "assert", "it has no type");
        return vec![Made::Lost];
    };
    if kind == "assert-set" {
        losses.approximated(line, kind, "its asserts count one by one; its own threshold and weight do not");
        let inner = node.get("assert").map(Tree::items).unwrap_or_default();
        return inner
            .into_iter()
            .take(1_000)
            .flat_map(|inner| {
                if inner.text_of("type") == Some("assert-set") {
                    losses.dropped(inner.line(), "assert-set", "a set inside a set");
                    return vec![Made::Lost];
                }
                convert(inner, around, losses)
            })
            .collect();
    }
    for (key, at, _) in node.entries() {
        if !["type", "value", "threshold", "weight", "metric", "provider", "transform"].contains(&key) {
            losses.dropped(at, format!("{kind}.{key}"), "this key of an assert has no counterpart");
        }
    }
    if kind.ends_with("cost") && !around.priced {
        losses.dropped(line, kind, "no price of the model is known: name a table under `prices:` in llmops.yaml, then add the assert");
        return vec![Made::Lost];
    }
    if node.get("weight").and_then(Tree::number).is_some_and(|weight| weight <= 0.0) {
        losses.dropped(line, kind, "an assert of weight 0 decides nothing");
        return vec![Made::Lost];
    }
    let (name, negated) = kind.strip_prefix("not-").map_or((kind, false), |name| (name, true));
    let mut value = node.get("value").map(Tree::value).unwrap_or(Value::Null);
    if let Some(file) = value.as_str().and_then(|text| text.strip_prefix("file://")) {
        let text = (around.read)(file).filter(|_| {
            !["js", "ts", "py", "mjs", "cjs", "rb"].iter().any(|end| file.ends_with(&format!(".{end}")))
        });
        match text {
            Some(text) if name == "is-json" || name == "contains-json" => {
                value = super::tree::parse(file, &text).map(Tree::value).unwrap_or(Value::Null);
            }
            Some(text) => value = Value::String(text.trim().to_owned()),
            None => {
                losses.dropped(
                    line,
                    kind,
                    format!("`{file}` is code, or is not there; run it with an `exec` assert"),
                );
                return vec![Made::Lost];
            }
        }
    }
    if let Some(transform) = node.get("transform") {
        let Some(assert) = field(transform.text().unwrap_or(""), name, negated, &value) else {
            losses.dropped(line, kind, "it looks at a transformed answer; check a field with `json-path`, or run a program with `exec`");
            return vec![Made::Lost];
        };
        return vec![Made::Asserts(vec![dressed(assert, node)])];
    }
    let made = typed(name, negated, &value, node, losses);
    vec![match made {
        Made::Asserts(list) => Made::Asserts(list.into_iter().map(|assert| dressed(assert, node)).collect()),
        other => other,
    }]
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
    let plain =
        !value.is_null() && !super::template::is_dynamic(&value.to_string()) && value.as_str() != Some("");
    let first = found[1].trim_start_matches('.').split(['.', '[']).next().unwrap_or("");
    (plain && !super::javascript::OF_TEXT.contains(&first)).then(|| {
        let kind = if negated { "not-json-path" } else { "json-path" };
        json!({"type": kind, "path": format!("${}", &found[1]), test: value})
    })
}

/// With metric and weight.
fn dressed(mut assert: Value, node: Tree<'_>) -> Value {
    if let Some(metric) = node
        .text_of("metric")
        .filter(|metric| *metric != "refusal_rate" && !metric.contains("{{") && !metric.trim().is_empty())
    {
        assert["metric"] = json!(metric);
    }
    if let Some(weight) = node.get("weight").and_then(Tree::number).filter(|weight| *weight != 1.0) {
        assert["weight"] = json!(weight);
    }
    assert
}

fn typed(name: &str, negated: bool, value: &Value, node: Tree<'_>, losses: &Losses) -> Made {
    let line = node.line();
    let written = if negated { format!("not-{name}") } else { name.to_owned() };
    let threshold = node.get("threshold").and_then(Tree::number);
    let lost = |why: &str| {
        losses.dropped(line, written.clone(), why);
        Made::Lost
    };
    let scalar = match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let one = |fields: Value| Made::Asserts(vec![fields]);
    if let Some((_, dimension, asked)) = GRADED.iter().find(|(have, ..)| *have == name) {
        if negated {
            return lost("a judge scores how good an answer is; say what a good answer is");
        }
        let own = match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
            _ => scalar.unwrap_or_default(),
        };
        let rubric = [*asked, own.trim()]
            .iter()
            .filter(|text| !text.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        if rubric.is_empty() {
            return lost("it asks nothing");
        }
        let metric = node.text_of("metric").filter(|metric| !metric.contains("{{")).map(slug);
        let name = metric.filter(|metric| metric != "reason").unwrap_or_else(|| (*dimension).to_owned());
        return Made::Judged { name, rubric, threshold, line };
    }
    match name {
        _ if TEXTS.contains(&name) => match scalar {
            Some(text) if !text.is_empty() => {
                if name == "regex" && regex::Regex::new(&text).is_err() && !text.contains("{{") {
                    return lost("the pattern does not compile here: no look-around, no back-references");
                }
                one(json!({"type": written, "value": text}))
            }
            None if name == "equals" && (value.is_object() || value.is_array()) => {
                one(json!({"type": if negated { "not-json-equals" } else { "json-equals" }, "value": value}))
            }
            _ => lost("it compares with nothing"),
        },
        _ if LISTS.contains(&name) => {
            let texts: Vec<String> = match value {
                Value::Array(items) => items
                    .iter()
                    .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                    .collect(),
                _ => scalar.unwrap_or_default().split(',').map(|text| text.trim().to_owned()).collect(),
            };
            let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
            if texts.is_empty() {
                lost("its list is empty")
            } else {
                one(json!({"type": written, "value": texts}))
            }
        }
        "is-json" | "contains-json" => match value {
            Value::Null => one(json!({"type": written})),
            Value::Object(_) if crate::manifest::json_schemas::usable(value) => {
                one(json!({"type": written, "schema": value}))
            }
            _ => {
                losses.approximated(
                    line,
                    written.clone(),
                    "its schema cannot be used here; only that it is JSON is checked",
                );
                one(json!({"type": written}))
            }
        },
        "is-refusal" => one(json!({"type": written})),
        "javascript" if !negated => {
            let made =
                threshold.is_none().then(|| javascript::asserts(&scalar.unwrap_or_default())).flatten();
            made.map_or_else(
                || lost("code; write it with `json-path`, `regex` or `length`, or run it as a program with `exec`"),
                |made| {
                    if made.iter().any(|assert| assert["type"] == "word-count") {
                        losses.approximated(line, "javascript", "words are counted as Unicode divides them");
                    }
                    Made::Asserts(made)
                },
            )
        }
        "latency" | "cost" => match threshold.filter(|threshold| *threshold > 0.0) {
            Some(_) => one(json!({"type": written, "threshold": node.get("threshold").map(Tree::value)})),
            None => lost("it has no threshold, so that it checks nothing"),
        },
        "similar" | "rouge-n" | "bleu" => {
            let Some(text) = scalar.filter(|text| !text.is_empty()) else {
                return lost("it compares with nothing");
            };
            let (here, assumed) = match name {
                "rouge-n" => ("rouge-l", 0.75),
                "bleu" => ("bleu", 0.5),
                _ => ("similar", 0.75),
            };
            let least = threshold.filter(|least| *least > 0.0 && *least <= 1.0);
            losses.approximated(
                line,
                written.clone(),
                "computed in another way here: look at the threshold again",
            );
            let kind = if negated { format!("not-{here}") } else { here.to_owned() };
            one(json!({"type": kind, "value": text, "threshold": least.unwrap_or(assumed)}))
        }
        "word-count" => match value {
            Value::Number(number) if number.as_u64().is_some_and(|count| count > 0 && count < 1 << 31) => {
                one(json!({"type": written, "value": value}))
            }
            Value::Object(map) => {
                let bound = |key: &str| map.get(key).and_then(Value::as_u64).filter(|count| *count < 1 << 31);
                let (min, max) = (bound("min").filter(|min| *min > 0), bound("max"));
                let mut bounds = Map::new();
                min.into_iter().for_each(|min| _ = bounds.insert("min".into(), json!(min)));
                max.into_iter().for_each(|max| _ = bounds.insert("max".into(), json!(max)));
                if bounds.is_empty() || max.is_some_and(|max| min.is_some_and(|min| min > max)) {
                    return lost("its bounds hold every count, or none");
                }
                one(json!({"type": written, "value": bounds}))
            }
            _ => lost("it has no count"),
        },
        _ => lost(&format!(
            "there is no such assert here; {}",
            instead(name).unwrap_or("a program can check it: `exec`")
        )),
    }
}
