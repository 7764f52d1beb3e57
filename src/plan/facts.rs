//! What a gate rests on, item by item and with a name for each, so that a change can be said in words.

use super::digests::case_value;
use super::validate::assert_templates;
use super::{GatePlan, Sources};
use crate::domain::{Digest, RelPath};
use crate::manifest::MODEL_FILES;
use crate::manifest::assert::Check;
use crate::manifest::prompt::{Dimension, Prompt};
use crate::manifest::retrieval::{ChunkUnit, Search};
use crate::manifest::suite::{Allowance, DecideOn, GateTerms, Judge};
use crate::manifest::template::Template;
use crate::render;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Bytes of a file that is told apart by its content.
const MAX_FILE: u64 = 1 << 30;

/// The value of one item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// Short enough to be shown.
    Shown(String),
    /// Too long to be shown.
    Content(Digest),
}

/// Items by the name that people know them by: `model`, `include shared/tone.j2`, `case refund-1`.
pub type Facts = BTreeMap<String, Fact>;

/// What differs, one phrase an item, in the order of their names.
pub fn reasons(base: &Facts, head: &Facts) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = base.keys().chain(head.keys()).collect();
    let phrase = |name: &String| match (base.get(name), head.get(name)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(Fact::Shown(old)), Some(Fact::Shown(new))) => Some(format!("{name} {old} → {new}")),
        (Some(_), Some(_)) => Some(format!("{name} changed")),
        (None, Some(Fact::Shown(new))) => Some(format!("{name} {new} added")),
        (None, Some(_)) => Some(format!("{name} added")),
        (Some(Fact::Shown(old)), None) => Some(format!("{name} {old} removed")),
        (Some(_), None) => Some(format!("{name} removed")),
        (None, None) => None,
    };
    names.into_iter().filter_map(phrase).collect()
}

/// The items of a gate; `None` where an include cannot be read.
pub fn facts(sources: &Sources<'_>, gate: &GatePlan) -> Option<Facts> {
    let mut found = Found { sources, facts: Facts::new() };
    let (prompt, suite) = (&gate.prompt, &gate.suite);
    found.show("model", &gate.model);
    found.maybe("threshold", prompt.required);
    found.prompt(prompt, "")?;
    found.budget(prompt);
    found.show("provider", &gate.provider.name);
    found.show("provider api", gate.provider.api.as_str());
    found.json("provider command", &json!(gate.provider.command));
    found.files("program file", &gate.provider.inputs);
    if let Some(retrieval) = &gate.retrieval {
        found.show("retrieval", &retrieval.name);
        found.maybe("embedding model", retrieval.embedding_model.as_ref());
        found.show("chunk_size", retrieval.chunk_size);
        found.show("chunk_overlap", retrieval.chunk_overlap);
        found.show("top_k", retrieval.top_k);
        found.show("min_score", retrieval.min_score);
        found.show(
            "search",
            match retrieval.search {
                Search::Vector => "vector",
                Search::Bm25 => "bm25",
                Search::Hybrid => "hybrid",
            },
        );
        found.show(
            "chunk_unit",
            match retrieval.chunk_unit {
                ChunkUnit::Tokens => "tokens",
                ChunkUnit::Characters => "characters",
            },
        );
        found.maybe("max_age_days", retrieval.max_age_days);
        found.maybe("retrieval endpoint", retrieval.endpoint.as_ref());
        found.files("corpus file", &retrieval.corpus);
        let providers = &sources.manifests.project.providers;
        let embedder = retrieval.provider.as_ref().and_then(|name| providers.get(name));
        if let Some(folder) = embedder.and_then(|embedder| embedder.path.as_ref()) {
            let names = MODEL_FILES.map(|name| format!("{folder}/{name}"));
            found.files("embedding model file", &names);
        }
    }
    for row in suite.cases.iter() {
        found.json(&format!("case {}", row.case.id), &case_value(&row));
    }
    let asserts: Vec<&Value> = suite.asserts.iter().map(|assert| &assert.source).collect();
    found.json("the suite's asserts", &json!(asserts));
    let of_cases = suite.cases.iter().flat_map(|row| row.asserts.to_vec());
    for assert in suite.asserts.iter().cloned().chain(of_cases) {
        if let Check::Exec(program) = &assert.check {
            found.files("assert program file", &program.inputs);
        }
        for template in assert_templates(&assert.check) {
            found.includes(template, "assert ")?;
        }
    }
    found.show("trials", suite.trials);
    found.maybe(
        "sample",
        suite.sample.as_ref().map(|sample| format!("{} of seed {}", sample.size, sample.seed)),
    );
    found.gate(&suite.gate);
    if let Some(judge) = &suite.judge {
        found.judge(judge)?;
    }
    Some(found.facts)
}

struct Found<'a> {
    sources: &'a Sources<'a>,
    facts: Facts,
}

impl Found<'_> {
    fn show(&mut self, name: &str, value: impl std::fmt::Display) {
        self.facts.insert(name.to_owned(), Fact::Shown(format!("{value}")));
    }

    fn maybe(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.show(name, value);
        }
    }

    fn json(&mut self, name: &str, value: &Value) {
        self.facts.insert(name.to_owned(), Fact::Content(Digest::of_json(value)));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.facts.insert(name.to_owned(), Fact::Content(Digest::of_text(text)));
    }

    fn files(&mut self, what: &str, globs: &[String]) {
        let snapshot = self.sources.snapshot;
        if globs.is_empty() {
            return;
        }
        for path in snapshot.glob(globs).unwrap_or_default() {
            if let Ok(bytes) = snapshot.read(&path, MAX_FILE) {
                let digest =
                    std::str::from_utf8(&bytes).map_or_else(|_| Digest::of_bytes(&bytes), Digest::of_text);
                self.facts.insert(format!("{what} {path}"), Fact::Content(digest));
            }
        }
    }

    /// Everything that a prompt sends, each under `of` and its own name.
    fn prompt(&mut self, prompt: &Prompt, of: &str) -> Option<()> {
        for (at, message) in prompt.messages.iter().enumerate() {
            let role = message.role.as_str();
            let name = if prompt.messages.iter().filter(|other| other.role == message.role).count() == 1 {
                format!("{of}{role} template")
            } else {
                format!("{of}{role} template {}", at + 1)
            };
            self.text(&name, &message.content.text);
            self.includes(&message.content, of)?;
        }
        if let Ok(Value::Object(parameters)) = serde_json::to_value(&prompt.parameters) {
            for (name, value) in parameters.iter().filter(|(_, value)| !value.is_null()) {
                self.show(&format!("{of}{name}"), value);
            }
        }
        for (name, input) in &prompt.inputs {
            let value = json!([input.schema.to_string(), input.required, input.default]);
            self.json(&format!("{of}input {name}"), &value);
        }
        let shots: Vec<Value> = prompt.few_shot.iter().map(|shot| json!([shot.input, shot.output])).collect();
        for (at, shot) in shots.iter().enumerate() {
            self.json(&format!("{of}few-shot row {}", at + 1), shot);
        }
        let names: Vec<&str> = prompt.tools.iter().map(|tool| tool.name.as_str()).collect();
        self.json(&format!("{of}order of tools"), &json!(names));
        for tool in &prompt.tools {
            let value = json!([tool.description, tool.input_schema.to_string()]);
            self.json(&format!("{of}tool {}", tool.name), &value);
        }
        let schema = prompt.output.schema.as_ref().map(ToString::to_string);
        self.json(&format!("{of}output"), &json!([prompt.output.json, schema]));
        if let Some(query) = prompt.retrieval.as_ref().and_then(|retrieval| retrieval.query.as_ref()) {
            self.text(&format!("{of}retrieval query"), &query.text);
            self.includes(query, of)?;
        }
        self.dimensions(&prompt.dimensions, of);
        Some(())
    }

    fn includes(&mut self, template: &Template, of: &str) -> Option<()> {
        let folder: &RelPath = &self.sources.manifests.project.folders.prompts;
        if template.is_dynamic() {
            let includes = render::closure(self.sources.snapshot, folder, template).ok()?;
            for include in includes.iter() {
                let path = include.path.strip(folder.as_str()).unwrap_or(include.path.as_str());
                self.text(&format!("{of}include {path}"), &include.text);
            }
        }
        Some(())
    }

    fn dimensions(&mut self, dimensions: &[Dimension], of: &str) {
        for dimension in dimensions {
            let needs = format!("{:?}", dimension.needs);
            let value = json!([dimension.description, dimension.weight, dimension.required, needs]);
            self.json(&format!("{of}dimension {}", dimension.name), &value);
        }
    }

    fn budget(&mut self, prompt: &Prompt) {
        self.maybe("max_cost_usd_per_case", prompt.budget.max_cost_usd_per_case);
        self.maybe("p95_latency_ms", prompt.budget.p95_latency_ms);
        self.maybe("max_input_tokens", prompt.budget.max_input_tokens);
    }

    fn judge(&mut self, judge: &Judge) -> Option<()> {
        self.show("judge model", &judge.model);
        self.show("judge repeats", judge.repeats);
        self.show(
            "judge scale",
            format!("{} to {} in steps of {}", judge.scale.min, judge.scale.max, judge.scale.step),
        );
        let mut rubric = Prompt::clone(&judge.rubric);
        rubric.dimensions = Vec::new();
        self.prompt(&rubric, "judge ")?;
        self.dimensions(&judge.dimensions, "judge ");
        if let Some(provider) = self.sources.manifests.project.providers.get(&judge.provider) {
            self.show("judge provider", &provider.name);
            self.show("judge provider api", provider.api.as_str());
            self.files("judge program file", &provider.inputs);
        }
        Some(())
    }

    fn gate(&mut self, gate: &GateTerms) {
        self.show(
            "decide_on",
            match gate.decide_on {
                DecideOn::Mean => "mean",
                DecideOn::LowerBound => "lower_bound",
            },
        );
        self.show("confidence", gate.confidence);
        self.show("asserts_required", gate.asserts_required);
        self.maybe("case_floor", gate.case_floor);
        self.show(
            "max_unscored",
            match gate.max_unscored {
                Allowance::Count(count) => count.to_string(),
                Allowance::Share(share) => format!("{}%", share * 100.0),
            },
        );
        self.maybe("max_regression", gate.max_regression);
        self.show("min_cases", gate.min_cases);
        for (name, limit) in &gate.metrics {
            self.show(&format!("metric {name}"), limit);
        }
        self.json("the gate's retrieval limits", &json!(format!("{:?}", gate.retrieval)));
        self.json("the gate's calibration terms", &json!(format!("{:?}", gate.require_calibration)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_said_with_its_values_where_they_are_short() {
        let of = |pairs: &[(&str, Fact)]| -> Facts {
            pairs.iter().map(|(name, fact)| ((*name).to_owned(), fact.clone())).collect()
        };
        let (one, two) = (Fact::Content(Digest::of_text("1")), Fact::Content(Digest::of_text("2")));
        let shown = |text: &str| Fact::Shown(text.to_owned());
        let base = of(&[
            ("threshold", shown("4.2")),
            ("include shared/tone.j2", one.clone()),
            ("case gone", one.clone()),
            ("seed", shown("1")),
            ("same", two.clone()),
        ]);
        let head = of(&[
            ("threshold", shown("4")),
            ("include shared/tone.j2", two.clone()),
            ("case new", one),
            ("top_p", shown("0.5")),
            ("same", two),
        ]);
        assert_eq!(
            reasons(&base, &head),
            [
                "case gone removed",
                "case new added",
                "include shared/tone.j2 changed",
                "seed 1 removed",
                "threshold 4.2 → 4",
                "top_p 0.5 added"
            ]
        );
        assert!(reasons(&base, &base).is_empty());
    }
}
