//! The digests of everything that a repository defines, whether or not a suite tests it.

use super::digests::{judge_digest, retrieval_digest, suite_digest};
use super::identity::identity;
use super::{Sources, select};
use crate::domain::{Digest, Error, PromptName, Result, RetrievalName, SuiteName};
use crate::manifest::suite::Suite;
use std::collections::BTreeMap;

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
    let (found, faults) = each(sources);
    faults.into_iter().next().map_or(Ok(found), Err)
}

/// The digests that can be computed: what cannot be read has none.
pub fn readable(sources: &Sources<'_>) -> Identities {
    each(sources).0
}

fn each(sources: &Sources<'_>) -> (Identities, Vec<Error>) {
    let (manifests, snapshot) = (sources.manifests, sources.snapshot);
    let (mut found, mut faults) = (Identities::default(), Vec::new());
    for (name, retrieval) in &manifests.retrievals {
        match retrieval_digest(snapshot, &manifests.project, retrieval) {
            Ok(digest) => _ = found.retrievals.insert(name.clone(), digest),
            Err(fault) => faults.push(fault),
        }
    }
    for (name, prompt) in &manifests.prompts {
        match identity(sources, prompt, &prompt.model) {
            Ok(identity) => {
                let used = identity.manifest.as_ref().map(|used| used.name.clone());
                found.prompts.insert(name.clone(), (identity.prompt, used));
            }
            Err(fault) => faults.push(fault),
        }
    }
    for (name, suite) in &manifests.suites {
        match of_suite(sources, suite) {
            Ok(digests) => _ = found.suites.insert(name.clone(), digests),
            Err(fault) => faults.push(fault),
        }
    }
    (found, faults)
}

/// The digest of a suite, and that of its judge.
fn of_suite(sources: &Sources<'_>, suite: &Suite) -> Result<(Digest, Option<Digest>)> {
    let folder = &sources.manifests.project.folders.prompts;
    let judge = match &suite.judge {
        Some(judge) => {
            let provider = select::provider(sources.manifests, &judge.provider)?;
            Some(judge_digest(sources.snapshot, folder, judge, &provider)?)
        }
        None => None,
    };
    Ok((suite_digest(sources.snapshot, folder, suite, judge.as_ref())?, judge))
}
