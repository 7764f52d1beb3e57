//! The working tree.

use super::snapshot::{Child, ChildKind, Leads, ReadError, is_hidden_from_walks, unusable_name};
use crate::domain::{Error, RelPath, Result};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// A folder on disk that nothing read through it ever leaves.
#[derive(Debug)]
pub(super) struct Disk {
    /// Canonical, so that "inside" is a comparison of prefixes.
    root: PathBuf,
    /// Folders under the root by the path that they were asked for, and where they really lie.
    folders: RwLock<HashMap<String, PathBuf>>,
}

impl Disk {
    pub fn new(root: &Path) -> Result<Self> {
        let canonical = fs::canonicalize(root).map_err(|error| {
            Error::input(format!("the root {} cannot be opened", root.display())).because(error)
        })?;
        if !canonical.is_dir() {
            return Err(Error::input(format!("the root {} is not a folder", root.display())));
        }
        Ok(Self { root: canonical, folders: RwLock::default() })
    }

    /// Where `path` really lies: every link looked through, and still inside.
    fn locate(&self, path: &RelPath) -> Result<PathBuf, ReadError> {
        if path.as_str().is_empty() {
            return Ok(self.root.clone());
        }
        let real = self.folder(path.parent())?.join(path.file_name());
        let facts = fs::symlink_metadata(&real).map_err(|error| read_error(&error))?;
        if facts.is_symlink() {
            return self.inside(fs::canonicalize(&real).map_err(|error| read_error(&error))?);
        }
        self.inside(real)
    }

    /// Where a folder really lies. Looked up once: a corpus has thousands of files in a few folders, and looking
    /// through the links of every path takes longer than reading what it leads to.
    fn folder(&self, folder: &str) -> Result<PathBuf, ReadError> {
        if folder.is_empty() {
            return Ok(self.root.clone());
        }
        if let Some(real) = self.folders.read().unwrap_or_else(PoisonError::into_inner).get(folder) {
            return Ok(real.clone());
        }
        let real = fs::canonicalize(self.root.join(folder)).map_err(|error| read_error(&error))?;
        let real = self.inside(real)?;
        let mut folders = self.folders.write().unwrap_or_else(PoisonError::into_inner);
        Ok(folders.entry(folder.to_owned()).or_insert(real).clone())
    }

    /// Where a link leads that is no link to a file; `None` for one to something that holds no text.
    fn leads(&self, link: &Path) -> Option<Leads> {
        let Ok(real) = fs::canonicalize(link) else { return Some(Leads::Nowhere) };
        let is_folder = real.is_dir();
        is_folder.then(|| if self.inside(real).is_ok() { Leads::ToFolder } else { Leads::Outside })
    }

    fn inside(&self, real: PathBuf) -> Result<PathBuf, ReadError> {
        if real.file_name().is_some_and(|name| name == ".env") {
            return Err(ReadError::Io("it holds secrets, which are not read as text".to_owned()));
        }
        match real.strip_prefix(&self.root) {
            Ok(inside) if inside.components().all(|part| part.as_os_str() != ".git") => Ok(real),
            _ => Err(ReadError::Outside),
        }
    }

    pub fn read(&self, path: &RelPath, limit: u64) -> Result<Vec<u8>, ReadError> {
        let real = self.locate(path)?;
        // Asked before opening: to open a pipe would wait for its writer.
        let facts = fs::metadata(&real).map_err(|error| read_error(&error))?;
        if !facts.is_file() {
            return Err(ReadError::NotAFile);
        }
        if facts.len() > limit {
            return Err(ReadError::TooLarge { limit });
        }
        let file = File::open(&real).map_err(|error| read_error(&error))?;
        let mut bytes = Vec::with_capacity(usize::try_from(facts.len()).unwrap_or(0));
        // The file may have grown since; one byte more than the limit is enough to know.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| read_error(&error))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(ReadError::TooLarge { limit });
        }
        Ok(bytes)
    }

    pub fn is_file(&self, path: &RelPath) -> bool {
        self.locate(path).is_ok_and(|real| real.is_file())
    }

    pub fn children(&self, folder: &RelPath) -> Result<Vec<Child>, ReadError> {
        let real = match self.locate(folder) {
            Ok(real) => real,
            Err(ReadError::NotFound) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let nested = real != self.root;
        let list = match fs::read_dir(&real) {
            Ok(list) => list,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
            Err(error) => return Err(list_error(folder, &error)),
        };
        let mut children = Vec::new();
        for entry in list {
            let entry = entry.map_err(|error| list_error(folder, &error))?;
            let name = entry.file_name();
            if nested && name == ".git" {
                return Ok(Vec::new());
            }
            let kind = entry.file_type().map_err(|error| list_error(folder, &error))?;
            let kind = if kind.is_dir() {
                ChildKind::Folder
            } else if kind.is_symlink()
                && !entry.path().is_file()
                && let Some(leads) = self.leads(&entry.path())
            {
                ChildKind::Link(leads)
            } else {
                // A pipe or a socket as well: whoever reads it says what is wrong.
                ChildKind::File
            };
            let Some(name) = name.to_str() else {
                return Err(unusable_name(&format!("{folder}/{}", name.to_string_lossy())));
            };
            if !is_hidden_from_walks(name) {
                children.push(Child { name: name.to_owned(), kind });
            }
        }
        Ok(children)
    }
}

fn read_error(error: &io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::NotFound,
        _ => ReadError::Io(error.to_string()),
    }
}

fn list_error(folder: &RelPath, error: &io::Error) -> ReadError {
    ReadError::Io(format!("the folder {folder:?} cannot be listed: {error}"))
}
