//! The history of files, along every parent of every merge.

use super::git_program;
use super::repository::{CommitId, Repository};
use crate::domain::{RelPath, Result};

/// A commit that changed what was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The commit.
    pub commit: CommitId,
    /// The author's date, RFC 3339.
    pub date: String,
    /// The author's name.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
    /// The old and the new path of the files that it moved, below the base.
    pub moved: Vec<(RelPath, RelPath)>,
}

impl Repository {
    /// The commits, reachable from `from`, that changed a file below one of `folders`, the newest first. A merge is
    /// there when it differs from all of its parents.
    ///
    /// # Errors
    /// When git cannot be run or history cannot be read.
    pub fn history(&self, from: &str, folders: &[RelPath]) -> Result<Vec<Change>> {
        let specs: Vec<String> = folders.iter().map(|folder| self.below(folder)).collect();
        let format = "--format=%x00%x01%H%x00%aI%x00%an%x00%s%x00";
        let mut arguments = vec![
            "log",
            "-z",
            "--full-history",
            "--topo-order",
            "-c",
            "-M",
            "--name-status",
            format,
            from,
            "--",
        ];
        arguments.extend(specs.iter().map(String::as_str));
        let output = git_program::demand(&self.top, &arguments)?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.split("\0\u{1}").skip(1).filter_map(|commit| self.change(commit)).collect())
    }

    /// The commits that changed a file, the newest first, along every parent.
    ///
    /// # Errors
    /// When git cannot be run or history cannot be read.
    pub fn commits_of(&self, path: &RelPath) -> Result<Vec<CommitId>> {
        let spec = self.below(path);
        let output = git_program::demand(&self.top, &["log", "--format=%H", "--full-history", "--", &spec])?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().map(|line| CommitId(line.to_owned())).collect())
    }

    fn below(&self, path: &RelPath) -> String {
        let path = self.base.join(path.as_str()).unwrap_or_else(RelPath::root);
        if path.as_str().is_empty() { ".".to_owned() } else { format!(":(top,literal){path}") }
    }

    fn change(&self, text: &str) -> Option<Change> {
        let mut parts = text.split('\0');
        let mut next = || parts.next().map(|part| part.trim_start_matches('\n').to_owned());
        let (commit, date, author, subject) = (next()?, next()?, next()?, next()?);
        let own = |path: String| RelPath::new(RelPath::new(&path)?.strip(self.base.as_str())?);
        let mut moved = Vec::new();
        while let Some(status) = next() {
            if status.starts_with('R')
                && let (Some(old), Some(new)) = (next(), next())
                && let (Some(old), Some(new)) = (own(old), own(new))
            {
                moved.push((old, new));
            }
        }
        Some(Change { commit: CommitId(commit), date, author, subject, moved })
    }
}
