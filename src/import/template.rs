//! Templates of other tools as Jinja.

use super::losses::Losses;
use super::tags;
use crate::render::limits;
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::LazyLock;

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static SIMPLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}"));
static DOTTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"\{\{-?\s*([A-Za-z_]\w*(?:\.\w+)+)\s*-?\}\}"));
static ENVIRONMENT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\{\{[^}]*\benv\b[^}]*\}\}"));
static SINGLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(^|[^{$])\{([A-Za-z_][A-Za-z0-9_]*)\}([^}]|$)"));

/// A Nunjucks or Jinja template. What cannot be taken over is kept as plain text, and said.
pub fn jinja(text: &str, line: u32, losses: &Losses) -> String {
    single_braces(text, line, losses);
    let mut text = text.to_owned();
    if let Some(pattern) = ENVIRONMENT.as_ref()
        && pattern.is_match(&text)
    {
        losses.dropped(line, "env", "templates see nothing of the environment; the text was removed");
        text = pattern.replace_all(&text, "").into_owned();
    }
    let text = tags::translated(&text);
    let compiled = match limits::excess(&text) {
        Some(excess) => Some(format!("{} (line {})", excess.message, excess.line)),
        None => minijinja::Environment::empty().template_from_str(&text).err().map(|error| error.to_string()),
    };
    let includes = ["{% include", "{% import", "{% extends", "{% from", "{%- include"]
        .iter()
        .any(|word| text.contains(word));
    let why = match (compiled, includes) {
        (Some(error), _) => {
            Some(format!("the template does not compile ({})", error.lines().next().unwrap_or("")))
        }
        (None, true) => Some("it includes other templates".to_owned()),
        (None, false) => tags::foreign(&text),
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

/// Says which single braces look like variables.
fn single_braces(text: &str, line: u32, losses: &Losses) {
    for found in SINGLE.as_ref().into_iter().flat_map(|pattern| pattern.captures_iter(text)) {
        let why = "single braces are plain text in the source too, never substituted; write two";
        losses.ignored(line, format!("{{{}}}", &found[2]), why);
    }
}

/// A template in which only `{{name}}` means anything.
pub fn only_names(text: &str, line: u32, losses: &Losses) -> String {
    let Some(simple) = SIMPLE.as_ref() else { return escaped(text) };
    single_braces(text, line, losses);
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
        .map(|template| template.undeclared_variables(false))
        .unwrap_or_default()
        .into_iter()
        .filter(|name| !tags::FUNCTIONS.contains(&name.as_str()))
        .collect()
}

/// How a template uses a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Use {
    /// It is printed as a whole.
    pub printed: bool,
    /// Something else is done with it: it is looped over, compared, looked into or filtered.
    pub otherwise: bool,
}

impl Use {
    /// What both do.
    pub fn and(self, other: Self) -> Self {
        Self { printed: self.printed || other.printed, otherwise: self.otherwise || other.otherwise }
    }
}

/// How a template uses the variable of this name.
pub fn use_of(name: &str, text: &str) -> Use {
    let (Some(simple), Some(word)) = (SIMPLE.as_ref(), pattern(&format!(r"\b{}\b", regex::escape(name))))
    else {
        return Use { printed: true, otherwise: true };
    };
    let is_simple = |tag: &str| {
        simple.captures(tag).is_some_and(|found| found[0].len() == tag.len() && &found[1] == name)
    };
    let (printed, others): (Vec<&str>, Vec<&str>) =
        tags::tags(text).into_iter().partition(|tag| is_simple(tag));
    Use { printed: !printed.is_empty(), otherwise: others.iter().any(|tag| word.is_match(tag)) }
}

/// A value as JavaScript prints it in a text, and its tool prints lists and mappings: as JSON.
pub fn printed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        // A number without a fraction is printed without a point.
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        },
        other => as_javascript(other).to_string(),
    }
}

fn as_javascript(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            serde_json::from_str(&printed(value)).unwrap_or_else(|_| Value::Number(number.clone()))
        }
        Value::Array(items) => items.iter().map(as_javascript).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), as_javascript(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// `text` with `{{name}}` replaced by the case's values; `None` when something else would have to be rendered.
pub fn filled(text: &str, vars: &Map<String, Value>) -> Option<String> {
    let simple = SIMPLE.as_ref()?;
    let mut missing = false;
    let out = simple.replace_all(text, |found: &regex::Captures<'_>| {
        match found.get(1).and_then(|name| vars.get(name.as_str())) {
            Some(value) => printed(value),
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
