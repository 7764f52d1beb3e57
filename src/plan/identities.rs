//! The digests of everything that a repository defines, whether or not a suite tests it.

use super::digests::{judge_digest, prompt_digest, retrieval_digest, suite_digest};
use super::{Sources, select};
use crate::domain::{Digest, PromptName, Result, RetrievalName, SuiteName};
use crate::manifest::retrieval::Retrieval;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Identities by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identities {
    /// Of prompts, with the name of the retrieval that they use.
    pub prompts: BTreeMap<PromptName, (Digest, Option<RetrievalName>)>,
    /// Of retrieval manifests.
    pub retrievals: BTreeMap<RetrievalName, Digest>,
    /// Of suites, with that of their judge.
    pub suites: BTreeMap<SuiteName, (Digest, Option<Digest>)>,
}

/// Computes every digest.
///
/// # Errors
/// When an include, a corpus or the files of a program cannot be read.
pub fn identities(sources: &Sources<'_>) -> Result<Identities> {
    let (manifests, snapshot) = (sources.manifests, sources.snapshot);
    let folder = &manifests.project.folders.prompts;
    let mut found = Identities::default();
    for (name, retrieval) in &manifests.retrievals {
        found.retrievals.insert(name.clone(), retrieval_digest(snapshot, &manifests.project, retrieval)?);
    }
    for (name, prompt) in &manifests.prompts {
        let used = prompt.retrieval.as_ref().and_then(|used| {
            manifests.retrievals.values().find(|retrieval: &&Arc<Retrieval>| retrieval.path == used.path)
        });
        let retrieval = used.and_then(|used| found.retrievals.get(&used.name));
        let provider = select::provider(manifests, &prompt.provider)?;
        let digest = prompt_digest(snapshot, folder, prompt, &prompt.model, &provider, retrieval)?;
        found.prompts.insert(name.clone(), (digest, used.map(|used| used.name.clone())));
    }
    for (name, suite) in &manifests.suites {
        let judge = match &suite.judge {
            Some(judge) => {
                let provider = select::provider(manifests, &judge.provider)?;
                Some(judge_digest(snapshot, folder, judge, &provider)?)
            }
            None => None,
        };
        found.suites.insert(name.clone(), (suite_digest(snapshot, suite, judge.as_ref())?, judge));
    }
    Ok(found)
}
