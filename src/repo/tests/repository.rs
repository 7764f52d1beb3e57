//! Repositories that the tests make, with real commits.

use super::{Scratch, names, path};
use crate::domain::{Kind, RelPath};
use crate::repo::{Backend, ReadError, Repository, Snapshot};
use std::fs;

#[test]
fn a_folder_without_git_is_no_repository() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(Repository::discover(dir.path()).expect("looked").is_none());
}

#[test]
fn before_the_first_commit_there_is_no_head() {
    let repo = Scratch::init(&[]);
    let repository = repo.open();
    assert_eq!(repository.head().expect("a head"), None);
    assert!(!repository.is_dirty().expect("status"));
    repo.write("a.txt", "new");
    assert!(repository.is_dirty().expect("status"));
    assert_eq!(repository.resolve("HEAD").expect_err("no commit").kind(), Kind::Input);
}

#[test]
fn a_revision_is_read_without_touching_the_working_tree() {
    let repo = Scratch::init(&[]);
    repo.write("prompts/a.yaml", "one\r\n");
    repo.write("prompts/deep/er/b.yaml", "b");
    repo.write("kb/x.md", "x");
    repo.commit("first");
    repo.write("prompts/a.yaml", "two");
    fs::remove_file(repo.path().join("kb/x.md")).expect("removed");
    repo.commit("second");
    let repository = repo.open();
    let old = repository.snapshot_at("HEAD~1").expect("a revision");
    let new = repository.snapshot_at("HEAD").expect("a revision");
    assert_eq!(old.read_text(&path("prompts/a.yaml"), 99).as_deref(), Ok("one\r\n"));
    assert_eq!(new.read_text(&path("prompts/a.yaml"), 99).as_deref(), Ok("two"));
    assert_eq!(old.read(&path("prompts/a.yaml"), 4), Err(ReadError::TooLarge { limit: 4 }));
    assert_eq!(old.read(&path("prompts"), 99), Err(ReadError::NotAFile));
    assert_eq!(new.read(&path("kb/x.md"), 99), Err(ReadError::NotFound));
    assert_eq!(new.read(&path("prompts/a.yaml/b"), 99), Err(ReadError::NotFound));
    assert!(old.is_file(&path("kb/x.md")) && !new.is_file(&path("kb/x.md")) && !old.is_file(&path("kb")));
    let globs = ["prompts/**/*.yaml".to_owned(), "kb/*.md".to_owned()];
    assert_eq!(
        names(old.glob(&globs).expect("globs")),
        ["kb/x.md", "prompts/a.yaml", "prompts/deep/er/b.yaml"]
    );
    assert_eq!(
        names(new.files_under(&RelPath::root()).expect("files")),
        ["prompts/a.yaml", "prompts/deep/er/b.yaml"]
    );
    assert_eq!(new.files_under(&path("nowhere")), Ok(Vec::new()));
    let bytes = repo.git(&["rev-parse", "HEAD"]);
    assert_eq!(repository.head().expect("a head").map(|id| id.to_string()), Some(bytes));
    assert!(!repository.is_dirty().expect("status"));
}

#[test]
fn from_a_folder_below_paths_begin_there() {
    let repo = Scratch::init(&[]);
    repo.write("outside.txt", "outside");
    repo.commit("before the folder");
    repo.write("examples/support/prompts/a.yaml", "a");
    repo.link("../../outside.txt", "examples/support/link.txt");
    repo.commit("with the folder");
    let repository = repo.open().based_at(&repo.path().join("examples/support")).expect("a folder");
    assert_eq!((repository.root(), repository.base().as_str()), (&*repo.real(), "examples/support"));
    let snapshot = repository.snapshot_at("HEAD").expect("a revision");
    assert_eq!(snapshot.read_text(&path("prompts/a.yaml"), 9).as_deref(), Ok("a"));
    assert_eq!(snapshot.read(&path("link.txt"), 9), Err(ReadError::Outside));
    let before = repository.snapshot_at("HEAD~1").expect("a revision");
    assert_eq!(before.files_under(&RelPath::root()), Ok(Vec::new()));
    assert_eq!(before.read(&path("prompts/a.yaml"), 9), Err(ReadError::NotFound));
    let first = repository.resolve("HEAD~1").expect("a commit");
    repo.write("elsewhere.txt", "not below");
    assert!(!repository.is_dirty().expect("status"));
    assert!(repo.open().is_dirty().expect("status"));
    repo.write("examples/support/new.txt", "below");
    assert!(repository.is_dirty().expect("status"));
    assert_eq!(
        names(repository.changed_paths(&first).expect("a diff")),
        ["link.txt", "new.txt", "prompts/a.yaml"]
    );
    assert!(repository.is_tracked(&path("prompts/a.yaml")).expect("an index"));
    assert!(!repository.is_tracked(&path("new.txt")).expect("an index"));
    assert!(repo.open().based_at(&std::env::temp_dir()).is_err());
}

#[cfg(unix)]
#[test]
fn links_in_a_revision_stay_inside_as_they_do_on_disk() {
    let repo = Scratch::init(&[]);
    repo.write("a/real.txt", "fine");
    for (target, link) in [
        ("a/real.txt", "inside.txt"),
        ("../a/./real.txt", "b/up.txt"),
        ("a", "folder"),
        ("folder", "again"),
        ("../../etc/passwd", "a/climbs.txt"),
        ("/etc/passwd", "absolute.txt"),
        ("loop", "loop"),
        ("nothing", "dangling"),
    ] {
        repo.link(target, link);
    }
    repo.commit("links");
    let repository = repo.open();
    let disk = Snapshot::working_tree(repo.path()).expect("a folder");
    let tree = repository.snapshot_at("HEAD").expect("a revision");
    for (file, want) in [
        ("inside.txt", Ok("fine")),
        ("b/up.txt", Ok("fine")),
        ("folder/real.txt", Ok("fine")),
        ("again/real.txt", Ok("fine")),
        ("a/climbs.txt", Err(ReadError::Outside)),
        ("absolute.txt", Err(ReadError::Outside)),
        ("folder/climbs.txt", Err(ReadError::Outside)),
        ("dangling", Err(ReadError::NotFound)),
        ("folder", Err(ReadError::NotAFile)),
    ] {
        assert_eq!(tree.read_text(&path(file), 99), want.clone().map(str::to_owned), "{file} in the tree");
        if file != "a/climbs.txt" && file != "folder/climbs.txt" {
            assert_eq!(disk.read_text(&path(file), 99), want.map(str::to_owned), "{file} on disk");
        }
    }
    assert!(matches!(tree.read(&path("loop"), 99), Err(ReadError::Io(text)) if text.contains("too many")));
    let listed = names(tree.files_under(&RelPath::root()).expect("files"));
    assert_eq!(
        listed,
        ["a/climbs.txt", "a/real.txt", "absolute.txt", "b/up.txt", "dangling", "inside.txt", "loop"]
    );
}

#[test]
fn what_git_lfs_fetched_is_read_and_what_is_not_whole_is_not() {
    let repo = Scratch::init(&[]);
    let content = b"numbers\n";
    let digest = crate::domain::Digest::of_bytes(content).to_string();
    let id = digest.trim_start_matches("sha256:");
    repo.write(
        "model.bin",
        &format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize 8\n"),
    );
    repo.commit("model");
    let tree = repo.open().snapshot_at("HEAD").expect("a snapshot");
    let read = || tree.read(&path("model.bin"), 999);
    assert!(matches!(read(), Err(ReadError::Io(text)) if text.contains("git lfs fetch")));
    let kept = format!(".git/lfs/objects/{}/{}/{id}", &id[..2], &id[2..4]);
    repo.write(&kept, "numbers\n");
    assert_eq!(read(), Ok(content.to_vec()));
    assert_eq!(tree.read(&path("model.bin"), 4), Err(ReadError::TooLarge { limit: 4 }));
    repo.write(&kept, "numbers");
    assert!(read().is_err());
}

#[test]
fn a_submodule_and_an_lfs_pointer_do_not_pass_for_content() {
    let inner = Scratch::init(&[]);
    inner.write("x.yaml", "x");
    inner.commit("inner");
    let repo = Scratch::init(&[]);
    repo.write("a.yaml", "a");
    repo.write("big.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    let url = inner.path().to_str().expect("a path").to_owned();
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "vendored"]);
    repo.commit("outer");
    let tree = repo.open().snapshot_at("HEAD").expect("a revision");
    let disk = Snapshot::working_tree(repo.path()).expect("a folder");
    for snapshot in [&tree, &disk] {
        let all = names(snapshot.files_under(&RelPath::root()).expect("files"));
        assert_eq!(all, [".gitmodules", "a.yaml", "big.jsonl"]);
    }
    assert!(
        matches!(tree.read(&path("big.jsonl"), 999), Err(ReadError::Io(text)) if text.contains("git LFS"))
    );
    assert_eq!(tree.read(&path("vendored"), 9), Err(ReadError::NotAFile));
}

#[test]
fn dirty_means_tracked_changes_and_new_files_but_not_ignored_ones() {
    let repo = Scratch::init(&[]);
    repo.write("a.txt", "a");
    repo.write(".gitignore", "*.log\n.llmops\n");
    repo.commit("first");
    let repository = repo.open();
    let dirty = || repository.is_dirty().expect("status");
    repo.write("x.log", "ignored");
    repo.write(".llmops/runs/x", "ignored");
    assert!(!dirty());
    repo.write("a.txt", "b");
    assert!(dirty());
    repo.git(&["add", "a.txt"]);
    assert!(dirty(), "staged");
    repo.commit("second");
    assert!(!dirty());
    repo.write("new.txt", "new");
    assert!(dirty());
    fs::remove_file(repo.path().join("new.txt")).expect("removed");
    fs::remove_file(repo.path().join("a.txt")).expect("removed");
    assert!(dirty(), "deleted");
}

#[test]
fn a_sparse_checkout_is_not_dirty() {
    let repo = Scratch::init(&[]);
    repo.write("in/a.txt", "a");
    repo.write("out/b.txt", "b");
    repo.commit("first");
    repo.git(&["sparse-checkout", "set", "in"]);
    assert!(!repo.path().join("out").exists());
    assert!(!repo.open().is_dirty().expect("status"));
}

#[test]
fn what_changed_since_a_commit_includes_what_is_not_committed() {
    let repo = Scratch::init(&[]);
    for name in ["same.txt", "edited.txt", "staged.txt", "moved.txt", "gone.txt"] {
        repo.write(name, name);
    }
    repo.write(".gitignore", "*.log\n");
    repo.commit("base");
    let repository = repo.open();
    let base = repository.head().expect("a head").expect("a commit");
    assert_eq!(repository.changed_paths(&base).expect("a diff"), []);
    repo.write("committed.txt", "new");
    repo.commit("more");
    repo.write("edited.txt", "other");
    repo.write("staged.txt", "other");
    repo.git(&["add", "staged.txt"]);
    repo.git(&["mv", "moved.txt", "elsewhere.txt"]);
    fs::remove_file(repo.path().join("gone.txt")).expect("removed");
    repo.write("new/file.txt", "untracked");
    repo.write("x.log", "ignored");
    assert_eq!(
        names(repository.changed_paths(&base).expect("a diff")),
        [
            "committed.txt",
            "edited.txt",
            "elsewhere.txt",
            "gone.txt",
            "moved.txt",
            "new/file.txt",
            "staged.txt"
        ]
    );
}

#[test]
fn a_revision_has_many_names_and_an_unknown_one_is_an_input_error() {
    let repo = Scratch::init(&[]);
    repo.write("a", "1");
    repo.commit("first");
    repo.git(&["tag", "-a", "v1", "-m", "one"]);
    repo.write("a", "2");
    repo.commit("second");
    let repository = repo.open();
    let first = repository.resolve("HEAD~1").expect("a commit");
    for rev in ["v1", "main~1", first.as_str(), first.short(), "HEAD^"] {
        assert_eq!(repository.resolve(rev).expect(rev), first);
    }
    repo.git(&["checkout", "--quiet", "--detach", "v1"]);
    assert_eq!(repository.head().expect("a head"), Some(first));
    for rev in ["nowhere", "", "--all", "HEAD:a", "v1..HEAD", "HEAD~9"] {
        let error = repository.resolve(rev).expect_err(rev);
        assert_eq!(error.kind(), Kind::Input, "{rev}");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("git fetch")), "{rev}");
    }
}

#[test]
fn the_merge_base_is_the_fork_and_unrelated_histories_have_none() {
    let repo = Scratch::init(&[]);
    repo.write("a", "1");
    repo.commit("fork");
    repo.git(&["checkout", "--quiet", "-b", "topic"]);
    repo.write("b", "1");
    repo.commit("topic");
    repo.git(&["checkout", "--quiet", "main"]);
    repo.write("c", "1");
    repo.commit("main");
    repo.git(&["checkout", "--quiet", "--orphan", "other"]);
    repo.commit("unrelated");
    let repository = repo.open();
    let at = |rev: &str| repository.resolve(rev).expect("a commit");
    assert_eq!(repository.merge_base(&at("main"), &at("topic")).expect("read"), Some(at("main~1")));
    assert_eq!(repository.merge_base(&at("main"), &at("other")).expect("read"), None);
    assert_eq!(repository.backend(), Backend::Library);
}
