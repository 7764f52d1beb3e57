//! The files of a commit, read from git's objects and never checked out.

use super::lfs;
use super::objects::{EntryKind, Objects, TreeEntry};
use super::snapshot::{Child, ChildKind, Leads, ReadError, is_hidden_from_walks, unusable_name};
use crate::domain::RelPath;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// So many links may be looked through on the way to one file, as on disk.
const MAX_LINKS: usize = 40;
/// No link has a longer target.
const MAX_TARGET_BYTES: u64 = 4096;

type Tree = Arc<Vec<TreeEntry>>;

/// The tree of a commit, or the part of it below the folder that counts as the root.
#[derive(Debug)]
pub(super) struct Revision {
    objects: Arc<Objects>,
    /// `None` where the commit has no such folder: no file is there.
    root: Option<String>,
    trees: Mutex<HashMap<String, Tree>>,
}

enum Found {
    File(String),
    Folder(String),
    Submodule,
}

impl Revision {
    /// The files of `commit` below `base`.
    pub fn new(objects: Arc<Objects>, commit: &str, base: &RelPath) -> Result<Self, ReadError> {
        let top = objects.tree_of(commit)?;
        let mut revision = Self { objects, root: Some(top), trees: Mutex::default() };
        revision.root = match revision.locate(base.as_str()) {
            Ok(Found::Folder(id)) => Some(id),
            Ok(_) | Err(ReadError::NotFound) => None,
            Err(error) => return Err(error),
        };
        Ok(revision)
    }

    pub fn read(&self, path: &RelPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        let Found::File(id) = self.locate(path.as_str())? else {
            return Err(ReadError::NotAFile);
        };
        let bytes = self.objects.blob(&id, limit)?;
        if lfs::is_pointer(&bytes) {
            return lfs::content(&bytes, self.objects.shared_folder().as_deref(), limit);
        }
        Ok(bytes)
    }

    pub fn is_file(&self, path: &RelPath) -> bool {
        matches!(self.locate(path.as_str()), Ok(Found::File(_)))
    }

    pub fn children(&self, folder: &RelPath) -> Result<Vec<Child>, ReadError> {
        let id = match self.locate(folder.as_str()) {
            Ok(Found::Folder(id)) => id,
            Ok(_) | Err(ReadError::NotFound) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut children = Vec::new();
        for entry in self.tree(&id)?.iter() {
            let Ok(name) = std::str::from_utf8(&entry.name) else {
                return Err(unusable_name(&format!("{folder}/{}", String::from_utf8_lossy(&entry.name))));
            };
            let kind = match entry.kind {
                EntryKind::Folder => ChildKind::Folder,
                EntryKind::File => ChildKind::File,
                EntryKind::Link => match self.locate(&format!("{folder}/{name}")) {
                    Ok(Found::File(_)) | Err(ReadError::Outside) => ChildKind::File,
                    Ok(Found::Folder(_)) => ChildKind::Link(Leads::ToFolder),
                    Ok(Found::Submodule) => continue,
                    Err(_) => ChildKind::Link(Leads::Nowhere),
                },
                EntryKind::Submodule => continue,
            };
            if !is_hidden_from_walks(name) {
                children.push(Child { name: name.to_owned(), kind });
            }
        }
        Ok(children)
    }

    /// What lies at a path, every link looked through, and never above the root.
    fn locate(&self, path: &str) -> Result<Found, ReadError> {
        let root = self.root.clone().ok_or(ReadError::NotFound)?;
        let mut todo: VecDeque<String> = parts(path).collect();
        let (mut folders, mut links) = (vec![root], 0);
        while let Some(part) = todo.pop_front() {
            if part == ".." {
                folders.pop();
                if folders.is_empty() {
                    return Err(ReadError::Outside);
                }
                continue;
            }
            let Some(folder) = folders.last() else {
                return Err(ReadError::Outside);
            };
            let tree = self.tree(folder)?;
            let entry = tree.iter().find(|entry| entry.name == part.as_bytes()).ok_or(ReadError::NotFound)?;
            match entry.kind {
                EntryKind::Folder => folders.push(entry.id.clone()),
                EntryKind::File if todo.is_empty() => return Ok(Found::File(entry.id.clone())),
                EntryKind::Submodule if todo.is_empty() => return Ok(Found::Submodule),
                EntryKind::File | EntryKind::Submodule => return Err(ReadError::NotFound),
                EntryKind::Link => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(ReadError::Io("too many levels of symbolic links".to_owned()));
                    }
                    let target = self.objects.blob(&entry.id, MAX_TARGET_BYTES)?;
                    let target = String::from_utf8(target).map_err(|_| ReadError::NotFound)?;
                    if target.starts_with('/') {
                        return Err(ReadError::Outside);
                    }
                    for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                        todo.push_front(part);
                    }
                }
            }
        }
        folders.pop().map(Found::Folder).ok_or(ReadError::Outside)
    }

    fn tree(&self, id: &str) -> Result<Tree, ReadError> {
        let trees = || self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = trees().get(id) {
            return Ok(Arc::clone(tree));
        }
        let tree = Arc::new(self.objects.tree(id)?);
        trees().insert(id.to_owned(), Arc::clone(&tree));
        Ok(tree)
    }
}

fn parts(path: &str) -> impl Iterator<Item = String> + '_ {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned)
}
