//! Inline JavaScript asserts that only compare: they have an assert of their own here.

use regex::{Captures, Regex};
use serde_json::{Value, json};
use std::sync::LazyLock;

const TEXT: &str = r#"(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`([^`$\\]*)`)"#;
const PATH: &str = r"((?:\??\.[A-Za-z_]\w*|\[\d+\]|\['[^'\]]+'\])*)";

type Maker = fn(&Captures<'_>) -> Option<Value>;

static RULES: LazyLock<Vec<(Regex, Maker)>> = LazyLock::new(|| {
    let json = r"^JSON\.parse\(output\)";
    let rules: Vec<(String, Maker)> = vec![
        (r"^output(?:\.trim\(\))?\.length\s*(<=|>=|<|>|===?)\s*(\d+)$".into(), length),
        (
            r"^output(?:\.trim\(\))?\.split\((?:' '|/\\s\+/|/ \+/)\)\.length\s*(<=|>=|<|>|===?)\s*(\d+)$"
                .into(),
            words,
        ),
        (format!(r"^(!?)output(\.toLowerCase\(\))?\.(includes|startsWith)\({TEXT}\)$"), includes),
        (format!(r"^output(?:\.trim\(\))?\s*(===?|!==?)\s*{TEXT}$"), equals),
        (r"^(!?)/((?:[^/\\]|\\.)+)/([im]*)\.test\(output\)$".into(), matches),
        (format!(r"{json}{PATH}\.length\s*(<=|>=|<|>|===?)\s*(\d+)$"), path_length),
        (format!(r"{json}{PATH}\s*(===?|!==?)\s*(?:{TEXT}|(-?\d+(?:\.\d+)?|true|false|null))$"), path_equals),
        (format!(r"{json}{PATH}\s*(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)$"), path_number),
        (format!(r"^(!?)JSON\.parse\(output\){PATH}\.includes\({TEXT}\)$"), path_includes),
        (format!(r"^typeof JSON\.parse\(output\){PATH}\s*!==?\s*'undefined'$"), path_exists),
        (format!(r"{json}{PATH}\s*!==?\s*undefined$"), path_exists),
    ];
    rules.into_iter().filter_map(|(pattern, maker)| Some((Regex::new(&pattern).ok()?, maker))).collect()
});

static BOUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?s)^(?:const|let|var)\s+(\w+)\s*=\s*JSON\.parse\(output\)\s*;\s*(?:return\s+)?(.*)$").ok()
});

static LOWERED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?s)^(?:const|let|var)\s+(\w+)\s*=\s*output\.toLowerCase\(\)\s*;\s*(?:return\s+)?(.*)$").ok()
});

/// `['a', 'b'].some(s => output.includes(s))`, in lower case or as it stands.
static LISTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^\[(.+)\]\.(some|every)\(\(?(\w+)\)?\s*=>\s*output(\.toLowerCase\(\))?\.includes\((\w+)(\.toLowerCase\(\))?\)\)$",
    )
    .ok()
});

/// A field of an answer that its tool parsed by itself: `output.status` is no property of a text.
static PARSED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\boutput\.([A-Za-z_]\w*)").ok());

/// What texts have of themselves.
pub const OF_TEXT: &[&str] = &[
    "length",
    "includes",
    "startsWith",
    "endsWith",
    "toLowerCase",
    "toUpperCase",
    "trim",
    "split",
    "match",
    "matchAll",
    "indexOf",
    "lastIndexOf",
    "replace",
    "replaceAll",
    "slice",
    "substring",
    "substr",
    "charAt",
    "search",
    "toString",
    "localeCompare",
    "concat",
    "at",
    "codePointAt",
    "normalize",
    "repeat",
];

/// Texts and patterns that stand in the code itself: no name in them means anything.
static LITERAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|/(?:[^/\\\n]|\\.)+/"#).ok());

/// The code with its literals blanked out, byte for byte.
fn blanked(code: &str) -> Option<String> {
    let mut bytes = code.as_bytes().to_vec();
    for found in LITERAL.as_ref()?.find_iter(code) {
        bytes[found.range()].fill(b' ');
    }
    String::from_utf8(bytes).ok()
}

/// The parts of the code between the marks that stand outside of literals.
fn parts<'c>(code: &'c str, mark: &str) -> Option<Vec<&'c str>> {
    let blanked = blanked(code)?;
    let (mut parts, mut at) = (Vec::new(), 0);
    for (found, _) in blanked.match_indices(mark) {
        parts.push(code[at..found].trim());
        at = found + mark.len();
    }
    parts.push(code[at..].trim());
    Some(parts)
}

/// The code with something else in the place of a variable: not in texts, and not of fields that are called the same.
fn with(code: &str, name: &str, stands_for: &str) -> Option<String> {
    let word = Regex::new(&format!(r"\b{}\b", regex::escape(name))).ok()?;
    let blanked = blanked(code)?;
    let (mut out, mut at) = (String::new(), 0);
    for found in word.find_iter(&blanked).filter(|found| !blanked[..found.start()].ends_with('.')) {
        out.push_str(&code[at..found.start()]);
        out.push_str(stands_for);
        at = found.end();
    }
    out.push_str(&code[at..]);
    Some(out)
}

/// The asserts that say the same; `None` when the code does anything but compare.
pub fn asserts(code: &str) -> Option<Vec<Value>> {
    let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let mut code = lines.collect::<Vec<_>>().join("\n").trim().trim_end_matches(';').trim().to_owned();
    for (rule, stands_for) in [(&BOUND, "JSON.parse(output)"), (&LOWERED, "output.toLowerCase()")] {
        if let Some(found) = rule.as_ref().and_then(|bound| bound.captures(&code)) {
            let (name, rest) = (found.get(1)?.as_str().to_owned(), found.get(2)?.as_str().to_owned());
            code = with(&rest, &name, stands_for)?;
        }
    }
    let code = code.trim_start_matches("return ").trim().trim_end_matches(';').trim();
    let code = parsed(code)?;
    if parts(&code, "||")?.len() > 1 {
        return any(&code).map(|assert| vec![assert]);
    }
    if code.contains('\n') {
        return None;
    }
    let mut made = Vec::new();
    for part in parts(&code, "&&")? {
        match part {
            // An answer is a text, and in this place one that is not empty.
            "typeof output === 'string'" | "typeof output === \"string\"" => {}
            "output" | "!!output" => made.push(json!({"type": "length", "value": {"min": 1}})),
            part => {
                let assert = one(part)?;
                // What cannot be parsed throws there, so that the other way round does not hold either.
                if assert["type"] == "not-json-path" {
                    made.push(json!({"type": "is-json"}));
                }
                made.push(assert);
            }
        }
    }
    (!made.is_empty()).then_some(made)
}

/// With fields of `output` read from its JSON. `None` where both ways of reading stand side by side.
fn parsed(code: &str) -> Option<String> {
    let blanked = blanked(code)?;
    let fields: Vec<Captures<'_>> = PARSED.as_ref()?.captures_iter(&blanked).collect();
    let is_field = |found: &Captures<'_>| !OF_TEXT.contains(&&found[1]);
    if blanked.contains("JSON.parse") || !fields.iter().any(is_field) {
        return Some(code.to_owned());
    }
    if fields.iter().all(is_field) { with(code, "output", "JSON.parse(output)") } else { None }
}

/// One of several texts: `output.includes('a') || output.includes('b')`.
fn any(code: &str) -> Option<Value> {
    let (mut name, mut texts) = (None, Vec::new());
    for part in parts(code, "||")? {
        let assert = one(part)?;
        let kind = match assert["type"].as_str()? {
            "contains" => "contains-any",
            "icontains" => "icontains-any",
            _ => return None,
        };
        if *name.get_or_insert(kind) != kind {
            return None;
        }
        texts.push(assert["value"].clone());
    }
    Some(json!({"type": name?, "value": texts}))
}

fn listed(code: &str) -> Option<Value> {
    static ITEM: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"^\s*{TEXT}\s*(?:,|$)")).ok());
    let found = LISTED.as_ref()?.captures(code)?;
    if found[3] != found[5] {
        return None;
    }
    let (lower, both) = (found.get(4).is_some(), found.get(6).is_some());
    let (mut rest, mut texts) = (&found[1], Vec::new());
    while !rest.trim().is_empty() {
        let item = ITEM.as_ref()?.captures(rest)?;
        let text = text(&item, 1)?;
        if (lower && !both && text != text.to_lowercase()) || (both && !lower) {
            return None;
        }
        texts.push(text);
        rest = rest.get(item.get(0)?.end()..)?;
    }
    let which = if &found[2] == "some" { "any" } else { "all" };
    let name = if lower { format!("icontains-{which}") } else { format!("contains-{which}") };
    (!texts.is_empty()).then(|| json!({"type": name, "value": texts}))
}

fn one(code: &str) -> Option<Value> {
    RULES
        .iter()
        .find_map(|(rule, maker)| rule.captures(code).and_then(|found| maker(&found)))
        .or_else(|| listed(code))
}

fn text(found: &Captures<'_>, from: usize) -> Option<String> {
    let raw = (from..from + 3).find_map(|group| found.get(group))?.as_str();
    unescaped(raw).filter(|text| !text.is_empty())
}

/// A text of JavaScript without its escapes; `None` where one is not known here.
fn unescaped(raw: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        text.push(match rest.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            same @ ('\\' | '\'' | '"' | '`' | '/') => same,
            'u' => {
                let digits: String = rest.by_ref().take(4).collect();
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
            }
            _ => return None,
        });
    }
    Some(text)
}

fn bounds(operator: &str, number: &str) -> Option<Value> {
    let number: u32 = number.parse().ok()?;
    let bounds = match operator {
        "<" => json!({"max": number.checked_sub(1)?}),
        "<=" => json!({"max": number}),
        ">" => json!({"min": number.checked_add(1)?}),
        ">=" if number > 0 => json!({"min": number}),
        ">=" => return None,
        _ => json!(number),
    };
    Some(bounds)
}

fn length(found: &Captures<'_>) -> Option<Value> {
    Some(json!({"type": "length", "value": bounds(&found[1], &found[2])?}))
}

fn words(found: &Captures<'_>) -> Option<Value> {
    Some(json!({"type": "word-count", "value": bounds(&found[1], &found[2])?}))
}

fn named(negated: bool, name: &str) -> String {
    if negated { format!("not-{name}") } else { name.to_owned() }
}

fn includes(found: &Captures<'_>) -> Option<Value> {
    let lower = found.get(2).is_some();
    let name = match (&found[3], lower) {
        ("includes", true) => "icontains",
        ("includes", false) => "contains",
        (_, false) => "starts-with",
        _ => return None,
    };
    let text = text(found, 4)?;
    // A capital letter is never found in lower-cased text: the source's assert cannot hold.
    if lower && text != text.to_lowercase() {
        return None;
    }
    Some(json!({"type": named(!found[1].is_empty(), name), "value": text}))
}

fn equals(found: &Captures<'_>) -> Option<Value> {
    Some(json!({"type": named(found[1].starts_with('!'), "equals"), "value": text(found, 2)?}))
}

fn matches(found: &Captures<'_>) -> Option<Value> {
    let flags = found.get(3).map_or("", |flags| flags.as_str());
    let pattern = if flags.is_empty() { found[2].to_owned() } else { format!("(?{flags}){}", &found[2]) };
    Regex::new(&pattern).ok()?;
    Some(json!({"type": named(!found[1].is_empty(), "regex"), "value": pattern}))
}

fn path(found: &Captures<'_>, group: usize) -> String {
    format!("${}", found.get(group).map_or("", |path| path.as_str()).replace("?.", "."))
}

fn path_length(found: &Captures<'_>) -> Option<Value> {
    Some(json!({"type": "json-path", "path": path(found, 1), "length": bounds(&found[2], &found[3])?}))
}

fn path_equals(found: &Captures<'_>) -> Option<Value> {
    let value = match found.get(6) {
        Some(literal) => serde_json::from_str(literal.as_str()).ok()?,
        None => Value::String(text(found, 3)?),
    };
    let name = named(found[2].starts_with('!'), "json-path");
    Some(json!({"type": name, "path": path(found, 1), "equals": value}))
}

fn path_number(found: &Captures<'_>) -> Option<Value> {
    let key = match &found[2] {
        "<" => "lt",
        "<=" => "lte",
        ">" => "gt",
        _ => "gte",
    };
    let number: Value = serde_json::from_str(&found[3]).ok()?;
    let mut assert = json!({"type": "json-path", "path": path(found, 1)});
    assert[key] = number;
    Some(assert)
}

fn path_includes(found: &Captures<'_>) -> Option<Value> {
    let name = named(!found[1].is_empty(), "json-path");
    Some(json!({"type": name, "path": path(found, 2), "contains": text(found, 3)?}))
}

fn path_exists(found: &Captures<'_>) -> Option<Value> {
    Some(json!({"type": "json-path", "path": path(found, 1), "exists": true}))
}

#[cfg(test)]
mod tests;
