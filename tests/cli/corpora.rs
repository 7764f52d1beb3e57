//! What is wrong with a corpus, from the outside: each fault is said with its place, and nothing is silently left out.

use crate::project::Project;
use crate::retrieval::{KB, project};

/// Every verb that reads the corpus ends with 2, names the file and says this.
fn refused(project: &Project, code: &str, file: &str, why: &str) {
    for arguments in [&["check"][..], &["eval"], &["retrieve", "kb", "--query", "refunds"]] {
        // A gate may stop at the digest, before it searches.
        let code = if arguments == ["eval"] { "" } else { code };
        project.run(arguments).exits(2).says(code).says(file).says(why);
    }
    let found = project.run(&["check", "--json"]).exits(2).json();
    let codes = found["diagnostics"].as_array().expect("diagnostics").iter();
    assert!(codes.filter(|one| one["severity"] == "error").all(|one| one["code"] == code), "{found}");
}

fn with(corpus: &str) -> Project {
    project(&KB.replace("[\"kb/*.md\"]", corpus)).set("COLUMNS", "160")
}

#[test]
fn a_file_that_is_no_text_says_its_first_line() {
    let project = with("[\"kb/*\"]");
    project.write_bytes("kb/latin.txt", b"fine\nna\xefve\n");
    refused(&project, "corpus-file-not-text", "kb/latin.txt", "not UTF-8 (first on line 2)");
}

#[test]
fn a_file_of_50_mb_is_refused() {
    let project = with("[\"kb/*\"]");
    let file = std::fs::File::create(project.path("kb/large.txt")).expect("a file");
    file.set_len(50_000_000).expect("its size");
    refused(&project, "corpus-file-too-large", "kb/large.txt", "50 MB or more");
}

#[cfg(unix)]
#[test]
fn a_link_that_leaves_the_repository_is_refused_and_one_within_is_read() {
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("secret.md"), "Passwords.\n").expect("a file");
    let project = with("[\"kb/**\"]");
    std::os::unix::fs::symlink(outside.path().join("secret.md"), project.path("kb/link.md")).expect("a link");
    refused(&project, "corpus-leaves-repository", "kb/link.md", "leads outside the repository");

    // The same link, committed: a revision is no way out either.
    project.git(&["init", "-q"]);
    project.write(".gitignore", ".llmops/\n");
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "all"]);
    project.run(&["render", "support", "--case", "refund", "--at", "HEAD"]).exits(2).says("kb/link.md");

    std::fs::remove_file(project.path("kb/link.md")).expect("removed");
    std::os::unix::fs::symlink("refund.md", project.path("kb/link.md")).expect("a link");
    let found = project.run(&["retrieve", "kb", "--query", "refunds", "--json"]).exits(0).json();
    assert!(found.to_string().contains("kb/link.md"), "{found}");
}

#[test]
fn globs_that_match_nothing_are_refused_even_beside_others_that_do() {
    refused(&with("[\"nowhere/**/*.md\"]"), "corpus-no-match", "retrieval/kb.yaml", "no file matches");
    refused(&with("[\"kb/*.md\", \"faq/*.md\"]"), "corpus-no-match", "retrieval/kb.yaml", "faq/*.md");
}

#[test]
fn a_broken_row_says_its_line() {
    let project = with("[\"kb/*.md\", \"kb/faq.jsonl\"]");
    project.write("kb/faq.jsonl", "{\"text\": \"One.\"}\n{\"text\": \n");
    refused(&project, "corpus-bad-row", "kb/faq.jsonl:2", "not a document");
    project.write("kb/faq.jsonl", "{\"text\": \"One.\"}\n{\"id\": 2}\n");
    refused(&project, "corpus-bad-row", "kb/faq.jsonl:2", "missing field `text`");
    project.write("kb/faq.jsonl", "{\"text\": \"One.\", \"last_updated\": \"lately\"}\n");
    refused(&project, "corpus-bad-row", "kb/faq.jsonl:1", "no ISO 8601 date");
    let table = with("[\"kb/*.md\", \"kb/faq.csv\"]");
    table.write("kb/faq.csv", "id,body\n1,One.\n");
    refused(&table, "corpus-bad-row", "kb/faq.csv:1", "there is no column `text`");
    table.write("kb/faq.csv", "id,text\n1,One.\n1,Two.\n");
    refused(&table, "corpus-bad-row", "kb/faq.csv:3", "the id `1` is there twice");
    table.write("kb/faq.csv", "id,text\n1,One.\n2,\"Two.\n3,Three.\n");
    refused(&table, "corpus-bad-row", "kb/faq.csv:3", "never closed");
}

#[test]
fn a_row_that_says_nothing_is_not_left_out_without_a_word() {
    let project = with("[\"kb/*.md\", \"kb/faq.jsonl\"]");
    for (row, why) in [
        ("{\"text\": \"\"}", "its `text` is empty"),
        ("{\"text\": \"  \"}", "its `text` is empty"),
        ("[\"1\", \"One.\", null]", "it is no JSON object"),
        ("{\"text\": \"One.\", \"last_updated\": \"2026-01-01 and rubbish\"}", "no ISO 8601 date"),
    ] {
        project.write("kb/faq.jsonl", &format!("{{\"text\": \"Zero.\"}}\n{row}\n"));
        refused(&project, "corpus-bad-row", "kb/faq.jsonl:2", why);
    }
}

#[cfg(unix)]
#[test]
fn links_that_are_not_followed_are_said() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("secret.md"), "Passwords.\n").expect("a file");
    let project = with("[\"kb/**/*.md\"]");
    symlink(outside.path(), project.path("kb/out")).expect("a link");
    refused(&project, "corpus-leaves-repository", "kb/out", "a folder outside the repository");
    std::fs::remove_file(project.path("kb/out")).expect("removed");

    symlink("nowhere.md", project.path("kb/dangling.md")).expect("a link");
    refused(&project, "corpus-file-unreadable", "kb/dangling.md", "leads to nothing");
    std::fs::remove_file(project.path("kb/dangling.md")).expect("removed");

    project.write("more/a.md", "More.\n");
    symlink("../more", project.path("kb/more")).expect("a link");
    project.run(&["check"]).exits(0).says("corpus-link-to-folder").says("kb/more is a link to a folder");
    project.run(&["eval"]).exits(0).says("corpus-link-to-folder");
    // Where a glob does not go down, nothing lies beyond a link.
    project.replace("retrieval/kb.yaml", "kb/**/*.md", "kb/*.md");
    let found = project.run(&["check"]).exits(0);
    assert!(!found.stderr.contains("corpus-link"), "{}", found.stderr);
}

#[test]
fn a_table_of_a_page_is_its_words() {
    let project = with("[\"kb/*\"]");
    let rows: String = (0..40).map(|n| format!("<tr><td>Item {n}</td><td>{n}.90</td></tr>")).collect();
    let page = format!("<title>Price list</title><p><a href=\"x\">Prices</a></p><table>{rows}</table>");
    project.write("kb/prices.html", &page);
    let found = project.run(&["retrieve", "kb", "--query", "price list item 7", "--json"]).exits(0).json();
    let text = found["chunks"][0]["text"].as_str().expect("a text");
    assert!(text.starts_with("Price list\n\nPrices\n") && text.contains("\nItem 4 | 4.90\n"), "{text}");
}

#[test]
fn an_empty_file_is_a_warning_and_an_empty_corpus_an_error() {
    let project = with("[\"kb/*\"]");
    project.write("kb/empty.md", "");
    project.write("kb/blank.txt", " \n\n");
    project.write("kb/rows.jsonl", "\n");
    for file in ["kb/empty.md", "kb/blank.txt", "kb/rows.jsonl"] {
        project.run(&["check"]).exits(0).says("corpus-file-empty").says(file);
        project.run(&["retrieve", "kb", "--query", "refunds"]).exits(0).says(file);
        project.run(&["eval"]).exits(0).says(file);
    }
    let project = with("[\"empty/*\"]");
    project.write("empty/a.md", "");
    project.write("empty/b.md", "\n");
    refused(&project, "corpus-empty", "retrieval/kb.yaml", "nothing is ever found");
}
