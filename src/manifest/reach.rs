//! Which files the manifests of a repository can read, known without reading the manifests: so that a change to none
//! of them is told in milliseconds, whatever the number of prompts.

use super::decode::Sink;
use super::discover;
use super::files::globs;
use super::project::Folders;
use super::read_project::{self, PROJECT_FILE};
use super::yaml::Kind;
use crate::domain::RelPath;
use crate::repo::Snapshot;

/// Extensions of files that manifests name: cases, examples, tools, schemas, templates, manifests.
const DATA: &[&str] = &[
    "", "yaml", "yml", "json", "jsonl", "ndjson", "csv", "tsv", "txt", "md", "j2", "jinja", "jinja2",
    "schema", "prompt",
];

/// What may be read.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The folders of the manifests.
    pub folders: Folders,
    inputs: Vec<String>,
    sure: bool,
}

impl Reach {
    /// What the project file and the retrieval manifests of a snapshot say.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut found = Vec::new();
        let read = read_project::read(snapshot, &mut found);
        let providers = read.project.providers.values();
        let mut inputs: Vec<String> =
            providers.flat_map(|provider| provider.inputs.iter().cloned()).collect();
        let folders = read.project.folders;
        for path in discover::under(snapshot, &folders.retrieval, &mut found) {
            let parsed = discover::parse(snapshot, &path);
            match parsed.node.as_ref().map(|node| &node.kind) {
                Some(Kind::Map(items)) => {
                    let corpus = items.iter().filter(|(key, _)| key.text == "corpus");
                    corpus.for_each(|(_, node)| inputs.extend(globs(&parsed.sink, node, "`corpus`")));
                }
                _ => found.extend(Sink::into_found(parsed.sink)),
            }
        }
        Self { folders, inputs, sure: found.is_empty() }
    }

    /// Whether a manifest may read `path`. Errs on the side of yes: outside of the folders, only what has the
    /// extension of no data file and is no input of a program or corpus is certainly not read.
    pub fn may_read(&self, path: &RelPath) -> bool {
        let evals = self.folders.evals.as_str();
        let recordings = self.folders.evals.join("recordings");
        let deployments = self.folders.deployments.as_str();
        if (!deployments.is_empty() && path.is_under(deployments))
            || recordings.is_some_and(|recordings| path.is_under(recordings.as_str()))
        {
            return false;
        }
        let inside = [self.folders.prompts.as_str(), evals, self.folders.retrieval.as_str()];
        !self.sure
            || path.as_str() == PROJECT_FILE
            || inside.iter().any(|folder| path.is_under(folder))
            || DATA.contains(&path.extension().as_str())
            || self.inputs.iter().any(|glob| crate::repo::glob_matches(glob, path))
    }
}
