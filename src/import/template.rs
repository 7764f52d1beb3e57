//! Templates of other tools as Jinja.

use super::Losses;
use crate::render::limits;
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Filters and functions that templates here know.
const FILTERS: &[&str] = &[
    "abs",
    "capitalize",
    "default",
    "dictsort",
    "first",
    "format",
    "indent",
    "int",
    "float",
    "items",
    "join",
    "last",
    "length",
    "count",
    "list",
    "lower",
    "lines",
    "replace",
    "reverse",
    "round",
    "safe",
    "escape",
    "e",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "urlencode",
    "slice",
    "batch",
    "map",
    "select",
    "reject",
    "d",
];

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static SIMPLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}"));
static DOTTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"\{\{-?\s*([A-Za-z_]\w*(?:\.\w+)+)\s*-?\}\}"));
static ENVIRONMENT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\{\{[^}]*\benv\b[^}]*\}\}"));
static FILTER: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\|\s*([A-Za-z_]\w*)"));
static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?s)\{\{.*?\}\}|\{%.*?%\}"));
static SINGLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(^|[^{$])\{([A-Za-z_][A-Za-z0-9_]*)\}([^}]|$)"));

/// A Nunjucks or Jinja template. What cannot be taken over is kept as plain text, and said.
pub fn jinja(text: &str, line: u32, losses: &Losses) -> String {
    let mut text = text.to_owned();
    if let Some(pattern) = SINGLE.as_ref() {
        for found in pattern.captures_iter(&text) {
            let name = found.get(2).map_or("", |name| name.as_str());
            losses.ignored(
                line,
                format!("{{{name}}}"),
                "single braces are plain text in the source too, never substituted; write two",
            );
        }
    }
    if let Some(pattern) = ENVIRONMENT.as_ref()
        && pattern.is_match(&text)
    {
        losses.dropped(line, "env", "templates see nothing of the environment; the text was removed");
        text = pattern.replace_all(&text, "").into_owned();
    }
    if text.contains("dump") {
        text = text.replace("| dump", "| tojson").replace("|dump", "|tojson");
    }
    let unknown = foreign_filter(&text);
    let compiled = match limits::excess(&text) {
        Some(excess) => Some(format!("{} (line {})", excess.message, excess.line)),
        None => minijinja::Environment::empty().template_from_str(&text).err().map(|error| error.to_string()),
    };
    let includes = ["{% include", "{% import", "{% extends", "{% from", "{%- include"]
        .iter()
        .any(|word| text.contains(word));
    let calls =
        TAG.as_ref().is_some_and(|tag| tag.find_iter(&text).any(|found| found.as_str().contains('(')));
    let why = match (unknown, compiled, includes, calls) {
        (Some(filter), ..) => Some(format!("the filter `{filter}` does not exist here")),
        (_, Some(error), ..) => {
            Some(format!("the template does not compile ({})", error.lines().next().unwrap_or("")))
        }
        (.., true, _) => Some("it includes other templates".to_owned()),
        (.., true) => Some("it calls functions".to_owned()),
        _ => None,
    };
    match why {
        Some(why) => {
            losses.approximated(
                line,
                "template",
                format!("{why}; the text was kept as it stands, without substitution"),
            );
            escaped(&text)
        }
        None => text,
    }
}

fn foreign_filter(text: &str) -> Option<String> {
    let tag = TAG.as_ref()?;
    let filter = FILTER.as_ref()?;
    tag.find_iter(text)
        .flat_map(|found| {
            filter
                .captures_iter(found.as_str())
                .filter_map(|c| Some(c.get(1)?.as_str().to_owned()))
                .collect::<Vec<_>>()
        })
        .find(|name| !FILTERS.contains(&name.as_str()))
}

/// A template in which only `{{name}}` means anything.
pub fn only_names(text: &str, line: u32, losses: &Losses) -> String {
    let Some(simple) = SIMPLE.as_ref() else { return escaped(text) };
    let mut out = String::new();
    let mut at = 0;
    for found in simple.find_iter(text) {
        out.push_str(&escaped(&text[at..found.start()]));
        out.push_str(found.as_str());
        at = found.end();
    }
    let rest = &text[at..];
    if rest.contains("{{") || out.contains("{{ '") {
        losses.approximated(line, "template", "braces that are no variable were kept as plain text");
    }
    out.push_str(&escaped(rest));
    out
}

/// A template in which `{{ a.b }}` renders nothing where `a` has no `b`.
pub fn lenient(text: &str) -> String {
    let Some(dotted) = DOTTED.as_ref() else { return text.to_owned() };
    dotted.replace_all(text, "{{ $1 | default(\"\") }}").into_owned()
}

/// Text in which nothing is rendered.
pub fn escaped(text: &str) -> String {
    if !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
        return text.to_owned();
    }
    text.replace('{', "\u{1}").replace('\u{1}', "{{ '{' }}")
}

/// The names that a template uses and nothing in it defines.
pub fn variables(text: &str) -> BTreeSet<String> {
    if limits::excess(text).is_some() {
        return BTreeSet::new();
    }
    minijinja::Environment::empty()
        .template_from_str(text)
        .map(|template| template.undeclared_variables(false).into_iter().collect())
        .unwrap_or_default()
}

/// `text` with `{{name}}` replaced by the case's values; `None` when something else would have to be rendered.
pub fn filled(text: &str, vars: &Map<String, Value>) -> Option<String> {
    let simple = SIMPLE.as_ref()?;
    let mut missing = false;
    let out = simple.replace_all(text, |found: &regex::Captures<'_>| {
        match found.get(1).and_then(|name| vars.get(name.as_str())) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => {
                missing = true;
                String::new()
            }
        }
    });
    let rendered = ["{{", "{%"].iter().any(|mark| simple.replace_all(text, "").contains(mark));
    (!missing && !rendered).then(|| out.into_owned())
}

/// Whether a text is a template at all.
pub fn is_dynamic(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}
