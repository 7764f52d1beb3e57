//! The identity of one prompt, outside of any run.

use super::Sources;
use super::digests::{prompt_digest, retrieval_digest};
use crate::domain::{Digest, Error, ModelId, Result};
use crate::manifest::prompt::Prompt;
use crate::manifest::retrieval::Retrieval;
use std::sync::Arc;

/// A prompt's digest, and the retrieval configuration that is part of it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Of the prompt.
    pub prompt: Digest,
    /// Of its retrieval configuration, if it has one.
    pub retrieval: Option<Digest>,
    /// The retrieval manifest itself.
    pub manifest: Option<Arc<Retrieval>>,
}

/// Identifies a prompt of `sources` as it would be with `model`, on its own provider.
///
/// # Errors
/// When its provider is not defined, or a file that enters the digest cannot be read.
pub fn identity(sources: &Sources<'_>, prompt: &Prompt, model: &ModelId) -> Result<Identity> {
    let (snapshot, project) = (sources.snapshot, &sources.manifests.project);
    let provider = project.providers.get(&prompt.provider).ok_or_else(|| {
        Error::input(format!("no provider is named `{}`", prompt.provider)).hint("define it in llmops.yaml")
    })?;
    let manifest = prompt.retrieval.as_ref().and_then(|used| {
        sources.manifests.retrievals.values().find(|retrieval| retrieval.path == used.path).cloned()
    });
    let retrieval = match &manifest {
        Some(retrieval) => Some(retrieval_digest(snapshot, project, retrieval)?),
        None => None,
    };
    let digest =
        prompt_digest(snapshot, &project.folders.prompts, prompt, model, provider, retrieval.as_ref())?;
    Ok(Identity { prompt: digest, retrieval, manifest })
}
