//! Every command of the documents that is marked as runnable runs, in a folder of its own.

use crate::project::Project;
use std::fs;
use std::path::Path;

#[test]
fn the_commands_of_the_documents_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> =
        fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path()).collect();
    pages.push(root.join("README.md"));
    let binary = assert_cmd::cargo::cargo_bin("llmops");
    let folder = binary.parent().expect("a folder").display().to_string();
    let mut seen = 0;
    for page in pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(page).expect("a page");
        let project = Project::empty();
        project.git(&["init", "-q"]);
        for block in text.split("```sh runnable\n").skip(1) {
            let block = block.split("\n```").next().expect("a block");
            let output = std::process::Command::new("sh")
                .args(["-eu", "-c", block])
                .current_dir(project.root())
                .env_clear()
                .env("HOME", project.root())
                .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap_or_default()))
                .output()
                .expect("sh runs");
            assert!(
                output.status.success(),
                "{}:\n{block}\n{}{}",
                page.display(),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            seen += block.lines().filter(|line| line.trim().starts_with("llmops ")).count();
        }
    }
    assert!(seen >= 15, "only {seen} commands ran");
}

#[test]
fn the_links_of_the_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join("docs")).expect("docs") {
        let page = entry.expect("an entry").path();
        let text = fs::read_to_string(&page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or("");
            let local = !path.is_empty() && !path.contains("://");
            assert!(!local || root.join("docs").join(path).exists(), "{}: {link}", page.display());
        }
    }
}
