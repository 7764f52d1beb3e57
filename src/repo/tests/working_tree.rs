//! The working tree as a snapshot.

use super::{names, path};
use crate::domain::RelPath;
use crate::repo::{ReadError, Snapshot};
use std::fs;
use std::path::Path;

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        write(dir.path(), path, text);
    }
    dir
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn at(dir: &tempfile::TempDir) -> Snapshot {
    Snapshot::working_tree(dir.path()).expect("a folder")
}

fn glob(snapshot: &Snapshot, patterns: &[&str]) -> Vec<String> {
    let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    names(snapshot.glob(&patterns).expect("globs"))
}

#[test]
fn a_file_is_read_up_to_its_limit_and_never_beyond() {
    let dir = tree(&[("a/b.txt", "\u{feff}x\r\n")]);
    let snapshot = at(&dir);
    assert_eq!(snapshot.read_text(&path("a/b.txt"), 6).as_deref(), Ok("\u{feff}x\r\n"));
    assert_eq!(snapshot.read(&path("a/b.txt"), 5), Err(ReadError::TooLarge { limit: 5 }));
    assert_eq!(snapshot.read(&path("a"), 5), Err(ReadError::NotAFile));
    assert_eq!(snapshot.read(&path("a/c.txt"), 5), Err(ReadError::NotFound));
    assert_eq!(snapshot.read(&path("a/b.txt/c"), 5), Err(ReadError::NotFound));
    assert!(snapshot.is_file(&path("a/b.txt")) && !snapshot.is_file(&path("a")));
}

#[test]
fn bytes_that_are_no_text_are_named_by_their_line() {
    let dir = tree(&[]);
    fs::write(dir.path().join("x"), b"one\ntwo\n\xff\nfour").expect("a file");
    assert_eq!(at(&dir).read_text(&path("x"), 99), Err(ReadError::NotUtf8 { line: 3 }));
    assert_eq!(at(&dir).read(&path("x"), 99).map(|bytes| bytes.len()), Ok(14));
}

#[test]
fn a_root_that_is_no_folder_is_an_error() {
    let dir = tree(&[("x", "")]);
    assert!(Snapshot::working_tree(&dir.path().join("x")).is_err());
    assert!(Snapshot::working_tree(&dir.path().join("y")).is_err());
}

#[cfg(unix)]
#[test]
fn a_link_may_point_anywhere_inside_and_nowhere_outside() {
    use std::os::unix::fs::symlink;
    let outside = tree(&[("secret.txt", "s3cret"), ("deep/secret.txt", "s3cret")]);
    let dir = tree(&[("a/real.txt", "fine"), (".git/config", "token")]);
    let link = |target: &Path, name: &str| symlink(target, dir.path().join(name)).expect("a link");
    link(Path::new("a/real.txt"), "inside.txt");
    link(Path::new("a"), "folder");
    link(&outside.path().join("secret.txt"), "absolute.txt");
    link(outside.path(), "out");
    link(Path::new("../../../../../../../etc/passwd"), "a/climbs.txt");
    link(Path::new(".git/config"), "config.txt");
    link(Path::new("loop"), "loop");
    link(Path::new("nothing"), "dangling");
    let snapshot = at(&dir);
    assert_eq!(snapshot.read_text(&path("inside.txt"), 99).as_deref(), Ok("fine"));
    assert_eq!(snapshot.read_text(&path("folder/real.txt"), 99).as_deref(), Ok("fine"));
    for outside in ["absolute.txt", "out/secret.txt", "out/deep/secret.txt", "a/climbs.txt", "config.txt"] {
        assert_eq!(snapshot.read(&path(outside), 99), Err(ReadError::Outside), "{outside}");
        assert!(!snapshot.is_file(&path(outside)), "{outside}");
    }
    assert_eq!(snapshot.read(&path(".git/config"), 99), Err(ReadError::Outside));
    assert!(matches!(snapshot.read(&path("loop"), 99), Err(ReadError::Io(_))));
    assert_eq!(snapshot.files_under(&path("out")), Err(ReadError::Outside));
    assert_eq!(
        names(snapshot.files_under(&path("folder")).expect("a folder")),
        ["folder/climbs.txt", "folder/real.txt"]
    );
    // Links to folders are not followed; one to a file outside or to nothing is listed, so that it is not lost quietly.
    assert_eq!(
        names(snapshot.files_under(&RelPath::root()).expect("a folder")),
        ["a/climbs.txt", "a/real.txt", "absolute.txt", "config.txt", "dangling", "inside.txt", "loop"]
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_does_not_hang_a_read() {
    let dir = tree(&[]);
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status().expect("mkfifo");
    assert!(made.success());
    assert_eq!(at(&dir).read(&path("pipe"), 99), Err(ReadError::NotAFile));
    // It is listed, so that a manifest that is one is not passed over.
    assert_eq!(at(&dir).files_under(&RelPath::root()), Ok(vec![path("pipe")]));
}

#[cfg(unix)]
#[test]
fn a_file_of_secrets_is_read_by_no_name() {
    let dir = tree(&[(".env", "KEY=sk-1"), ("a/x.md", "")]);
    std::os::unix::fs::symlink("../.env", dir.path().join("a/link.j2")).expect("a link");
    for name in [".env", "a/link.j2"] {
        let read = at(&dir).read(&path(name), 99);
        assert!(matches!(&read, Err(ReadError::Io(why)) if why.contains("secrets")), "{name}: {read:?}");
    }
}

#[test]
fn walks_leave_out_git_the_store_and_nested_repositories() {
    let dir = tree(&[
        (".git/HEAD", ""),
        (".llmops/runs/x", ""),
        ("b.yaml", ""),
        ("a/z.yaml", ""),
        ("a/b/y.yaml", ""),
        ("a-b.yaml", ""),
        ("vendored/.git", "gitdir: elsewhere"),
        ("vendored/x.yaml", ""),
        ("clone/.git/HEAD", ""),
        ("clone/x.yaml", ""),
    ]);
    let snapshot = at(&dir);
    let all = ["a-b.yaml", "a/b/y.yaml", "a/z.yaml", "b.yaml"];
    assert_eq!(names(snapshot.files_under(&RelPath::root()).expect("a folder")), all);
    assert_eq!(glob(&snapshot, &["**"]), all);
    assert_eq!(glob(&snapshot, &["clone/**", "vendored/*"]), Vec::<String>::new());
    assert_eq!(snapshot.files_under(&path("nowhere")), Ok(Vec::new()));
    assert_eq!(names(snapshot.files_under(&path("b.yaml")).expect("a file")), ["b.yaml"]);
}

#[test]
fn a_star_stays_in_its_folder_and_two_do_not() {
    let dir = tree(&[
        ("kb/a.md", ""),
        ("kb/b.txt", ""),
        ("kb/deep/er/c.md", ""),
        ("top.md", ""),
        ("kb/[x].md", ""),
        ("kb/.hidden.md", ""),
    ]);
    let snapshot = at(&dir);
    assert_eq!(glob(&snapshot, &["*.md"]), ["top.md"]);
    assert_eq!(glob(&snapshot, &["kb/*.md"]), ["kb/.hidden.md", "kb/[x].md", "kb/a.md"]);
    assert_eq!(glob(&snapshot, &["./kb//deep/**/*.md"]), ["kb/deep/er/c.md"]);
    assert_eq!(
        glob(&snapshot, &["kb/{a,b}.{md,txt}", "kb/a.md", "top.md", "kb/nope.md"]),
        ["kb/a.md", "kb/b.txt", "top.md"]
    );
    assert_eq!(glob(&snapshot, &["kb/[[]x[]].md"]), ["kb/[x].md"]);
    assert_eq!(glob(&snapshot, &["**/*.md"]).len(), 5);
    assert_eq!(glob(&snapshot, &["*/*/*.md", "kb"]), Vec::<String>::new());
}

#[test]
fn a_glob_that_leaves_or_cannot_be_read_is_an_error() {
    let snapshot = at(&tree(&[]));
    for outside in ["../x/*.md", "/etc/*", "a/../../*.md"] {
        assert_eq!(snapshot.glob(&[outside.to_owned()]), Err(ReadError::Outside), "{outside}");
    }
    assert!(
        matches!(snapshot.glob(&["a/[".to_owned()]), Err(ReadError::Io(text)) if text.contains("\"a/[\""))
    );
}

#[cfg(unix)]
#[test]
fn a_name_that_no_manifest_could_write_is_an_error() {
    let dir = tree(&[("kb/a\\b.md", "")]);
    assert!(
        matches!(at(&dir).files_under(&path("kb")), Err(ReadError::Io(text)) if text.contains("rename the file"))
    );
}

#[test]
fn only_the_folder_before_the_first_wildcard_is_walked() {
    let dir = tree(&[("kb/a.md", ""), ("other/a\\b.md", "")]);
    // The odd name in `other` would be an error, were it looked at.
    assert_eq!(glob(&at(&dir), &["kb/**/*.md"]), ["kb/a.md"]);
    assert_eq!(glob(&at(&dir), &["*.md"]), Vec::<String>::new());
}
