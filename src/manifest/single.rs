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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn one_prompt_is_read_with_its_retrieval_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        let text = "version: 1\nmodel_target: builtin/extractive\neval_score_required: 4\nsystem: a\n";
        write("prompts/a.yaml", &format!("{text}retrieval: ../retrieval/kb.yaml\n"));
        write("prompts/b.yaml", &format!("{text}name: a\n"));
        write("prompts/c.yaml", "version: [\n");
        write("evals/a.yaml", "version: 1\nprompt: nobody\n");
        write(
            "retrieval/kb.yaml",
            "version: 1\nembedding_model: builtin/hashing-256\ncorpus: [kb.md]\ntop_k: 1\n",
        );
        write("kb.md", "text");
        let snapshot = Snapshot::working_tree(folder.path()).expect("a snapshot");
        let of = |path: &str| Manifests::of_prompt(&snapshot, &RelPath::new(path).expect("inside"));
        let one = of("prompts/a.yaml");
        assert_eq!(one.prompts.len(), 1);
        assert_eq!(one.retrievals.len(), 1);
        let files: Vec<&str> = one.files.iter().map(RelPath::as_str).collect();
        assert_eq!(files, ["prompts/a.yaml", "retrieval/kb.yaml"]);
        assert_eq!(one.diagnostics, []);
        // Nothing stands for what is broken or is not there.
        for path in ["prompts/c.yaml", "prompts/d.yaml"] {
            assert!(of(path).prompts.is_empty(), "{path}");
        }
    }
}
