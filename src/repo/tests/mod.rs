//! The room against real folders and real repositories.

mod base;
mod odd;
mod repository;
mod working_tree;

use super::Repository;
use crate::domain::RelPath;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("inside")
}

fn names(found: Vec<RelPath>) -> Vec<String> {
    found.into_iter().map(|path| path.to_string()).collect()
}

/// A repository in a folder of its own, with a scrubbed configuration.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn empty() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn init(arguments: &[&str]) -> Self {
        let repo = Self::empty();
        let all: Vec<&str> = ["init", "--quiet", "--initial-branch=main"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        repo.git(&all);
        repo
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn real(&self) -> PathBuf {
        fs::canonicalize(self.path()).expect("a path")
    }

    fn open(&self) -> Repository {
        Repository::discover(self.path()).expect("readable").expect("a repository")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    #[cfg(unix)]
    fn link(&self, target: &str, path: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::os::unix::fs::symlink(target, path).expect("a link");
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
    }

    /// Runs git; its output without the line end.
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgSign=false"])
            .args(arguments)
            .env_remove("GIT_DIR")
            .env_remove("GIT_INDEX_FILE")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

#[test]
fn snapshots_and_repositories_go_to_other_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<super::Snapshot>();
    shared::<Repository>();
}
