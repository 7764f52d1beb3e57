//! Git's objects, read by the library or, where it refuses, by the program.

use super::git_program::CatFile;
use super::snapshot::ReadError;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What an entry of a tree is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EntryKind {
    Folder,
    File,
    Link,
    /// A commit of another repository.
    Submodule,
}

impl EntryKind {
    /// From the file mode of a tree's entry.
    pub fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o040_000 => Self::Folder,
            0o120_000 => Self::Link,
            0o160_000 => Self::Submodule,
            _ => Self::File,
        }
    }
}

/// An entry of a tree.
#[derive(Clone, Debug)]
pub(super) struct TreeEntry {
    pub name: Vec<u8>,
    pub kind: EntryKind,
    /// Hexadecimal.
    pub id: String,
}

/// Trees and blobs by their ids, from whichever side can read them.
pub(super) enum Objects {
    Library(Mutex<git2::Repository>),
    Program(Mutex<CatFile>),
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Library(_) => "Objects::Library",
            Self::Program(_) => "Objects::Program",
        })
    }
}

impl Objects {
    /// The tree of a commit.
    pub fn tree_of(&self, commit: &str) -> Result<String, ReadError> {
        match self {
            Self::Library(repository) => {
                let repository = lock(repository);
                let commit =
                    oid(commit).and_then(|id| repository.find_commit(id)).map_err(|error| failed(&error))?;
                Ok(commit.tree_id().to_string())
            }
            Self::Program(cat) => {
                let bytes = lock(cat).read(commit, "commit", u64::MAX)?;
                let text = String::from_utf8_lossy(&bytes);
                let tree = text.lines().next().and_then(|line| line.strip_prefix("tree "));
                tree.map(str::to_owned).ok_or_else(|| ReadError::Io(format!("{commit} is no commit")))
            }
        }
    }

    /// The parents that a commit names itself, which a shallow clone hides from whoever walks its history.
    pub fn parents(&self, commit: &str) -> Result<Vec<String>, ReadError> {
        let bytes = match self {
            Self::Library(repository) => {
                let repository = lock(repository);
                let odb = repository.odb().map_err(|error| failed(&error))?;
                let object = oid(commit).and_then(|id| odb.read(id)).map_err(|error| failed(&error))?;
                object.data().to_vec()
            }
            Self::Program(cat) => lock(cat).read(commit, "commit", u64::MAX)?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let head = text.lines().take_while(|line| !line.is_empty());
        Ok(head.filter_map(|line| line.strip_prefix("parent ")).map(str::to_owned).collect())
    }

    /// The entries of a tree, in git's order.
    pub fn tree(&self, id: &str) -> Result<Vec<TreeEntry>, ReadError> {
        match self {
            Self::Library(repository) => {
                let repository = lock(repository);
                let tree = oid(id).and_then(|id| repository.find_tree(id)).map_err(|error| failed(&error))?;
                let entries = tree.iter().map(|entry| TreeEntry {
                    name: entry.name_bytes().to_vec(),
                    kind: EntryKind::of_mode(u32::try_from(entry.filemode_raw()).unwrap_or(0)),
                    id: entry.id().to_string(),
                });
                Ok(entries.collect())
            }
            Self::Program(cat) => {
                let bytes = lock(cat).read(id, "tree", u64::MAX)?;
                parse_tree(&bytes, id.len() / 2)
                    .ok_or_else(|| ReadError::Io(format!("the tree {id} cannot be read")))
            }
        }
    }

    /// The folder that all work trees share, where the library knows it.
    pub fn shared_folder(&self) -> Option<PathBuf> {
        match self {
            Self::Library(repository) => Some(lock(repository).commondir().to_path_buf()),
            Self::Program(_) => None,
        }
    }

    /// The bytes of a blob, whose size is asked before it is read.
    pub fn blob(&self, id: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        match self {
            Self::Library(repository) => {
                let (repository, id) = (lock(repository), oid(id).map_err(|error| failed(&error))?);
                let odb = repository.odb().map_err(|error| failed(&error))?;
                let (size, _) = odb.read_header(id).map_err(|error| failed(&error))?;
                if u64::try_from(size).unwrap_or(u64::MAX) > limit {
                    return Err(ReadError::TooLarge { limit });
                }
                Ok(repository.find_blob(id).map_err(|error| failed(&error))?.content().to_vec())
            }
            Self::Program(cat) => lock(cat).read(id, "blob", limit),
        }
    }
}

/// A lock whose holder cannot have left anything half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An id as the library wants it: its length tells the hash.
pub(super) fn oid(id: &str) -> Result<git2::Oid, git2::Error> {
    let format = if id.len() == 64 { git2::ObjectFormat::Sha256 } else { git2::ObjectFormat::Sha1 };
    git2::Oid::from_str_ext(id, format)
}

fn failed(error: &git2::Error) -> ReadError {
    ReadError::Io(error.message().to_owned())
}

/// A tree as it is stored: mode, space, name, NUL and the bytes of the id, again and again.
fn parse_tree(mut bytes: &[u8], id_len: usize) -> Option<Vec<TreeEntry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let nul = bytes.iter().position(|byte| *byte == 0)?;
        let mode = u32::from_str_radix(std::str::from_utf8(&bytes[..space]).ok()?, 8).ok()?;
        let name = bytes.get(space + 1..nul)?.to_vec();
        let id = bytes.get(nul + 1..nul + 1 + id_len)?;
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        entries.push(TreeEntry { name, kind: EntryKind::of_mode(mode), id });
        bytes = &bytes[nul + 1 + id_len..];
    }
    Some(entries)
}
