//! When a file was last changed.

use super::git_program;
use super::objects::{Objects, lock};
use super::repository::{Repository, git_error};
use crate::domain::{RelPath, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Commits to look through: beyond, a file's date is not known.
const MOST_COMMITS: usize = 50_000;

impl Repository {
    /// The day (UTC, ISO 8601) of the last commit that touched each of these files. Files that no commit of this
    /// clone touched are left out, and so is what is older than the history that is looked through.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn last_commits(&self, paths: &[RelPath]) -> Result<BTreeMap<RelPath, String>> {
        let mut wanted: BTreeSet<&RelPath> = paths.iter().collect();
        let mut found = BTreeMap::new();
        if self.head()?.is_none() || self.is_shallow()? {
            // A shallow clone's first commit seems to touch every file.
            return Ok(found);
        }
        let mut see = |name: &str, day: &str| {
            let path = RelPath::new(name).and_then(|path| RelPath::new(path.strip(self.base.as_str())?));
            if let Some(path) = path
                && wanted.remove(&path)
            {
                found.insert(path, day.to_owned());
            }
            wanted.is_empty()
        };
        match &*self.objects {
            Objects::Library(library) => {
                let library = lock(library);
                walk(&library, &mut see).map_err(|error| git_error("the history", error))?;
            }
            Objects::Program(_) => {
                let limit = MOST_COMMITS.to_string();
                let arguments = [
                    "log",
                    "-n",
                    &limit,
                    "--format=%x00%x01%ct",
                    "--name-only",
                    "-z",
                    "--no-renames",
                    "-m",
                    "--first-parent",
                ];
                let output = git_program::demand(&self.top, &arguments)?;
                let mut day = String::new();
                for part in output.parts() {
                    let part = part.trim_matches('\n');
                    if let Some(seconds) = part.strip_prefix('\u{1}') {
                        day = seconds.trim().parse().ok().and_then(day_of).unwrap_or_default();
                    } else if !day.is_empty() && see(part, &day) {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }
}

/// From the newest commit back, along first parents, until everything has been seen.
fn walk(library: &git2::Repository, see: &mut impl FnMut(&str, &str) -> bool) -> Result<(), git2::Error> {
    let mut commit = Some(library.head()?.peel_to_commit()?);
    for _ in 0..MOST_COMMITS {
        let Some(this) = commit else { break };
        let parent = this.parent(0).ok();
        let before = parent.as_ref().map(git2::Commit::tree).transpose()?;
        let day = day_of(this.time().seconds()).unwrap_or_default();
        let diff = library.diff_tree_to_tree(before.as_ref(), Some(&this.tree()?), None)?;
        for delta in diff.deltas() {
            let name = delta.new_file().path_bytes().map(String::from_utf8_lossy).unwrap_or_default();
            if see(&name, &day) {
                return Ok(());
            }
        }
        commit = parent;
    }
    Ok(())
}

fn day_of(seconds: i64) -> Option<String> {
    Some(jiff::Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%d").to_string())
}
