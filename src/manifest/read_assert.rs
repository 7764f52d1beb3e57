//! Reads asserts: one that would have no effect is an error.

use super::assert::{
    Assert, Bounds, Check, ContextAssert, ExecAssert, MeasuredAssert, Metric, RougeTokenizer, Text,
    TextAssert,
};
use super::assert_names::{advice, split};
use super::decode::{BAD_VALUE, Fields, Sink};
use super::files::{Files, globs};
use super::providers::{Providers, Purpose};
use super::read_structure;
use super::template::Template;
use super::yaml::{Kind, Node};
use super::{dimensions, head, pin, read_parameters};
use crate::domain::{Code, ModelId, ProviderName, Span};
use serde_json::Value;
use std::sync::Arc;

/// An assert of a type that does not exist.
pub const UNKNOWN_ASSERT: Code = Code("unknown-assert");
/// An assert that no answer could fail.
pub const ASSERT_WITHOUT_EFFECT: Code = Code("assert-without-effect");
/// A regular expression that does not compile.
pub const BAD_REGEX: Code = Code("bad-regex");

/// The embedding model of `similar` where it names none.
const DEFAULT_EMBEDDING: &str = "builtin/hashing-256";

/// Seconds that a program has where it names none.
const DEFAULT_TIMEOUT_S: u64 = 60;

/// Whose asserts are read.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Where faults go.
    pub sink: &'a Sink,
    /// For a suite's asserts: the files around it. `None` for a case's own, which are data: they are never
    /// rendered and name no files.
    pub files: Option<Files<'a>>,
    /// The providers of the project.
    pub providers: &'a Providers<'a>,
}

impl Scope<'_> {
    /// A text to compare with; empty only where `empty` says that this has an effect.
    pub fn text(&self, node: &Node, what: &str, empty: bool) -> Option<Text> {
        let Kind::Scalar(scalar) = &node.kind else {
            self.sink.wrong_type(node, what, "text");
            return None;
        };
        if node.is_null() || (scalar.text.is_empty() && !empty) {
            self.no_effect(node.span, format!("{what} is empty"), "write the text that is expected");
            return None;
        }
        let template = Template::from_node(self.sink.path(), node)?;
        if self.files.is_some() && template.is_dynamic() {
            Some(Text::Template(template))
        } else {
            Some(Text::Literal(scalar.text.clone()))
        }
    }

    /// A regular expression; a literal one is compiled to check it.
    pub fn pattern(&self, node: &Node, what: &str) -> Option<Text> {
        let text = self.text(node, what, false)?;
        if let Text::Literal(pattern) = &text
            && let Err(error) = regex::Regex::new(pattern)
        {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
            self.sink.error(
                BAD_REGEX,
                node.span,
                format!("this regular expression does not compile: {why}"),
                "use the syntax of the `regex` crate: no look-around, no back-references",
            );
            return None;
        }
        Some(text)
    }

    /// Records that an assert has no effect.
    pub fn no_effect(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.sink.error(ASSERT_WITHOUT_EFFECT, span, message, help);
    }
}

/// Reads a list of asserts. Those with faults are left out, and their faults recorded.
pub fn read(scope: Scope<'_>, node: &Arc<Node>) -> Vec<Assert> {
    let items = scope.sink.list(node, "`assert`", false);
    if items.is_empty() && matches!(node.kind, Kind::List(_)) {
        scope.no_effect(node.span, "`assert` is an empty list", "add an assert, or remove the key");
    }
    items.into_iter().filter_map(|item| one(scope, item)).collect()
}

fn one(scope: Scope<'_>, node: &Arc<Node>) -> Option<Assert> {
    let sink = scope.sink;
    let fields = sink.fields(node, "an assert")?;
    let kind = fields.require("type", "contains")?;
    let written = sink.written(kind, "`type`")?;
    let Some((name, negated)) = split(&written) else {
        sink.error(UNKNOWN_ASSERT, kind.span, format!("there is no assert `{written}`"), advice(&written));
        return None;
    };
    let metric = fields.get("metric").and_then(|node| sink.written(node, "`metric`"));
    if metric.as_deref() == Some("refusal_rate") {
        sink.error(
            BAD_VALUE,
            fields.key_span("metric"),
            "`refusal_rate` is measured by itself and cannot name an assert",
            "choose another name",
        );
    }
    let weight = match fields.get("weight") {
        Some(node) => dimensions::weight(sink, node),
        None => Some(1.0),
    };
    let mut source = node.value();
    let check = check(scope, &fields, name, &mut source);
    fields.finish(false);
    Some(Assert {
        check: check?,
        negated,
        written,
        metric,
        weight: weight?,
        source,
        place: sink.place(node.span),
    })
}

fn check(scope: Scope<'_>, fields: &Fields<'_>, name: &str, source: &mut Value) -> Option<Check> {
    let value = || required(scope, fields, "value", "\"…\"");
    let text = |empty: bool| value().and_then(|node| scope.text(node, "`value`", empty));
    let list = || value().map(|node| texts(scope, node));
    let check = match name {
        "equals" => TextAssert::Equals(text(true)?),
        "contains" => TextAssert::Contains(text(false)?),
        "icontains" => TextAssert::IContains(text(false)?),
        "contains-any" => TextAssert::ContainsAny(list()??),
        "contains-all" => TextAssert::ContainsAll(list()??),
        "icontains-any" => TextAssert::IContainsAny(list()??),
        "icontains-all" => TextAssert::IContainsAll(list()??),
        "starts-with" => TextAssert::StartsWith(text(false)?),
        "regex" => TextAssert::Regex(value().and_then(|node| scope.pattern(node, "`value`"))?),
        "word-count" => TextAssert::WordCount(bounds(scope, value()?)?),
        "length" => TextAssert::Length(bounds(scope, value()?)?),
        "is-refusal" => TextAssert::IsRefusal,
        "finish-reason" => TextAssert::FinishReason(scope.sink.written(value()?, "`value`")?),
        "levenshtein" => return graded(scope, fields, |_| Some(Metric::Levenshtein)),
        "rouge-l" => return graded(scope, fields, rouge),
        "bleu" => return graded(scope, fields, |_| Some(Metric::Bleu)),
        "f1" => return graded(scope, fields, |_| Some(Metric::F1)),
        "similar" => return graded(scope, fields, |fields| similar(scope, fields)),
        "context-contains" => return Some(Check::Context(ContextAssert::Contains(text(false)?))),
        "context-recall" => {
            return Some(Check::Context(ContextAssert::Recall { threshold: least(scope, fields)? }));
        }
        "latency" => return latency(scope, fields),
        "cost" => {
            let node = required(scope, fields, "threshold", "0.01")?;
            let max = read_parameters::money(scope.sink, node, "`threshold`")?;
            return Some(Check::Measured(MeasuredAssert::Cost { max }));
        }
        "exec" => return exec(scope, fields),
        _ => return read_structure::read(scope, fields, name, source).map(Check::Structure),
    };
    Some(Check::Text(check))
}

/// A key without which the assert would check nothing.
pub fn required<'a>(
    scope: Scope<'_>,
    fields: &Fields<'a>,
    key: &'static str,
    example: &str,
) -> Option<&'a Arc<Node>> {
    let node = fields.get(key);
    if node.is_none() {
        scope.no_effect(
            fields.span(),
            format!("this assert has no `{key}`, so that it would check nothing"),
            format!("add `{key}: {example}`"),
        );
    }
    node
}

fn texts(scope: Scope<'_>, node: &Arc<Node>) -> Option<Vec<Text>> {
    let items = scope.sink.list(node, "`value`", false);
    if items.is_empty() && matches!(node.kind, Kind::List(_)) {
        scope.no_effect(node.span, "`value` is an empty list", "list the texts that are expected");
    }
    let found: Option<Vec<Text>> =
        items.into_iter().map(|item| scope.text(item, "an item of `value`", false)).collect();
    found.filter(|found| !found.is_empty())
}

/// An exact count, or `{min, max}`.
pub fn bounds(scope: Scope<'_>, node: &Arc<Node>) -> Option<Bounds> {
    let sink = scope.sink;
    let bounds = if matches!(node.kind, Kind::Map(_)) {
        let fields = sink.fields(node, "`value`")?;
        let count = |key: &'static str| match fields.get(key) {
            Some(node) => sink.integer(node, key, 0).map(|count| Some(u64::from(count))),
            None => Some(None),
        };
        let (min, max) = (count("min"), count("max"));
        fields.finish(false);
        Bounds { min: min?, max: max? }
    } else {
        let exact = u64::from(sink.integer(node, "`value`", 0)?);
        Bounds { min: Some(exact), max: Some(exact) }
    };
    if bounds.min.unwrap_or(0) == 0 && bounds.max.is_none() {
        scope.no_effect(node.span, "these bounds hold every count", "give `min` above 0, or `max`");
        return None;
    }
    if bounds.max.is_some_and(|max| bounds.min.is_some_and(|min| min > max)) {
        sink.error(BAD_VALUE, node.span, "`min` is above `max`", "exchange them");
        return None;
    }
    Some(bounds)
}

fn graded(
    scope: Scope<'_>,
    fields: &Fields<'_>,
    metric: impl FnOnce(&Fields<'_>) -> Option<Metric>,
) -> Option<Check> {
    let value = required(scope, fields, "value", "\"…\"").and_then(|node| scope.text(node, "`value`", false));
    let threshold = least(scope, fields);
    let metric = metric(fields);
    Some(Check::Graded { metric: metric?, value: value?, threshold: threshold? })
}

/// `threshold` as the least score, above 0 and at most 1.
fn least(scope: Scope<'_>, fields: &Fields<'_>) -> Option<f64> {
    let node = required(scope, fields, "threshold", "0.8")?;
    let threshold = scope.sink.number_in(node, "`threshold`", 0.0..=1.0)?;
    if threshold == 0.0 {
        scope.no_effect(
            node.span,
            "every score reaches a `threshold` of 0",
            "use a number above 0, at most 1",
        );
        return None;
    }
    Some(threshold)
}

fn rouge(fields: &Fields<'_>) -> Option<Metric> {
    let tokenizer = match fields.get("tokenizer") {
        None => RougeTokenizer::default(),
        Some(node) => fields.sink().one_of(
            node,
            "`tokenizer`",
            &[("unicode", RougeTokenizer::Unicode), ("rouge_score", RougeTokenizer::RougeScore)],
        )?,
    };
    Some(Metric::RougeL(tokenizer))
}

fn similar(scope: Scope<'_>, fields: &Fields<'_>) -> Option<Metric> {
    let sink = scope.sink;
    let (model, at) = match fields.get("model") {
        Some(node) => head::model(sink, node, "`model`")?,
        None => (ModelId::from(DEFAULT_EMBEDDING), fields.span()),
    };
    let named: Option<(ProviderName, Span)> = head::provider(fields);
    let named = named.as_ref().map(|(name, span)| (name, *span));
    let provider = scope.providers.choose(sink, (&model, at), named, Purpose::Embedding)?;
    if provider.path.is_some() {
        sink.error(
            BAD_VALUE,
            at,
            format!(
                "`similar` cannot use `{}`: an embedding model in a folder serves retrieval",
                provider.name
            ),
            format!("use {DEFAULT_EMBEDDING}, or a provider that speaks `openai`"),
        );
        return None;
    }
    if pin::pin(&model, provider) == crate::domain::model::Pin::Alias {
        pin::check(&model, provider, None, &sink.place(at)).into_iter().for_each(|found| sink.push(found));
    }
    Some(Metric::Similar { model, provider: provider.name.clone() })
}

fn latency(scope: Scope<'_>, fields: &Fields<'_>) -> Option<Check> {
    let node = required(scope, fields, "threshold", "2000")?;
    let max_ms = scope.sink.number(node, "`threshold`")?;
    if max_ms <= 0.0 {
        scope.sink.error(
            BAD_VALUE,
            node.span,
            "`threshold` has to be above 0",
            "write milliseconds, such as 2000",
        );
        return None;
    }
    Some(Check::Measured(MeasuredAssert::Latency { max_ms }))
}

fn exec(scope: Scope<'_>, fields: &Fields<'_>) -> Option<Check> {
    let sink = scope.sink;
    let command = required(scope, fields, "command", "[\"python3\", \"check.py\"]")
        .map(|node| (node, sink.texts(node, "`command`", false)));
    let inputs = fields.get("inputs").map(|node| globs(sink, node, "`inputs`")).unwrap_or_default();
    let timeout_s = fields.get("timeout_s").map(|node| sink.integer(node, "`timeout_s`", 1).map(u64::from));
    let threshold = fields.get("threshold").map(|_| least(scope, fields));
    let (node, command) = command?;
    if command.first().is_none_or(|program| program.trim().is_empty()) && matches!(node.kind, Kind::List(_)) {
        scope.no_effect(
            node.span,
            "`command` names no program",
            "write the program and its arguments as a list",
        );
        return None;
    }
    Some(Check::Exec(ExecAssert {
        command,
        inputs,
        timeout_s: timeout_s.unwrap_or(Some(DEFAULT_TIMEOUT_S))?,
        threshold: match threshold {
            Some(threshold) => Some(threshold?),
            None => None,
        },
    }))
}
