//! promptfoo's configuration.

use super::asserts::{Asked, Judged, Made, convert};
use super::losses::Losses;
use super::models::{self, Named, Target};
use super::output::{self, Judge, Made as Written, Row, Whole};
use super::tests_of::{self, Test};
use super::tree::Tree;
use super::{Source, prompts, template};
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
    "assertionTemplates",
    "tracing",
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
        for prompt in &mut whole.prompts {
            prompt.description = Some(match &prompt.description {
                Some(label) => format!("{label}: {description}"),
                None => description.to_owned(),
            });
        }
    }
    let providers = tree.get("providers").or_else(|| tree.get("targets"));
    whole.targets = providers.map(|node| targets(node, losses)).unwrap_or_default();
    if whole.targets.is_empty() {
        whole
            .targets
            .push(models::tested(Named::new("(no provider)", providers.map_or(0, Tree::line)), losses));
    }
    let mut defaults = Map::new();
    let mut shared = Shared { asserts: Vec::new(), place: losses.clone() };
    if let Some((default, place)) =
        tree.get("defaultTest").and_then(|node| default_test(source, node, losses))
    {
        for (key, line, value) in default.entries() {
            match key {
                "vars" => tests_of::vars(source, value, &mut defaults, &place),
                "assert" => shared.asserts = value.items(),
                "options" => options(value, &mut whole.judge, &place),
                _ => place.dropped(line, format!("defaultTest.{key}"), "this key has no counterpart"),
            }
        }
        shared.place = place;
    }
    let tests = match tree.get("tests") {
        Some(node) => tests_of::read(source, node, &defaults, losses),
        None => Vec::new(),
    };
    if tests.is_empty() && tree.get("scenarios").is_none() {
        let line = tree.get("tests").map_or(0, Tree::line);
        losses.ignored(
            line,
            "tests",
            "there is no test: the source runs one empty test and passes; here no suite was written",
        );
    }
    suite(source, &shared, tests, &mut whole);
    output::files(source, base, &mut whole, losses)
}

/// What `defaultTest` asserts of every case, and where it stands.
struct Shared {
    asserts: Vec<Tree<'static>>,
    place: Losses,
}

/// `defaultTest`, which may be a file, and where it stands.
fn default_test(source: Source<'_>, node: Tree<'static>, losses: &Losses) -> Option<(Tree<'static>, Losses)> {
    let Some(named) = node.text() else { return Some((node, losses.clone())) };
    let file = named.strip_prefix("file://").unwrap_or(named);
    match source.mapping(file) {
        Ok(tree) => Some((tree, losses.in_file(file))),
        Err(why) => {
            losses.dropped(node.line(), format!("defaultTest: {named}"), why);
            None
        }
    }
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

/// Models that one configuration may name: each prompt becomes a manifest for each.
const MOST_TARGETS: usize = 20;

fn targets(node: Tree<'_>, losses: &Losses) -> Vec<Target> {
    let mut found: Vec<Target> = Vec::new();
    for item in node.items() {
        let Some((id, config, line)) = provider(item, losses) else { continue };
        if found.len() == MOST_TARGETS {
            losses.dropped(
                line,
                id,
                format!("more than {MOST_TARGETS} providers; import the others by themselves"),
            );
            continue;
        }
        let mut target = models::tested(Named { id, config, line }, losses);
        if let Some(config) = config {
            models::parameters(config, &mut target, losses);
        }
        if !found.contains(&target) {
            found.push(target);
        }
    }
    found
}

/// `{id, config}`, an id, or `{"openai:…": {config}}`.
fn provider<'a>(item: Tree<'a>, losses: &Losses) -> Option<(&'a str, Option<Tree<'a>>, u32)> {
    let others = |node: Tree<'_>, known: &[&str]| {
        for (key, line, _) in node.entries().into_iter().filter(|(key, ..)| !known.contains(key)) {
            losses.dropped(line, format!("providers.{key}"), "this key of a provider has no counterpart");
        }
    };
    if let Some(id) = item.text() {
        return Some((id, None, item.line()));
    }
    if let Some(id) = item.text_of("id") {
        others(item, &["id", "config", "label"]);
        return Some((id, item.get("config"), item.line()));
    }
    let entries = item.entries();
    let Some((id, line, inner)) = entries.first().copied() else {
        losses.dropped(item.line(), "providers", "an entry that names no provider");
        return None;
    };
    for (other, line, _) in &entries[1..] {
        losses.dropped(*line, *other, "one entry names one provider; the first was taken");
    }
    let settings = ["config", "prompts", "delay", "label", "env", "transform", "id"];
    if !inner.entries().iter().any(|(key, ..)| settings.contains(key)) {
        return Some((id, Some(inner), line));
    }
    others(inner, &["config", "label"]);
    Some((id, inner.get("config"), line))
}

fn options(node: Tree<'_>, judge: &mut Judge, losses: &Losses) {
    for (key, line, value) in node.entries() {
        let id = value.text().or_else(|| value.text_of("id"));
        match (key, id) {
            ("provider", Some(id)) => judge.model = Some(judge_of(id, value, line, losses)),
            ("transform" | "postprocess", _) => {
                losses.dropped(line, format!("options.{key}"), tests_of::TRANSFORMED);
            }
            _ => losses.dropped(line, format!("options.{key}"), "this option has no counterpart"),
        }
    }
}

/// The judge that a configuration names.
fn judge_of(id: &str, node: Tree<'_>, line: u32, losses: &Losses) -> Target {
    let config = node.get("config");
    for (key, line, _) in config.map(Tree::entries).unwrap_or_default() {
        if !super::vendors::SETTINGS.contains(&key) {
            let why =
                "a judge's parameters stand in a judge manifest, which `judge.rubric` of the suite names";
            losses.dropped(line, format!("judge config.{key}"), why);
        }
    }
    models::target(Named { id, config, line }, "builtin/lexical", losses)
}

/// Asserts and dimensions, of every test and of single ones.
fn suite(source: Source<'_>, shared: &Shared, tests: Vec<Test>, whole: &mut Whole) {
    let around = Asked { read: source.read, priced: whole.targets.iter().all(Target::is_priced) };
    let mut everywhere: Vec<(Made, u32)> = Vec::new();
    for node in &shared.asserts {
        note_judge(*node, whole, &shared.place);
        everywhere.extend(convert(*node, around, &shared.place).into_iter().map(|made| (made, node.line())));
    }
    // What names variables goes to the cases, whose values are known.
    let (templates, plain): (Vec<_>, Vec<_>) = everywhere.into_iter().partition(|(made, _)| dynamic(made));
    for (made, _) in plain {
        match made {
            Made::Asserts(list) => whole.asserts.extend(list),
            Made::Judged(asked) => judged(whole, (&asked.name, &asked.rubric), &asked, false, &shared.place),
            Made::Lost => {}
        }
    }
    let texts: Vec<String> =
        whole.prompts.iter().flat_map(|prompt| &prompt.messages).map(|(_, text)| text.clone()).collect();
    for Test { mut row, asserts, line, place } in tests {
        let own: Vec<(Made, u32, &Losses)> = asserts
            .into_iter()
            .flat_map(|node| {
                note_judge(node, whole, &place);
                convert(node, around, &place).into_iter().map(move |made| (made, node.line()))
            })
            .map(|(made, line)| (made, line, &place))
            .collect();
        let inherited = templates.iter().map(|(made, line)| (made.clone(), *line, &shared.place));
        let mut asked: Vec<String> = Vec::new();
        for (made, line, place) in inherited.chain(own) {
            match made {
                Made::Asserts(list) => row.asserts.extend(list.iter().filter_map(|assert| {
                    let found = filled(assert, &row.vars);
                    if found.is_none() {
                        let why = "its value has to be rendered with more than the case's variables";
                        place.dropped(line, assert["type"].as_str().unwrap_or("assert"), why);
                    }
                    found
                })),
                Made::Judged(judge) => {
                    asked.push(
                        template::filled(&judge.rubric, &row.vars).unwrap_or_else(|| judge.rubric.clone()),
                    );
                    let description =
                        "Does the answer do what the expected answer says that a good answer does?";
                    let name = if judge.name == "rubric" {
                        judge.name.clone()
                    } else {
                        format!("{}_of_case", judge.name)
                    };
                    judged(whole, (&name, description), &judge, true, place);
                }
                Made::Lost => {}
            }
        }
        expect(&mut row, &asked);
        row.settle(&texts, line, &place);
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
        Made::Judged(asked) => template::is_dynamic(&asked.rubric),
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
            whole.judge.model = Some(judge_of(id, provider, provider.line(), losses));
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
    asked: &Judged,
    of_case: bool,
    losses: &Losses,
) {
    let line = asked.line;
    let how = if of_case {
        "its text became the case's `expected`, scored as a dimension from 1 to 5"
    } else {
        "it became a dimension of the judge, scored from 1 to 5"
    };
    losses.approximated(line, name, how);
    if asked.threshold.is_none() {
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
    match asked.weight {
        None => {}
        Some(_) if of_case => losses.dropped(
            line,
            format!("{name}.weight"),
            "the dimension is one for all cases, and has one weight",
        ),
        Some(weight) => entry["weight"] = json!(weight),
    }
    if let Some(threshold) = asked.threshold.filter(|threshold| *threshold > 0.0) {
        let required =
            entry["required"].as_f64().map_or(on_scale(threshold), |have| have.max(on_scale(threshold)));
        entry["required"] = json!(required);
    }
}
