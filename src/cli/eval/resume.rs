//! `--resume`: which run to continue, with its own selection, its own answers and its own base.

use super::scope::selection;
use crate::cli::args::EvalArgs;
use crate::cli::terminal::Terminal;
use crate::domain::{Digest, Error, Result, RunId};
use crate::ledger::{Home, RunReader, last_unfinished};
use crate::plan::{Plan, Selection};
use crate::repo::Base;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// An unfinished run.
pub struct Resumed {
    /// Its id.
    pub id: RunId,
    /// What it was narrowed to.
    pub selection: Selection,
    /// Its records.
    pub reader: RunReader,
    /// When it began, if it was to read no cache.
    pub fresh_since: Option<String>,
    base: Option<String>,
    outputs: Option<Answers>,
    digest: Value,
}

/// The file of `--outputs`, as it was when the run began.
#[derive(Serialize, Deserialize)]
struct Answers {
    path: PathBuf,
    digest: Digest,
}

impl Answers {
    fn of(path: &Path) -> Result<Self> {
        let unreadable =
            |error: std::io::Error| Error::input(format!("cannot read {}", path.display())).because(error);
        let path = path.canonicalize().map_err(unreadable)?;
        let digest = Digest::of_bytes(&std::fs::read(&path).map_err(unreadable)?);
        Ok(Self { path, digest })
    }
}

impl Resumed {
    /// Whether the manifests still plan what the run began with. What changed is said.
    pub fn fits(&self, plan: &Plan, terminal: &Terminal) -> bool {
        let fits = self.digest == plan.digest.to_string();
        if fits {
            terminal.say(&format!("run {} is continued", self.id));
        } else {
            terminal.say(&format!(
                "note: the manifests changed since run {}: starting afresh; stored exchanges are used",
                self.id
            ));
        }
        fits
    }

    /// The flags of this command line, with everything that the run began with and that makes it what it is. What is
    /// left of the command line is how to call, not what to evaluate.
    ///
    /// # Errors
    /// When they ask for something else than the run began with, or its answers changed.
    pub fn flags(&self, args: &EvalArgs) -> Result<EvalArgs> {
        let asked = selection(args);
        let own = Selection { gates: None, ..self.selection.clone() };
        if asked != Selection::default() && asked != own {
            return Err(Error::input(format!("run {} was begun with another selection", self.id))
                .hint("give --resume alone: a run is continued with its own; or start afresh without it"));
        }
        if let Some(outputs) = &self.outputs {
            let given = args.outputs.as_deref().map(Answers::of).transpose()?;
            let now = given.map_or_else(|| Answers::of(&outputs.path), Ok)?;
            if now.digest != outputs.digest {
                return Err(Error::input(format!(
                    "{} is not what run {} began with",
                    now.path.display(),
                    self.id
                ))
                .hint("start afresh: `llmops eval --outputs FILE`"));
            }
        }
        Ok(EvalArgs {
            prompts: own.prompts,
            suite: own.suite,
            case: own.case,
            tags: own.tags,
            sample: own.sample,
            trials: own.trials,
            shard: own.shard,
            model: own.model,
            outputs: self.outputs.as_ref().map(|outputs| outputs.path.clone()),
            baseline: args.baseline.clone().or_else(|| self.base.clone()),
            ..args.clone()
        })
    }
}

/// The run that `--resume` names, or the last unfinished one; `None` where there is nothing to resume.
///
/// # Errors
/// When a named run is not there, is finished, or cannot be read.
pub fn resolve(root: &Path, terminal: &Terminal, args: &EvalArgs) -> Result<Option<Resumed>> {
    let Some(named) = &args.resume else { return Ok(None) };
    let home = Home::at(root);
    let id = match named {
        Some(id) => Some(id.clone()),
        None => last_unfinished(&home)?,
    };
    let Some(id) = id else {
        terminal.say("note: there is nothing to resume: starting afresh");
        return Ok(None);
    };
    let reader = RunReader::open(&home, id.as_str())?;
    if reader.finished() {
        terminal.say(&format!(
            "note: run {} is finished, there is nothing to resume: starting afresh",
            reader.id()
        ));
        return Ok(None);
    }
    let plan = reader.plan()?;
    let unreadable = |error| Error::storage(format!("the plan of run {id} cannot be read"), error);
    Ok(Some(Resumed {
        id: reader.id().clone(),
        selection: serde_json::from_value(plan["selection"].clone()).map_err(unreadable)?,
        fresh_since: plan["fresh_since"].as_str().map(str::to_owned),
        base: plan["base"].as_str().map(str::to_owned),
        outputs: serde_json::from_value(plan["outputs"].clone()).map_err(unreadable)?,
        digest: plan["digest"].clone(),
        reader,
    }))
}

/// What a run leaves of itself for `--resume`, and for whoever asks what it was.
///
/// # Errors
/// When the file of answers cannot be read.
pub fn plan_value(
    plan: &Plan,
    args: &EvalArgs,
    base: Option<&Base>,
    started: jiff::Timestamp,
) -> Result<Value> {
    let gates: Vec<_> = plan
        .gates
        .iter()
        .map(|gate| {
            json!({"prompt": gate.prompt.name, "suite": gate.suite.name, "model": gate.model,
                   "prompt_digest": gate.digests.prompt, "suite_digest": gate.digests.suite,
                   "cases": gate.cases.len(), "trials": gate.trials})
        })
        .collect();
    Ok(json!({
        "schema": "llmops/run/v1",
        "digest": plan.digest,
        "selection": plan.selection,
        "fresh_since": args.no_cache.then(|| format!("{started:.3}")),
        "base": base.map(|base| base.commit.to_string()),
        "outputs": args.outputs.as_deref().map(Answers::of).transpose()?,
        "gates": gates,
    }))
}
