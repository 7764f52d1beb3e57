//! Loads every manifest of a snapshot: discover, read each, link them, and sort what was found.

use super::decode::Sink;
use super::discover::{self, Parsed};
use super::files::{Files, unreadable};
use super::head::path_name;
use super::link::{Linker, threshold, without_suite};
use super::project::Project;
use super::prompt::Prompt;
use super::providers::Providers;
use super::read_project::{self, PROJECT_FILE};
use super::read_retrieval::name_of;
use super::read_suite::{ReadSuite, RubricName};
use super::suite::Suite;
use super::{Manifests, read_prompt, read_retrieval, read_suite, secrets};
use crate::domain::{Code, Diagnostic, Place, PromptName, RelPath, RetrievalName, SuiteName};
use crate::repo::{ReadError, Snapshot};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Two manifests of one kind with one name.
pub const DUPLICATE_NAME: Code = Code("duplicate-name");

impl Manifests {
    /// Reads everything that a snapshot defines. Never fails: what is wrong is a diagnostic, and what has errors
    /// is left out, together with what rests on it. `today` (ISO 8601) tells which models are switched off;
    /// without it nothing is said of that.
    pub fn load(snapshot: &Snapshot, today: Option<&str>) -> Self {
        let mut found = Vec::new();
        let read = read_project::read(snapshot, &mut found);
        let project = Arc::new(read.project);
        let providers = Providers { project: &project, broken: &read.broken, unreadable: read.unreadable };
        let mut loader = Loader::new(snapshot, today, &providers, &project, found);
        if read.exists {
            loader.files.extend(RelPath::new(PROJECT_FILE));
        }
        let suites = loader.suites();
        let mut prompts = loader.prompts(&suites);
        let retrievals = loader.retrievals(&mut prompts);
        let suites = loader.link(&mut prompts, suites, read.judge_broken);
        let Loader { mut found, files, .. } = loader;
        secrets::redact_all(&mut found);
        found.sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
        found.dedup();
        let project = Arc::unwrap_or_clone(project);
        Self {
            project,
            prompts: prompts.sound,
            retrievals,
            suites,
            diagnostics: found,
            files: files.into_iter().collect(),
        }
    }
}

/// Reads kind after kind of one snapshot.
pub struct Loader<'a> {
    snapshot: &'a Snapshot,
    today: Option<&'a str>,
    providers: &'a Providers<'a>,
    project: &'a Arc<Project>,
    found: Vec<Diagnostic>,
    files: BTreeSet<RelPath>,
}

/// The prompts, and what is known of those with errors.
#[derive(Default)]
pub struct Prompts {
    /// Those without errors.
    pub sound: BTreeMap<PromptName, Arc<Prompt>>,
    broken: BTreeSet<PromptName>,
    by_path: HashMap<RelPath, PromptName>,
}

impl Prompts {
    fn break_one(&mut self, name: &PromptName) {
        self.sound.remove(name);
        self.broken.insert(name.clone());
    }
}

/// A suite file on its way: what was read of it, and its sink.
struct Draft {
    file: Parsed,
    suite: Option<ReadSuite>,
}

impl<'a> Loader<'a> {
    /// A loader that has read nothing but the project file, of which `found` was said.
    pub fn new(
        snapshot: &'a Snapshot,
        today: Option<&'a str>,
        providers: &'a Providers<'a>,
        project: &'a Arc<Project>,
        found: Vec<Diagnostic>,
    ) -> Self {
        Self { snapshot, today, providers, project, found, files: BTreeSet::new() }
    }

    /// What was found, and the files that were read.
    pub fn into_found(self) -> (Vec<Diagnostic>, Vec<RelPath>) {
        (self.found, self.files.into_iter().collect())
    }

    /// The prompt in one file.
    pub fn prompt_in(&mut self, path: &RelPath) -> Prompts {
        let mut prompts = Prompts::default();
        if !self.snapshot.is_file(path) {
            return prompts;
        }
        let file = discover::parse(self.snapshot, path);
        self.files.insert(path.clone());
        let default = name_of(path, &self.project.folders.prompts);
        let around = Files { snapshot: self.snapshot, sink: &file.sink };
        let read = file
            .node
            .as_ref()
            .filter(|_| is_named(&file, &default))
            .and_then(|node| read_prompt::read(around, node, &default, self.providers, self.today));
        if let Some(prompt) = read {
            prompts.by_path.insert(path.clone(), prompt.name.clone());
            prompts.sound.insert(prompt.name.clone(), Arc::new(prompt));
        }
        self.found.extend(file.sink.into_found());
        prompts
    }

    fn suites(&mut self) -> Vec<Draft> {
        let folder = self.project.folders.evals.clone();
        let files = discover::manifests(self.snapshot, &folder, &mut self.found, discover::cases_of);
        let mut drafts: Vec<Draft> = Vec::new();
        let mut first: HashMap<String, usize> = HashMap::new();
        for file in files {
            self.files.insert(file.path().clone());
            let name = name_of(file.path(), &folder);
            let around = Files { snapshot: self.snapshot, sink: &file.sink };
            let suite = file
                .node
                .as_ref()
                .filter(|_| {
                    path_name(&file.sink, &name, "rename the file: `refunds.yaml` is the suite `refunds`")
                })
                .and_then(|node| read_suite::read(around, node, &name, self.providers, self.project));
            match first.get(&name) {
                Some(index) => {
                    let other = &mut drafts[*index];
                    file.sink.push(twice("suites", &name, other.file.path(), Place::file(file.path())));
                    other.suite = None;
                }
                None => _ = first.insert(name, drafts.len()),
            }
            drafts.push(Draft { file, suite });
        }
        drafts
    }

    /// The prompts under their folder, and the judge manifests that suites name elsewhere.
    fn prompts(&mut self, suites: &[Draft]) -> Prompts {
        let folder = self.project.folders.prompts.clone();
        let mut files = discover::manifests(self.snapshot, &folder, &mut self.found, discover::parts_of);
        let mut known: HashSet<RelPath> = files.iter().map(|file| file.path().clone()).collect();
        for Draft { file, suite } in suites {
            let rubric = suite.as_ref().and_then(|suite| suite.judge.as_ref()).map(|judge| &judge.rubric);
            if let Some((RubricName::Path(path), span)) = rubric
                && !known.contains(path)
            {
                if self.snapshot.is_file(path) {
                    known.insert(path.clone());
                    files.push(discover::parse(self.snapshot, path));
                } else {
                    file.sink.push(unreadable(path, &ReadError::NotFound, Some(file.sink.place(*span))));
                }
            }
        }
        let mut prompts = Prompts::default();
        let mut first: HashMap<PromptName, RelPath> = HashMap::new();
        for file in files {
            self.files.insert(file.path().clone());
            let default = name_of(file.path(), &folder);
            let around = Files { snapshot: self.snapshot, sink: &file.sink };
            let read = file
                .node
                .as_ref()
                .filter(|_| is_named(&file, &default))
                .and_then(|node| read_prompt::read(around, node, &default, self.providers, self.today));
            let name = read.as_ref().map_or_else(
                || PromptName::from(file.name.clone().unwrap_or(default)),
                |prompt| prompt.name.clone(),
            );
            prompts.by_path.insert(file.path().clone(), name.clone());
            if let Some(other) = first.get(&name) {
                self.found.push(twice("prompts", name.as_str(), other, Place::file(file.path())));
                prompts.break_one(&name);
            } else {
                first.insert(name.clone(), file.path().clone());
                match read {
                    Some(prompt) => _ = prompts.sound.insert(name, Arc::new(prompt)),
                    None => _ = prompts.broken.insert(name),
                }
            }
            self.found.extend(file.sink.into_found());
        }
        prompts
    }

    /// The retrieval manifests under their folder, and those that prompts name elsewhere.
    pub fn retrievals(
        &mut self,
        prompts: &mut Prompts,
    ) -> BTreeMap<RetrievalName, Arc<super::retrieval::Retrieval>> {
        let folder = self.project.folders.retrieval.clone();
        let mut files: Vec<RelPath> = discover::under(self.snapshot, &folder, &mut self.found);
        let mut missing: BTreeSet<PromptName> = BTreeSet::new();
        for (name, prompt) in &prompts.sound {
            let Some(used) = &prompt.retrieval else { continue };
            if files.contains(&used.path) {
                continue;
            }
            if self.snapshot.is_file(&used.path) {
                files.push(used.path.clone());
            } else {
                self.found.push(unreadable(&used.path, &ReadError::NotFound, Some(used.place.clone())));
                missing.insert(name.clone());
            }
        }
        let mut sound = BTreeMap::new();
        let mut paths: HashSet<RelPath> = HashSet::new();
        let mut first: HashMap<RetrievalName, RelPath> = HashMap::new();
        for path in files {
            let file = discover::parse(self.snapshot, &path);
            self.files.insert(path.clone());
            let default = name_of(&path, &folder);
            let read = file.node.as_ref().filter(|_| is_named(&file, &default)).and_then(|node| {
                read_retrieval::read(&file.sink, node, &default, self.providers, self.today)
            });
            self.found.extend(file.sink.into_found());
            let Some(read) = read else { continue };
            if let Some(other) = first.insert(read.name.clone(), path.clone()) {
                self.found.push(twice("retrieval manifests", read.name.as_str(), &other, Place::file(&path)));
                sound.remove(&read.name);
                paths.remove(&other);
                continue;
            }
            paths.insert(path);
            sound.insert(read.name.clone(), Arc::new(read));
        }
        missing.extend(prompts.sound.iter().filter_map(|(name, prompt)| {
            let used = prompt.retrieval.as_ref()?;
            (!paths.contains(&used.path)).then(|| name.clone())
        }));
        missing.iter().for_each(|name| prompts.break_one(name));
        sound
    }

    fn link(
        &mut self,
        prompts: &mut Prompts,
        drafts: Vec<Draft>,
        judge_broken: bool,
    ) -> BTreeMap<SuiteName, Arc<Suite>> {
        let rubrics: HashMap<RelPath, Option<Arc<Prompt>>> = prompts
            .by_path
            .iter()
            .map(|(path, name)| (path.clone(), prompts.sound.get(name).cloned()))
            .collect();
        let linker = Linker {
            snapshot: self.snapshot,
            prompts: &prompts.sound,
            broken: &prompts.broken,
            rubrics: &rubrics,
            providers: self.providers,
            judge_broken,
            built_in: std::cell::RefCell::default(),
            today: self.today,
        };
        if let Some(path) = RelPath::new(PROJECT_FILE) {
            let sink = Sink::new(&path);
            linker.default_judge(&sink);
            self.found.extend(sink.into_found());
        }
        let mut suites = BTreeMap::new();
        let mut excused: HashSet<String> = HashSet::new();
        for Draft { file, suite } in drafts {
            let sound = !file.sink.has_errors();
            let linked = suite.and_then(|suite| linker.link(suite, &file.sink)).filter(|_| sound);
            match linked {
                Some(suite) => _ = suites.insert(suite.name.clone(), Arc::new(suite)),
                // Whatever it tests, its own errors come first; an unknown prompt may be any.
                None => {
                    let named = file.prompt.clone().unwrap_or_default();
                    let known =
                        prompts.sound.contains_key(named.as_str()) || prompts.broken.contains(named.as_str());
                    excused.insert(if known { named } else { String::new() });
                }
            }
            self.found.extend(file.sink.into_found());
        }
        let (mut faulty, mut ungated) = (Vec::new(), Vec::new());
        let mut tested: HashMap<&PromptName, Vec<&Suite>> = HashMap::new();
        suites.values().for_each(|suite| tested.entry(&suite.prompt).or_default().push(suite.as_ref()));
        for (name, prompt) in &prompts.sound {
            let own = tested.get(name).map_or(&[][..], Vec::as_slice);
            let excused = excused.contains(name.as_str()) || excused.contains("");
            if let Some(found) = threshold(prompt, own, excused) {
                self.found.push(found);
                faulty.push(name.clone());
            } else if own.is_empty() && !excused && !prompt.is_judge() {
                ungated.push(prompt.as_ref());
            }
        }
        self.found.extend(without_suite(&ungated));
        faulty.iter().for_each(|name| prompts.break_one(name));
        suites.retain(|_, suite| prompts.sound.contains_key(&suite.prompt));
        suites
    }
}

/// Whether a file says its name itself, or its path is one.
fn is_named(file: &Parsed, default: &str) -> bool {
    file.name.is_some() || path_name(&file.sink, default, "rename the file, or write `name:` in it")
}

fn twice(kind: &str, name: &str, first: &RelPath, place: Place) -> Diagnostic {
    Diagnostic::error(DUPLICATE_NAME, format!("two {kind} are named `{name}`, the first is {first}"))
        .at(place)
        .help("rename one of them: add `name:` or move the file")
}
