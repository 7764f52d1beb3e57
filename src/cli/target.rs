//! The files that reports are written to.

use super::terminal::Terminal;
use crate::domain::{Error, Result};
use crate::report::document::Document;
use crate::report::formats::{self, Target};
use std::fs::{self, File};
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
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    write(&mut file)?;
    file.flush().map_err(failed)
}

/// Writes a document where a target says, in its format.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn document(target: &Target, document: &Document<'_>) -> Result<()> {
    if target.is_stdout() {
        return formats::write(target.format, document, &mut Terminal::pipe());
    }
    file(&target.path, |out| formats::write(target.format, document, out))
}
