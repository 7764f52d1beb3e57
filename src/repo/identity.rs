//! Who commits here.

use super::git_program;
use super::repository::Repository;
use crate::domain::{Error, Result};

impl Repository {
    /// `name <mail>` of whoever would commit, from git's configuration.
    ///
    /// # Errors
    /// When git knows no name or no mail, or cannot be run.
    pub fn committer(&self) -> Result<String> {
        let of = |key: &str| -> Result<String> {
            let output = git_program::run(&self.top, &["config", "--get", key])?;
            Some(output.line()).filter(|line| output.success && !line.is_empty()).ok_or_else(|| {
                Error::input(format!("git knows no `{key}`"))
                    .hint(format!("run `git config {key} …`: the record names who promoted"))
            })
        };
        Ok(format!("{} <{}>", of("user.name")?, of("user.email")?))
    }
}
