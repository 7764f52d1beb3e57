//! Repositories that the library refuses or reads wrongly.

use super::{Scratch, names, path};
use crate::domain::{Kind, RelPath};
use crate::repo::{Backend, ReadError, Repository};
use std::path::Path;
#[cfg(unix)]
use std::process::Command;

/// Two commits with a link, an edit in the working tree and a new file; then every question.
fn every_question(repo: &Scratch, repository: &Repository) {
    let head = repository.head().expect("a head").expect("a commit");
    assert_eq!(head.to_string(), repo.git(&["rev-parse", "HEAD"]));
    let first = repository.resolve("HEAD~1").expect("a commit");
    assert!(repository.resolve("nowhere").is_err());
    assert!(repository.resolve("--all").is_err());
    assert_eq!(repository.merge_base(&head, &first).expect("read"), Some(first.clone()));
    let old = repository.snapshot_at("HEAD~1").expect("a revision");
    assert_eq!(old.read_text(&path("a/x.txt"), 99).as_deref(), Ok("one"));
    assert_eq!(old.read(&path("a/x.txt"), 2), Err(ReadError::TooLarge { limit: 2 }));
    assert_eq!(
        old.read_text(&path("link.txt"), 99).as_deref(),
        Ok("one"),
        "after an answer that was too large"
    );
    assert_eq!(names(old.files_under(&RelPath::root()).expect("files")), ["a/x.txt", "link.txt"]);
    assert!(repository.is_dirty().expect("status"));
    assert!(repository.is_tracked(&path("a/x.txt")).expect("an index"));
    assert!(!repository.is_tracked(&path("new.txt")).expect("an index"));
    let changed = repository.changed_paths(&first).expect("a diff");
    assert_eq!(names(changed), ["a/x.txt", "new.txt"]);
    repo.git(&["add", "--all"]);
    repo.commit("clean");
    assert!(!repository.is_dirty().expect("status"));
}

fn filled(arguments: &[&str]) -> Scratch {
    let repo = Scratch::init(arguments);
    repo.write("a/x.txt", "one");
    repo.link("a/x.txt", "link.txt");
    repo.commit("first");
    repo.write("a/x.txt", "two");
    repo.commit("second");
    repo.write("new.txt", "new");
    repo
}

#[test]
fn the_library_answers_every_question() {
    let repo = filled(&[]);
    assert_eq!(repo.open().backend(), Backend::Library);
    every_question(&repo, &repo.open());
}

#[test]
fn a_repository_with_the_longer_hash_is_read() {
    let repo = filled(&["--object-format=sha256"]);
    assert_eq!(repo.git(&["rev-parse", "HEAD"]).len(), 64);
    every_question(&repo, &repo.open());
}

#[test]
fn a_reftable_is_read_by_the_program() {
    let repo = filled(&["--ref-format=reftable"]);
    let repository = repo.open();
    assert_eq!(repository.backend(), Backend::Program("the library cannot open it"));
    assert!(!repository.is_shallow().expect("an answer"));
    every_question(&repo, &repository);
    let empty = Scratch::init(&["--ref-format=reftable"]);
    assert_eq!(empty.open().head().expect("a head"), None);
}

fn clone(of: &Scratch, arguments: &[&str]) -> Scratch {
    let clone = Scratch::empty();
    let url = format!("file://{}", of.path().display());
    let into = clone.path().to_str().expect("a path").to_owned();
    let all: Vec<&str> =
        ["clone", "--quiet"].into_iter().chain(arguments.iter().copied()).chain([&*url, &*into]).collect();
    of.git(&all);
    clone
}

#[test]
fn a_shallow_clone_says_so_and_how_to_get_the_rest() {
    let repo = filled(&[]);
    assert!(!repo.open().is_shallow().expect("an answer"));
    let clone = clone(&repo, &["--depth=1"]);
    let repository = clone.open();
    assert!(repository.is_shallow().expect("an answer"));
    let error = repository.resolve("HEAD~1").expect_err("cut off");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("git fetch --unshallow")));
    assert_eq!(
        repository.snapshot_at("HEAD").expect("a revision").read_text(&path("a/x.txt"), 9).as_deref(),
        Ok("two")
    );
}

#[test]
fn a_worktree_of_a_shallow_clone_is_read_by_the_program() {
    let repo = filled(&[]);
    let clone = clone(&repo, &["--depth=1"]);
    let other = tempfile::tempdir().expect("a folder");
    let worktree = other.path().join("tree");
    clone.git(&["worktree", "add", "--quiet", "--detach", worktree.to_str().expect("a path")]);
    let repository = Repository::discover(&worktree).expect("readable").expect("a repository");
    assert!(matches!(repository.backend(), Backend::Program(_)));
    assert!(repository.is_shallow().expect("an answer"));
    let snapshot = repository.snapshot_at("HEAD").expect("a revision");
    assert_eq!(snapshot.read_text(&path("a/x.txt"), 9).as_deref(), Ok("two"));
}

#[test]
fn a_worktree_of_a_whole_clone_has_its_own_head() {
    let repo = filled(&[]);
    let other = tempfile::tempdir().expect("a folder");
    let worktree = other.path().join("tree");
    repo.git(&["worktree", "add", "--quiet", "--detach", worktree.to_str().expect("a path"), "HEAD~1"]);
    let repository = Repository::discover(&worktree.join("a")).expect("readable").expect("a repository");
    assert_eq!(repository.root(), std::fs::canonicalize(&worktree).expect("a path"));
    assert_eq!(repository.head().expect("a head"), Some(repo.open().resolve("HEAD~1").expect("a commit")));
    assert!(!repository.is_dirty().expect("status"));
}

#[test]
fn a_partial_clone_gets_what_it_lacks() {
    let repo = filled(&[]);
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = clone(&repo, &["--filter=blob:none"]);
    let repository = clone.open();
    assert!(matches!(repository.backend(), Backend::Program(_)));
    let old = repository.snapshot_at("HEAD~1").expect("a revision");
    assert_eq!(old.read_text(&path("a/x.txt"), 9).as_deref(), Ok("one"), "fetched when it is asked for");
}

#[test]
fn a_bare_repository_has_no_working_tree_to_work_in() {
    let repo = Scratch::init(&["--bare"]);
    assert!(Repository::discover(repo.path()).expect("looked").is_none());
    let repo = Scratch::init(&["--bare", "--ref-format=reftable"]);
    assert!(Repository::discover(repo.path()).expect("looked").is_none());
}

#[test]
fn the_refusal_of_a_foreign_repository_names_the_command() {
    for why in [
        "repository path '/srv/it/.git/' is not owned by current user",
        "fatal: detected dubious ownership in repository at '/srv/it'",
    ] {
        let error = crate::repo::repository::foreign(Path::new("/elsewhere"), why);
        let command = "git config --global --add safe.directory '/srv/it'";
        assert!(error.hint_text().is_some_and(|hint| hint.contains(command)), "{why}");
    }
}

#[cfg(unix)]
#[test]
fn a_foreign_repository_is_refused_by_both_sides() {
    for arguments in [&[][..], &["--ref-format=reftable"]] {
        let repo = filled(arguments);
        let given = Command::new("chown").args(["-R", "12345"]).arg(repo.path()).output().expect("chown");
        if !given.status.success() {
            return; // Only a privileged user can give a file away.
        }
        let error = Repository::discover(repo.path()).expect_err("another user owns it");
        assert_eq!(error.kind(), Kind::Input);
        let command = format!("safe.directory '{}'", repo.real().display());
        assert!(error.hint_text().is_some_and(|hint| hint.contains(&command)), "{:?}", error.hint_text());
    }
}
