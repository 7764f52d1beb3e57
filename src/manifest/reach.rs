//! Which files the manifests of a repository can read, known without reading the manifests: so that a change to none
//! of them is told in milliseconds, whatever the number of prompts.

use super::decode::Sink;
use super::discover;
use super::files::{MANIFEST_LIMIT, globs};
use super::project::Folders;
use super::read_project::{self, PROJECT_FILE};
use super::yaml::Kind;
use crate::domain::RelPath;
use crate::repo::Snapshot;

/// Extensions of files that manifests name: cases, examples, tools, schemas, templates, manifests.
const DATA: &[&str] = &[
    "", "yaml", "yml", "json", "jsonl", "ndjson", "csv", "tsv", "j2", "jinja", "jinja2", "schema", "prompt",
];

/// What may be read.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The folders of the manifests.
    pub folders: Folders,
    inputs: Vec<String>,
    models: Vec<RelPath>,
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
        let providers = read.project.providers.values();
        let models = providers.filter_map(|provider| provider.path.clone()).collect();
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
        let sure = found.is_empty() && !retrieves_elsewhere(snapshot, &folders);
        Self { folders, inputs, models, sure }
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
            || self
                .models
                .iter()
                .any(|folder| path.is_under(folder.as_str()) || folder.is_under(path.as_str()))
            || DATA.contains(&path.extension().as_str())
            || self.inputs.iter().any(|glob| crate::repo::glob_matches(glob, path))
    }
}

/// Whether a prompt may use a retrieval manifest outside of their folder, whose corpus is then not known here: told
/// from the text, for reading a thousand manifests as YAML takes longer than all the rest.
fn retrieves_elsewhere(snapshot: &Snapshot, folders: &Folders) -> bool {
    let files = snapshot.files_under(&folders.prompts).unwrap_or_default();
    files.iter().filter(|path| matches!(path.extension().as_str(), "yaml" | "yml")).any(|path| {
        let Ok(text) = snapshot.read_text(path, MANIFEST_LIMIT) else { return true };
        if !text.contains("retrieval") {
            return false;
        }
        let words = text.split(|c: char| c.is_whitespace() || "\"'{},[]".contains(c));
        let mut named = words.filter(|word| word.ends_with(".yaml") || word.ends_with(".yml")).peekable();
        // A name that is made of an alias, or has a space in it, is not seen.
        named.peek().is_none()
            || named.any(|word| {
                path.sibling(word).is_none_or(|named| !named.is_under(folders.retrieval.as_str()))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_no_manifest_names_is_not_read_and_what_one_may_name_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        let read = |path: &str| {
            let reach = Reach::of(&Snapshot::working_tree(folder.path()).expect("a snapshot"));
            reach.may_read(&RelPath::new(path).expect("inside"))
        };
        write("llmops.yaml", "providers:\n  app: {api: exec, command: [x], inputs: [\"src/**\"]}\n");
        write("retrieval/kb.yaml", "corpus: [\"kb/**/*.md\"]\n");
        write("prompts/p.yaml", "retrieval: ../retrieval/kb.yaml\n");
        for path in ["README.md", "web/app.ts", "evals/recordings/p.jsonl", "deployments/prod.yaml"] {
            assert!(!read(path), "{path}");
        }
        for path in
            ["kb/a/b.md", "src/app.py", "prompts/x.md", "evals/a.txt", "data/rows.jsonl", "llmops.yaml", "x"]
        {
            assert!(read(path), "{path}");
        }
        assert!(!read("models/small/model.safetensors"));
        write("models/small/model.safetensors", "");
        write("models/small/tokenizer.json", "{}");
        write("llmops.yaml", "providers:\n  table: {api: builtin, path: models/small}\n");
        assert!(read("models/small/model.safetensors") && !read("models/other.safetensors"));
        write("prompts/p.yaml", "retrieval: {use: ../elsewhere/kb.yaml}\n");
        assert!(read("README.md"), "the corpus of a manifest elsewhere is not known");
        write("prompts/p.yaml", "system: hello\n");
        write("llmops.yaml", "providers: [\n");
        assert!(read("README.md"), "what is broken is read");
    }
}
