//! What verbs write and people commit: the lock and the deployment records. They are held as every manifest is.

use super::deployment::{RECORD_LIMIT, read};
use super::files::unreadable;
use super::lock::{LOCK_FILE, Lock};
use crate::domain::{Code, Diagnostic, Place, RelPath};
use crate::repo::Snapshot;

/// A file among the deployment records that `promote` and `rollback` never read.
pub const STRAY_RECORD: Code = Code("stray-record");

/// The generated files of a snapshot, read and judged.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Those that are there, sorted.
    pub files: Vec<RelPath>,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
}

impl Records {
    /// Reads the lock and every record under `deployments`. Never fails: what is wrong is a diagnostic.
    pub fn read(snapshot: &Snapshot, deployments: &RelPath) -> Self {
        let mut records = Self::default();
        if let Some(path) = RelPath::new(LOCK_FILE).filter(|path| snapshot.is_file(path)) {
            records.files.push(path);
            records.diagnostics.extend(Lock::read(snapshot).err().unwrap_or_default());
        }
        let under = match snapshot.files_under(deployments) {
            Ok(under) => under,
            Err(error) => {
                records.diagnostics.push(unreadable(deployments, &error, None));
                return records;
            }
        };
        for path in under.into_iter().filter(|path| matches!(path.extension().as_str(), "yaml" | "yml")) {
            match snapshot.read_text(&path, RECORD_LIMIT) {
                Ok(text) => records.diagnostics.extend(read(&path, &text).err().unwrap_or_default()),
                Err(error) => records.diagnostics.push(unreadable(&path, &error, None)),
            }
            if path.extension() != "yaml" || path.parent() != deployments.as_str() {
                let message = format!("no verb writes here: a record is {deployments}/<environment>.yaml");
                records.diagnostics.push(
                    Diagnostic::warning(STRAY_RECORD, message)
                        .at(Place::file(&path))
                        .help("move it there with `git mv`, so that `rollback` finds its history"),
                );
            }
            records.files.push(path);
        }
        records.files.sort();
        records
    }
}
