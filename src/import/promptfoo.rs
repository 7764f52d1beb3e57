//! promptfoo's configuration.

use super::asserts::{Asked, Made, convert};
use super::models::{self, Named, Target};
use super::output::{self, Judge, Made as Written, Row, Whole};
use super::tests_of::{self, Test};
use super::tree::{self, Tree};
use super::{Losses, Source, prompts, template};
use crate::domain::Result;
use serde_json::{Map, Value, json};

/// Keys of the top level that its tool reads.
const KNOWN: &[&str] = &[
    "prompts",
    "providers",
    "targets",
    "tests",
    "defaultTest",
    "description",
    "env",
    "sharing",
    "outputPath",
    "evaluateOptions",
    "commandLineOptions",
    "scenarios",
    "derivedMetrics",
    "extensions",
    "nunjucksFilters",
    "metadata",
    "tags",
    "redteam",
    "writeLatestResults",
    "$schema",
];

/// The scale of the judge: a share of 0 is 1, a share of 1 is 5.
fn on_scale(share: f64) -> f64 {
    1.0 + 4.0 * share.clamp(0.0, 1.0)
}

/// Imports a configuration.
pub fn import(source: Source<'_>, tree: Tree<'static>, base: &str, losses: &Losses) -> Result<Written> {
    keys(tree, losses);
    let Some(found) = tree.get("prompts") else { return Ok(Written::default()) };
    let mut whole = Whole { prompts: prompts::read(source, found, base, losses), ..Whole::default() };
    if let Some(description) = tree.text_of("description").filter(|text| !text.trim().is_empty()) {
        whole.prompts.iter_mut().for_each(|prompt| prompt.description = Some(description.to_owned()));
    }
    let providers = tree.get("providers").or_else(|| tree.get("targets"));
    whole.targets = providers.map(|node| targets(node, losses)).unwrap_or_default();
    if whole.targets.is_empty() {
        whole
            .targets
            .push(models::tested(Named::new("(no provider)", providers.map_or(0, Tree::line)), losses));
    }
    let mut defaults = Map::new();
    let mut shared: Vec<Tree<'static>> = Vec::new();
    if let Some(default) = tree.get("defaultTest").and_then(|node| default_test(source, node, losses)) {
        for (key, line, value) in default.entries() {
            match key {
                "vars" => tests_of::vars(source, value, &mut defaults, losses),
                "assert" => shared = value.items(),
                "options" => options(value, &mut whole.judge, losses),
                _ => losses.dropped(line, format!("defaultTest.{key}"), "this key has no counterpart"),
            }
        }
    }
    let tests = match tree.get("tests") {
        Some(node) => tests_of::read(source, node, &defaults, losses),
        None => Vec::new(),
    };
    if tests.is_empty() {
        let line = tree.get("tests").map_or(0, Tree::line);
        losses.ignored(
            line,
            "tests",
            "there is no test: the source runs one empty test and passes; here no suite was written",
        );
    }
    suite(source, &shared, tests, &mut whole, losses);
    output::files(source, base, &mut whole, losses)
}

/// `defaultTest`, which may be a file.
fn default_test(source: Source<'_>, node: Tree<'static>, losses: &Losses) -> Option<Tree<'static>> {
    let Some(named) = node.text() else { return Some(node) };
    let file = named.strip_prefix("file://").unwrap_or(named);
    let read =
        (source.read)(file).and_then(|text| tree::parse(file, &text).ok()).filter(|tree| tree.is_map());
    if read.is_none() {
        losses.dropped(node.line(), format!("defaultTest: {named}"), "it is not there, or is no mapping");
    }
    read
}

fn keys(tree: Tree<'_>, losses: &Losses) {
    for (key, line, _) in tree.entries() {
        match key {
            "prompts" | "providers" | "targets" | "tests" | "defaultTest" | "description" | "$schema" => {}
            "passRateThreshold" => losses.ignored(
                line,
                key,
                "the source has no such key and ignores it; write `gate.asserts_required` in the suite",
            ),
            "maxConcurrency" => losses.ignored(
                line,
                key,
                "the source reads it under `evaluateOptions` only; here it is `--concurrency`",
            ),
            "defaultTests" => losses.ignored(
                line,
                key,
                "a typing error for `defaultTest`: the source ignores it and checks nothing of it",
            ),
            _ if KNOWN.contains(&key) => losses.dropped(line, key, "this key has no counterpart"),
            _ => losses.ignored(line, key, "the source does not know this key and ignores it"),
        }
    }
}

fn targets(node: Tree<'_>, losses: &Losses) -> Vec<Target> {
    let mut found: Vec<Target> = Vec::new();
    for item in node.items() {
        // `{id, config}`, an id, or `{"openai:…": {config}}`.
        let (id, config, line) = match (item.text(), item.text_of("id")) {
            (Some(id), _) => (id, None, item.line()),
            (None, Some(id)) => {
                for (key, line, _) in item.entries() {
                    if !["id", "config", "label"].contains(&key) {
                        losses.dropped(
                            line,
                            format!("providers.{key}"),
                            "this key of a provider has no counterpart",
                        );
                    }
                }
                (id, item.get("config"), item.line())
            }
            (None, None) => match item.entries().first() {
                Some((id, line, inner)) => (*id, Some(inner.get("config").unwrap_or(*inner)), *line),
                None => continue,
            },
        };
        let mut target = models::tested(Named { id, config, line }, losses);
        if let Some(config) = config {
            models::parameters(config, &mut target, losses);
        }
        if !found.contains(&target) {
            found.push(target);
        }
    }
    found.truncate(20);
    found
}

fn options(node: Tree<'_>, judge: &mut Judge, losses: &Losses) {
    for (key, line, value) in node.entries() {
        let id = value.text().or_else(|| value.text_of("id"));
        match (key, id) {
            ("provider", Some(id)) => {
                let named = Named { id, config: value.get("config"), line };
                judge.model = Some(models::target(named, "builtin/lexical", losses));
            }
            ("transform" | "postprocess", _) => {
                losses.dropped(line, format!("options.{key}"), tests_of::TRANSFORMED);
            }
            _ => losses.dropped(line, format!("options.{key}"), "this option has no counterpart"),
        }
    }
}

/// Asserts and dimensions, of every test and of single ones.
fn suite(source: Source<'_>, shared: &[Tree<'static>], tests: Vec<Test>, whole: &mut Whole, losses: &Losses) {
    let around = Asked { read: source.read, priced: whole.targets.iter().all(Target::is_priced) };
    let mut everywhere: Vec<Made> = Vec::new();
    for node in shared {
        note_judge(*node, whole, losses);
        everywhere.extend(convert(*node, around, losses));
    }
    // What names variables goes to the cases, whose values are known.
    let (templates, plain): (Vec<Made>, Vec<Made>) = everywhere.into_iter().partition(dynamic);
    for made in plain {
        match made {
            Made::Asserts(list) => whole.asserts.extend(list),
            Made::Judged { name, rubric, threshold, line } => {
                judged(whole, (&name, &rubric), threshold, false, line, losses);
            }
            Made::Lost => {}
        }
    }
    for Test { mut row, asserts, line } in tests {
        let mut own: Vec<Made> = templates.clone();
        for node in asserts {
            note_judge(node, whole, losses);
            own.extend(convert(node, around, losses));
        }
        let mut asked: Vec<String> = Vec::new();
        for made in own {
            match made {
                Made::Asserts(list) => {
                    for assert in list {
                        match filled(&assert, &row.vars) {
                            Some(assert) => row.asserts.push(assert),
                            None => losses.dropped(
                                line,
                                assert["type"].as_str().unwrap_or("assert"),
                                "its value has to be rendered with more than the case's variables",
                            ),
                        }
                    }
                }
                Made::Judged { name, rubric, threshold, line } => {
                    asked.push(template::filled(&rubric, &row.vars).unwrap_or(rubric));
                    let description =
                        "Does the answer do what the expected answer says that a good answer does?";
                    let name = if name == "rubric" { name } else { format!("{name}_of_case") };
                    judged(whole, (&name, description), threshold, true, line, losses);
                }
                Made::Lost => {}
            }
        }
        expect(&mut row, &asked);
        whole.rows.push(row);
    }
}

fn expect(row: &mut Row, asked: &[String]) {
    if asked.is_empty() {
        return;
    }
    let asked = asked.join("\n");
    row.expected = Some(match row.expected.take() {
        Some(Value::String(text)) => json!(format!("{text}\n{asked}")),
        _ => json!(asked),
    });
}

fn dynamic(made: &Made) -> bool {
    match made {
        Made::Asserts(list) => list.iter().any(|assert| template::is_dynamic(&assert.to_string())),
        Made::Judged { rubric, .. } => template::is_dynamic(rubric),
        Made::Lost => false,
    }
}

/// A case's assert with its values filled in; what is no template stays.
fn filled(assert: &Value, vars: &Map<String, Value>) -> Option<Value> {
    Some(match assert {
        Value::String(text) if template::is_dynamic(text) => {
            Value::String(template::filled(text, vars).filter(|text| !text.is_empty())?)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled(item, vars)).collect::<Option<_>>()?)
        }
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| Some((key.clone(), filled(value, vars)?)))
                .collect::<Option<_>>()?,
        ),
        other => other.clone(),
    })
}

fn note_judge(node: Tree<'_>, whole: &mut Whole, losses: &Losses) {
    let Some(provider) = node.get("provider") else { return };
    match provider.text().or_else(|| provider.text_of("id")) {
        Some(id) if whole.judge.model.is_none() && !id.contains("embedding") => {
            whole.judge.model = Some(models::target(
                Named { id, config: provider.get("config"), line: provider.line() },
                "builtin/lexical",
                losses,
            ));
        }
        Some(_) => losses.approximated(
            provider.line(),
            "assert.provider",
            "one judge serves the whole suite: the first that was named",
        ),
        None => losses.dropped(provider.line(), "assert.provider", "it names no model"),
    }
}

fn judged(
    whole: &mut Whole,
    (name, description): (&str, &str),
    threshold: Option<f64>,
    of_case: bool,
    line: u32,
    losses: &Losses,
) {
    let how = if of_case {
        "its text became the case's `expected`, scored as a dimension from 1 to 5"
    } else {
        "it became a dimension of the judge, scored from 1 to 5"
    };
    losses.approximated(line, name, how);
    if threshold.is_none() {
        losses.ignored(line, name, "no threshold: the source passes whatever the judge calls a pass; set `required` or `eval_score_required`");
    }
    if whole.judge.model.is_none() && whole.judge.dimensions.is_empty() {
        losses.approximated(line, "judge", "no judge was named: the source takes one by the keys that are set; the built-in one stands in, which only compares words");
    }
    let mut key = name.to_owned();
    let mut number = 2;
    while whole.judge.dimensions.get(&key).is_some_and(|have| have["description"] != description) {
        key = format!("{name}_{number}");
        number += 1;
    }
    let entry = whole.judge.dimensions.entry(key).or_insert_with(|| json!({"description": description}));
    if of_case {
        entry["needs"] = json!(["expected"]);
    }
    if let Some(threshold) = threshold.filter(|threshold| *threshold > 0.0) {
        let required =
            entry["required"].as_f64().map_or(on_scale(threshold), |have| have.max(on_scale(threshold)));
        entry["required"] = json!(required);
    }
}
