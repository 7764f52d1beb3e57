use super::*;
use crate::report::document::{Cases, View};
use crate::report::{sample, v1};

fn written(report: &Report, cases: &[Vec<Case>], views: &[View]) -> String {
    let stream = |gate: usize| sample::stream(cases, gate);
    let mut out = Vec::new();
    write(&Document::new(report, Cases(&stream)).views(views), &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_blocked_pull_request() {
    let mut views = sample::views();
    views[0].worst.truncate(1);
    insta::assert_snapshot!(written(&sample::report(), &sample::cases(), &views), @r#"
    <!-- llmops-report -->
    ## ❌ llmops: failed

    | | prompt | model | score | required | change | cases | cost |
    |---|---|---|---:|---:|---:|---:|---:|
    | ❌ failed | customer&#95;support 3.1.0 | claude-sonnet-4-20250514 | **4.199** (4.01 to 4.39) | ≥ 4.2 ❌ | −0.21 | 49 of 50 | $0.3318 |
    | ⚠️ no verdict | invoice 3.1.0 | claude-sonnet-4-20250514 | **–** | ≥ 4.2 ⚠️ | – | 0 of 1 | not known |

    ### ❌ customer&#95;support 3.1.0

    failed: score 4.199 is below the required 4.20; <code>faithfulness</code> 3.91 is below the required 4.00; and 1 more reason

    - 98.7 % of the asserts passed, and 100 % have to

    > The score cannot be told from the threshold: a second run would disagree in about half of all cases.

    | dimension | score | interval | required |
    |---|---:|---:|---:|
    | faithfulness | 3.91 | 3.61 to 4.21 | ≥ 4 ❌ |
    | relevance | 4.62 | 4.32 to 4.92 | ≥ 4 |
    | tone | 4.40 | 4.10 to 4.70 |  |

    Against 9f2c41d0b7: −0.21 (−0.35 to −0.07); 2 worse, 1 better. Worse: refund-window, =cmd&#124;'/C calc'&#33;A0.

    - model: claude-sonnet-4-20250514 (pinned snapshot)
    - retrieved: recall@k 0.92, required ≥ 0.9; precision@k 0.41; MRR 0.88, required ≥ 0.9: below; nDCG 0.90; MAP 0.85; over 48 cases
    - asserts: 147 of 149 passed (98.7 %)
    - unscored: 1 of 50 (2 %): no grade, not a bad grade
    - calls: 84 live, 14 cached, 3 retried
    - cost: &#36;0.2904 spent now, &#36;0.3318 with every call live
    - time: median 812 ms, 95th percentile 1.9 s, longest 3.1 s per answer

    **Worst cases**

    <details><summary>refund-window: failed, score 2.00</summary>

    **judge:** The answer promises a refund within 60 days, while the context says 30 days. It also names a phone number that stands nowhere in the context, so that a customer would be misled twice.

    **rouge-l:** 0.31 is below 0.5

    ```text
    Of course! You can return anything within 60 days. Just call 555-0100.
    ```

    </details>

    ### ⚠️ invoice 3.1.0

    It cannot be told: 1 of 1 cases has no grade, because the provider failed.

    - model: claude-sonnet-4-20250514 (pinned snapshot)
    - unscored: 1 of 1 (100 %): no grade, not a bad grade
    - calls: 6 retried
    - cost: not known

    **Worst cases**

    <details><summary>invoice-copy: unscored (provider&#95;error)</summary>

    **reason:** 429 after 6 retries: rate limited


    </details>

    <sub>run 20260420T091500-7f3a · commit 4be1c07aa2, with uncommitted changes · 12.3 s · llmops 0.1.0</sub>
    "#);
}

#[test]
fn what_a_model_wrote_stays_text() {
    let text = written(&sample::report(), &sample::cases(), &sample::views());
    let outside_fences: String = {
        let mut fence: Option<&str> = None;
        text.lines()
            .filter(|line| match fence {
                Some(open) => {
                    if *line == open {
                        fence = None;
                    }
                    false
                }
                None => {
                    if let Some(ticks) = line.strip_suffix("text").filter(|ticks| ticks.starts_with("```")) {
                        fence = Some(ticks);
                    }
                    true
                }
            })
            .flat_map(|line| [line, "\n"])
            .collect()
    };
    for attack in ["<script", "<img", "@everyone", "](", "| a |", "```\n@", "\x1b", "<!-- -->", "http://x"] {
        assert!(!outside_fences.contains(attack), "{attack}: {outside_fences}");
    }
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert!(!text.contains('\x1b') && !text.contains('\0') && !text.contains('\u{202e}'));
}

#[test]
fn a_fence_is_longer_than_any_in_the_text() {
    assert_eq!(fenced("a\n````\nb"), "`````text\na\n````\nb\n`````\n");
    assert_eq!(fenced("plain"), "```text\nplain\n```\n");
}

#[test]
fn it_fits_into_a_comment_whatever_the_run() {
    let huge = Case {
        output: Some("`|<&\n".repeat(20_000)),
        judge_reason: Some("|<&@".repeat(20_000)),
        id: "|".repeat(10_000),
        ..sample::cases()[0][1].clone()
    };
    let mut report = sample::report();
    let long = "<".repeat(3_000);
    report.gates = (0..100)
        .map(|index| v1::Gate {
            prompt: v1::PromptRef { name: format!("{index}{long}"), ..sample::gate().prompt },
            baseline: Some(v1::Baseline { worse: vec![long.clone(); 25], rev: long.clone(), ..base() }),
            dimensions: vec![
                v1::Dimension { name: long.clone(), ..sample::gate().dimensions[0].clone() };
                30
            ],
            ..sample::gate()
        })
        .collect();
    let view =
        View { sentence: long.clone(), notes: vec![long; 10], worst: vec![huge; 2], ..View::default() };
    let text = written(&report, &[], &vec![view; 100]);
    assert!(text.len() <= 65_536, "{}", text.len());
    assert!(text.starts_with(MARKER) && text.contains("❌ llmops: failed"));
    assert!(text.contains("did not fit here") && text.contains("Not in the table: 40 failed"));
}

fn base() -> v1::Baseline {
    sample::gate().baseline.expect("a baseline")
}

#[test]
fn a_wrong_input_says_that_nothing_was_evaluated() {
    let report = Report { verdict: None, run: None, gates: vec![], ..sample::report() };
    let text = written(&report, &[], &[]);
    assert!(text.contains("nothing was evaluated") && text.contains("evals/invoice.yaml:3"), "{text}");
    // It has to be mended, and blocks as a failed gate does; what could not be told may only need another try.
    let wrong = Report { exit_code: 2, ..report.clone() };
    assert!(written(&wrong, &[], &[]).contains("## ❌ llmops: nothing was evaluated"));
    let outage = Report { exit_code: 3, ..report };
    assert!(written(&outage, &[], &[]).contains("## ⚠️ llmops: nothing was evaluated"));
}

#[test]
fn a_green_without_a_gate_names_its_base() {
    let gates = Vec::new();
    let report = Report { verdict: Some(Verdict::Unaffected), exit_code: 0, gates, ..sample::report() };
    let text = written(&report, &[], &[]);
    assert!(text.contains("\nNothing that changed since 9f2c41d0b7 touches a gate.\n"), "{text}");
}

#[test]
fn a_gate_that_decides_by_its_lower_bound_shows_it() {
    let mut gate = Gate { breaches: vec![], required: Some(4.0), cases_unscored: 0, ..sample::gate() };
    if let Some(score) = &mut gate.score {
        (score.mean, score.lower_bound) = (4.3, Some(3.87));
    }
    let report = Report { gates: vec![gate], ..sample::report() };
    let text = written(&report, &[], &[]);
    assert!(text.contains("**4.30** (4.01 to 4.39), lower bound 3.87 | lower bound ≥ 4 ❌ |"), "{text}");
}

#[test]
fn trials_are_not_taken_for_cases() {
    let gate = Gate { trials: 2, cases_planned: 6, cases_scored: 4, cases_unscored: 2, ..sample::gate() };
    let report = Report { gates: vec![gate], ..sample::report() };
    let text = written(&report, &[], &[]);
    assert!(text.contains("| 4 of 6 trials, 3 cases |"), "{text}");
    assert!(text.contains("- unscored: 2 of 6 trials (33.3 %)"), "{text}");
}

#[test]
fn a_sentence_keeps_its_code_and_nothing_else() {
    assert_eq!(prose("`a_b` is `<b>`, so"), "<code>a&#95;b</code> is <code>&lt;b&gt;</code>, so");
    assert_eq!(prose("one ` and <b>"), "one &#96; and &lt;b&gt;");
}

#[test]
fn nothing_is_a_reference_to_somebody_or_something() {
    let escaped = escape("@team #12 GH-3 gh-4 acme/x#5 https://x WWW.x www.x ![i](http://x) <img src=x>");
    for found in ["@t", "#1", "GH-3", "gh-4", "#5", "://", "www.", "![", "<img"] {
        assert!(!escaped.contains(found), "{found}: {escaped}");
    }
    assert!(escape("high-grade GH").contains("GH"));
}
