//! The defaults and patterns of the JSON Schemas are those of the code.

use super::repository;
use super::schemas::{nodes, schema};
use crate::manifest::Manifests;
use crate::manifest::json_schemas::SCHEMAS;
use crate::manifest::project::{Api, Project, ProviderConfig};
use crate::manifest::suite::{Allowance, GateTerms};
use crate::repo::Snapshot;
use serde_json::{Value, json};

/// What the code takes where a file says nothing.
fn default_of(kind: &str, pointer: &str) -> Option<Value> {
    let (project, gate) = (Project::default(), GateTerms::default());
    let scale = crate::domain::Scale::default();
    let key = pointer.rsplit('/').next().unwrap_or("");
    let retrieval = || {
        let minimal = "version: 1\nembedding_model: builtin/hashing-256\ncorpus: ['kb/*.md']\ntop_k: 1\n";
        let folder = repository(&[("retrieval/r.yaml", minimal), ("kb/a.md", "a")]);
        let manifests = Manifests::load(&Snapshot::working_tree(folder.path()).ok()?, None);
        manifests.retrievals.values().next().cloned()
    };
    Some(match (kind, key) {
        ("project", "prompts") => json!(project.folders.prompts.as_str()),
        ("project", "evals") => json!(project.folders.evals.as_str()),
        ("project", "retrieval") => json!(project.folders.retrieval.as_str()),
        ("project", "deployments") => json!(project.folders.deployments.as_str()),
        ("project", "concurrency") => json!(ProviderConfig::new("a".into(), Api::OpenAi).concurrency),
        ("retrieval", "chunk_size") => json!(retrieval()?.chunk_size),
        ("retrieval", "chunk_unit") => json!(format!("{:?}", retrieval()?.chunk_unit).to_lowercase()),
        ("retrieval", "search") => json!(format!("{:?}", retrieval()?.search).to_lowercase()),
        ("retrieval", "min_score") => json!(retrieval()?.min_score),
        ("suite", "decide_on") => json!(format!("{:?}", gate.decide_on).to_lowercase()),
        ("suite", "confidence") => json!(gate.confidence),
        ("suite", "asserts_required") => json!(gate.asserts_required),
        ("suite", "min_cases") => json!(gate.min_cases),
        ("suite", "max_unscored") => match gate.max_unscored {
            Allowance::Count(count) => json!(count),
            Allowance::Share(_) => return None,
        },
        ("suite", "scale") => json!([scale.min, scale.max]),
        ("suite", "step") => json!(scale.step),
        ("suite", "rubric") => json!(crate::manifest::rubrics::DEFAULT),
        _ => return minimal_suite(key),
    })
}

/// Defaults of a suite, its cases and its asserts, from a suite that names none of them.
fn minimal_suite(key: &str) -> Option<Value> {
    use crate::manifest::assert::{Check, Metric};
    let text = "version: 1\nprompt: p\ncases: [{input: a}]\nsample: {size: 1}\njudge: {model: builtin/lexical, dimensions: {tone: {description: d}}}\nassert: [{type: similar, value: a, threshold: 1}, {type: rouge-l, value: a, threshold: 1}, {type: exec, command: [a]}]\n";
    let input = "inputs: {a: {}}\nuser: '{{ a }}'\n";
    let folder =
        repository(&[("prompts/p.yaml", &format!("{}{input}", super::PROMPT)), ("evals/s.yaml", text)]);
    let manifests = Manifests::load(&Snapshot::working_tree(folder.path()).ok()?, None);
    let suite = manifests.suites.values().next().unwrap_or_else(|| panic!("{:#?}", manifests.diagnostics));
    let judge = suite.judge.as_ref()?;
    let [similar, rouge, exec] = &suite.asserts[..] else { return None };
    Some(match key {
        "trials" => json!(suite.trials),
        "seed" => json!(suite.sample.as_ref()?.seed),
        "repeats" => json!(judge.repeats),
        "allow_self" => json!(judge.allow_self),
        "critical" => json!(suite.cases.iter().next()?.case.critical),
        "weight" => {
            let (case, dimension) =
                (suite.cases.iter().next()?.case.weight, judge.dimensions.first()?.weight);
            assert!(case == dimension && similar.weight == case, "one default for every weight");
            json!(case)
        }
        "required" => json!(manifests.prompts.values().next()?.inputs["a"].required),
        "tokenizer" => match &rouge.check {
            Check::Graded { metric: Metric::RougeL(tokenizer), .. } => {
                json!(format!("{tokenizer:?}").to_lowercase())
            }
            _ => return None,
        },
        "model" => match &similar.check {
            Check::Graded { metric: Metric::Similar { model, .. }, .. } => json!(model.as_str()),
            _ => return None,
        },
        "timeout_s" => match &exec.check {
            Check::Exec(exec) => json!(exec.timeout_s),
            _ => return None,
        },
        _ => return None,
    })
}

#[test]
fn the_defaults_of_the_schemas_are_those_of_the_code() {
    let mut seen = 0;
    for (kind, _) in SCHEMAS {
        let (schema, mut all) = (schema(kind), Vec::new());
        nodes(&schema, "", &mut all);
        for (pointer, node) in all {
            let Some(said) = node.get("default").filter(|_| !pointer.ends_with("/properties")) else {
                continue;
            };
            let kind = if *kind == "case" { "suite" } else { kind };
            let done = default_of(kind, &pointer).unwrap_or_else(|| panic!("no default at {kind} {pointer}"));
            // `1` and `1.0` are one number.
            let number = |value: &Value| {
                let text = value.to_string();
                text.replace(".0,", ",").replace(".0]", "]").trim_end_matches(".0").to_owned()
            };
            assert_eq!(number(said), number(&done), "{kind} {pointer}");
            seen += 1;
        }
    }
    assert!(seen >= 40, "{seen}");
}

#[test]
fn patterns_are_ones_that_every_validator_reads_and_a_share_is_at_most_the_whole() {
    for (kind, text) in SCHEMAS {
        assert!(
            !text.contains("\\\\p{"),
            "{kind}: classes of letters are no part of what JSON Schema promises"
        );
    }
    let prompt = schema("prompt");
    let fits = |name: &str| {
        jsonschema::is_valid(&json!({"pattern": prompt["properties"]["name"]["pattern"]}), &json!(name))
    };
    assert!(fits("support/zürich_2.v-1") && !fits("a b") && !fits("$(x)") && !fits("/a") && !fits("a`b"));
    let suite = schema("suite");
    let unscored = suite.pointer("/properties/gate/properties/max_unscored").expect("the key");
    for (text, holds) in [("2%", true), ("0.5 %", true), ("100%", true), ("200%", false), ("..%", false)] {
        assert_eq!(jsonschema::is_valid(unscored, &json!(text)), holds, "{text}");
    }
}
