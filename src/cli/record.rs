//! Deployment records on disk.

use super::workspace::Workspace;
use crate::domain::{Error, RelPath, Result};
use crate::manifest::deployment::{RECORD_LIMIT, Record, read};
use crate::repo::{ReadError, Snapshot};
use std::fs;

/// The file of an environment.
///
/// # Errors
/// When the name of the environment is no file name.
pub fn path_of(workspace: &Workspace, environment: &str) -> Result<RelPath> {
    let is_file = [".yaml", ".yml"].iter().any(|ending| environment.to_ascii_lowercase().ends_with(ending));
    let plain = !environment.is_empty()
        && !environment.starts_with('.')
        && !is_file
        && environment.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let folder = &workspace.manifests.project.folders.deployments;
    folder.join(&format!("{environment}.yaml")).filter(|_| plain).ok_or_else(|| {
        Error::input(format!("`{environment}` is no name of an environment"))
            .hint("use letters, digits, `-` and `_`, such as production; the file's ending is not part of it")
    })
}

/// A record as a snapshot has it; `None` where it has none.
///
/// # Errors
/// Everything that is wrong with it.
pub fn of(snapshot: &Snapshot, path: &RelPath) -> Result<Option<Record>> {
    match snapshot.read_text(path, RECORD_LIMIT) {
        Ok(text) => read(path, &text).map(Some).map_err(Error::invalid),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(Error::input(format!("cannot read {path}")).because(error)),
    }
}

/// Writes a record: whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write(workspace: &Workspace, path: &RelPath, record: &Record) -> Result<()> {
    let text = serde_yaml::to_string(record)
        .map_err(|error| Error::storage(format!("{path} cannot be written as YAML"), error))?;
    let file = path.on_disk(&workspace.root);
    let failed = |error: std::io::Error| Error::storage(format!("{path} cannot be written"), error);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let next = file.with_extension("yaml.new");
    fs::write(&next, text).and_then(|()| fs::rename(&next, &file)).map_err(failed)
}
