use super::*;
use crate::domain::{Code, Place};

const PLAIN: Style = Style { color: Color::Off, charset: Charset::Unicode, width: 80 };
const ASCII: Style = Style { charset: Charset::Ascii, ..PLAIN };
const UNKNOWN_KEY: Code = crate::domain::Code("unknown-key");

fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a path")
}

fn drawn(found: &[Diagnostic], source: &str, style: Style) -> String {
    let mut out = Vec::new();
    write(found, &|_| Some(source.to_owned()), style, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

fn at(line: u32, column: u32, length: u32) -> Place {
    Place::at(&path("prompts/a.yaml"), Span::new(line, column, length))
}

#[test]
fn the_offending_line_is_underlined_at_its_place() {
    let source = "version: \"1\"\nmodel_target: x\nsytem: hi\nparameters: {}\n";
    let found =
        Diagnostic::error(UNKNOWN_KEY, "unknown key `sytem`").at(at(3, 1, 5)).help("did you mean `system`?");
    insta::assert_snapshot!(drawn(std::slice::from_ref(&found), source, PLAIN), @r#"
    error [unknown-key]

      × unknown key `sytem`
       ╭─[prompts/a.yaml:3:1]
     2 │ model_target: x
     3 │ sytem: hi
       · ─────
     4 │ parameters: {}
       ╰────
      help: did you mean `system`?

    1 error in 1 file
    "#);
    insta::assert_snapshot!(drawn(&[found], source, ASCII), @r#"
    error [unknown-key]

      x unknown key `sytem`
       ,-[prompts/a.yaml:3:1]
     2 | model_target: x
     3 | sytem: hi
       : ^^^^^
     4 | parameters: {}
       `----
      help: did you mean `system`?

    1 error in 1 file
    "#);
}

#[test]
fn a_finding_without_its_line_names_its_place() {
    let found = [
        Diagnostic::error(UNKNOWN_KEY, "no such file").at(Place::file(&path("evals/a.yaml"))),
        Diagnostic::warning(UNKNOWN_KEY, "past the end").at(at(99, 1, 1)),
        Diagnostic::note(UNKNOWN_KEY, "no place at all"),
    ];
    insta::assert_snapshot!(drawn(&found, "one line", PLAIN), @r#"
    error [unknown-key]

      × evals/a.yaml: no such file

    warning [unknown-key]

      ⚠ prompts/a.yaml:99:1: past the end

    note [unknown-key]

      ☞ no place at all

    1 error, 1 warning, 1 note in 2 files
    "#);
}

#[test]
fn a_long_line_is_shown_around_what_is_wrong() {
    let source = format!("{}HERE{}", "a".repeat(500_000), "b".repeat(500_000));
    let text = drawn(&[Diagnostic::error(UNKNOWN_KEY, "wrong").at(at(1, 500_001, 4))], &source, PLAIN);
    assert!(text.contains("aHEREb") && text.contains('…'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 130), "{text}");
    let line = text.lines().find(|line| line.contains("HERE")).expect("the line");
    let under = text.lines().find(|line| line.contains("───") && !line.contains('╭')).expect("an underline");
    let column = |text: &str, what: &str| text.find(what).map(|at| text[..at].chars().count());
    assert_eq!(column(line, "HERE"), column(under, "──"), "{text}");
}

#[test]
fn nothing_in_a_source_or_a_message_acts_on_the_terminal() {
    let source = "key: \x1b[2J\u{202e}evil\0\n::error::pwned\n";
    let found = Diagnostic::error(UNKNOWN_KEY, "bad \x1b[31m\u{202e} value\n::error::pwned").at(at(1, 6, 4));
    let text = drawn(&[found.help("type \x1b[0m\n::error::x")], source, PLAIN);
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{text}");
}

#[test]
fn a_range_past_the_end_of_its_line_is_no_panic() {
    for place in [at(1, 1, u32::MAX), at(1, 900, 3), at(2, 1, 1), at(0, 0, 0), at(1, u32::MAX, u32::MAX)] {
        let text = drawn(&[Diagnostic::error(UNKNOWN_KEY, "wrong").at(place)], "日本語\n", PLAIN);
        assert!(text.contains("wrong"), "{text}");
    }
    assert!(drawn(&[Diagnostic::error(UNKNOWN_KEY, "empty").at(at(1, 1, 1))], "", PLAIN).contains("empty"));
}

#[test]
fn the_summary_counts_findings_and_files() {
    let error = |file| Diagnostic::error(UNKNOWN_KEY, "x").at(Place::file(&path(file)));
    let warning = Diagnostic::warning(UNKNOWN_KEY, "x").at(Place::file(&path("b")));
    assert_eq!(summary(&[error("a"), error("a"), error("b"), warning]), "3 errors, 1 warning in 2 files");
    assert_eq!(summary(&[error("a")]), "1 error in 1 file");
    assert_eq!(summary(&[Diagnostic::note(UNKNOWN_KEY, "x")]), "1 note");
    assert_eq!(summary(&[]), "no findings");
}

#[test]
fn the_json_is_that_of_a_report() {
    let mut out = Vec::new();
    let found = Diagnostic::error(UNKNOWN_KEY, "x").at(at(3, 1, 5)).help("y");
    write_json(&[found], &mut out).expect("written");
    assert_eq!(
        String::from_utf8(out).expect("UTF-8"),
        "[{\"code\":\"unknown-key\",\"severity\":\"error\",\"message\":\"x\",\"path\":\"prompts/a.yaml\",\
         \"line\":3,\"column\":1,\"help\":\"y\"}]\n"
    );
}

#[test]
fn colour_is_written_only_when_told_so() {
    let found = [Diagnostic::error(UNKNOWN_KEY, "x").at(at(1, 1, 1))];
    assert!(drawn(&found, "a", Style { color: Color::On, ..PLAIN }).contains("\x1b["));
    assert!(!drawn(&found, "a", PLAIN).contains('\x1b'));
    assert!(drawn(&found, "a", ASCII).is_ascii());
}
