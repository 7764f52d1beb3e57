//! The files of a repository as of one moment.

use crate::domain::{RelPath, Result};
use std::path::Path;

/// Why a file of a snapshot cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// It is a folder, or something else that holds no bytes.
    #[error("not a file")]
    NotAFile,
    /// A symlink on the way leads out of the repository.
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

/// The files of the working tree, or of a revision. Reading never leaves the repository, through symlinks
/// neither.
#[derive(Clone, Debug)]
pub struct Snapshot;

impl Snapshot {
    /// The working tree at `root`.
    ///
    /// # Errors
    /// When `root` is no folder.
    pub fn working_tree(_root: &Path) -> Result<Self> {
        Ok(Self)
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(&self, _path: &RelPath, _limit: u64) -> Result<Vec<u8>, ReadError> {
        Err(ReadError::NotFound)
    }

    /// The text of a file, as it stands (byte order mark and `\r` included).
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read_text(&self, _path: &RelPath, _limit: u64) -> Result<String, ReadError> {
        Err(ReadError::NotFound)
    }

    /// Whether there is such a file.
    pub fn is_file(&self, _path: &RelPath) -> bool {
        false
    }

    /// Every file under `folder`, sorted; `.git` and `.llmops` are left out, links to folders are not
    /// followed.
    ///
    /// # Errors
    /// [`ReadError::Io`] when a folder cannot be listed. A folder that is not there is empty.
    pub fn files_under(&self, _folder: &RelPath) -> Result<Vec<RelPath>, ReadError> {
        Ok(Vec::new())
    }

    /// Every file that one of the globs matches, sorted. `*` does not cross `/`, `**` does.
    ///
    /// # Errors
    /// [`ReadError::Io`] when a folder cannot be listed or a glob cannot be read.
    pub fn glob(&self, _patterns: &[String]) -> Result<Vec<RelPath>, ReadError> {
        Ok(Vec::new())
    }
}
