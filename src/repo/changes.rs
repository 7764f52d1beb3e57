//! What differs between a commit and the working tree.

use super::git_program::{self, Output};
use super::objects::{Objects, lock, oid};
use super::repository::{CommitId, Repository, git_error};
use crate::domain::{RelPath, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// What differs between a commit and the working tree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changed {
    /// Files, sorted; those that are neither tracked nor ignored are among them.
    pub paths: Vec<RelPath>,
    /// Files that git ignores, sorted: nothing tells whether they changed.
    pub ignored: Vec<RelPath>,
    /// Folders of which git ignores everything, sorted; their files are not listed.
    pub ignored_folders: Vec<RelPath>,
}

impl Repository {
    /// Whether a tracked file changed, staged or not, or there is a file that is neither tracked nor ignored,
    /// below the base.
    ///
    /// # Errors
    /// When the working tree cannot be compared.
    pub fn is_dirty(&self) -> Result<bool> {
        if let Objects::Library(library) = &*self.objects {
            let library = lock(library);
            let mut options = git2::StatusOptions::new();
            options.include_untracked(true).include_ignored(false).exclude_submodules(true);
            options.disable_pathspec_match(true);
            if !self.base.as_str().is_empty() {
                options.pathspec(self.base.as_str());
            }
            let statuses =
                library.statuses(Some(&mut options)).map_err(|error| git_error("the working tree", error))?;
            if statuses.is_empty() {
                return Ok(false);
            }
        }
        // The library applies no filters and knows no sparse checkout: that something changed is only true
        // when git itself says so. Without the program the library's word stands.
        let Ok(output) = self.program_status() else {
            return Ok(true);
        };
        Ok(!output.success || !output.stdout.is_empty())
    }

    fn program_status(&self) -> Result<Output> {
        let spec = self.pathspec(&RelPath::root());
        let all =
            ["status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules", "--", &spec];
        git_program::run(&self.top, &all)
    }

    /// Whether git tracks this file.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn is_tracked(&self, path: &RelPath) -> Result<bool> {
        match &*self.objects {
            Objects::Library(library) => {
                let mut index = lock(library).index().map_err(|error| git_error("the index", error))?;
                index.read(false).map_err(|error| git_error("the index", error))?;
                let path = self.base.join(path.as_str()).unwrap_or_else(RelPath::root);
                Ok(index.get_path(Path::new(path.as_str()), 0).is_some())
            }
            Objects::Program(_) => {
                let output = git_program::demand(&self.top, &["ls-files", "-z", "--", &self.pathspec(path)])?;
                Ok(!output.stdout.is_empty())
            }
        }
    }

    /// A file that git tracks, at `folder` or below it.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn tracked_below(&self, folder: &RelPath) -> Result<Option<String>> {
        match &*self.objects {
            Objects::Library(library) => {
                let mut index = lock(library).index().map_err(|error| git_error("the index", error))?;
                index.read(false).map_err(|error| git_error("the index", error))?;
                let path = self.base.join(folder.as_str()).unwrap_or_else(RelPath::root);
                if index.get_path(Path::new(path.as_str()), 0).is_some() {
                    return Ok(Some(folder.to_string()));
                }
                let Ok(first) = index.find_prefix(format!("{path}/")) else { return Ok(None) };
                let Some(entry) = index.get(first) else { return Ok(None) };
                let name = String::from_utf8_lossy(&entry.path).into_owned();
                Ok(RelPath::new(&name)
                    .and_then(|name| name.strip(self.base.as_str()).map(str::to_owned))
                    .or(Some(name)))
            }
            Objects::Program(_) => {
                let spec = self.pathspec(folder);
                let output = git_program::demand(&self.top, &["ls-files", "-z", "--", &spec])?;
                Ok(output.parts().into_iter().next())
            }
        }
    }

    /// The files, below the base, that differ between a commit and the working tree, files that are neither
    /// tracked nor ignored included; sorted. A file that moved is there under both names. What filters do to
    /// content may list a file whose content is the same.
    ///
    /// # Errors
    /// When they cannot be compared.
    pub fn changed_paths(&self, since: &CommitId) -> Result<Vec<RelPath>> {
        Ok(self.changed(since)?.paths)
    }

    /// As [`Repository::changed_paths`], with what git ignores.
    ///
    /// # Errors
    /// When they cannot be compared.
    pub fn changed(&self, since: &CommitId) -> Result<Changed> {
        let (names, ignored) = match &*self.objects {
            Objects::Library(library) => self
                .changed_by_library(&lock(library), since)
                .map_err(|error| git_error("the working tree", error))?,
            Objects::Program(_) => {
                let spec = self.pathspec(&RelPath::root());
                let tracked =
                    ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", &since.0, "--", &spec];
                let untracked = ["ls-files", "-z", "--others", "--exclude-standard", "--", &spec];
                let mut names: BTreeSet<String> =
                    git_program::demand(&self.top, &tracked)?.parts().into_iter().collect();
                names.extend(git_program::demand(&self.top, &untracked)?.parts());
                let ignored = [
                    "ls-files",
                    "-z",
                    "--others",
                    "--ignored",
                    "--exclude-standard",
                    "--directory",
                    "--",
                    &spec,
                ];
                (names, git_program::demand(&self.top, &ignored)?.parts().into_iter().collect())
            }
        };
        let below = |name: &String| RelPath::new(RelPath::new(name)?.strip(self.base.as_str())?);
        let (folders, files): (Vec<String>, _) = ignored.into_iter().partition(|name| name.ends_with('/'));
        let folders = folders.iter().map(|name| name.trim_end_matches('/').to_owned());
        Ok(Changed {
            paths: names.iter().filter_map(below).collect(),
            ignored: files.iter().filter_map(below).collect(),
            ignored_folders: folders.filter_map(|name| below(&name)).collect(),
        })
    }

    /// The symbolic links and submodules that git tracks, below the base, in no order: what lies behind them changes
    /// without a changed path of its own.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn links(&self) -> Result<Vec<RelPath>> {
        const LINKS: [u32; 2] = [0o120_000, 0o160_000];
        let names: Vec<String> = match &*self.objects {
            Objects::Library(library) => {
                let mut index = lock(library).index().map_err(|error| git_error("the index", error))?;
                index.read(false).map_err(|error| git_error("the index", error))?;
                let links = index.iter().filter(|entry| LINKS.contains(&entry.mode));
                links.map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect()
            }
            Objects::Program(_) => {
                let output = git_program::demand(&self.top, &["ls-files", "-s", "-z"])?;
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let rows =
                    text.split('\0').filter(|row| row.starts_with("120000 ") || row.starts_with("160000 "));
                rows.filter_map(|row| Some(row.split_once('\t')?.1.to_owned())).collect()
            }
        };
        let below =
            names.iter().filter_map(|name| RelPath::new(RelPath::new(name)?.strip(self.base.as_str())?));
        Ok(below.collect())
    }

    fn changed_by_library(
        &self,
        library: &git2::Repository,
        since: &CommitId,
    ) -> Result<(BTreeSet<String>, BTreeSet<String>), git2::Error> {
        let tree = library.find_commit(oid(&since.0)?)?.tree()?;
        let mut options = git2::DiffOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).ignore_submodules(true);
        // A folder that is ignored as a whole stands there as one.
        options.include_ignored(true).recurse_ignored_dirs(false);
        options.disable_pathspec_match(true);
        if !self.base.as_str().is_empty() {
            options.pathspec(self.base.as_str());
        }
        let diff = library.diff_tree_to_workdir_with_index(Some(&tree), Some(&mut options))?;
        let (mut names, mut ignored) = (BTreeSet::new(), BTreeSet::new());
        for delta in diff.deltas() {
            let names = if delta.status() == git2::Delta::Ignored { &mut ignored } else { &mut names };
            for file in [delta.old_file(), delta.new_file()] {
                if let Some(path) = file.path_bytes() {
                    names.insert(String::from_utf8_lossy(path).into_owned());
                }
            }
        }
        Ok((names, ignored))
    }

    /// A path below the base as an argument that git takes literally and from the top.
    fn pathspec(&self, path: &RelPath) -> String {
        let path = self.base.join(path.as_str()).unwrap_or_else(RelPath::root);
        if path.as_str().is_empty() { ".".to_owned() } else { format!(":(top,literal){path}") }
    }
}
