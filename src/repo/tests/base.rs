//! Every rule that finds a base, on a bare remote and real clones of it.

use super::Scratch;
use crate::domain::Kind;
use crate::repo::{Repository, Variables};
use serde_json::{Value, json};
use std::path::Path;

/// A remote, and the clone that fills it.
struct Remote {
    bare: Scratch,
    work: Scratch,
}

impl Remote {
    /// `main` with three commits; `topic` forks from the second and has two; `main` moved on.
    fn new() -> Self {
        let bare = Scratch::init(&["--bare"]);
        let work = Scratch::init(&[]);
        work.git(&["remote", "add", "origin", &url(bare.path())]);
        for n in ["one", "fork"] {
            work.write("main.txt", n);
            work.commit(n);
        }
        work.git(&["checkout", "--quiet", "-b", "topic"]);
        for n in ["topic one", "topic two"] {
            work.write("topic.txt", n);
            work.commit(n);
        }
        work.git(&["checkout", "--quiet", "main"]);
        work.write("main.txt", "moved on");
        work.commit("moved on");
        work.git(&["push", "--quiet", "origin", "main", "topic"]);
        work.git(&["fetch", "--quiet", "origin"]);
        Self { bare, work }
    }

    fn id(&self, rev: &str) -> String {
        self.work.git(&["rev-parse", rev])
    }

    /// Makes the merge ref of a pull request, as the server does.
    fn merge_ref(&self) -> String {
        self.work.git(&["checkout", "--quiet", "--detach", "main"]);
        self.work.git(&["merge", "--quiet", "--no-ff", "-m", "merge ref", "topic"]);
        self.work.git(&["push", "--quiet", "origin", "HEAD:refs/pull/1/merge"]);
        self.id("HEAD")
    }

    /// A checkout of one commit as CI makes it: an empty repository, one fetch of depth 1, a detached head.
    fn checkout(&self, refname: &str, depth: &str) -> Scratch {
        let clone = Scratch::init(&[]);
        clone.git(&["remote", "add", "origin", &url(self.bare.path())]);
        clone.git(&[
            "fetch",
            "--quiet",
            "--no-tags",
            depth,
            "origin",
            &format!("+{refname}:refs/remotes/ci/head"),
        ]);
        clone.git(&["checkout", "--quiet", "--detach", "refs/remotes/ci/head"]);
        clone
    }
}

fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn github(clone: &Scratch, name: &str, event: &Value) -> Variables {
    clone.write(".git/event.json", &event.to_string());
    let file = clone.path().join(".git/event.json").display().to_string();
    variables(&[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", name), ("GITHUB_EVENT_PATH", &file)])
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn base(clone: &Scratch, variables: &Variables) -> (String, String) {
    named(clone, None, variables)
}

fn named(clone: &Scratch, rev: Option<&str>, variables: &Variables) -> (String, String) {
    let base = clone.open().find_base(rev, variables).expect("a base");
    // Whatever was found can be read, and through the repository that came with it.
    base.repository.snapshot_at(base.commit.as_str()).expect("a snapshot");
    (base.commit.to_string(), base.how)
}

fn refused(repository: &Repository, rev: Option<&str>, variables: &Variables) -> String {
    let error = repository.find_base(rev, variables).expect_err("no base");
    assert_eq!(error.kind(), Kind::Input, "{error}");
    error.hint_text().expect("a hint").to_owned()
}

#[test]
fn a_pull_request_checked_out_at_depth_one_is_measured_against_the_first_parent_of_its_merge_ref() {
    let remote = Remote::new();
    remote.merge_ref();
    for depth in ["--depth=1", "--depth=2", "--depth=100"] {
        let clone = remote.checkout("refs/pull/1/merge", depth);
        // The event's own base is older than what the merge ref was made with, and must not be used.
        let event = json!({"pull_request": {
            "head": {"sha": remote.id("topic")}, "base": {"sha": remote.id("main~2"), "ref": "main"}}});
        let (commit, how) = base(&clone, &github(&clone, "pull_request", &event));
        assert_eq!(commit, remote.id("main"), "{depth}");
        assert!(how.contains("merge ref"), "{how}");
    }
}

#[test]
fn a_pull_request_checked_out_at_its_own_head_is_measured_against_the_fork() {
    let remote = Remote::new();
    let event = json!({"pull_request": {"head": {"sha": remote.id("topic")}, "base": {"ref": "main"}}});
    for depth in ["--depth=1", "--depth=100"] {
        let clone = remote.checkout("refs/heads/topic", depth);
        let (commit, how) = base(&clone, &github(&clone, "pull_request", &event));
        assert_eq!((commit, how.as_str()), (remote.id("main~1"), "the fork from origin/main"), "{depth}");
    }
    // A merge commit at the tip of the request itself is not the merge ref.
    remote.work.git(&["checkout", "--quiet", "topic"]);
    remote.work.git(&["merge", "--quiet", "--no-ff", "-m", "update", "main"]);
    remote.work.git(&["push", "--quiet", "origin", "topic"]);
    let event = json!({"pull_request": {"head": {"sha": remote.id("topic")}, "base": {"ref": "main"}}});
    let clone = remote.checkout("refs/heads/topic", "--depth=1");
    assert_eq!(base(&clone, &github(&clone, "pull_request", &event)).0, remote.id("main"));
}

#[test]
fn history_is_deepened_as_far_as_the_fork() {
    let remote = Remote::new();
    remote.work.git(&["checkout", "--quiet", "topic"]);
    for n in 0..130 {
        remote.work.git(&["commit", "--quiet", "--allow-empty", "-m", &n.to_string()]);
    }
    remote.work.git(&["push", "--quiet", "origin", "topic"]);
    let clone = remote.checkout("refs/heads/topic", "--depth=1");
    let event = json!({"pull_request": {"head": {"sha": remote.id("topic")}, "base": {"ref": "main"}}});
    assert_eq!(base(&clone, &github(&clone, "pull_request", &event)).0, remote.id("main~1"));
}

#[test]
fn a_merged_request_is_measured_against_what_it_was_merged_into() {
    let remote = Remote::new();
    let before = remote.id("main");
    let merged = remote.merge_ref();
    remote.work.git(&["push", "--quiet", "origin", "HEAD:main"]);
    let event = json!({"pull_request": {"merged": true, "merge_commit_sha": merged,
        "head": {"sha": "0".repeat(40)}, "base": {"ref": "main"}}});
    let clone = remote.checkout("refs/heads/main", "--depth=1");
    assert_eq!(base(&clone, &github(&clone, "pull_request", &event)).0, before);
}

#[test]
fn a_merge_group_names_its_base() {
    let remote = Remote::new();
    let event = json!({"merge_group": {"base_sha": remote.id("main")}});
    let clone = remote.checkout("refs/heads/topic", "--depth=1");
    assert_eq!(base(&clone, &github(&clone, "merge_group", &event)).0, remote.id("main"));
    let hint = refused(&clone.open(), None, &github(&clone, "merge_group", &json!({})));
    assert!(hint.contains("--changed=REV"), "{hint}");
}

#[test]
fn a_push_is_measured_against_what_was_there_before_and_a_forced_one_against_the_fork() {
    let remote = Remote::new();
    let clone = remote.checkout("refs/heads/topic", "--depth=1");
    let event = |before: &str, forced: Value| json!({"before": before, "forced": forced, "repository": {"default_branch": "main"}});
    let found = |event: Value| base(&clone, &github(&clone, "push", &event)).0;
    assert_eq!(found(event(&remote.id("topic~1"), json!(false))), remote.id("topic~1"));
    assert_eq!(found(event(&remote.id("topic~1"), Value::Null)), remote.id("topic~1"), "history says so");
    for (before, forced) in [
        ("0".repeat(40), json!(false)),
        (remote.id("topic~1"), json!(true)),
        (remote.id("main"), Value::Null),
        ("1".repeat(40), json!(false)),
    ] {
        assert_eq!(found(event(&before, forced)), remote.id("main~1"), "{before}");
    }
    // A commit after the one that broke a gate must not hide it.
    let mut second = event(&remote.id("topic~1"), json!(false));
    second["ref"] = json!("refs/heads/topic");
    assert_eq!(found(second), remote.id("main~1"));
    // On the default branch the fork would be the head itself, and nothing would ever have changed.
    let main = remote.checkout("refs/heads/main", "--depth=1");
    let forced = github(&main, "push", &event(&remote.id("topic"), json!(true)));
    assert_eq!(base(&main, &forced).0, remote.id("topic"));
    // What a forced push replaced can be gone from the remote: no fetch brings it back.
    let gone = event(&"1".repeat(40), json!(true));
    let hint = refused(&main.open(), None, &github(&main, "push", &gone));
    assert!(hint.contains("--changed=REV") && !hint.contains("git fetch"), "{hint}");
    // Another branch that was reset to the default branch has nothing that could be affected.
    let mut other = github(&main, "push", &gone);
    other.insert("GITHUB_REF".to_owned(), "refs/heads/topic".to_owned());
    assert_eq!(base(&main, &other).0, remote.id("main"));
    let first = github(&main, "push", &event(&"0".repeat(40), json!(false)));
    assert!(refused(&main.open(), None, &first).contains("--changed=REV"));
}

#[test]
fn a_merge_request_of_gitlab_is_measured_against_its_target_and_a_branch_against_what_was_before() {
    let remote = Remote::new();
    let clone = remote.checkout("refs/heads/topic", "--depth=1");
    let found = |pairs: &[(&str, &str)]| {
        let mut all = variables(pairs);
        all.insert("GITLAB_CI".to_owned(), "true".to_owned());
        base(&clone, &all).0
    };
    let (main, fork, before) = (remote.id("main"), remote.id("main~1"), remote.id("topic~1"));
    let zeros = "0".repeat(40);
    let target = ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
    let merged = ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", main.as_str());
    let diff = ("CI_MERGE_REQUEST_DIFF_BASE_SHA", fork.as_str());
    assert_eq!(found(&[target, merged, diff, ("CI_COMMIT_BEFORE_SHA", &before)]), main);
    assert_eq!(found(&[target, ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", ""), diff]), fork);
    assert_eq!(found(&[target, ("CI_COMMIT_BEFORE_SHA", &before)]), fork);
    assert_eq!(found(&[("CI_COMMIT_BEFORE_SHA", &before)]), before);
    assert_eq!(found(&[("CI_COMMIT_BEFORE_SHA", &zeros), ("CI_DEFAULT_BRANCH", "main")]), fork);
    let of = |branch| {
        found(&[
            ("CI_COMMIT_BEFORE_SHA", &before),
            ("CI_DEFAULT_BRANCH", "main"),
            ("CI_COMMIT_BRANCH", branch),
        ])
    };
    assert_eq!(
        (of("topic"), of("main")),
        (fork.clone(), before.clone()),
        "a later commit hides no earlier one"
    );
}

#[test]
fn at_home_the_base_is_the_fork_from_the_remote_or_from_the_own_main_branch() {
    let remote = Remote::new();
    let none = Variables::new();
    remote.work.git(&["checkout", "--quiet", "topic"]);
    assert_eq!(base(&remote.work, &none), (remote.id("main~1"), "the fork from origin/main".to_owned()));
    remote.work.git(&["update-ref", "refs/remotes/origin/trunk", "topic~1"]);
    remote.work.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    assert_eq!(base(&remote.work, &none), (remote.id("topic~1"), "the fork from origin/HEAD".to_owned()));

    for branch in ["main", "master"] {
        let alone = Scratch::init(&[]);
        alone.write("a", "1");
        alone.commit("one");
        alone.git(&["branch", "-m", branch]);
        let first = alone.git(&["rev-parse", "HEAD"]);
        alone.git(&["checkout", "--quiet", "-b", "topic"]);
        alone.write("a", "2");
        alone.commit("two");
        assert_eq!(base(&alone, &none), (first, format!("the fork from {branch}")));
        alone.git(&["branch", "--quiet", "-D", branch]);
        assert!(refused(&alone.open(), None, &none).contains("git fetch origin main"));
    }
    let unborn = Scratch::init(&[]);
    assert_eq!(unborn.open().find_base(None, &none).expect_err("no commit").kind(), Kind::Input);
}

#[test]
fn a_revision_that_is_given_goes_before_all_and_is_fetched_where_it_is_missing() {
    let remote = Remote::new();
    let clone = remote.checkout("refs/heads/topic", "--depth=1");
    let event = github(&clone, "push", &json!({"before": remote.id("topic~1"), "forced": false}));
    for rev in ["main", "origin/main", &remote.id("main")] {
        let fresh = remote.checkout("refs/heads/topic", "--depth=1");
        assert_eq!(named(&fresh, Some(rev), &event).0, remote.id("main~1"), "{rev}");
    }
    for rev in ["no-such-branch", "--upload-pack=touch /tmp/x", "-x"] {
        assert!(refused(&clone.open(), Some(rev), &event).contains("git fetch"), "{rev}");
    }
}

#[test]
fn where_the_remote_is_gone_the_error_is_the_command_to_run() {
    let remote = Remote::new();
    remote.merge_ref();
    let clone = remote.checkout("refs/pull/1/merge", "--depth=1");
    clone.git(&["remote", "set-url", "origin", "file:///nowhere/at/all"]);
    let event = json!({"pull_request": {"head": {"sha": remote.id("topic")}, "base": {"ref": "main"}}});
    let hint = refused(&clone.open(), None, &github(&clone, "pull_request", &event));
    assert_eq!(hint, format!("run `git fetch --depth=1 origin {}`, then try again", remote.id("main")));
    let tip = remote.checkout("refs/heads/topic", "--depth=1");
    tip.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    tip.git(&["fetch", "--quiet", "--depth=1", "origin", "+refs/heads/main:refs/remotes/origin/main"]);
    tip.git(&["remote", "set-url", "origin", "file:///nowhere/at/all"]);
    let hint = refused(&tip.open(), None, &github(&tip, "pull_request", &event));
    assert_eq!(hint, "run `git fetch --unshallow origin`, then try again");
    let hostile = json!({"pull_request": {"head": {"sha": "x"}, "base": {"ref": "--upload-pack=x"}}});
    assert!(clone.open().find_base(None, &github(&clone, "pull_request", &hostile)).is_err());
}

#[test]
fn a_worktree_of_a_shallow_clone_finds_its_base_too() {
    let remote = Remote::new();
    let clone = remote.checkout("refs/heads/topic", "--depth=1");
    let place = Scratch::empty();
    let tree = place.path().join("tree");
    clone.git(&["worktree", "add", "--quiet", "--detach", &tree.display().to_string(), "HEAD"]);
    let repository = Repository::discover(&tree).expect("readable").expect("a repository");
    let found = repository.find_base(Some("main"), &Variables::new()).expect("a base");
    assert_eq!(found.commit.as_str(), remote.id("main~1"));
}
