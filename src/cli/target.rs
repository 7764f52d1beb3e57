//! The files that reports are written to.

use super::terminal::Terminal;
use super::workspace::{self, Opened, Workspace};
use crate::domain::{Error, RelPath, Result};
use crate::manifest::reach::Reach;
use crate::repo::{Repository, Snapshot};
use crate::report::document::Document;
use crate::report::formats::{self, Format, Target};
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes a file by `write`, and makes the folders that it lies in.
///
/// # Errors
/// When it cannot be written.
pub fn file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let failed =
        |error: std::io::Error| Error::input(format!("cannot write {}", path.display())).because(error);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    own(path)?;
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    write(&mut file)?;
    file.flush().map_err(|error| Error::storage(format!("cannot write {}", path.display()), error))
}

/// Holds that every target can be written, before anything is paid for: a run whose reports have nowhere to go would have
/// to be told from its exit code.
///
/// # Errors
/// Two reports for one place, or a file that cannot be written.
pub fn ready(targets: &[Target]) -> Result<()> {
    for (at, target) in targets.iter().enumerate() {
        if targets[..at].iter().any(|other| other.path == target.path) {
            let place = if target.is_stdout() {
                "standard output".to_owned()
            } else {
                target.path.display().to_string()
            };
            return Err(Error::input(format!("two reports would be written to {place}"))
                .hint("give each a file of its own"));
        }
        if target.is_stdout() {
            continue;
        }
        own(&target.path)?;
        let failed = |error: std::io::Error| {
            Error::input(format!("cannot write {}", target.path.display())).because(error)
        };
        if let Some(folder) = target.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // A pipe is read by somebody who would take this for the end.
        if fs::metadata(&target.path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            continue;
        }
        // What stands there is left until there is something to put in its place.
        OpenOptions::new().append(true).create(true).open(&target.path).map_err(failed)?;
    }
    Ok(())
}

/// Where reports are written beside what is evaluated.
pub struct Beside<'a> {
    root: &'a Path,
    git: Option<&'a Repository>,
    snapshot: &'a Snapshot,
}

impl<'a> From<&'a Opened> for Beside<'a> {
    fn from(opened: &'a Opened) -> Self {
        Self { root: &opened.root, git: opened.git.as_ref(), snapshot: &opened.snapshot }
    }
}

impl<'a> From<&'a Workspace> for Beside<'a> {
    fn from(workspace: &'a Workspace) -> Self {
        Self { root: &workspace.root, git: workspace.git.as_ref(), snapshot: &workspace.snapshot }
    }
}

impl Beside<'_> {
    /// Holds that no report takes the place of what is evaluated: see [`Beside::spares`].
    ///
    /// # Errors
    /// When one would.
    pub fn spares_all(&self, targets: &[Target]) -> Result<()> {
        targets.iter().filter(|target| !target.is_stdout()).try_for_each(|target| self.spares(&target.path))
    }

    /// Holds that a file is not one that git tracks and that a manifest may read, or that git reads itself.
    ///
    /// # Errors
    /// When it is.
    pub fn spares(&self, path: &Path) -> Result<()> {
        let real = |path: &Path| fs::canonicalize(path).ok();
        let inside = || {
            let inside = real(path)?.strip_prefix(real(self.root)?).ok()?.to_owned();
            RelPath::new(inside.to_str()?)
        };
        let (Some(git), Some(inside)) = (self.git, inside()) else { return Ok(()) };
        let read = inside.file_name().starts_with(".git") || Reach::of(self.snapshot).may_read(&inside);
        if !read || git.tracked_below(&inside)?.is_none() {
            return Ok(());
        }
        let shown = path.display();
        let message = format!("cannot write {shown}: git tracks it, and it may be part of what is evaluated");
        Err(Error::input(message).hint("name another file"))
    }
}

/// Holds that a report lands where it is named: a link may have come with a change, and git's own files are not for it.
fn own(path: &Path) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::input(format!("cannot write {}: {why}", path.display())).hint("name another file"))
    };
    if path.components().any(|part| part.as_os_str() == ".git") {
        return refused("it is git's own");
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|facts| facts.is_symlink());
    // `/dev/stdout` is one, and leads to no file.
    let leads_to_file = fs::metadata(path).map_or(true, |facts| facts.is_file());
    if is_link && leads_to_file { refused("it is a link to another file") } else { Ok(()) }
}

/// Writes a document where a target says, in its format.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn document(target: &Target, document: &Document<'_>, terminal: &Terminal) -> Result<()> {
    // A host places annotations by paths from the top of the repository.
    let within = match target.format {
        Format::Github => workspace::within(terminal.root.as_deref()),
        _ => String::new(),
    };
    let format = target.format;
    if target.is_stdout() {
        let mut out = Terminal::pipe();
        formats::write_within(format, &within, document, &mut out)?;
        return out.flush().map_err(|error| Error::storage("write the report", error));
    }
    file(&target.path, |out| formats::write_within(format, &within, document, out))
}
