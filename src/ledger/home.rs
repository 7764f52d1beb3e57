//! The folder `.llmops/`, where everything lives that is kept and not committed.

use crate::domain::{Error, RelPath, Result};
use crate::repo::Repository;
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

    /// Whether what lies in the folder was made here. What git tracks came with a commit: whoever wrote that commit
    /// would have written the answers too.
    ///
    /// # Errors
    /// When git tracks something in it, or it leads out of `root`.
    pub fn trust(&self, root: &Path, git: Option<&Repository>) -> Result<()> {
        if fs::symlink_metadata(&self.path).is_err() {
            return Ok(());
        }
        let real_root = fs::canonicalize(root).map_err(|error| cannot("read", root, error))?;
        let parts = ["", "exchanges", "runs", "index"].map(|part| self.path.join(part));
        for part in parts.iter().map(|part| part.components().as_path()) {
            if !fs::symlink_metadata(part).is_ok_and(|facts| facts.is_symlink()) {
                continue;
            }
            if !fs::canonicalize(part).is_ok_and(|real| real.starts_with(&real_root)) {
                return Err(Error::input(format!("{} leads outside the repository", part.display()))
                    .hint("remove the link: the folder is made again"));
            }
        }
        let name = RelPath::new(".llmops").unwrap_or_else(RelPath::root);
        match git.map(|git| git.tracked_below(&name)).transpose()?.flatten() {
            Some(file) => Err(Error::input(format!(
                "{file} is tracked by git: what is stored in .llmops is believed, so that it must not come with a commit"
            ))
            .hint("git rm -r --cached .llmops, and delete the folder unless its answers are your own")),
            None => Ok(()),
        }
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
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some disk space and run again".to_owned(),
        ErrorKind::FileTooLarge => {
            "files may not grow so large here: raise the limit (`ulimit -f`) and run again".to_owned()
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            let folder = path.parent().unwrap_or(path);
            format!("check the owner and the permissions of the folder {}", folder.display())
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "something that is no folder stands where one has to be made: move it away".to_owned()
        }
        _ => return Error::storage(format!("{} cannot be {done}", path.display()), error),
    };
    Error::storage(format!("{} cannot be {done}", path.display()), error).hint(hint)
}
