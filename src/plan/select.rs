//! Which prompts, suites, cases and trials a run takes.

use super::digests::{
    GateDigests, inputs_digest, judge_digest, prompt_digest, retrieval_digest, suite_digest,
};
use super::sample::{self, Shard};
use super::{GatePlan, Plan, Sources};
use crate::domain::{CaseId, Error, Kind, ModelId, PromptName, ProviderName, Result, SuiteName};
use crate::manifest::pin::pin;
use crate::manifest::project::{Api, ProviderConfig};
use crate::manifest::prompt::Prompt;
use crate::manifest::providers;
use crate::manifest::suite::Suite;
use crate::manifest::{Manifests, closest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `K=V` of `--tag`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaseTag {
    /// The tag.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl std::str::FromStr for CaseTag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err("expected KEY=VALUE".to_owned()),
        }
    }
}

/// What a run was narrowed to. A run that [`Selection::narrows`] shows a result and is never evidence.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Names or paths of prompts.
    pub prompts: Vec<String>,
    /// The name of a suite.
    pub suite: Option<SuiteName>,
    /// The id of a case.
    pub case: Option<CaseId>,
    /// Tags, all of which a case has to have.
    pub tags: Vec<CaseTag>,
    /// How many cases of each suite.
    pub sample: Option<u32>,
    /// Trials of each case instead of the suite's.
    pub trials: Option<u32>,
    /// One of N parts.
    pub shard: Option<Shard>,
    /// A candidate model instead of the pinned one.
    pub model: Option<ModelId>,
    /// Whether answers come from a file.
    pub outputs: bool,
    /// Only these prompts on these suites: what `--changed` found. Each of them is run whole.
    pub gates: Option<BTreeSet<(PromptName, SuiteName)>>,
}

impl Selection {
    /// Whether it takes less than what the manifests name, or something else.
    pub fn narrows(&self) -> bool {
        self.case.is_some()
            || !self.tags.is_empty()
            || self.sample.is_some()
            || self.trials.is_some()
            || self.shard.is_some()
            || self.model.is_some()
            || self.outputs
    }

    fn takes(&self, prompt: &Prompt, suite: &Suite) -> bool {
        (self.prompts.is_empty() || self.prompts.iter().any(|name| prompt.is_called(name)))
            && self.suite.as_ref().is_none_or(|wanted| *wanted == suite.name)
            && self
                .gates
                .as_ref()
                .is_none_or(|gates| gates.contains(&(prompt.name.clone(), suite.name.clone())))
    }
}

/// Plans a run.
///
/// # Errors
/// [`Kind::NoMatch`] when something that was named matches nothing; an input error when a digest cannot be
/// computed or a candidate model has no provider.
pub fn plan(sources: &Sources<'_>, selection: &Selection) -> Result<Plan> {
    let manifests = sources.manifests;
    named_prompts_are_tested(manifests, selection)?;
    let mut gates = Vec::new();
    for suite in manifests.suites.values() {
        let Some(prompt) = manifests.prompts.get(&suite.prompt) else { continue };
        if selection.takes(prompt, suite) {
            gates.push(gate(sources, prompt, suite, selection)?);
        }
    }
    gates.retain(|gate: &GatePlan| !gate.cases.is_empty());
    if gates.is_empty() {
        return Err(nothing(manifests, selection));
    }
    Ok(Plan::new(gates, selection.clone()))
}

fn named_prompts_are_tested(manifests: &Manifests, selection: &Selection) -> Result<()> {
    for name in &selection.prompts {
        let called: Vec<_> = manifests.prompts.values().filter(|prompt| prompt.is_called(name)).collect();
        if called.is_empty() {
            let known: Vec<&str> = manifests.prompts.keys().map(|name| name.as_str()).collect();
            return Err(Error::new(Kind::NoMatch, format!("no prompt is named `{name}`"))
                .hint(near(name, known.iter().copied()).unwrap_or_else(|| listing("prompts", &known))));
        }
        // Beside one that is tested it would look tested too.
        let tested = |prompt: &Arc<Prompt>| {
            let mut suites = manifests.suites.values();
            suites.any(|suite| {
                suite.prompt == prompt.name && selection.suite.as_ref().is_none_or(|only| *only == suite.name)
            })
        };
        if !called.into_iter().any(tested) {
            let message = match &selection.suite {
                Some(suite) if manifests.suites.contains_key(suite) => {
                    format!("suite `{suite}` does not test `{name}`")
                }
                _ => format!("no suite tests `{name}`"),
            };
            return Err(Error::new(Kind::NoMatch, message).hint(suites(manifests)));
        }
    }
    if let Some(suite) = &selection.suite
        && !manifests.suites.contains_key(suite)
    {
        let message = format!("no suite is named `{suite}`");
        let known = manifests.suites.keys().map(|name| name.as_str());
        let hint = near(suite.as_str(), known).unwrap_or_else(|| suites(manifests));
        return Err(Error::new(Kind::NoMatch, message).hint(hint));
    }
    Ok(())
}

/// The suites that there are, or how to write the first: `init` makes none for prompts that are there.
fn suites(manifests: &Manifests) -> String {
    let known: Vec<&str> = manifests.suites.keys().map(|name| name.as_str()).collect();
    match manifests.prompts.values().find(|prompt| !prompt.is_judge()) {
        Some(prompt) if known.is_empty() => format!(
            "write {}/{name}.yaml with three lines: `version: \"1.0.0\"`, `prompt: {name}` and `cases: [{{input: \"…\"}}]`",
            manifests.project.folders.evals,
            name = prompt.name,
        ),
        _ => listing("suites", &known),
    }
}

fn listing(what: &str, known: &[&str]) -> String {
    const SHOWN: usize = 12;
    match known.len() {
        0 => format!("there are no {what} here; `llmops init` makes the first"),
        n if n > SHOWN => format!("{what}: {}, and {} more", known[..SHOWN].join(", "), n - SHOWN),
        _ => format!("{what}: {}", known.join(", ")),
    }
}

fn nothing(manifests: &Manifests, selection: &Selection) -> Error {
    let message = match (&selection.case, selection.tags.first()) {
        (Some(case), _) => format!("no case has the id `{case}`"),
        (None, Some(tag)) => format!("no case has the tag {}={}", tag.key, tag.value),
        (None, None) if manifests.suites.is_empty() => "there is no suite to run".to_owned(),
        (None, None) => "no suite tests what was named".to_owned(),
    };
    let ids = || {
        let suites = manifests
            .suites
            .values()
            .filter(|suite| selection.suite.as_ref().is_none_or(|one| *one == suite.name));
        suites.flat_map(|suite| (0..suite.cases.len()).map(|at| suite.cases.id(at).as_str()))
    };
    let meant = selection.case.as_ref().and_then(|case| near(case.as_str(), ids()));
    Error::new(Kind::NoMatch, message).hint(meant.unwrap_or_else(|| suites(manifests)))
}

/// The name that was most likely meant.
fn near<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    closest(written, known).map(|near| format!("did you mean `{near}`?"))
}

/// One prompt on one suite, with its digests.
///
/// # Errors
/// As [`plan`].
pub fn gate(
    sources: &Sources<'_>,
    prompt: &Arc<Prompt>,
    suite: &Arc<Suite>,
    selection: &Selection,
) -> Result<GatePlan> {
    let (manifests, snapshot) = (sources.manifests, sources.snapshot);
    let folder = &manifests.project.folders.prompts;
    let (model, provider) = match &selection.model {
        Some(candidate) => {
            not_its_own_judge(suite, candidate)?;
            (candidate.clone(), candidate_provider(manifests, prompt, candidate)?)
        }
        None => (prompt.model.clone(), provider(manifests, &prompt.provider)?),
    };
    let retrieval = match &prompt.retrieval {
        Some(used) => manifests.retrievals.values().find(|retrieval| retrieval.path == used.path).cloned(),
        None => None,
    };
    let retrieval_digest = match &retrieval {
        Some(retrieval) => Some(retrieval_digest(snapshot, &manifests.project, retrieval)?),
        None => None,
    };
    let judge = match &suite.judge {
        Some(judge) => Some(judge_digest(snapshot, folder, judge, &provider_of_judge(manifests, judge)?)?),
        None => None,
    };
    let digests = GateDigests {
        prompt: prompt_digest(snapshot, folder, prompt, &model, &provider, retrieval_digest.as_ref())?,
        suite: suite_digest(snapshot, folder, suite, judge.as_ref())?,
        judge,
        retrieval: retrieval_digest,
    };
    Ok(GatePlan {
        pin: pin(&model, &provider),
        program: inputs_digest(snapshot, &provider.inputs)?,
        cases: cases(suite, selection),
        trials: selection.trials.unwrap_or(suite.trials),
        prompt: Arc::clone(prompt),
        suite: Arc::clone(suite),
        model,
        provider,
        retrieval,
        digests,
    })
}

pub(super) fn provider(manifests: &Manifests, name: &ProviderName) -> Result<ProviderConfig> {
    let found = manifests.project.providers.get(name).cloned();
    found.ok_or_else(|| {
        Error::input(format!("no provider is named `{name}`")).hint("define it in llmops.yaml")
    })
}

fn provider_of_judge(manifests: &Manifests, judge: &crate::manifest::suite::Judge) -> Result<ProviderConfig> {
    provider(manifests, &judge.provider)
}

/// The provider of a candidate model: the one that its id tells, else the prompt's own, if that can have it.
fn candidate_provider(manifests: &Manifests, prompt: &Prompt, candidate: &ModelId) -> Result<ProviderConfig> {
    let told = providers::of_model(candidate);
    let found = provider(manifests, told.as_ref().unwrap_or(&prompt.provider))?;
    let is_builtin = candidate.as_str().starts_with("builtin/");
    if is_builtin && !providers::answers(candidate) {
        return Err(Error::input(format!("no built-in model `{candidate}` answers prompts"))
            .hint("name `builtin/extractive`, or another provider's model"));
    }
    if !is_builtin && found.api == Api::Builtin {
        return Err(Error::input(format!("cannot tell the provider of `{candidate}`"))
            .hint("name a model whose provider its id tells, or one of the prompt's own provider"));
    }
    Ok(found)
}

/// The pinned model is held to this where suites are linked.
fn not_its_own_judge(suite: &Suite, candidate: &ModelId) -> Result<()> {
    match &suite.judge {
        Some(judge) if judge.model == *candidate && !judge.allow_self => Err(Error::input(format!(
            "the candidate `{candidate}` would judge its own answers on suite `{}`",
            suite.name
        ))
        .hint("name another model under `judge:`, or write `allow_self: true`")),
        _ => Ok(()),
    }
}

/// The cases of a suite that a selection takes, as indices in the suite's order.
fn cases(suite: &Suite, selection: &Selection) -> Vec<usize> {
    let set = &suite.cases;
    let mut taken: Vec<usize> = (0..set.len()).collect();
    if let Some(sample) = &suite.sample {
        taken = sampled(suite, &taken, sample.size, sample.seed, sample.stratify_by.as_deref());
    }
    if let Some(case) = &selection.case {
        taken.retain(|&index| set.id(index) == case);
    }
    if !selection.tags.is_empty() {
        taken.retain(|&index| {
            let case = set.get(index).case;
            selection.tags.iter().all(|tag| case.tags.get(&tag.key) == Some(&tag.value))
        });
    }
    if let Some(size) = selection.sample {
        taken = sampled(suite, &taken, size, 0, None);
    }
    // Last, so that all shards together are what one run takes.
    if let Some(shard) = &selection.shard {
        taken.retain(|&index| shard.holds(set.id(index)));
    }
    taken
}

fn sampled(suite: &Suite, from: &[usize], size: u32, seed: u64, stratify_by: Option<&str>) -> Vec<usize> {
    let rows: Vec<(CaseId, Option<String>)> = from
        .iter()
        .map(|&index| {
            let stratum = stratify_by.and_then(|tag| suite.cases.get(index).case.tags.get(tag).cloned());
            (suite.cases.id(index).clone(), stratum)
        })
        .collect();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut taken: Vec<usize> = sample::sample(&rows, size, seed).into_iter().map(|at| from[at]).collect();
    taken.sort_unstable();
    taken
}
