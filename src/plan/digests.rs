//! Identity: each digest is moved by every byte that can change an answer or a score, and by nothing else.
//! Free texts, versions and thresholds of prompts are in none of them.

use super::validate::assert_templates;
use crate::domain::message::ToolDefinition;
use crate::domain::{Digest, Error, ModelId, ProviderName, RelPath, Result};
use crate::manifest::MODEL_FILES;
use crate::manifest::assert::{Assert, Check};
use crate::manifest::cases::CaseRow;
use crate::manifest::project::{Api, Project, ProviderConfig};
use crate::manifest::prompt::{Dimension, Needs, Prompt};
use crate::manifest::retrieval::{ChunkUnit, Retrieval, Search};
use crate::manifest::suite::{Allowance, DecideOn, GateTerms, Judge, Suite};
use crate::manifest::template::Template;
use crate::render;
use crate::repo::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Bytes of one file that enters a digest.
const MAX_INPUT: u64 = 1 << 30;

/// The identities behind one gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GateDigests {
    /// Of the prompt.
    pub prompt: Digest,
    /// Of the suite.
    pub suite: Digest,
    /// Of the judge.
    pub judge: Option<Digest>,
    /// Of the retrieval.
    pub retrieval: Option<Digest>,
}

/// The prompt as a model sees it: model, provider, parameters, inputs, templates with their include closure,
/// few-shot rows, tools, output, retrieval, and the program behind `exec` or `http`.
///
/// # Errors
/// When an include or a program's input cannot be read.
pub fn prompt_digest(
    snapshot: &Snapshot,
    folder: &RelPath,
    prompt: &Prompt,
    model: &ModelId,
    provider: &ProviderConfig,
    retrieval: Option<&Digest>,
) -> Result<Digest> {
    let inputs: Value = prompt
        .inputs
        .iter()
        .map(|(name, input)| (name.clone(), json!([ordered(&input.schema), input.required, input.default])))
        .collect();
    let few_shot: Vec<Value> = prompt.few_shot.iter().map(|shot| json!([shot.input, shot.output])).collect();
    let query = prompt.retrieval.as_ref().and_then(|retrieval| retrieval.query.as_ref());
    let query = match query {
        Some(query) => json!([query.text, includes(snapshot, folder, query)?]),
        None => Value::Null,
    };
    Ok(Digest::of_json(&json!({
        "v": 1,
        "model": model,
        "provider": provider_value(snapshot, provider)?,
        "parameters": prompt.parameters,
        "inputs": inputs,
        "messages": templates(snapshot, folder, prompt)?,
        "few_shot": few_shot,
        "tools": prompt.tools.iter().map(tool).collect::<Vec<_>>(),
        "output": [prompt.output.json, prompt.output.schema.as_ref().map(ordered)],
        "dimensions": prompt.dimensions.iter().map(dimension).collect::<Vec<_>>(),
        "retrieval": retrieval,
        "query": query,
    })))
}

/// Rubric, model, parameters, dimensions, scale and repeats.
///
/// # Errors
/// As [`prompt_digest`].
pub fn judge_digest(
    snapshot: &Snapshot,
    folder: &RelPath,
    judge: &Judge,
    provider: &ProviderConfig,
) -> Result<Digest> {
    Ok(Digest::of_json(&json!({
        "v": 1,
        "rubric": templates(snapshot, folder, &judge.rubric)?,
        "model": judge.model,
        "provider": provider_value(snapshot, provider)?,
        "parameters": judge.rubric.parameters,
        "dimensions": judge.dimensions.iter().map(dimension).collect::<Vec<_>>(),
        "scale": judge.scale,
        "repeats": judge.repeats,
    })))
}

/// All keys but the free texts and `index_last_rebuilt`, the corpus's content, and that of an embedding model in a folder.
///
/// # Errors
/// When the corpus or the model cannot be read.
pub fn retrieval_digest(snapshot: &Snapshot, project: &Project, retrieval: &Retrieval) -> Result<Digest> {
    let provider = |name: &Option<ProviderName>| name.as_ref().and_then(|name| project.providers.get(name));
    let endpoint =
        provider(&retrieval.endpoint).map(|endpoint| provider_value(snapshot, endpoint)).transpose()?;
    let mut value = json!({
        "v": 1,
        "embedding_model": retrieval.embedding_model,
        "provider": retrieval.provider,
        "corpus": inputs_digest(snapshot, &retrieval.corpus)?,
        "chunk_size": retrieval.chunk_size,
        "chunk_overlap": retrieval.chunk_overlap,
        "chunk_unit": match retrieval.chunk_unit { ChunkUnit::Tokens => "tokens", ChunkUnit::Characters => "characters" },
        "search": match retrieval.search { Search::Vector => "vector", Search::Bm25 => "bm25", Search::Hybrid => "hybrid" },
        "top_k": retrieval.top_k,
        "min_score": retrieval.min_score,
        "max_age_days": retrieval.max_age_days,
        "endpoint": endpoint,
    });
    if let Some(folder) = provider(&retrieval.provider).and_then(|provider| provider.path.as_ref()) {
        value["model_files"] = json!(files_of_model(snapshot, folder)?);
    }
    Ok(Digest::of_json(&value))
}

/// The digest of a static embedding model: where it lies is not in it.
fn files_of_model(snapshot: &Snapshot, folder: &RelPath) -> Result<Digest> {
    let read = |name: &str| {
        let path = folder.join(name).unwrap_or_else(RelPath::root);
        snapshot.read(&path, MAX_INPUT).map_err(|error| {
            Error::input(format!("cannot read {path}: {error}"))
                .hint("git has to track the folder of an embedding model, for every revision that names it")
        })
    };
    let [table, tokenizer] = MODEL_FILES;
    Ok(model_digest(&read(table)?, &read(tokenizer)?))
}

/// The digest of a static embedding model out of the bytes of its table and of its tokenizer.
pub fn model_digest(table: &[u8], tokenizer: &[u8]) -> Digest {
    Digest::of_json(&json!([Digest::of_bytes(table), Digest::of_bytes(tokenizer)]))
}

/// Cases (in whatever order), asserts with what their templates include and the files of their programs, judge, trials,
/// sample and gate.
///
/// # Errors
/// When an include, or a file of a program among the asserts, cannot be read.
pub fn suite_digest(
    snapshot: &Snapshot,
    folder: &RelPath,
    suite: &Suite,
    judge: Option<&Digest>,
) -> Result<Digest> {
    let mut cases: Vec<(String, Digest)> =
        suite.cases.iter().map(|row| (row.case.id.to_string(), Digest::of_json(&case_value(&row)))).collect();
    cases.sort();
    let sample = suite.sample.as_ref().map(|sample| json!([sample.size, sample.seed, sample.stratify_by]));
    Ok(Digest::of_json(&json!({
        "v": 1,
        "prompt": suite.prompt,
        "cases": cases,
        "programs": case_programs(snapshot, suite)?,
        "asserts": suite.asserts.iter().map(|assert| assert_value(snapshot, folder, assert)).collect::<Result<Vec<_>>>()?,
        "judge": judge,
        "trials": suite.trials,
        "sample": sample,
        "gate": gate_value(&suite.gate),
    })))
}

/// The files of the programs among the cases' own asserts, by the globs that name them.
fn case_programs(snapshot: &Snapshot, suite: &Suite) -> Result<Value> {
    let mut found: BTreeMap<String, Option<Digest>> = BTreeMap::new();
    for row in suite.cases.iter() {
        for assert in &row.asserts {
            let Check::Exec(program) = &assert.check else { continue };
            if let Entry::Vacant(place) = found.entry(json!(program.inputs).to_string()) {
                place.insert(inputs_digest(snapshot, &program.inputs)?);
            }
        }
    }
    Ok(json!(found))
}

/// A case as data, its own asserts included.
pub fn case_value(row: &CaseRow) -> Value {
    let case = &row.case;
    json!({
        "id": case.id,
        "vars": case.vars,
        "expected": case.expected,
        "context": case.context,
        "relevant": case.relevant,
        "assert": row.asserts.iter().map(|assert| &assert.source).collect::<Vec<_>>(),
        "tags": case.tags,
        "weight": case.weight,
        "critical": case.critical,
    })
}

/// The digest of every file that the globs match, by path and content; `None` without globs.
///
/// # Errors
/// When a file cannot be read.
pub fn inputs_digest(snapshot: &Snapshot, globs: &[String]) -> Result<Option<Digest>> {
    if globs.is_empty() {
        return Ok(None);
    }
    let refused = |path: &str, error: crate::repo::ReadError| {
        Error::input(format!("cannot read {path}: {error}"))
            .hint("what enters a digest are files of the repository; see `llmops check`")
    };
    let mut files = Vec::new();
    for path in snapshot.glob(globs).map_err(|error| refused(&globs.join(", "), error))? {
        let bytes = snapshot.read(&path, MAX_INPUT).map_err(|error| refused(path.as_str(), error))?;
        let content = match std::str::from_utf8(&bytes) {
            Ok(text) => Digest::of_text(text),
            Err(_) => Digest::of_bytes(&bytes),
        };
        files.push((path, content));
    }
    Ok(Some(Digest::of_json(&json!(files))))
}

/// What of a provider's configuration can change an answer: never its key, its headers or its address. Its name stands
/// for the address: what answers under another name is asked anew.
fn provider_value(snapshot: &Snapshot, provider: &ProviderConfig) -> Result<Value> {
    let (name, api) = (&provider.name, provider.api.as_str());
    Ok(match provider.api {
        Api::Exec | Api::Http => {
            json!([name, api, provider.command, inputs_digest(snapshot, &provider.inputs)?])
        }
        Api::Anthropic | Api::OpenAi | Api::Builtin => json!([name, api]),
    })
}

/// A schema as text in the author's key order: models read and write keys in that order.
fn ordered(schema: &Value) -> String {
    schema.to_string()
}

fn tool(tool: &ToolDefinition) -> Value {
    json!([tool.name, tool.description, ordered(&tool.input_schema)])
}

fn dimension(dimension: &Dimension) -> Value {
    let needs: Vec<&str> = dimension
        .needs
        .iter()
        .map(|needs| match needs {
            Needs::Context => "context",
            Needs::Expected => "expected",
        })
        .collect();
    json!([dimension.name, dimension.description, dimension.weight, dimension.required, needs])
}

/// Every message with the files that its template includes.
fn templates(snapshot: &Snapshot, folder: &RelPath, prompt: &Prompt) -> Result<Value> {
    let mut messages = Vec::new();
    for message in &prompt.messages {
        messages.push(json!([
            message.role.as_str(),
            message.content.text,
            includes(snapshot, folder, &message.content)?
        ]));
    }
    Ok(Value::Array(messages))
}

fn includes(snapshot: &Snapshot, folder: &RelPath, template: &Template) -> Result<Value> {
    if !template.is_dynamic() {
        return Ok(Value::Null);
    }
    let closure = render::closure(snapshot, folder, template).map_err(|faults| {
        Error::invalid(faults.into_iter().map(render::RenderError::into_diagnostic).collect())
    })?;
    // Names are as templates write them: under the prompts folder, wherever that is.
    Ok(closure
        .iter()
        .map(|include| {
            (include.path.strip(folder.as_str()).unwrap_or_default().to_owned(), json!(include.text))
        })
        .collect())
}

fn assert_value(snapshot: &Snapshot, folder: &RelPath, assert: &Assert) -> Result<Value> {
    if let Check::Exec(program) = &assert.check {
        return Ok(json!([assert.source, inputs_digest(snapshot, &program.inputs)?]));
    }
    let templates = assert_templates(&assert.check).into_iter();
    let included: Vec<Value> =
        templates.map(|template| includes(snapshot, folder, template)).collect::<Result<_>>()?;
    Ok(json!([assert.source, included]))
}

fn gate_value(gate: &GateTerms) -> Value {
    let retrieval = &gate.retrieval;
    json!({
        "decide_on": match gate.decide_on { DecideOn::Mean => "mean", DecideOn::LowerBound => "lower_bound" },
        "confidence": gate.confidence,
        "asserts_required": gate.asserts_required,
        "metrics": gate.metrics,
        "retrieval": [retrieval.recall_at_k, retrieval.precision_at_k, retrieval.mrr, retrieval.ndcg, retrieval.map, retrieval.stale_fraction],
        "case_floor": gate.case_floor,
        "max_unscored": match gate.max_unscored { Allowance::Count(count) => json!(["count", count]), Allowance::Share(share) => json!(["share", share]) },
        "max_regression": gate.max_regression,
        "min_cases": gate.min_cases,
        "require_calibration": gate.require_calibration.as_ref().map(|terms| json!([terms.min_kappa, terms.max_bias, terms.min_labels])),
    })
}
