//! The picture of the README: a pull request on `examples/support` that is blocked, drawn from what the binary says.

use crate::comment::picture;
use crate::project::Project;
use llmops::domain::edits::{Edit, Edits, lines};
use std::fs;
use std::path::Path;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() && entry.file_name() != ".llmops" {
            copy(&source, &target);
        } else if source.is_file() {
            fs::copy(&source, &target).expect("copied");
        }
    }
}

/// Holds that the picture says what the binary says now; `LLMOPS_DRAW=1 cargo test --test cli picture` draws it again.
#[test]
fn the_picture_of_a_blocked_pull_request_is_what_the_binary_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::empty();
    copy(&root.join("examples/support"), project.root());
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "main"]);
    let base = project.git(&["rev-parse", "HEAD"]);
    let title = "Retrieve one article instead of four";
    project.replace("retrieval/support_kb.yaml", "top_k: 4", "top_k: 1");
    project.git(&["commit", "-qam", title]);
    let ran = project
        .run(&["eval", "--changed=HEAD~1", "--report", "markdown=report.md", "--report", "github=notes"])
        .exits(1);
    // The change is in what is retrieved, and so is the annotation.
    let line = 1 + project
        .read("retrieval/support_kb.yaml")
        .lines()
        .position(|line| line == "top_k: 1")
        .expect("a line");
    assert!(
        project.read("notes").starts_with(&format!("::error file=retrieval/support_kb.yaml,line={line},"))
    );
    let report = project.read("report.md");
    assert!(report.contains(&base[..12]) && report.contains("## ❌ llmops: failed"), "{report}");
    // The commit is another one each time; its picture keeps one id.
    let drawn = picture(
        title,
        &report.replace(&base[..12], "5c343cdeeebf"),
        &format!("prompts / gate (pull_request): exit code {}", ran.code),
    );
    assert!(drawn.len() < 60_000, "{}", drawn.len());
    for said in ["llmops: failed", "customer_support", "recall_at_k", "return-cost"] {
        assert!(drawn.contains(said), "{said}");
    }
    let path = root.join("docs/blocked.svg");
    if std::env::var_os("LLMOPS_DRAW").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        fs::write(&path, &drawn).expect("drawn");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "docs/blocked.svg is not what the binary says: draw it again with LLMOPS_DRAW=1 cargo test --test cli picture\n{}",
        changed(&kept, &drawn)
    );
}

/// The lines that differ.
fn changed(kept: &str, drawn: &str) -> String {
    let hunks = Edits::between(lines(kept), lines(drawn)).hunks(0);
    let mark = |edit| if edit == Edit::Removed { '-' } else { '+' };
    hunks.concat().iter().map(|(edit, line)| format!("{}{line}", mark(*edit))).collect()
}
