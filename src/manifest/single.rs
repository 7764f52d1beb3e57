//! One prompt of a snapshot, without reading the others: what a walk through history needs of every commit.

use super::load::Loader;
use super::{Manifests, read_project};
use crate::domain::RelPath;
use crate::repo::Snapshot;
use std::sync::Arc;

impl Manifests {
    /// Reads the prompt in `path` and the retrieval manifests, and neither suites nor other prompts. What only they
    /// could say of it (a name that two have, a threshold that no judge can decide) is not looked at. The prompt is
    /// missing where there is no such file, or it has errors.
    pub fn of_prompt(snapshot: &Snapshot, path: &RelPath) -> Self {
        let mut found = Vec::new();
        let read = read_project::read(snapshot, &mut found);
        let project = Arc::new(read.project);
        let providers = super::providers::Providers {
            project: &project,
            broken: &read.broken,
            unreadable: read.unreadable,
        };
        let mut loader = Loader::new(snapshot, None, &providers, &project, found);
        let mut prompts = loader.prompt_in(path);
        let retrievals = loader.retrievals(&mut prompts);
        let (diagnostics, files) = loader.into_found();
        Self {
            project: (*project).clone(),
            prompts: prompts.sound,
            retrievals,
            suites: std::collections::BTreeMap::new(),
            diagnostics,
            files,
        }
    }
}
