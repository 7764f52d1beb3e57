//! The one door to a user's files and to git: snapshots of the working tree or of a revision.

mod disk;
mod glob;
mod snapshot;

pub use snapshot::{ReadError, Snapshot};

#[cfg(test)]
mod tests;
