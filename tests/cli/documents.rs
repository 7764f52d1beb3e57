//! Every command of the documents runs: the blocks of a page in one folder, against a stub where a key is needed.

use crate::project::Project;
use crate::stub::{Answer, Stub};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Commands that are not marked in their page, by the first line of their block: what is written in place of parts of
/// them, or why they do not run.
const OTHERWISE: &[(&str, &str, Otherwise)] = &[
    (
        "README.md",
        "cargo run -- -C examples/support eval",
        Otherwise::With(&[("cargo run -- -C examples/support", "llmops")]),
    ),
    ("README.md", "cargo test", Otherwise::Never("it is what runs this")),
    (
        "README.md",
        "cargo install --path .     # puts `llmops` on your PATH",
        Otherwise::With(&[("cargo install --path .", "true"), ("cd your-repository", "true")]),
    ),
    (
        "README.md",
        "export ANTHROPIC_API_KEY=…      # the model's; a line in .env does too, where git does not track that file",
        Otherwise::With(&[
            ("ANTHROPIC_API_KEY=…", "ANTHROPIC_API_KEY=sk-ant-test"),
            ("OPENAI_API_KEY=…", "OPENAI_API_KEY=sk-test"),
            ("eval --max-cost", "-C remote eval --max-cost"),
        ]),
    ),
    (
        "README.md",
        "llmops import promptfooconfig.yaml      # also .prompt.yml and .prompty; lists what was lost, with its line",
        Otherwise::With(&[]),
    ),
    (
        "releases.md",
        "llmops rollback customer_support --in production",
        // Only a second promotion leaves something to go back to.
        Otherwise::With(&[("llmops rollback", RELEASE_AGAIN)]),
    ),
];

const RELEASE_AGAIN: &str = "sed -i.bak 's/1\\.4\\.0/1.5.0/; s/^changelog: .*/changelog: next/' prompts/customer_support.yaml && rm prompts/customer_support.yaml.bak && git commit -qam next && llmops promote customer_support --to production && git add -A && git commit -qm live && llmops rollback";

enum Otherwise {
    With(&'static [(&'static str, &'static str)]),
    Never(&'static str),
}

/// A folder for the blocks of a page: empty, or with the example of the support assistant.
fn folder_for(kind: &str, stub: &Stub) -> Project {
    let project = Project::empty()
        .set("ANTHROPIC_BASE_URL", &stub.url)
        .set("OPENAI_BASE_URL", &format!("{}/v1", stub.url));
    if kind == "support" {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/support");
        copy(&example, &example, &project);
    }
    project.write("promptfooconfig.yaml", "prompts: ['Say hello to {{name}}']\nproviders: [openai:gpt-4o-mini]\ntests: [{vars: {name: Ann}, assert: [{type: contains, value: Ann}]}]\n");
    project.write(
        "remote/prompts/a.yaml",
        "version: \"1\"\nmodel_target: claude-haiku-4-5-20251001\nsystem: Be brief.\n",
    );
    project.write(
        "remote/evals/a.yaml",
        "version: \"1\"\nprompt: a\ncases: [{input: hello}]\nassert: [{type: contains, value: Yes}]\n",
    );
    project.write(".gitignore", ".llmops/\n.env\n");
    project.git(&["init", "-q"]);
    project.git(&["config", "user.name", "Test"]);
    project.git(&["config", "user.email", "test@example.invalid"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "first"]);
    project
}

fn copy(root: &Path, folder: &Path, project: &Project) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let inside = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
        if inside == ".llmops" {
            continue;
        }
        if path.is_dir() {
            copy(root, &path, project);
        } else {
            project.write_bytes(&inside, &fs::read(&path).expect("a file"));
        }
    }
}

/// What a person would have done between two blocks: every answer of the sheet gets a score.
fn labelled(project: &Project) {
    let path = "evals/labels/customer_support.csv";
    let Ok(text) = fs::read_to_string(project.path(path)) else { return };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).expect("a row");
    for (index, record) in reader.records().enumerate() {
        let record = record.expect("a row");
        let cells = header.iter().zip(&record).map(|(name, cell)| match name {
            "score" => {
                if index % 3 == 0 {
                    "4"
                } else {
                    "5"
                }
            }
            "rater" => "ann",
            _ => cell,
        });
        writer.write_record(cells).expect("a row");
    }
    project.write_bytes(path, &writer.into_inner().expect("a sheet"));
}

fn run(project: &Project, script: &str) -> std::process::Output {
    let binary = assert_cmd::cargo::cargo_bin("llmops");
    let folder = binary.parent().expect("a folder").display().to_string();
    let mut command = std::process::Command::new("sh");
    command.args(["-eu", "-c", script]).current_dir(project.root()).env_clear();
    command.env("HOME", project.root());
    command.env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap_or_default()));
    command.envs(project.environment().iter().map(|(name, value)| (name, value)));
    command.output().expect("sh runs")
}

#[test]
fn every_command_of_the_documents_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> =
        fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path()).collect();
    pages.push(root.join("README.md"));
    pages.sort();
    let stub = Stub::start(|_| Answer::anthropic("Yes, hello."));
    let (mut seen, mut otherwise) = (0, 0);
    for page in pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let name = page.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(page).expect("a page");
        let mut folders: BTreeMap<String, Project> = BTreeMap::new();
        for (info, block) in blocks(&text) {
            let first = block.lines().next().unwrap_or_default();
            let words: Vec<&str> = info.split_whitespace().collect();
            let shell = words.first() == Some(&"sh");
            let looks = block.lines().any(|line| line.trim_start_matches("$ ").starts_with("llmops "));
            assert!(
                shell || !looks || words.first() == Some(&"text"),
                "{name}: mark this block as `sh`:\n{block}"
            );
            if !shell {
                continue;
            }
            let mut script = block.clone();
            if words.get(1) != Some(&"runnable") {
                let known = OTHERWISE.iter().find(|(page, line, _)| *page == name && *line == first);
                match known.unwrap_or_else(|| panic!("{name}: nothing says how this runs:\n{block}")) {
                    (_, _, Otherwise::Never(why)) => {
                        assert!(!why.is_empty());
                        continue;
                    }
                    (_, _, Otherwise::With(parts)) => {
                        parts.iter().for_each(|(from, to)| script = script.replace(from, to));
                        otherwise += 1;
                    }
                }
            }
            let kind = words.iter().find_map(|word| word.strip_prefix("in="));
            let kind = kind.unwrap_or(if block.contains("examples/support") { "support" } else { "" });
            let project = folders.entry(kind.to_owned()).or_insert_with(|| folder_for(kind, &stub));
            labelled(project);
            let output = run(project, &script);
            assert!(
                output.status.success(),
                "{name}:\n{script}\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            seen += block.lines().filter(|line| line.trim().starts_with("llmops ")).count();
        }
    }
    assert!(seen >= 45 && otherwise >= 4, "only {seen} commands ran, {otherwise} of them with other words");
}

/// Every fenced block: what stands behind its fence, and its lines without the indent of the fence.
fn blocks(text: &str) -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::new(), None::<(usize, String, Vec<&str>)>);
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => open = Some((indent, info.trim().to_owned(), Vec::new())),
            (Some(_), Some(_)) => {
                if let Some((_, info, lines)) = open.take() {
                    found.push((info, lines.join("\n")));
                }
            }
            (Some((indent, _, lines)), None) => lines.push(line.get(*indent..).unwrap_or(line.trim_start())),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that does not end");
    found
}

#[test]
fn a_block_that_nothing_says_how_to_run_is_found() {
    let found = blocks(
        "a\n\n1. b\n\n   ```sh runnable in=support\n   llmops eval\n   llmops check\n   ```\n\n```\nx\n```\n",
    );
    assert_eq!(found[0], ("sh runnable in=support".to_owned(), "llmops eval\nllmops check".to_owned()));
    assert_eq!(found[1], (String::new(), "x".to_owned()));
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
