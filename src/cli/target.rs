//! The files that reports are written to.

use super::terminal::Terminal;
use super::workspace::{self, Opened};
use crate::domain::{Error, RelPath, Result};
use crate::manifest::reach::Reach;
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

/// Holds that a report does not take the place of what is evaluated: a file that git tracks and that a manifest may read,
/// or that git reads itself.
///
/// # Errors
/// When it would.
pub fn spare(target: &Target, opened: &Opened) -> Result<()> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let inside = || {
        let path = real(&target.path)?.strip_prefix(real(&opened.root)?).ok()?.to_owned();
        RelPath::new(path.to_str()?)
    };
    let (Some(git), Some(path)) = (&opened.git, inside().filter(|_| !target.is_stdout())) else {
        return Ok(());
    };
    let read = path.file_name().starts_with(".git") || Reach::of(&opened.snapshot).may_read(&path);
    if !read || git.tracked_below(&path)?.is_none() {
        return Ok(());
    }
    let shown = target.path.display();
    let message = format!("cannot write {shown}: git tracks it, and it may be part of what is evaluated");
    Err(Error::input(message).hint("name another file"))
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
