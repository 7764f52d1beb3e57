use super::*;
use crate::domain::{Chunk, Message, Role};
use crate::report::document::{Cases, Detail, Details, Tells};
use crate::report::sample;
use crate::report::told::Told;
use crate::report::v1::Case;

fn written(report: &Report, cases: &[Vec<Case>]) -> String {
    let stream = |gate: usize| sample::stream(cases, gate);
    let views = sample::views();
    let detail = |_: usize, case: &Case| -> Result<Option<Detail>> {
        Ok((case.id == "refund-window").then(|| Detail {
            context: vec![Chunk {
                text: "Returns are free within 30 days.".into(),
                source: Some("kb/refunds.md".into()),
                score: Some(0.031),
                last_updated: None,
            }],
            relevant: vec!["kb/refunds.md".into()],
            critical: true,
            ..Detail::default()
        }))
    };
    let tell = |_: usize, case: &Case| match case.id.as_str() {
        "refund-window" => Told {
            messages: vec![
                Message::new(Role::System, sample::HOSTILE),
                Message::new(Role::User, "How long may I return it?"),
            ],
            base_output: Some("Of course! You can return anything within 30 days.".into()),
            base_score: Some(5.0),
        },
        "long" => Told { messages: vec![Message::new(Role::User, "x".repeat(60_000))], ..Told::default() },
        _ => Told::default(),
    };
    let document =
        Document::new(report, Cases(&stream)).views(&views).details(Details(&detail)).tells(Tells(&tell));
    let mut out = Vec::new();
    write(&document, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn base64_is_that_of_the_rfc() {
    let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
    for (plain, encoded) in vectors {
        assert_eq!(base64(plain.as_bytes()), encoded);
    }
}

#[test]
fn nothing_that_a_model_wrote_is_markup() {
    let page = written(&sample::report(), &sample::cases());
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    assert!(!page.contains("<img") && !page.contains("<b>topic"));
    assert!(!page.contains('\x1b') && !page.contains('\0') && !page.contains('\u{202e}'));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
}

#[test]
fn the_page_loads_nothing() {
    let page = written(&sample::report(), &sample::cases());
    for loads in ["src=\"", "<link", "@import", "url(", "fetch(", "<iframe", "<object"] {
        assert!(!page.contains(loads), "{loads}");
    }
    let policy = "default-src 'none'; style-src 'sha256-";
    assert!(page.contains(policy), "no policy");
    assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("</"));
}

#[test]
fn a_case_opens_to_everything_that_is_known_of_it() {
    let page = written(&sample::report(), &sample::cases());
    for part in [
        "<details class=\"case failed\" id=\"gate-0-1\"",
        "data-change=\"worse\" data-delta=\"-3\"",
        "<a href=\"#gate-0-1\"><bdi>refund-window</bdi></a> <span class=\"quiet\">5.00 → 2.00</span>",
        "<option value=\"rank\" selected>",
        "aria-label=\"Scores of cases: 1 case from ",
        "was 5.00",
        "critical: it blocks alone",
        "<del>30</del><ins>60</ins>",
        "1. kb&#x2f;refunds.md · 0.031 · relevant",
        "rouge-l",
        "<h5>system</h5>",
        "<h4>Asked</h4><pre dir=\"auto\">How long may I return it?</pre>",
        "4.199",
        "Why there is no grade",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
    assert_eq!(page.matches("<div").count(), page.matches("</div>").count());
}

#[test]
fn a_gate_that_fails_by_its_lower_bound_is_not_green() {
    let mut gate = Gate { breaches: vec![], required: Some(4.0), cases_unscored: 0, ..sample::gate() };
    if let Some(score) = &mut gate.score {
        (score.mean, score.lower_bound) = (4.3, Some(3.87));
    }
    let page = written(&Report { gates: vec![gate], ..sample::report() }, &[]);
    assert!(page.contains("<div class=\"bar bad\">\n<span class=\"name\">judge score"), "{page}");
    assert!(page.contains("lower bound ≥ 4 (is 3.87)") && page.contains("<line class=\"bound\""));
}

#[test]
fn trials_are_not_taken_for_cases() {
    let gate = Gate { trials: 2, cases_planned: 6, ..sample::gate() };
    let page = written(&Report { gates: vec![gate], ..sample::report() }, &sample::cases());
    for part in ["3 cases × 2 trials", "<h3>Trials <span", "aria-label=\"Scores of trials: 1 trial from "] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_wrong_input_is_red_and_a_green_without_a_gate_names_its_base() {
    let nothing = Report { verdict: None, gates: vec![], ..sample::report() };
    let head = |report: &Report| {
        let page = written(report, &[]);
        page.split("<main>").next().expect("a head").split("<body>").nth(1).expect("a body").to_owned()
    };
    assert!(head(&Report { exit_code: 2, ..nothing.clone() }).contains("<header class=\"bad\">"));
    assert!(head(&Report { exit_code: 3, ..nothing.clone() }).contains("<header class=\"unsure\">"));
    let green = Report { verdict: Some(Verdict::Unaffected), exit_code: 0, ..nothing };
    let shown = head(&green);
    assert!(shown.contains("nothing that changed since 9f2c41d0b7 touches a gate"), "{shown}");
}

#[test]
fn an_enormous_answer_is_cut_and_said_to_be() {
    let huge = Case { output: Some("x".repeat(5_000_000)), ..sample::case("huge") };
    let page = written(&sample::report(), &[vec![huge]]);
    assert!(page.len() < 200_000 && page.contains("(cut here: 4934464 bytes more)"), "{}", page.len());
}

#[test]
fn a_page_of_many_long_conversations_says_what_it_leaves_out() {
    let cases: Vec<Case> = (0..200).map(|_| sample::case("long")).collect();
    let page = written(&sample::report(), &[cases]);
    let left_out = page.matches("Its messages are left out").count();
    assert!((50..100).contains(&left_out), "{left_out}");
    assert!(page.len() < 25_000_000, "{}", page.len());
}

#[test]
fn sentences_are_read_as_people_write_them() {
    assert_eq!(prose("`a<b` is \"x\""), "<code>a&lt;b</code> is &quot;x&quot;");
    assert_eq!(prose("one ` only"), "one ` only");
    assert_eq!(why("failed: score 4 is below"), "Score 4 is below");
    assert_eq!((why(""), why("Ünder")), (String::new(), "Ünder".to_owned()));
    assert_eq!(minute("2026-11-21T06:26:06.653Z"), "2026-11-21 06:26 UTC");
    assert_eq!(minute("soon\n"), "soon");
}

#[test]
fn two_answers_that_have_little_in_common_are_not_mixed() {
    let page = written(&sample::report(), &sample::cases());
    assert!(page.contains("<del>30</del>") && !page.contains("The base answered"));
    let other = Case { output: Some("No.".into()), ..sample::cases()[0][1].clone() };
    let page = written(&sample::report(), &[vec![other]]);
    assert!(
        page.contains("<h4>The base answered</h4><pre dir=\"auto\">Of course!") && !page.contains("<del>"),
        "{page}"
    );
}
