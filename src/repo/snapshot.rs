//! The files of a repository as of one moment.

use super::disk::Disk;
use super::glob;
use super::repository::{CommitId, Repository};
use super::revision::Revision;
use crate::domain::{Error, RelPath, Result};
use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a file of a snapshot cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// It is a folder, or something else that holds no bytes.
    #[error("not a file")]
    NotAFile,
    /// The path, or a symlink on the way, leads out of the repository, or into `.git`.
    #[error("leads outside the repository")]
    Outside,
    /// It is larger than the limit that the caller gave.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: u64,
    },
    /// It is not UTF-8; the 1-based line of the first byte that is not.
    #[error("not UTF-8 (first on line {line})")]
    NotUtf8 {
        /// 1-based.
        line: u32,
    },
    /// The system or git refused.
    #[error("{0}")]
    Io(String),
}

/// Where the bytes come from.
#[derive(Debug)]
enum Body {
    Disk(Disk),
    Revision(Revision),
}

/// One entry of a folder, with links already looked through.
pub(super) struct Child {
    pub name: String,
    pub kind: ChildKind,
}

/// What an entry of a folder is to a walk. Nested repositories, `.git` and `.llmops` are never entries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ChildKind {
    File,
    Folder,
    /// A link that no walk follows.
    Link(Leads),
}

/// Where a link leads that no walk follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Leads {
    /// To a folder of the repository.
    ToFolder,
    /// Out of the repository.
    Outside,
    /// To nothing.
    Nowhere,
}

/// What a walk came by, in no order.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub files: Vec<RelPath>,
    /// Links that were not followed, and the levels that the walk would have gone down there.
    pub links: Vec<(RelPath, Leads, usize)>,
}

/// What globs match.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Matched<'p> {
    /// The files, sorted.
    pub files: Vec<RelPath>,
    /// The globs that match no file.
    pub idle: Vec<&'p str>,
    /// Links that were not followed and beyond which a glob may have meant something, sorted.
    pub links: Vec<(RelPath, Leads)>,
}

/// Names that no walk enters: git's own files, and this tool's store.
pub(super) fn is_hidden_from_walks(name: &str) -> bool {
    name == ".git" || name == ".llmops"
}

/// The files of the working tree, or of a revision. Reading never leaves the repository, through symlinks
/// neither. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Snapshot(Arc<Held>);

#[derive(Debug)]
struct Held {
    body: Body,
    memory: Memory,
}

/// What was worked out of the files, by what it was worked out of.
#[derive(Debug, Default)]
struct Memory(Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>);

impl From<Body> for Snapshot {
    fn from(body: Body) -> Self {
        Self(Arc::new(Held { body, memory: Memory::default() }))
    }
}

impl Snapshot {
    /// The working tree at `root`, which need not be a git repository.
    ///
    /// # Errors
    /// When `root` is no folder.
    pub fn working_tree(root: &Path) -> Result<Self> {
        Ok(Body::Disk(Disk::new(root)?).into())
    }

    /// The files of a commit below the repository's base, read from git's objects: nothing is checked out. A
    /// commit without that folder has no files.
    ///
    /// # Errors
    /// When the commit cannot be read.
    pub fn revision(repository: &Repository, commit: &CommitId) -> Result<Self> {
        let revision = Revision::new(Arc::clone(&repository.objects), commit.as_str(), &repository.base);
        let revision = revision.map_err(|error| {
            Error::input(format!("the commit {} cannot be read", commit.short())).because(error)
        })?;
        Ok(Body::Revision(revision).into())
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(&self, path: &RelPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        match &self.0.body {
            Body::Disk(disk) => disk.read(path, limit),
            Body::Revision(revision) => revision.read(path, limit),
        }
    }

    /// What `make` works out of the files of this snapshot, worked out once for each `key`: a file that a thousand others
    /// rest on is then looked at once. The key begins with the name of what is made. A failure is not kept.
    ///
    /// # Errors
    /// What `make` returns.
    pub fn once<T, E>(&self, key: String, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E>
    where
        T: Any + Send + Sync,
    {
        let memory = || self.0.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = memory().get(&key).map(Arc::clone);
        if let Some(kept) = kept.and_then(|kept| kept.downcast::<T>().ok()) {
            return Ok(kept);
        }
        let made = Arc::new(make()?);
        memory().insert(key, Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        Ok(made)
    }

    /// The text of a file, as it stands (byte order mark and `\r` included).
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read_text(&self, path: &RelPath, limit: u64) -> Result<String, ReadError> {
        String::from_utf8(self.read(path, limit)?).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let breaks = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
            ReadError::NotUtf8 { line: u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1) }
        })
    }

    /// Whether there is such a file, and it can be reached without leaving the repository.
    pub fn is_file(&self, path: &RelPath) -> bool {
        match &self.0.body {
            Body::Disk(disk) => disk.is_file(path),
            Body::Revision(revision) => revision.is_file(path),
        }
    }

    /// Every file under `folder`, sorted; `.git`, `.llmops` and nested repositories are left out, links to
    /// folders are not followed. A link to a file outside or to nothing is listed, so that reading it says what is
    /// wrong. Of a file it is the file itself.
    ///
    /// # Errors
    /// [`ReadError::Io`] when a folder cannot be listed or a name cannot be a path of a manifest,
    /// [`ReadError::Outside`] when `folder` leads outside. A folder that is not there is empty.
    pub fn files_under(&self, folder: &RelPath) -> Result<Vec<RelPath>, ReadError> {
        if self.is_file(folder) {
            return Ok(vec![folder.clone()]);
        }
        let Walked { files: mut found, links } = self.walk(folder, usize::MAX)?;
        let dead = links.into_iter().filter(|(_, leads, _)| *leads == Leads::Nowhere).map(|(path, ..)| path);
        // Emacs marks a file that it has open by such a link.
        found.extend(dead.filter(|path| !path.file_name().starts_with(".#")));
        found.sort_unstable();
        Ok(found)
    }

    /// Every file that one of the globs matches, sorted. `*` does not cross `/`, `**` does. A pattern without
    /// a wildcard names one file.
    ///
    /// # Errors
    /// [`ReadError::Io`] when a folder cannot be listed or a glob cannot be read, [`ReadError::Outside`] when
    /// a glob leads outside.
    pub fn glob(&self, patterns: &[String]) -> Result<Vec<RelPath>, ReadError> {
        glob::matches(self, patterns)
    }

    /// As [`Snapshot::glob`], with what the globs do not match.
    ///
    /// # Errors
    /// As [`Snapshot::glob`].
    pub fn glob_all<'p>(&self, patterns: &'p [String]) -> Result<Matched<'p>, ReadError> {
        let (mut found, mut links, mut idle) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for pattern in patterns {
            let walked = glob::matched(self, pattern)?;
            if walked.files.is_empty() {
                idle.push(pattern.as_str());
            }
            found.extend(walked.files);
            links.extend(walked.links.into_iter().map(|(path, leads, _)| (path, leads)));
        }
        Ok(Matched { files: found.into_iter().collect(), idle, links: links.into_iter().collect() })
    }

    /// Collects the files under `folder` down to `depth` levels (1: only its own).
    pub(super) fn walk(&self, folder: &RelPath, depth: usize) -> Result<Walked, ReadError> {
        let (mut walked, mut open) = (Walked::default(), vec![(folder.clone(), depth)]);
        while let Some((folder, depth)) = open.pop() {
            if depth == 0 {
                continue;
            }
            for child in self.children(&folder)? {
                let path = child_path(&folder, &child.name)?;
                match child.kind {
                    ChildKind::File => walked.files.push(path),
                    ChildKind::Folder => open.push((path, depth - 1)),
                    ChildKind::Link(leads) => walked.links.push((path, leads, depth - 1)),
                }
            }
        }
        Ok(walked)
    }

    fn children(&self, folder: &RelPath) -> Result<Vec<Child>, ReadError> {
        match &self.0.body {
            Body::Disk(disk) => disk.children(folder),
            Body::Revision(revision) => revision.children(folder),
        }
    }
}

/// The path of an entry. A name that a manifest could not write (a backslash, a drive letter) is an error
/// rather than a file that quietly does not exist.
fn child_path(folder: &RelPath, name: &str) -> Result<RelPath, ReadError> {
    let text = if folder.as_str().is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    match RelPath::new(&text) {
        Some(path) if path.as_str() == text => Ok(path),
        _ => Err(unusable_name(&text)),
    }
}

pub(super) fn unusable_name(path: &str) -> ReadError {
    ReadError::Io(format!("the file name {path:?} cannot be used in a path; rename the file"))
}
