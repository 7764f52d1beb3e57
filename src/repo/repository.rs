//! A git repository: its head, its revisions, what is tracked and what changed.

use super::git_program::{self, CatFile};
use super::objects::{Objects, lock, oid};
use super::snapshot::Snapshot;
use crate::domain::{Error, RelPath, Result};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The full id of a commit, hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommitId(pub(super) String);

impl CommitId {
    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What reads a repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// The library that is part of this program.
    Library,
    /// The `git` program, for the reason that is given.
    Program(&'static str),
}

impl Backend {
    /// Why the `git` program reads; `None` where the library does.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Library => None,
            Self::Program(why) => Some(why),
        }
    }
}

/// A repository with a working tree. Paths given and returned are relative to its base: the top of the working
/// tree, unless [`Repository::based_at`] chose a folder below. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(super) top: PathBuf,
    pub(super) base: RelPath,
    backend: Backend,
    pub(super) objects: Arc<Objects>,
}

impl Repository {
    /// The repository that `dir` lies in; `None` where there is none, or one without a working tree.
    ///
    /// # Errors
    /// When git refuses the repository because someone else owns it, or it cannot be read.
    pub fn discover(dir: &Path) -> Result<Option<Self>> {
        let found = git2::Repository::discover_path(dir, std::iter::empty::<&Path>())
            .and_then(git2::Repository::open);
        let library = match found {
            Ok(library) => library,
            Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(None),
            Err(error) if error.code() == git2::ErrorCode::Owner => {
                return Err(foreign(dir, error.message()));
            }
            Err(_) => return Self::by_program(dir, "the library cannot open it"),
        };
        let Some(top) = library.workdir().map(Path::to_path_buf) else {
            return Ok(None);
        };
        if let Some(why) = misread(&library) {
            return Self::by_program(dir, why);
        }
        Ok(Some(Self {
            top: canonical(&top)?,
            base: RelPath::root(),
            backend: Backend::Library,
            objects: Arc::new(Objects::Library(Mutex::new(library))),
        }))
    }

    fn by_program(dir: &Path, why: &'static str) -> Result<Option<Self>> {
        let output = git_program::run(dir, &["rev-parse", "--show-toplevel"])?;
        if !output.success {
            return if output.stderr.contains("dubious ownership") {
                Err(foreign(dir, &output.stderr))
            } else if output.stderr.contains("must be run in a work tree") {
                Ok(None)
            } else {
                Err(Error::input(format!("the repository cannot be opened: {}", output.stderr)))
            };
        }
        let top = canonical(Path::new(&output.line()))?;
        let objects = Arc::new(Objects::Program(Mutex::new(CatFile::new(&top))));
        Ok(Some(Self { top, base: RelPath::root(), backend: Backend::Program(why), objects }))
    }

    /// The same repository, seen from a folder of its working tree.
    ///
    /// # Errors
    /// When `folder` does not exist or lies elsewhere.
    pub fn based_at(&self, folder: &Path) -> Result<Self> {
        let real = canonical(folder)?;
        let base = real.strip_prefix(&self.top).ok().and_then(Path::to_str).and_then(RelPath::new);
        let base = base.ok_or_else(|| {
            Error::input(format!("{} does not lie in {}", folder.display(), self.top.display()))
        })?;
        Ok(Self { base, ..self.clone() })
    }

    /// The top of the working tree.
    pub fn root(&self) -> &Path {
        &self.top
    }

    /// The folder, from the top, that paths are relative to.
    pub fn base(&self) -> &RelPath {
        &self.base
    }

    /// What reads it.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The commit that is checked out; `None` before the first one.
    ///
    /// # Errors
    /// When the head cannot be read.
    pub fn head(&self) -> Result<Option<CommitId>> {
        match &*self.objects {
            Objects::Library(library) => match lock(library).head() {
                Ok(head) => {
                    let commit = head.peel_to_commit().map_err(|error| git_error("the head", error))?;
                    Ok(Some(CommitId(commit.id().to_string())))
                }
                Err(error) if error.code() == git2::ErrorCode::UnbornBranch => Ok(None),
                Err(error) => Err(git_error("the head", error)),
            },
            Objects::Program(_) => {
                let output =
                    git_program::run(&self.top, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
                Ok(output.success.then(|| CommitId(output.line())))
            }
        }
    }

    /// The commit that a revision names: a branch, a tag, an id, `HEAD~2`, …
    ///
    /// # Errors
    /// When it names none. In a shallow clone the hint is how to get the rest.
    pub fn resolve(&self, rev: &str) -> Result<CommitId> {
        let found = match &*self.objects {
            Objects::Library(library) => {
                let library = lock(library);
                let commit = library.revparse_single(rev).and_then(|object| object.peel_to_commit());
                commit.ok().map(|commit| commit.id().to_string())
            }
            Objects::Program(_) => {
                let name = format!("{rev}^{{commit}}");
                let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
                let output = git_program::run(&self.top, &arguments)?;
                output.success.then(|| output.line())
            }
        };
        if let Some(id) = found {
            return Ok(CommitId(id));
        }
        let hint = if self.is_shallow()? {
            "this clone is shallow: run `git fetch --unshallow origin`, then try again".to_owned()
        } else {
            format!("if it is on the remote, run `git fetch origin {rev}`")
        };
        Err(Error::input(format!("no commit is named {rev:?}")).hint(hint))
    }

    /// The files of a revision, below the base.
    ///
    /// # Errors
    /// When the revision names no commit, or it cannot be read.
    pub fn snapshot_at(&self, rev: &str) -> Result<Snapshot> {
        Snapshot::revision(self, &self.resolve(rev)?)
    }

    /// Whether history was cut off when the repository was cloned.
    ///
    /// # Errors
    /// When the `git` program is needed and cannot be run.
    pub fn is_shallow(&self) -> Result<bool> {
        match &*self.objects {
            Objects::Library(library) => Ok(lock(library).is_shallow()),
            Objects::Program(_) => {
                Ok(git_program::run(&self.top, &["rev-parse", "--is-shallow-repository"])?.line() == "true")
            }
        }
    }

    /// The best common ancestor; `None` where the histories have none, or a shallow clone does not hold it.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>> {
        match &*self.objects {
            Objects::Library(library) => {
                let unreadable = |error| git_error("the merge base", error);
                let (a, b) = (oid(&a.0).map_err(unreadable)?, oid(&b.0).map_err(unreadable)?);
                match lock(library).merge_base(a, b) {
                    Ok(base) => Ok(Some(CommitId(base.to_string()))),
                    Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
                    Err(error) => Err(unreadable(error)),
                }
            }
            Objects::Program(_) => {
                let output = git_program::run(&self.top, &["merge-base", &a.0, &b.0])?;
                Ok(output.success.then(|| CommitId(output.line())))
            }
        }
    }
}

/// Why the library would read this repository wrongly, if it would.
fn misread(library: &git2::Repository) -> Option<&'static str> {
    if library.is_worktree() && library.commondir().join("shallow").is_file() {
        return Some("the library does not see that the clone behind this worktree is shallow");
    }
    let config = library.config().ok()?;
    if config.get_string("extensions.partialclone").is_ok() {
        return Some("the library does not fetch what a partial clone leaves out");
    }
    let mut promisors = config.entries(Some(r"^remote\..*\.promisor$")).ok()?;
    promisors.next().map(|_| "the library does not fetch what a partial clone leaves out")
}

fn canonical(path: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(path)
        .map_err(|error| Error::input(format!("{} cannot be opened", path.display())).because(error))
}

pub(super) fn foreign(dir: &Path, why: &str) -> Error {
    // Git names the folder whose owner is another; where it does not, it is the one that was asked for.
    let owned = why.split('\'').nth(1).map_or_else(|| dir.display().to_string(), str::to_owned);
    let owned = owned.trim_end_matches('/').trim_end_matches("/.git").to_owned();
    Error::input(format!("git refuses the repository {owned}: another user owns it"))
        .hint(format!("if you trust it, run `git config --global --add safe.directory '{owned}'`"))
}

pub(super) fn git_error(what: &str, error: git2::Error) -> Error {
    Error::input(format!("{what} cannot be read")).because(error)
}
