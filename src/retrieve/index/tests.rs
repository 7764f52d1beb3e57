use super::*;
use crate::manifest::Manifests;
use std::fs;
use std::path::Path;

fn repository(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = b"version: 1\nembedding_model: builtin/hashing-256\ncorpus: ['kb/**']\nchunk_size: 20\nchunk_overlap: 4\ntop_k: 3\n";
    write(folder.path(), "retrieval/kb.yaml", manifest);
    files.iter().for_each(|(path, bytes)| write(folder.path(), path, bytes));
    folder
}

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(path, bytes).expect("the file");
}

fn draft(root: &Path) -> Result<Draft> {
    let snapshot = Snapshot::working_tree(root)?;
    let manifests = Manifests::load(&snapshot, None);
    Draft::build(&snapshot, &Home::at(root), &manifests.retrievals["kb"], Some(&Local::Hashing))
}

fn build(root: &Path) -> Index {
    draft(root).and_then(|draft| draft.finish(Vec::new())).expect("an index")
}

fn codes(root: &Path) -> Vec<&'static str> {
    let error = draft(root).expect_err("faults");
    error.diagnostics().iter().map(|found| found.code.0).collect()
}

#[test]
fn only_what_changed_is_cut_again_and_the_result_is_that_of_a_fresh_build() {
    let folder = repository(&[
        ("kb/a.md", b"# A\n\nRefunds take five days.\n"),
        ("kb/b.md", b"Old text.\n"),
        ("kb/d.md", b"D.\n"),
    ]);
    let root = folder.path();
    let first = build(root);
    assert_eq!((first.passages.len(), first.width, first.vectors.len()), (3, 256, 3 * 256));
    assert_eq!(first.passages[0].heading.as_deref(), Some("A"));
    assert!(!draft(root).expect("a draft").changed);

    write(root, "kb/b.md", b"New text.\n");
    write(root, "kb/c.md", b"Another file.\n");
    fs::remove_file(root.join("kb/d.md")).expect("removed");
    let again = draft(root).expect("a draft");
    assert!(again.changed);
    let second = again.finish(Vec::new()).expect("an index");
    let sources: Vec<&str> = second.passages.iter().map(|one| one.source.as_str()).collect();
    assert_eq!(sources, ["kb/a.md", "kb/b.md", "kb/c.md"]);
    fs::remove_dir_all(root.join(".llmops")).expect("removed");
    assert_eq!(build(root), second);
    assert_eq!(second.vectors[..256], first.vectors[..256]);
}

#[test]
fn a_torn_index_is_built_again() {
    let folder = repository(&[("kb/a.md", b"Refunds take five days.\n")]);
    let root = folder.path();
    let whole = build(root);
    let path =
        fs::read_dir(root.join(".llmops/index")).expect("a folder").flatten().next().expect("a file").path();
    let bytes = fs::read(&path).expect("the index");
    for keep in [0, 10, 60, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..keep]).expect("torn");
        assert_eq!(build(root), whole, "{keep}");
    }
    let mut flipped = bytes.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    fs::write(&path, flipped).expect("torn");
    assert_eq!(build(root), whole);
    assert_eq!(fs::read(&path).expect("the index"), bytes);
}

#[test]
fn every_odd_file_is_said() {
    let folder = repository(&[("kb/a.md", b"Text.\n"), ("kb/empty.md", b""), ("kb/blank.txt", b" \n\n")]);
    let root = folder.path();
    let warnings = draft(root).expect("a draft").warnings;
    let said: Vec<&str> = warnings.iter().map(|found| found.code.0).collect();
    assert_eq!(said, ["corpus-file-empty", "corpus-file-empty"]);

    write(root, "kb/latin.md", b"fine\nna\xefve\n");
    assert_eq!(codes(root), ["corpus-file-not-text"]);
    fs::remove_file(root.join("kb/latin.md")).expect("removed");

    let large = fs::File::create(root.join("kb/large.md")).expect("a file");
    large.set_len(50_000_000).expect("its size");
    assert_eq!(codes(root), ["corpus-file-too-large"]);
    fs::remove_file(root.join("kb/large.md")).expect("removed");

    #[cfg(unix)]
    {
        let outside = tempfile::NamedTempFile::new().expect("a file");
        std::os::unix::fs::symlink(outside.path(), root.join("kb/link.md")).expect("a link");
        assert_eq!(codes(root), ["corpus-leaves-repository"]);
        fs::remove_file(root.join("kb/link.md")).expect("removed");
    }
    fs::remove_dir_all(root.join("kb")).expect("removed");
    assert_eq!(codes(root), ["corpus-no-match"]);
}

#[test]
fn two_at_once_leave_a_whole_index() {
    let files: Vec<(String, String)> =
        (0..80).map(|n| (format!("kb/{n}.md"), format!("Article {n} about refunds.\n"))).collect();
    let folder = repository(&[]);
    files.iter().for_each(|(path, text)| write(folder.path(), path, text.as_bytes()));
    let root = folder.path();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(build(root).passages.len(), 80));
        }
    });
    assert!(!draft(root).expect("a draft").changed);
}
