use super::*;
use crate::domain::{Chunk, Message, Role};
use crate::report::document::{Cases, Detail, Details};
use crate::report::sample;

fn written(report: &Report, cases: &[Vec<Case>]) -> String {
    let stream = |gate: usize| sample::stream(cases, gate);
    let views = sample::views();
    let detail = |_: usize, case: &Case| -> Result<Option<Detail>> {
        Ok((case.id == "refund-window").then(|| Detail {
            messages: vec![Message::new(Role::System, sample::HOSTILE)],
            context: vec![Chunk {
                text: "Returns are free within 30 days.".into(),
                source: Some("kb/refunds.md".into()),
                score: Some(0.031),
                last_updated: None,
            }],
            relevant: vec!["kb/refunds.md".into()],
            critical: true,
            base_output: Some("Of course! You can return anything within 30 days.".into()),
            base_score: Some(5.0),
        }))
    };
    let document = Document::new(report, Cases(&stream)).views(&views).details(Details(&detail));
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
        "data-change=\"worse\"",
        "was 5.00",
        "critical: it blocks alone",
        "<del>30</del><ins>60</ins>",
        "1. kb&#x2f;refunds.md · 0.031 · relevant",
        "rouge-l",
        "<h5>system</h5>",
        "4.199",
        "Why there is no grade",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
    assert_eq!(page.matches("<div").count(), page.matches("</div>").count());
}

#[test]
fn an_enormous_answer_is_cut_and_said_to_be() {
    let huge = Case { output: Some("x".repeat(5_000_000)), ..sample::case("huge") };
    let page = written(&sample::report(), &[vec![huge]]);
    assert!(page.len() < 200_000 && page.contains("(cut here: 4934464 bytes more)"), "{}", page.len());
}
