//! What a model, a judge or a data row may write to act where it is shown: in a terminal, a comment, a page, a sheet, a
//! log of continuous integration. In every format it stays text.

use crate::fixtures::served;
use crate::project::Project;
use crate::stub::{Answer, Stub};
use crate::xsd::Schema;
use serde_json::{Value, json};

/// One of each.
const HOSTILE: &str = "=HYPERLINK(\"http://evil.example\") @everyone @acme/team see #123 acme/x#4 GH-5 ![i](http://evil.example/i.png) \
<img src=http://evil.example/x onerror=alert(1)> </script><script>alert(1)</script> | a | b | [x](javascript:alert(1)) \
https://evil.example www.evil.example ]]> --> <!-- llmops-report --> ``` \u{1b}[31mred\u{1b}]0;title\u{7} \u{9b}2J \u{0} \u{8} \
\u{202e}gnp.exe\u{2066} \u{200b} \u{feff} </pre></details> $x$ *a* _b_ ~~c~~ `d`\n::error::pwned\n##[error]pwned\n# Heading\n```\n@everyone\n\r+1+cmd|' /C calc'!A0";

const IDS: [&str; 5] = ["=1+1", "@everyone", "#77", "<b>|x", "GH-8 \u{202e}"];

/// Everything that a run writes.
struct Written {
    terminal: String,
    project: Project,
}

impl Written {
    fn read(&self, name: &str) -> String {
        self.project.read(&format!("out/{name}"))
    }
}

/// Reports in every format, of hostile answers, reasons, ids and tags.
fn written() -> Written {
    let stub = Stub::start(|seen| match seen.is_judge() {
        true => Answer::openai(&json!({"reason": HOSTILE, "relevance": 1}).to_string()),
        false if seen.last_user().contains("Question 4?") => {
            Answer::openai(&format!("{HOSTILE}{}", "x".repeat(1 << 20)))
        }
        false => Answer::openai(HOSTILE),
    });
    let project = served("openai", &stub.url, 4.0, 0);
    let cases: String = (0..)
        .zip(IDS)
        .map(|(n, id)| {
            format!(
                "{}\n",
                json!({"id": id, "input": format!("Question {n}?"), "tags": {"<i>": "\"><script>", "n": id}})
            )
        })
        .collect();
    project.write("evals/cases/support.jsonl", &cases);
    project.replace(
        "evals/support.yaml",
        "judge:",
        "assert:\n  - {type: not-contains, value: \"HYPERLINK\"}\njudge:",
    );
    let mut arguments = vec!["eval".to_owned(), "--color".to_owned(), "always".to_owned()];
    for format in ["json", "jsonl", "junit", "markdown", "html", "csv", "github"] {
        arguments.extend(["--report".to_owned(), format!("{format}=out/{format}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = project.run(&arguments).exits(1);
    Written { terminal: format!("{}{}", ran.stdout, ran.stderr), project }
}

/// Characters that act on a terminal or on the order of text.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text without the colours that the program itself draws.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(0);
        assert!(part[end..].starts_with('m'), "no colour: {:?}", &part[..part.len().min(20)]);
        plain.push_str(&part[end + 1..]);
    }
    plain
}

#[test]
fn every_format_shows_what_was_written_and_does_nothing_else() {
    let written = written();

    let terminal = uncoloured(&written.terminal);
    assert!(!terminal.chars().any(acts), "{:?}", terminal.chars().find(|c| acts(*c)));
    assert!(terminal.contains("=HYPERLINK") && written.terminal.contains("\u{1b}["));
    assert!(
        !terminal.lines().any(|line| line.trim_start().starts_with("::") || line.contains("##[")),
        "{terminal}"
    );

    let github = written.read("github");
    assert!(
        github.lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")),
        "{github}"
    );
    assert!(!github.chars().any(acts));

    let markdown = written.read("markdown");
    let (mut fence, mut outside) = (None, String::new());
    for line in markdown.lines() {
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = line.strip_suffix("text"),
            None => outside.push_str(&format!("{line}\n")),
        }
    }
    assert_eq!(fence, None, "every fence is closed");
    let entity = regex::Regex::new("&#[0-9]+;").expect("an expression");
    let outside = entity.replace_all(&outside, "");
    for found in [
        "@e",
        "@a",
        "#1",
        "#4",
        "#7",
        "GH-",
        "![",
        "](",
        "<img",
        "<script",
        "<b>",
        "://",
        "www.",
        "$x$",
        "*a*",
        "~~",
        "# Heading",
    ] {
        assert!(!outside.contains(found), "{found}: {outside}");
    }
    assert_eq!(outside.matches("<!--").count(), 1, "its own marker alone");
    assert_eq!(outside.matches("<details>").count(), IDS.len());
    assert!(!markdown.replace('\u{200b}', "").chars().any(acts));

    let html = written.read("html");
    assert_eq!((html.matches("<script").count(), html.matches("<img").count()), (1, 0));
    assert!(
        !html.chars().any(acts) && html.contains("(cut here: ") && html.len() < 2_000_000,
        "{}",
        html.len()
    );

    let junit = written.read("junit");
    let schema = Schema::new(include_str!("../schemas/junit.xsd")).expect("a schema");
    assert_eq!(schema.faults(&junit), Vec::<String>::new());
    assert!(!junit.chars().any(acts) && junit.len() < 200_000);

    let csv = written.read("csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    for row in reader.records() {
        for cell in &row.expect("a row") {
            let starts = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert!(!starts || cell.parse::<f64>().is_ok(), "{cell}");
            assert!(!cell.chars().any(acts));
        }
    }
    assert!(csv.contains("'=1+1") && csv.contains("'@everyone"));

    // Programs get what was said, to the last character.
    let report: Value = serde_json::from_str(&written.read("json")).expect("JSON");
    let cases = report["gates"][0]["cases"].as_array().expect("cases");
    assert_eq!((&cases[0]["output"], &cases[1]["id"]), (&json!(HOSTILE), &json!("@everyone")));
    assert!(written.read("jsonl").lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

#[test]
fn half_a_surrogate_is_no_answer_and_no_panic() {
    let stub = Stub::start(|seen| match seen.is_judge() {
        true => Answer::openai(&json!({"reason": "r", "relevance": 5}).to_string()),
        false => {
            let whole = json!({"id": "c", "object": "chat.completion", "model": "gpt-4o-2024-11-20",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "HALF"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}});
            Answer::text(200, &whole.to_string().replace("HALF", "\\ud83d alone"))
                .header("x-should-retry", "false")
        }
    });
    let project = served("openai", &stub.url, 4.0, 1);
    let ran = project.run(&["eval", "--retries", "0", "--report", "html=report.html"]).exits(3);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// Two thousand failed cases: a comment holds 65,536 characters, a step summary one MiB, and a step ten annotations of a
/// level.
#[test]
fn two_thousand_failures_fit_where_they_are_shown() {
    let project = Project::new(&[
        ("prompts/support.yaml", "version: \"1.0.0\"\nmodel_target: builtin/extractive\nsystem: Answer.\n"),
        (
            "evals/support.yaml",
            "version: \"1.0.0\"\nprompt: support\ncases: cases/support.jsonl\nassert:\n  - {type: contains, value: nothing of the kind}\n",
        ),
    ]);
    let rows =
        |row: &dyn Fn(usize) -> Value| -> String { (0..2000).map(|n| format!("{}\n", row(n))).collect() };
    let id = |n: usize| format!("a case with quite a long name, number {n} | <b>");
    project.write("evals/cases/support.jsonl", &rows(&|n| json!({"id": id(n), "input": "?"})));
    project.write(
        "answers.jsonl",
        &rows(&|n| json!({"id": id(n), "output": "`|<& @x #1\n".repeat(if n < 20 { 20_000 } else { 40 })})),
    );
    let reports =
        ["eval", "--outputs", "answers.jsonl", "--report", "markdown=out.md", "--report", "github=out.txt"];
    project.run(&reports).exits(1);
    let comment = project.read("out.md");
    assert!(comment.chars().count() <= 65_536 && comment.len() <= 65_536, "{}", comment.len());
    assert!(comment.contains("llmops: failed") && comment.contains("**Worst cases**"));
    for n in 0..15 {
        project.write(
            &format!("prompts/broken-{n}.yaml"),
            "version: \"1\"\nmodel_target: builtin/extractive\nsytem: x\n",
        );
    }
    project.run(&reports).exits(2);
    let annotations = project.read("out.txt");
    let errors = annotations.lines().filter(|line| line.starts_with("::error ")).count();
    assert_eq!(errors, 10, "{annotations}");
    assert!(annotations.contains("more, in the report"), "{annotations}");
}
