//! The folder `.llmops/`, where everything lives that is kept and not committed.

use crate::domain::{Error, Result};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// `.llmops/` under a root. Nothing is made before something is kept.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// The folder that belongs to the project at `root`.
    pub fn at(root: &Path) -> Self {
        Self { path: root.join(".llmops") }
    }

    /// The folder itself, which may not exist yet.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes `.llmops/<name>`, and a `.gitignore` that keeps the whole of `.llmops/` out of every commit.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn make(&self, name: &str) -> Result<PathBuf> {
        let folder = self.path.join(name);
        fs::create_dir_all(&folder).map_err(|error| cannot("made", &folder, error))?;
        let ignore = self.path.join(".gitignore");
        match OpenOptions::new().write(true).create_new(true).open(&ignore) {
            Ok(mut file) => file.write_all(b"*\n").map_err(|error| cannot("written", &ignore, error))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot("written", &ignore, error)),
        }
        Ok(folder)
    }
}

/// The error of a file that cannot be `done` ("read", "written").
pub(super) fn cannot(done: &str, path: &Path, error: std::io::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some("free some disk space and run again"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some("check the owner and the permissions of the folder .llmops")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            Some("something that is no folder stands where one has to be made: move it away")
        }
        _ => None,
    };
    let error = Error::storage(format!("{} cannot be {done}", path.display()), error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
