//! A repository opened for a verb: its root, its files, what they define, and the environment.

use super::here;
use super::terminal::Terminal;
use crate::call::Environment;
use crate::domain::{Diagnostic, Error, RelPath, Result};
use crate::ledger::{Home, cost_asserts};
use crate::manifest::project::Api;
use crate::manifest::prompt::Prompt;
use crate::manifest::retrieval::Retrieval;
use crate::manifest::suite::Suite;
use crate::manifest::{Manifests, closest, secrets};
use crate::plan::{Sources, validate};
use crate::render::Renderer;
use crate::repo::{Base, Repository, Snapshot};
use crate::retrieve::lints;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a file that diagnostics quote from.
const MAX_QUOTED: u64 = 4 << 20;

/// What a verb starts from.
#[derive(Debug)]
pub struct Workspace {
    /// The root folder.
    pub root: PathBuf,
    /// The git repository around it, if there is one.
    pub git: Option<Repository>,
    /// The files.
    pub snapshot: Snapshot,
    /// What they define.
    pub manifests: Manifests,
    /// Their templates.
    pub renderer: Arc<Renderer>,
}

/// A root of which no manifest was read yet.
#[derive(Debug)]
pub struct Opened {
    /// The root folder.
    pub root: PathBuf,
    /// The git repository around it, if there is one.
    pub git: Option<Repository>,
    /// The files.
    pub snapshot: Snapshot,
}

impl Opened {
    /// Opens the root.
    ///
    /// # Errors
    /// When there is no such folder, git refuses the repository, or what is stored there came with a commit.
    pub fn at(root: Option<&Path>) -> Result<Self> {
        let (root, git) = locate(root)?;
        Home::at(&root).trust(&root, git.as_ref())?;
        let snapshot = Snapshot::working_tree(&root)?;
        Ok(Self { root, git, snapshot })
    }

    /// Reads every manifest.
    pub fn read(self, today: &str) -> Workspace {
        Workspace::of(self.root, self.git, self.snapshot, today)
    }
}

impl Workspace {
    /// Opens the root and reads every manifest. Faults of manifests are diagnostics, not errors.
    ///
    /// # Errors
    /// When there is no such folder, or git refuses the repository.
    pub fn open(root: Option<&Path>, today: &str) -> Result<Self> {
        Ok(Opened::at(root)?.read(today))
    }

    /// The same repository as of `revision`.
    ///
    /// # Errors
    /// When there is no repository or no such revision.
    pub fn at(&self, revision: &str, today: &str) -> Result<Self> {
        let git = self.git.clone().ok_or_else(|| {
            Error::input(format!("there is no git repository at {}", self.root.display()))
                .hint("leave out --at, or run inside a repository")
        })?;
        let snapshot = git.snapshot_at(revision)?;
        Ok(Self::of(self.root.clone(), Some(git), snapshot, today))
    }

    /// The same repository as of the base of a change.
    ///
    /// # Errors
    /// When the commit cannot be read.
    pub fn at_base(&self, base: &Base) -> Result<Self> {
        let snapshot = Snapshot::revision(&base.repository, &base.commit)?;
        Ok(Self::of(self.root.clone(), Some(base.repository.clone()), snapshot, ""))
    }

    fn of(root: PathBuf, git: Option<Repository>, snapshot: Snapshot, today: &str) -> Self {
        let manifests = Manifests::load(&snapshot, Some(today).filter(|today| !today.is_empty()));
        let renderer = Arc::new(Renderer::new(&snapshot, &manifests.project.folders.prompts));
        Self { root, git, snapshot, manifests, renderer }
    }

    /// What rooms below the manifests need.
    pub fn sources(&self) -> Sources<'_> {
        Sources { snapshot: &self.snapshot, manifests: &self.manifests, renderer: &self.renderer }
    }

    /// Every finding: of the manifests, and of rendering every case.
    pub fn findings(&self) -> Vec<Diagnostic> {
        let mut found = self.manifests.diagnostics.clone();
        found.extend(validate(&self.sources()));
        // A price table that cannot be read is said by whoever needs it.
        if let Ok(prices) = super::eval::prices(self) {
            found.extend(cost_asserts(&self.manifests, &prices));
        }
        found.extend(self.retrieval_findings());
        found.sort_by(|a, b| (&a.place, a.severity, &a.message).cmp(&(&b.place, b.severity, &b.message)));
        found.dedup();
        found
    }

    /// What prompts and their retrieval say of each other. What is wrong with a corpus is found by `check`, and by
    /// whoever searches it.
    fn retrieval_findings(&self) -> Vec<Diagnostic> {
        let project = &self.manifests.project;
        let mut found = Vec::new();
        for prompt in self.manifests.prompts.values() {
            let Some(using) = &prompt.retrieval else { continue };
            let retrieval = self.manifests.retrievals.values().find(|one| one.path == using.path);
            let Some(retrieval) = retrieval else { continue };
            let api = project.providers.get(&prompt.provider).map(|provider| provider.api);
            let in_messages = !matches!(api, Some(Api::Exec | Api::Http | Api::Builtin));
            let folder = &project.folders.prompts;
            found.extend(lints::of_prompt(&self.snapshot, folder, prompt, retrieval, in_messages));
        }
        found
    }

    /// What is wrong with the corpora and with embedding models in folders: every file is read.
    pub fn corpus_findings(&self) -> Vec<Diagnostic> {
        let models = self.manifests.project.providers.values().filter_map(|provider| provider.path.as_ref());
        let models = models.filter_map(|folder| lints::of_model(&self.snapshot, folder));
        let today = super::clock::today();
        let corpora = self.manifests.retrievals.values().filter(|one| !one.corpus.is_empty());
        corpora
            .flat_map(|one| {
                let newer = self.git.as_ref().and_then(|git| lints::newer(&self.snapshot, git, one, &today));
                let read = lints::of_corpus(&self.snapshot, one);
                let unknown = read.sources.map_or(Vec::new(), |sources| self.unknown_sources(one, &sources));
                read.diagnostics.into_iter().chain(newer).chain(unknown)
            })
            .chain(models)
            .collect()
    }

    /// Of the cases that search this manifest's corpus, the sources that they name and it has not.
    fn unknown_sources(&self, retrieval: &Retrieval, sources: &BTreeSet<String>) -> Vec<Diagnostic> {
        let searches = |suite: &&Arc<Suite>| {
            let using =
                self.manifests.prompts.get(&suite.prompt).and_then(|prompt| prompt.retrieval.as_ref());
            using.is_some_and(|using| using.path == retrieval.path)
        };
        let suites = self.manifests.suites.values().filter(searches);
        suites
            .flat_map(|suite| suite.cases.iter().flat_map(|row| lints::of_relevant(&row.case, sources)))
            .collect()
    }

    /// The findings when none is an error.
    ///
    /// # Errors
    /// All of them, when one is.
    pub fn valid(&self) -> Result<Vec<Diagnostic>> {
        let found = self.findings();
        if found.iter().any(Diagnostic::is_error) { Err(Error::invalid(found)) } else { Ok(found) }
    }

    /// The prompt with this name or path.
    ///
    /// # Errors
    /// When there is none; with the findings, when its file is broken.
    pub fn prompt(&self, name: &str) -> Result<&Arc<Prompt>> {
        let name = &here::from_root(&self.root, name);
        if let Some(prompt) = self.manifests.prompts.values().find(|prompt| prompt.is_called(name)) {
            return Ok(prompt);
        }
        let errors: Vec<Diagnostic> =
            self.manifests.diagnostics.iter().filter(|found| found.is_error()).cloned().collect();
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        let known: Vec<&str> = self.manifests.prompts.keys().map(|name| name.as_str()).collect();
        let hint = if known.is_empty() {
            "`llmops init` makes the first".to_owned()
        } else {
            let near = closest(name.as_str(), known.iter().copied());
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            format!("{near}prompts of {}: {}", self.root.display(), known.join(", "))
        };
        Err(Error::new(crate::domain::Kind::NoMatch, format!("no prompt is named `{name}`")).hint(hint))
    }

    /// A file's text, for quoting it: without what looks like a secret.
    pub fn source(&self, path: &RelPath) -> Option<String> {
        let text = self.snapshot.read_text(path, MAX_QUOTED).ok()?;
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        for found in self.manifests.diagnostics.iter().filter(|found| found.code == secrets::LITERAL_SECRET) {
            let Some(span) =
                found.place.as_ref().filter(|place| place.path == *path).and_then(|place| place.span)
            else {
                continue;
            };
            if let Some(line) =
                usize::try_from(span.line).ok().and_then(|line| lines.get_mut(line.checked_sub(1)?))
            {
                let start = usize::try_from(span.column).unwrap_or(1).saturating_sub(1);
                let mask = |(at, c): (usize, char)| if at >= start && !c.is_whitespace() { '•' } else { c };
                *line = line.chars().enumerate().map(mask).collect();
            }
        }
        Some(secrets::redact(&lines.join("\n")).into_owned())
    }

    /// The environment, with `.env` of the root below it unless git tracks that file.
    ///
    /// # Errors
    /// When `.env` cannot be read as such.
    pub fn environment(&self, terminal: &Terminal) -> Result<Environment> {
        let mut pairs: BTreeMap<String, String> = BTreeMap::new();
        let file = self.root.join(".env");
        if file.is_file() {
            let tracked = match (&self.git, RelPath::new(".env")) {
                (Some(git), Some(path)) => git.is_tracked(&path)?,
                _ => false,
            };
            if tracked {
                terminal.say("warning: .env is tracked by git, so it is not read; remove it from the index and rotate its keys");
            } else {
                let rows = dotenvy::from_path_iter(&file)
                    .map_err(|_| Error::input("cannot read .env").hint("write NAME=value, one a line"))?;
                for row in rows {
                    // The library's error quotes the line, which may hold a key.
                    let (name, value) =
                        row.map_err(|_| Error::input(".env has a line that is not NAME=value"))?;
                    pairs.insert(name, value);
                }
            }
        }
        let own = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        // An empty variable is one that is not set: it does not override the file.
        pairs.extend(own.filter(|(_, value)| !value.is_empty()));
        Ok(Environment::from_pairs(pairs))
    }
}

/// Where the root lies in its repository, as a path from the top; empty at the top, and without a repository.
pub fn within(named: Option<&Path>) -> String {
    let git = locate(named).ok().and_then(|(_, git)| git);
    git.map_or(String::new(), |git| git.base().as_str().to_owned())
}

/// The root: the folder that was named, else the work tree around the current folder, else that folder.
fn locate(named: Option<&Path>) -> Result<(PathBuf, Option<Repository>)> {
    let start = named.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let start = start.canonicalize().map_err(|error| {
        Error::input(format!("cannot open {}", start.display()))
            .because(error)
            .hint("name a folder that exists")
    })?;
    if !start.is_dir() {
        return Err(
            Error::input(format!("{} is not a folder", start.display())).hint("name a folder that exists")
        );
    }
    let git = Repository::discover(&start)?;
    let root = match (&git, named) {
        (Some(git), None) => git.root().to_path_buf(),
        _ => start,
    };
    let git = git.map(|git| git.based_at(&root)).transpose()?;
    Ok((root, git))
}
