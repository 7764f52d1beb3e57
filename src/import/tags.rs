//! What stands between the braces of a template: translated where Jinja spells it another way, and checked for names
//! that templates here do not have.

use crate::render::FILTERS;
use regex::Regex;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Functions that templates here know.
pub const FUNCTIONS: &[&str] = &["range", "dict", "namespace"];

/// Methods of texts and mappings that templates here know, and that do the same elsewhere.
const METHODS: &[&str] = &[
    "capitalize",
    "count",
    "cycle",
    "endswith",
    "find",
    "get",
    "items",
    "keys",
    "lower",
    "startswith",
    "strip",
    "title",
    "upper",
    "values",
];

/// Words before a parenthesis that call nothing.
const WORDS: &[&str] = &["if", "elif", "in", "not", "and", "or", "else", "set", "for", "is"];

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?s)\{\{.*?\}\}|\{%.*?%\}"));
static QUOTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?s)'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*""#));
static DUMP: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\|\s*dump\b(?:\(\s*\))?"));
static LENGTH: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\.length\b"));
static ELSEIF: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^(\{%-?\s*)elseif\b"));
static FILTER: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\|\s*([A-Za-z_]\w*)"));
static CALL: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?:(\bis(?:\s+not)?)\s+|(\||\.)\s*|\b(macro)\s+|\b)([A-Za-z_]\w*)\s*\("));
static MACRO: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\{%-?\s*macro\s+(\w+)"));

/// The tags of a template, each as it stands.
pub fn tags(text: &str) -> Vec<&str> {
    TAG.as_ref().map(|tag| tag.find_iter(text).map(|found| found.as_str()).collect()).unwrap_or_default()
}

/// A template with `change` made to each of its tags.
fn each(text: &str, change: impl Fn(&str) -> String) -> String {
    let Some(tag) = TAG.as_ref() else { return text.to_owned() };
    tag.replace_all(text, |found: &regex::Captures<'_>| change(&found[0])).into_owned()
}

/// A tag with `change` made to what stands outside of quotes.
fn unquoted(tag: &str, change: impl Fn(&str) -> String) -> String {
    let Some(quoted) = QUOTED.as_ref() else { return tag.to_owned() };
    let (mut out, mut at) = (String::new(), 0);
    for found in quoted.find_iter(tag) {
        out.push_str(&change(&tag[at..found.start()]));
        out.push_str(found.as_str());
        at = found.end();
    }
    out.push_str(&change(&tag[at..]));
    out
}

/// What Nunjucks spells as JavaScript does, as Jinja spells it. Prose stays as it is.
pub fn translated(text: &str) -> String {
    let swap = |pattern: &Option<Regex>, text: &str, with: &str| match pattern {
        Some(pattern) => pattern.replace_all(text, with).into_owned(),
        None => text.to_owned(),
    };
    each(text, |tag| {
        let tag = swap(&ELSEIF, tag, "${1}elif");
        unquoted(&tag, |part| {
            let part = part.replace("!==", "!=").replace("===", "==");
            let part = swap(&DUMP, &part, "| tojson");
            swap(&LENGTH, &part, "|length")
        })
    })
}

/// The first name in a template that nothing here has, and what it is.
pub fn foreign(text: &str) -> Option<String> {
    let macros: BTreeSet<&str> = MACRO
        .as_ref()?
        .captures_iter(text)
        .filter_map(|found| found.get(1).map(|name| name.as_str()))
        .collect();
    tags(text).into_iter().find_map(|tag| {
        let bare = unquoted(tag, str::to_owned);
        let bare =
            QUOTED.as_ref().map_or(Cow::Borrowed(bare.as_str()), |quoted| quoted.replace_all(&bare, "''"));
        let known = |list: &[&str], name: &str| list.contains(&name);
        let filter = FILTER.as_ref()?.captures_iter(&bare).find(|found| !known(FILTERS, &found[1]));
        if let Some(found) = filter {
            return Some(format!("the filter `{}` does not exist here", &found[1]));
        }
        CALL.as_ref()?.captures_iter(&bare).find_map(|found| {
            let name = &found[4];
            let sort = found.get(2).map(|mark| mark.as_str());
            let fine = match sort {
                // Whether the test exists shows when the template is tried.
                _ if found.get(1).is_some() || found.get(3).is_some() => true,
                Some("|") => true,
                Some(_) => known(METHODS, name),
                None => {
                    known(FUNCTIONS, name) || known(WORDS, name) || macros.contains(name) || name == "caller"
                }
            };
            (!fine).then(|| match sort {
                Some(_) => format!("it calls the method `{name}`, which does not exist here"),
                None => format!("it calls `{name}`, which does not exist here"),
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_one_of_the_engine() {
        let engine = crate::render::environment();
        for name in FUNCTIONS {
            assert!(engine.globals().any(|(have, _)| have == *name), "{name}");
        }
    }

    #[test]
    fn only_tags_are_translated_and_only_outside_of_quotes() {
        for (text, wanted) in [
            ("cat x | dump please, a.length === 3", "cat x | dump please, a.length === 3"),
            ("{{ x | dump }} {{ x|dump() }}", "{{ x | tojson }} {{ x| tojson }}"),
            ("{{ items.length }}", "{{ items|length }}"),
            (
                "{% if a === 'x === y' %}{% elseif b !== 2 %}{% endif %}",
                "{% if a == 'x === y' %}{% elif b != 2 %}{% endif %}",
            ),
            ("{{ '| dump' }}", "{{ '| dump' }}"),
        ] {
            assert_eq!(translated(text), wanted);
        }
    }

    #[test]
    fn calls_of_what_is_here_are_none_of_something_foreign() {
        for text in [
            "{{ tags | join(', ') }}{% for i in range(3) %}{{ i }}{% endfor %}",
            "{{ name | default('nobody') }} (so to say)",
            "{% if (a and b) or not (c) %}{% endif %}{% if n is divisibleby(3) %}{% endif %}",
            "{% macro hi(x) %}{{ x }}{% endmacro %}{{ hi('you (sic)') }}",
            "{% for k, v in d.items() %}{{ k }}{% endfor %}",
        ] {
            assert_eq!(foreign(text), None, "{text}");
        }
        for (text, name) in [
            ("{{ a | nunjucks }}", "nunjucks"),
            ("{{ a | shorten(3) }}", "shorten"),
            ("{{ fetch('x') }}", "fetch"),
            ("{{ a.toUpperCase() }}", "toUpperCase"),
        ] {
            assert!(foreign(text).is_some_and(|why| why.contains(name)), "{text}");
        }
    }
}
