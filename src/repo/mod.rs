//! The one door to a user's files and to git: snapshots of the working tree or of a revision.

mod base;
mod changes;
mod disk;
mod fork;
mod git_program;
mod glob;
mod history;
mod identity;
mod lfs;
mod objects;
mod repository;
mod revision;
mod snapshot;
mod touched;

pub use base::{Base, Variables};
pub use changes::Changed;
pub use glob::glob_matches;
pub use history::Change;
pub use repository::{Backend, CommitId, Repository};
pub use snapshot::{Leads, Matched, ReadError, Snapshot};

#[cfg(test)]
mod tests;
