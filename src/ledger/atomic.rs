//! Files that are there whole or not at all.

use super::home::cannot;
use crate::domain::{Error, Result};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Replaces the file at `path` by what `write` writes, in one step: whoever reads it sees the old content or
/// the new, also when this process is killed in between.
///
/// # Errors
/// When the folder cannot be written or the disk is full; the old file is then as it was.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let folder = path.parent().ok_or_else(|| Error::input(format!("{} is no file", path.display())))?;
    let failed = |error| cannot("written", path, error);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".llmops-");
    // A temporary file is readable by its owner alone; a new file of the project is not.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    {
        let mut buffer = BufWriter::new(file.as_file_mut());
        write(&mut buffer).and_then(|()| buffer.flush()).map_err(failed)?;
    }
    // Whoever may read the file that is replaced may read what replaces it, and nobody else.
    if let Ok(facts) = std::fs::metadata(path) {
        file.as_file().set_permissions(facts.permissions()).map_err(failed)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_is_replaced_keeps_who_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("llmops.lock");
        let mode = || fs::metadata(&path).expect("the file").permissions().mode() & 0o777;
        for (set, left) in [(None, 0o644), (Some(0o600), 0o600), (Some(0o664), 0o664)] {
            if let Some(set) = set {
                fs::set_permissions(&path, fs::Permissions::from_mode(set)).expect("set");
            }
            super::replace(&path, |out| out.write_all(b"x")).expect("written");
            assert_eq!(mode(), left);
        }
    }
}
