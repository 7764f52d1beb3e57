//! Which commit a change is measured against: the first rule that fits decides, and says that it did.

use super::fork::is_id;
use super::repository::{CommitId, Repository};
use crate::domain::{Error, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// The environment, as the caller read it.
pub type Variables = BTreeMap<String, String>;

/// Bytes of an event file that are read: the largest webhook is 25 MB.
const MAX_EVENT: u64 = 32 << 20;

/// The commit that a change is measured against.
#[derive(Clone, Debug)]
pub struct Base {
    /// The commit.
    pub commit: CommitId,
    /// Which rule found it, for people: "the target branch that the merge ref was made with".
    pub how: String,
    /// The repository with the commit in it: finding it may have fetched.
    pub repository: Repository,
}

impl Repository {
    /// The base of what is checked out: `wanted` and the head's fork, else what the CI system says in `variables`,
    /// else the fork from the default branch. What a shallow clone lacks is fetched.
    ///
    /// # Errors
    /// When there is no base, or it is not here and cannot be fetched; the hint is the command that would.
    pub fn find_base(&self, wanted: Option<&str>, variables: &Variables) -> Result<Base> {
        let Some(head) = self.head()? else {
            return Err(Error::input("there is no commit yet, so that there is no base")
                .hint("commit, or run without the flag that asks for a base"));
        };
        let search = Search { repository: self, head, variables };
        if let Some(rev) = wanted {
            return search.named(rev);
        }
        if let Some(event) = search.get("GITHUB_EVENT_NAME")
            && search.get("GITHUB_ACTIONS").is_some()
            && let Some(base) = search.github(event)?
        {
            return Ok(base);
        }
        if search.get("GITLAB_CI").is_some()
            && let Some(base) = search.gitlab()?
        {
            return Ok(base);
        }
        search.local()
    }
}

struct Search<'a> {
    repository: &'a Repository,
    head: CommitId,
    variables: &'a Variables,
}

impl Search<'_> {
    /// A variable that is set to something.
    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn found(&self, (repository, commit): (Repository, CommitId), how: impl Into<String>) -> Base {
        Base { commit, how: how.into(), repository }
    }

    fn named(&self, rev: &str) -> Result<Base> {
        let how = format!("the fork from {rev}");
        let branch = rev.strip_prefix("origin/").unwrap_or(rev);
        let (repository, commit) = match self.repository.resolve(rev) {
            Ok(commit) => (self.repository.clone(), commit),
            Err(_) if is_id(rev) => self.repository.obtain(rev)?,
            Err(error) => self.repository.remote_branch(branch).map_err(|_| error)?,
        };
        let remote = repository.resolve(&format!("refs/remotes/origin/{branch}")).ok();
        let branch = (remote.as_ref() == Some(&commit)).then_some(branch);
        Ok(self.found(repository.fork(&commit, &self.head, branch)?, how))
    }

    /// The fork from a branch of the remote.
    fn fork_from(&self, branch: &str) -> Result<Base> {
        let (repository, commit) = self.repository.remote_branch(branch)?;
        let fork = repository.fork(&commit, &self.head, Some(branch))?;
        Ok(self.found(fork, format!("the fork from origin/{branch}")))
    }

    fn commit(&self, id: &str, how: &str) -> Result<Base> {
        Ok(self.found(self.repository.obtain(id)?, how))
    }

    fn github(&self, name: &str) -> Result<Option<Base>> {
        let event = self.event()?;
        match name {
            "pull_request" | "pull_request_target" | "pull_request_review" => {
                self.pull_request(&event["pull_request"]).map(Some)
            }
            "merge_group" => match event["merge_group"]["base_sha"].as_str() {
                Some(id) => self.commit(id, "the base of the merge group").map(Some),
                None => Err(self.incomplete("merge_group.base_sha")),
            },
            "push" => self.push(&event).map(Some),
            _ => Ok(None),
        }
    }

    fn pull_request(&self, request: &Value) -> Result<Base> {
        if request["merged"] == true
            && let Some(merged) = request["merge_commit_sha"].as_str()
        {
            let (repository, merged) = self.repository.obtain(merged)?;
            let Some(parent) = parents(&repository, &merged)?.into_iter().next() else {
                return Err(Error::input(format!("the merge {} has no parent", merged.short()))
                    .hint("name the base: --changed=REV"));
            };
            return Ok(self.found(repository.obtain(&parent)?, "what the pull request was merged into"));
        }
        // The base that the event names may be older than the one the merge ref was made with; what others merged
        // in between would then count as this request's. The merge itself names the right one.
        let parents = parents(self.repository, &self.head)?;
        if let [onto, tip] = &parents[..]
            && request["head"]["sha"].as_str() == Some(tip)
        {
            return self.commit(onto, "the target branch that the merge ref was made with");
        }
        match self.get("GITHUB_BASE_REF").or_else(|| request["base"]["ref"].as_str()) {
            Some(branch) => self.fork_from(branch),
            None => Err(self.incomplete("pull_request.base.ref")),
        }
    }

    /// On the default branch what it was at before. On any other the fork from it: measured against the push before, a
    /// change that broke a gate would be green with the next commit.
    fn push(&self, event: &Value) -> Result<Base> {
        let branch = event["repository"]["default_branch"].as_str();
        let pushed = event["ref"].as_str().or_else(|| self.get("GITHUB_REF"));
        if let (Some(branch), Some(pushed)) = (branch, pushed)
            && pushed != format!("refs/heads/{branch}")
        {
            return self.fork_from(branch);
        }
        let before = event["before"].as_str().filter(|id| is_id(id));
        if let Some(id) = before
            && event["forced"] != true
            && let Ok((repository, before)) = self.repository.obtain(id)
            // The event says that history went on from there; else only history itself can.
            && (event["forced"] == false
                || repository.fork(&before, &self.head, None).is_ok_and(|(_, fork)| fork == before))
        {
            return Ok(self.found((repository, before), "what the branch was at before the push"));
        }
        let base = match branch {
            Some(branch) => self.fork_from(branch)?,
            None => self.local()?,
        };
        if base.commit != self.head {
            return Ok(base);
        }
        if let Some(id) = before
            && let Ok(found) = self.repository.obtain(id)
        {
            return Ok(self.found(found, "what the branch was at before the forced push"));
        }
        // Another branch that is where the default branch is differs from it in nothing.
        let pushed = event["ref"].as_str().or_else(|| self.get("GITHUB_REF"));
        if pushed.zip(branch).is_some_and(|(pushed, branch)| pushed != format!("refs/heads/{branch}")) {
            return Ok(base);
        }
        // The default branch itself was pushed: its fork from itself would say that nothing ever changed.
        match before {
            // The remote lets go of what a forced push replaced: there is no command that would bring it.
            Some(_) => Err(Error::input("what the default branch was before the forced push is gone")
                .hint("name a base: --changed=REV, or run without --changed")),
            None => Err(Error::input("the first push of the default branch has no base")
                .hint("name one: --changed=REV, or run without --changed")),
        }
    }

    fn gitlab(&self) -> Result<Option<Base>> {
        let of_request = self.variables.keys().any(|name| name.starts_with("CI_MERGE_REQUEST_"));
        if of_request {
            for (name, how) in [
                ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "the target branch of the merged result"),
                ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "the base of the merge request"),
            ] {
                if let Some(id) = self.get(name).filter(|id| is_id(id)) {
                    return self.commit(id, how).map(Some);
                }
            }
            return match self.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME") {
                Some(branch) => self.fork_from(branch).map(Some),
                None => Ok(None),
            };
        }
        if let (Some(branch), Some(pushed)) = (self.get("CI_DEFAULT_BRANCH"), self.get("CI_COMMIT_BRANCH"))
            && branch != pushed
        {
            return self.fork_from(branch).map(Some);
        }
        if let Some(id) = self.get("CI_COMMIT_BEFORE_SHA").filter(|id| is_id(id)) {
            return self.commit(id, "what the branch was at before the push").map(Some);
        }
        self.get("CI_DEFAULT_BRANCH").map(|branch| self.fork_from(branch)).transpose()
    }

    fn local(&self) -> Result<Base> {
        for name in
            ["refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/heads/main", "refs/heads/master"]
        {
            if let Ok(commit) = self.repository.resolve(name) {
                let shown = name.trim_start_matches("refs/remotes/").trim_start_matches("refs/heads/");
                let branch = shown.strip_prefix("origin/").filter(|branch| *branch != "HEAD");
                let fork = self.repository.fork(&commit, &self.head, branch)?;
                return Ok(self.found(fork, format!("the fork from {shown}")));
            }
        }
        Err(Error::input("there is no base: neither origin/HEAD nor origin/main, main or master is here")
            .hint("run `git fetch origin main:refs/remotes/origin/main`, or name a base: --changed=REV"))
    }

    fn event(&self) -> Result<Value> {
        let Some(path) = self.get("GITHUB_EVENT_PATH") else {
            return Err(Error::input("GITHUB_EVENT_PATH is not set, so that the event's base is not known")
                .hint("name the base: --changed=REV"));
        };
        let unreadable = |error: std::io::Error| {
            Error::input(format!("the event file {path} cannot be read"))
                .because(error)
                .hint("name the base: --changed=REV")
        };
        if fs::metadata(path).map_err(unreadable)?.len() > MAX_EVENT {
            return Err(Error::input(format!("the event file {path} is larger than {MAX_EVENT} bytes")));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        serde_json::from_str(&text).map_err(|error| {
            Error::input(format!("the event file {path} is no JSON"))
                .because(error)
                .hint("name the base: --changed=REV")
        })
    }

    fn incomplete(&self, key: &str) -> Error {
        Error::input(format!("the event has no `{key}`")).hint("name the base: --changed=REV")
    }
}

fn parents(repository: &Repository, commit: &CommitId) -> Result<Vec<String>> {
    repository
        .objects
        .parents(commit.as_str())
        .map_err(|error| Error::input(format!("the commit {} cannot be read", commit.short())).because(error))
}
