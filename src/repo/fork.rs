//! Commits that a checkout may not have: fetched one by one, and history deepened until it holds the fork.

use super::git_program;
use super::repository::{CommitId, Repository};
use crate::domain::{Error, RelPath, Result};

/// Commits that the first deepening asks for; each further one asks for twice as many.
const FIRST_DEPTH: u32 = 50;
/// After so many deepenings the whole history is fetched.
const DEEPENINGS: u32 = 10;

impl Repository {
    /// The commit with this full id, fetched alone where it is not here.
    pub(super) fn obtain(&self, id: &str) -> Result<(Self, CommitId)> {
        if !is_id(id) {
            return Err(Error::input(format!("{id:?} is no commit id")));
        }
        let commit = CommitId(id.to_owned());
        if self.has(&commit) {
            return Ok((self.clone(), commit));
        }
        // A depth given to a clone that has all its history would cut that history off.
        let depth: &[&str] = if self.is_shallow()? { &["--depth=1"] } else { &[] };
        let fetched = git_program::fetch(&self.top, &[depth, &["origin", id]].concat())?;
        let again = self.reopened()?;
        if fetched.success && again.has(&commit) {
            return Ok((again, commit));
        }
        let depth = depth.first().map_or(String::new(), |depth| format!("{depth} "));
        Err(Error::input(format!("the base commit {} is not in this clone", commit.short()))
            .because(Refused(fetched.stderr))
            .hint(format!("run `git fetch {depth}origin {id}`, then try again")))
    }

    /// Whether the commit and its tree can be read.
    fn has(&self, commit: &CommitId) -> bool {
        self.objects.tree_of(commit.as_str()).is_ok_and(|tree| self.objects.tree(&tree).is_ok())
    }

    /// The same repository read afresh: a fetch moves what an open one keeps in memory.
    fn reopened(&self) -> Result<Self> {
        let again = Self::discover(&self.top)?
            .ok_or_else(|| Error::input(format!("there is no repository at {}", self.top.display())))?;
        if self.base == RelPath::root() { Ok(again) } else { again.based_at(&self.base.on_disk(&self.top)) }
    }

    /// The remote's branch: what is here where that will do, else fetched.
    pub(super) fn remote_branch(&self, branch: &str) -> Result<(Self, CommitId)> {
        if let Ok(commit) = self.resolve(&format!("refs/remotes/origin/{branch}")) {
            return Ok((self.clone(), commit));
        }
        let refspec = refspec(branch)?;
        let depth: &[&str] = if self.is_shallow()? { &["--depth=1"] } else { &[] };
        let fetched = git_program::fetch(&self.top, &[depth, &["origin", &refspec]].concat())?;
        let again = self.reopened()?;
        match again.resolve(&format!("refs/remotes/origin/{branch}")) {
            Ok(commit) => Ok((again, commit)),
            Err(_) => Err(Error::input(format!("the branch {branch} of the remote is not in this clone"))
                .because(Refused(fetched.stderr))
                .hint(format!("run `git fetch origin {refspec}`, then try again"))),
        }
    }

    /// The fork of `other` and the head. A shallow clone is deepened until it holds it; `branch` is where on the
    /// remote `other` comes from, where that is known.
    pub(super) fn fork(
        &self,
        other: &CommitId,
        head: &CommitId,
        branch: Option<&str>,
    ) -> Result<(Self, CommitId)> {
        let mut here = self.clone();
        let mut depth = FIRST_DEPTH;
        for round in 0..=DEEPENINGS {
            if let Some(fork) = here.fork_here(other, head)? {
                return Ok((here, fork));
            }
            if !here.is_shallow()? {
                let message = format!("{} and the head have no common ancestor", other.short());
                return Err(Error::input(message).hint("name a base that the head comes from"));
            }
            let more =
                if round == DEEPENINGS { "--unshallow".to_owned() } else { format!("--deepen={depth}") };
            depth = depth.saturating_mul(2);
            let mut arguments = vec![more, "origin".to_owned()];
            arguments.push(branch.map_or_else(|| Ok(other.to_string()), refspec)?);
            arguments.push(head.to_string());
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut fetched = git_program::fetch(&here.top, &arguments)?;
            if !fetched.success {
                // A head that was never pushed cannot be asked for: what the remote has of it is then behind the
                // branches.
                fetched = git_program::fetch(&here.top, &arguments[..2])?;
            }
            if !fetched.success {
                let error =
                    Error::input(format!("the fork of {} and the head is not in this clone", other.short()));
                return Err(error.because(Refused(fetched.stderr)).hint(unshallow()));
            }
            here = here.reopened()?;
        }
        Err(Error::input(format!("the fork of {} and the head is not in this clone", other.short()))
            .hint(unshallow()))
    }

    /// The fork, as far as this clone knows history. Of a cut off history the program knows more than the library.
    fn fork_here(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>> {
        if !self.is_shallow()? {
            return self.merge_base(a, b);
        }
        let output = git_program::run(&self.top, &["merge-base", a.as_str(), b.as_str()])?;
        Ok(output.success.then(|| CommitId(output.line())))
    }
}

fn unshallow() -> &'static str {
    "run `git fetch --unshallow origin`, then try again"
}

/// Where a branch of the remote is kept here.
fn refspec(branch: &str) -> Result<String> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
    if branch.is_empty() || branch.starts_with('-') || branch.contains("..") || branch.contains(odd) {
        return Err(Error::input(format!("{branch:?} is no name of a branch")));
    }
    Ok(format!("+refs/heads/{branch}:refs/remotes/origin/{branch}"))
}

/// Whether it is a full id, and not the zeros that stand for none.
pub(super) fn is_id(text: &str) -> bool {
    (text.len() == 40 || text.len() == 64)
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'0')
}

/// What `git fetch` said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);
