//! Which files the manifests of a repository can read, known without reading the manifests: so that a change to none
//! of them is told in milliseconds, whatever the number of prompts.

use super::decode::Sink;
use super::discover;
use super::files::{CASES_LIMIT, MANIFEST_LIMIT, globs};
use super::project::{Folders, ProviderConfig};
use super::read_project::{self, PROJECT_FILE};
use super::yaml::Kind;
use crate::domain::RelPath;
use crate::repo::Snapshot;
use std::collections::HashSet;

/// Extensions of files that manifests name: cases, examples, tools, schemas, templates, manifests.
const DATA: &[&str] = &[
    "", "yaml", "yml", "json", "jsonl", "ndjson", "csv", "tsv", "j2", "jinja", "jinja2", "schema", "prompt",
];

/// What may be read.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The folders of the manifests.
    pub folders: Folders,
    /// Globs of programs and corpora.
    inputs: Vec<String>,
    models: Vec<RelPath>,
    /// What stands in manifests and may be a file's name, without its folder.
    named: HashSet<String>,
    /// Whether a suite says something of the folders whose files are read in other ways than as manifests say.
    names_recordings: bool,
    names_deployments: bool,
    sure: bool,
}

impl Reach {
    /// What the project file and the retrieval manifests of a snapshot say.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut found = Vec::new();
        let read = read_project::read(snapshot, &mut found);
        let providers = || read.project.providers.values();
        let mut inputs: Vec<String> =
            providers().flat_map(|provider| provider.inputs.iter().cloned()).collect();
        let models = providers().filter_map(|provider| provider.path.clone()).collect();
        // Nobody knows which files such a program reads.
        let undeclared = providers().any(ProviderConfig::is_undeclared);
        // A glob that matches nothing was meant for a file that may be the one that changed.
        let misspelt = snapshot.glob_all(&inputs).map_or(true, |matched| !matched.idle.is_empty());
        let folders = read.project.folders.clone();
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
        let mut reach = Self {
            names_recordings: false,
            names_deployments: false,
            named: HashSet::new(),
            sure: found.is_empty() && !undeclared && !misspelt,
            folders,
            inputs,
            models,
        };
        reach.names(snapshot);
        reach
    }

    /// Takes in every word of the manifests that may name a file: as text, for reading a thousand manifests as YAML
    /// takes longer than all the rest.
    fn names(&mut self, snapshot: &Snapshot) {
        let Folders { prompts, evals, retrieval, deployments } = self.folders.clone();
        if let Some(path) = RelPath::new(PROJECT_FILE)
            && let Ok(text) = snapshot.read_text(&path, MANIFEST_LIMIT)
        {
            self.words_of(&path, &text, false);
        }
        for folder in [&prompts, &evals, &retrieval] {
            for path in snapshot.files_under(folder).unwrap_or_default() {
                let is_manifest = matches!(path.extension().as_str(), "yaml" | "yml");
                let of_suite = path.is_under(evals.as_str());
                let is_read = is_manifest || (of_suite && self.may_hold_cases(&path));
                if !is_read {
                    continue;
                }
                let limit = if is_manifest { MANIFEST_LIMIT } else { CASES_LIMIT };
                let Ok(text) = snapshot.read_text(&path, limit) else {
                    self.sure = false;
                    return;
                };
                // What the program of an assert reads only its suite, or its case, as a whole says.
                self.sure &= !(of_suite && (text.contains("exec") || text.contains("\\u00")));
                if is_manifest {
                    self.words_of(&path, &text, of_suite);
                    self.names_deployments |= of_suite && text.contains(deployments.as_str());
                    self.sure &=
                        !path.is_under(prompts.as_str()) || !retrieves_elsewhere(&path, &text, &retrieval);
                }
            }
        }
    }

    fn may_hold_cases(&self, path: &RelPath) -> bool {
        let recordings = self.folders.evals.join("recordings");
        matches!(path.extension().as_str(), "jsonl" | "ndjson" | "json" | "csv" | "tsv")
            && !recordings.is_some_and(|recordings| path.is_under(recordings.as_str()))
    }

    fn words_of(&mut self, path: &RelPath, text: &str, of_suite: bool) {
        // An escape hides a name, and so does a line that goes on.
        self.sure &= !["\\u", "\\U", "\\x", "\\\n", "\\\r"].iter().any(|escape| text.contains(escape));
        self.names_recordings |= of_suite && text.contains("recordings");
        for word in words(text).filter(|word| word.contains('.')) {
            // Cases elsewhere may have asserts of their own, which nobody reads here.
            let data = [".jsonl", ".ndjson", ".csv", ".tsv"].iter().any(|ending| word.ends_with(ending));
            let evals = self.folders.evals.as_str();
            let inside = |word| path.sibling(word).is_some_and(|named| named.is_under(evals));
            self.sure &= !(of_suite && data) || inside(word) || word.starts_with(&format!("{evals}/"));
            self.named.insert(word.rsplit('/').next().unwrap_or(word).to_owned());
        }
    }

    /// Whether a manifest reads this file, which git ignores. That it has the extension of a data file is not enough: what
    /// is ignored is mostly what tools leave behind.
    pub fn names_file(&self, path: &RelPath) -> bool {
        let Folders { prompts, evals, retrieval, .. } = &self.folders;
        let mut folders = [prompts, evals, retrieval].into_iter().chain(&self.models);
        self.named.contains(path.file_name())
            || self.inputs.iter().any(|glob| crate::repo::glob_matches(glob, path))
            || folders.any(|folder| path.is_under(folder.as_str()))
    }

    /// Whether a manifest may read something in this folder, of which git ignores everything.
    pub fn names_within(&self, folder: &RelPath) -> bool {
        if folder.file_name() == HOME {
            return false;
        }
        let Folders { prompts, evals, retrieval, .. } = &self.folders;
        let folders = [prompts, evals, retrieval].into_iter().chain(&self.models).map(RelPath::as_str);
        let mut read = folders.chain(self.inputs.iter().map(|glob| root_of(glob)));
        read.any(|one| {
            folder.is_under(one)
                || one.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// Whether a manifest may read `path`. Errs on the side of yes: outside of the folders, only what no manifest names,
    /// what has the extension of no data file, and is no input of a program or corpus is certainly not read.
    pub fn may_read(&self, path: &RelPath) -> bool {
        let Folders { prompts, evals, retrieval, deployments } = &self.folders;
        let name = path.file_name();
        if !self.sure
            || self.inputs.iter().any(|glob| crate::repo::glob_matches(glob, path))
            || self.named.contains(name)
            || name.contains(IN_NO_WORD)
        {
            return true;
        }
        let recordings = evals.join("recordings");
        let recorded = recordings.is_some_and(|recordings| path.is_under(recordings.as_str()));
        let deployed = !deployments.as_str().is_empty() && path.is_under(deployments.as_str());
        if (recorded && !self.names_recordings) || (deployed && !self.names_deployments) {
            return false;
        }
        let inside = [prompts.as_str(), evals.as_str(), retrieval.as_str()];
        path.as_str() == PROJECT_FILE
            || inside.iter().any(|folder| path.is_under(folder))
            || self
                .models
                .iter()
                .any(|folder| path.is_under(folder.as_str()) || folder.is_under(path.as_str()))
            || DATA.contains(&path.extension().as_str())
    }
}

/// This tool's own folder, which no walk enters.
const HOME: &str = ".llmops";

/// The folder that a glob looks into, as far as it is written out.
fn root_of(glob: &str) -> &str {
    let end = glob.find(['*', '?', '[', '{', '\\']).unwrap_or(glob.len());
    glob[..end].rfind('/').map_or("", |slash| &glob[..slash])
}

/// Whether there is a suite at all: a change cannot leave untouched what is not there. Stops at the first.
pub fn has_suite(snapshot: &Snapshot) -> bool {
    let mut found = Vec::new();
    let folder = read_project::read(snapshot, &mut found).project.folders.evals;
    let files = discover::under(snapshot, &folder, &mut found);
    files.iter().any(|path| match discover::parse(snapshot, path).node.map(|node| node.kind) {
        Some(Kind::Map(items)) => {
            ["prompt", "cases"].iter().all(|key| items.iter().any(|(have, _)| have.text == *key))
        }
        _ => false,
    })
}

/// What stands between the words of a manifest.
const IN_NO_WORD: [char; 11] = [',', ' ', '\t', '\n', '\r', '"', '\'', '{', '}', '[', ']'];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(IN_NO_WORD)
}

/// Whether a prompt may use a retrieval manifest outside of their folder, whose corpus is then not known here.
fn retrieves_elsewhere(prompt: &RelPath, text: &str, retrieval: &RelPath) -> bool {
    if !text.contains("retrieval") {
        return false;
    }
    let is_manifest = |word: &&str| {
        let word = word.to_ascii_lowercase();
        word.ends_with(".yaml") || word.ends_with(".yml")
    };
    let mut named = words(text).filter(is_manifest).peekable();
    // A name that is made of an alias, or has a space in it, is not seen.
    named.peek().is_none()
        || named.any(|word| prompt.sibling(word).is_none_or(|named| !named.is_under(retrieval.as_str())))
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
        assert!(read("README.md"), "a glob that matches nothing may have been meant for it");
        write("src/app.py", "");
        write("deployments/staging.yaml", "");
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
        write("prompts/p.yaml", "few_shot: ../data/shots.txt\nsystem: hello\n");
        assert!(!read("README.md") && read("data/shots.txt"), "a name in a manifest, whatever its extension");
        write("prompts/p.yaml", "few_shot: ../data/a,b.bin\n");
        assert!(read("data/a,b.bin") && !read("README.md"), "a comma separates words, and stands in names");
        write("prompts/p.yaml", "few_shot: \"../data/sho\\\n  ts.bin\"\n");
        assert!(read("data/shots.bin"), "a line that goes on hides a name");
        write("prompts/p.yaml", "system: hello\n");
        write("cfg/table.bin", "");
        write("llmops.yaml", "prices: cfg/table.bin\n");
        assert!(read("cfg/table.bin") && !read("README.md"), "what the project file names");
        write("evals/rows.jsonl", "{\"assert\": [{\"type\": \"\\u0065xec\"}]}\n");
        assert!(read("README.md"), "a program that is spelt with an escape");
        write("evals/rows.jsonl", "{}\n");
        write("llmops.yaml", "providers:\n  table: {api: builtin, path: models/small}\n");
        write("prompts/p.yaml", "few_shot: ../data/shots.txt\nsystem: hello\n");
        write("evals/s.yaml", "cases: recordings/gold.txt\n");
        assert!(read("evals/recordings/gold.txt"), "a suite may keep its cases anywhere");
        write("evals/s.yaml", "assert: [{type: exec, command: [x], inputs: [\"checks/**\"]}]\n");
        assert!(read("checks/a.py"), "what an assert's program reads");
        write("evals/s.yaml", "version: 1\n");
        write("llmops.yaml", "providers:\n  app: {api: exec, command: [x]}\n");
        assert!(read("README.md"), "a program that declares nothing may read anything");
        write("llmops.yaml", "providers:\n  app: {api: exec, command: [x], inputs: [\"deployments/**\"]}\n");
        assert!(read("deployments/prod.yaml") && !read("README.md"));
        write("prompts/p.yaml", "system: hello\n");
        write("llmops.yaml", "providers: [\n");
        assert!(read("README.md"), "what is broken is read");
    }
}
