//! Which prompts a change touches, by what can change an answer, a score or a decision, not by which files moved.

use super::facts::{facts, reasons};
use super::{GatePlan, Selection, Sources, gate};
use crate::domain::{PromptName, Result, SuiteName};
use crate::manifest::assert::{Assert, Check};
use std::collections::BTreeMap;

/// A prompt on a suite that has to be decided again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Affected {
    /// The prompt.
    pub prompt: PromptName,
    /// The suite.
    pub suite: SuiteName,
    /// Why, in words; at least one.
    pub reasons: Vec<String>,
}

/// What differs between a base and a head.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// What has to be decided again, in the order of names.
    pub affected: Vec<Affected>,
    /// Prompts that are no more.
    pub deleted_prompts: Vec<PromptName>,
    /// Suites that are no more, of prompts that still are: what they demanded nobody demands now.
    pub deleted_suites: Vec<SuiteName>,
}

/// Compares two states of a repository. A prompt or suite of the base that cannot be read counts as new.
///
/// # Errors
/// When a digest of the head cannot be computed.
pub fn changes(base: &Sources<'_>, head: &Sources<'_>) -> Result<Changes> {
    let mut found = Changes::default();
    for suite in head.manifests.suites.values() {
        let Some(prompt) = head.manifests.prompts.get(&suite.prompt) else { continue };
        let now = gate(head, prompt, suite, &Selection::default())?;
        let before = at_base(base, &prompt.name, &suite.name);
        let undeclared = undeclared(head, &now);
        if undeclared.is_empty() && before.as_ref().is_some_and(|before| is_same(before, &now)) {
            continue;
        }
        let mut reasons = why(base, before.as_ref(), head, &now, undeclared.is_empty());
        let unknown = |what| format!("{what} declares no `inputs`, so that nothing tells whether it changed");
        reasons.extend(undeclared.into_iter().map(unknown));
        found.affected.push(Affected { prompt: prompt.name.clone(), suite: suite.name.clone(), reasons });
    }
    found.affected.sort_by(|a, b| (&a.prompt, &a.suite).cmp(&(&b.prompt, &b.suite)));
    let (old, new) = (base.manifests, head.manifests);
    found.deleted_prompts =
        old.prompts.keys().filter(|name| !new.prompts.contains_key(*name)).cloned().collect();
    let orphaned = old
        .suites
        .values()
        .filter(|suite| !new.suites.contains_key(&suite.name) && new.prompts.contains_key(&suite.prompt));
    found.deleted_suites = orphaned.map(|suite| suite.name.clone()).collect();
    Ok(found)
}

fn at_base(base: &Sources<'_>, prompt: &PromptName, suite: &SuiteName) -> Option<GatePlan> {
    let (prompt, suite) = (base.manifests.prompts.get(prompt)?, base.manifests.suites.get(suite)?);
    if suite.prompt != prompt.name {
        return None;
    }
    gate(base, prompt, suite, &Selection::default()).ok()
}

/// Whether nothing of a gate moved that can change its answers, its scores or its decision.
fn is_same(before: &GatePlan, now: &GatePlan) -> bool {
    before.digests.prompt == now.digests.prompt
        && before.digests.suite == now.digests.suite
        && before.prompt.required == now.prompt.required
        && before.prompt.budget == now.prompt.budget
}

/// What answers, judges, retrieves or decides and declares nothing: its program may be another one now.
fn undeclared(head: &Sources<'_>, gate: &GatePlan) -> Vec<String> {
    let providers = &head.manifests.project.providers;
    let judge = gate.suite.judge.as_ref().map(|judge| &judge.provider);
    let retriever = gate.retrieval.as_ref().and_then(|retrieval| retrieval.endpoint.as_ref());
    let others = [judge, retriever].into_iter().flatten().filter_map(|name| providers.get(name));
    let provider = std::iter::once(&gate.provider).chain(others).find(|one| one.is_undeclared());
    let silent = |assert: &Assert| matches!(&assert.check, Check::Exec(program) if program.inputs.is_empty());
    let mut asserts = gate.suite.cases.iter().flat_map(|row| row.asserts);
    let decides = gate.suite.asserts.iter().any(silent) || asserts.any(|assert| silent(&assert));
    let provider = provider.map(|one| format!("provider `{}`", one.name));
    provider.into_iter().chain(decides.then(|| "the program of an `exec` assert".to_owned())).collect()
}

/// What differs; where nothing does, that the digest moved all the same, if it must have.
fn why(
    base: &Sources<'_>,
    before: Option<&GatePlan>,
    head: &Sources<'_>,
    now: &GatePlan,
    moved: bool,
) -> Vec<String> {
    let Some(before) = before else {
        let reason = if base.manifests.prompts.contains_key(&now.prompt.name) {
            "new suite"
        } else if base.snapshot.is_file(&now.prompt.path) {
            "the base's version of the prompt cannot be read"
        } else {
            "new prompt"
        };
        return vec![reason.to_owned()];
    };
    let none = BTreeMap::new();
    let (old, new) = (facts(base, before), facts(head, now));
    let mut found = reasons(old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none));
    if found.is_empty() && moved {
        found.push("its digest moved".to_owned());
    }
    found
}
