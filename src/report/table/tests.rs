use super::*;
use crate::report::document::Cases;
use crate::report::{sample, v1};

fn drawn(report: &Report, options: Options) -> String {
    let (cases, views) = (sample::cases(), sample::views());
    let stream = |gate: usize| sample::stream(&cases, gate);
    let document = Document::new(report, Cases(&stream)).views(&views);
    let mut out = Vec::new();
    write(&document, options, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_gate_that_fails_and_one_without_a_verdict() {
    insta::assert_snapshot!(drawn(&sample::report(), Options { worst: 1, ..Options::default() }), @r#"
    FAILED  customer_support 3.1.0
      failed: score 4.199 is below the required 4.20; `faithfulness` 3.91 is below
      the required 4.00; and 1 more reason
      - 98.7 % of the asserts passed, and 100 % have to

      suite      customer_support 1.4.0, 50 cases
      model      claude-sonnet-4-20250514 (pinned snapshot)
      judge      claude-opus-4-7-20260416
      retrieval  support_kb 2.3.0

      measure                  result   interval         required
     ─────────────────────────────────────────────────────────────────────────
      judge score               4.199   4.01 to 4.39     ≥ 4.2      below
        faithfulness             3.91   3.61 to 4.21     ≥ 4        below
        relevance                4.62   4.32 to 4.92     ≥ 4        ok
        tone                     4.40   4.10 to 4.70
      change from 9f2c41d0b7    −0.21   −0.35 to −0.07
      overlap                    0.94
      refusal_rate               0.02
      retrieval recall@k         0.92                    ≥ 0.9      undecided
      retrieval precision@k      0.41
      retrieval MRR              0.88                    ≥ 0.9      below
      retrieval nDCG             0.90
      retrieval MAP              0.85

      changed    2 cases worse and 1 better than the baseline
      worse      refund-window, =cmd|'/C calc'!A0
      asserts    147 of 149 passed (98.7 %)
      unscored   1 of 50 (2 %): no grade, not a bad grade
      calls      84 live, 14 cached, 3 retried
      cost       $0.2904 spent now, $0.3318 with every call live
      time       median 812 ms, 95th percentile 1.9 s, longest 3.1 s per answer

      Note: The score cannot be told from the threshold: a second run would
      disagree in about half of all cases.

      Worst cases
      ✗ refund-window  failed  score 2.00
         scores  faithfulness 1, relevance 3, tone 4
         judge   The answer promises a refund within 60 days, while the context
                 says 30 days. It also names a phone number that stands nowhere in
                 the context, so that a customer would be misled twice.
         assert  rouge-l (overlap): 0.31 is below 0.5
         answer  Of course! You can return anything within 60 days. Just call
                 555-0100.

    NO VERDICT  invoice 3.1.0
      It cannot be told: 1 of 1 cases has no grade, because the provider failed.

      suite      invoice 1.4.0, 1 case
      model      claude-sonnet-4-20250514 (pinned snapshot)
      judge      claude-opus-4-7-20260416

      measure       result   interval   required
     ────────────────────────────────────────────────────────
      judge score        –   –          ≥ 4.2      not known

      unscored   1 of 1 (100 %): no grade, not a bad grade
      calls      6 retried
      cost       not known

      Worst cases
      ? invoice-copy  unscored
         reason  provider_error: 429 after 6 retries: rate limited

    FAILED  1 gate failed, 1 gate without a verdict · 12.3 s · exit code 1
    "#);
}

#[test]
fn of_many_gates_those_that_passed_take_a_line_each() {
    let passed = v1::Gate {
        verdict: v1::Verdict::Passed,
        score: sample::gate().score.map(|score| v1::Score { mean: 4.61, ..score }),
        ..sample::gate()
    };
    let gates = vec![passed; 4];
    let report = v1::Report { verdict: Some(v1::Verdict::Passed), exit_code: 0, gates, ..sample::report() };
    insta::assert_snapshot!(drawn(&report, Options::default()), @r#"
    PASSED  customer_support 3.1.0  4.61, required 4.2  50 cases
    PASSED  customer_support 3.1.0  4.61, required 4.2  50 cases
    PASSED  customer_support 3.1.0  4.61, required 4.2  50 cases
    PASSED  customer_support 3.1.0  4.61, required 4.2  50 cases

    PASSED  4 gates passed · $1.16 spent · 12.3 s · exit code 0
    "#);
}

#[test]
fn nothing_affected_and_a_narrowed_run_say_so() {
    let mut report = v1::Report {
        verdict: Some(v1::Verdict::Unaffected),
        exit_code: 0,
        gates: vec![],
        ..sample::report()
    };
    let run = report.run.as_mut().expect("a run");
    run.selection = Some(v1::Selection { tags: vec!["topic=refunds".into()], ..v1::Selection::default() });
    insta::assert_snapshot!(drawn(&report, Options::default()), @r#"
    UNAFFECTED  nothing that changed since 9f2c41d0b7 touches a gate · 12.3 s ·
                exit code 0
    This run was narrowed by --tag topic=refunds: it is no evidence for `lock` or
    `promote`.
    "#);
    report.run.as_mut().expect("a run").selection = None;
    for (code, message) in
        [("provider-paced", "calls to `p`: 1 retried (cut, 0.5 s in all)"), ("other", "no")]
    {
        let found = report.diagnostics[0].clone();
        report.diagnostics.push(v1::Diagnostic { code: code.into(), message: message.into(), ..found });
    }
    insta::assert_snapshot!(drawn(&report, Options::default()), @r#"
    UNAFFECTED  nothing that changed since 9f2c41d0b7 touches a gate · 12.3 s ·
                exit code 0
    Note: calls to `p`: 1 retried (cut, 0.5 s in all)
    "#);
    let wrong = v1::Report { verdict: None, run: None, ..report };
    assert_eq!(drawn(&wrong, Options::default()), "");
}

#[test]
fn a_gate_that_fails_by_its_lower_bound_is_not_ok() {
    let mut gate = Gate { breaches: vec![], required: Some(4.0), cases_unscored: 0, ..sample::gate() };
    if let Some(score) = &mut gate.score {
        (score.mean, score.lower_bound) = (4.3, Some(3.87));
    }
    let text = drawn(&Report { gates: vec![gate], ..sample::report() }, Options::default());
    let row = text.lines().find(|line| line.contains("judge score")).expect("the row");
    let words: Vec<&str> = row.split_whitespace().collect();
    let expected = "judge score 4.30 4.01 to 4.39 lower bound ≥ 4 3.87: below";
    assert_eq!(words.join(" "), expected, "{text}");
}

#[test]
fn trials_are_not_taken_for_cases() {
    let gate = Gate { trials: 2, cases_planned: 6, cases_unscored: 1, ..sample::gate() };
    let text = drawn(&Report { gates: vec![gate.clone()], ..sample::report() }, Options::default());
    assert!(text.contains("customer_support 1.4.0, 3 cases × 2 trials\n"), "{text}");
    assert!(text.contains("unscored   1 of 6 trials (16.7 %)"), "{text}");
    // A shard can have a part of a case.
    let part = Gate { cases_planned: 5, ..gate };
    let text = drawn(&Report { gates: vec![part], ..sample::report() }, Options::default());
    assert!(text.contains("customer_support 1.4.0, 5 trials\n"), "{text}");
}

#[test]
fn nothing_is_wider_than_asked_or_acts_on_the_terminal() {
    let mut report = sample::report();
    for gate in &mut report.gates {
        gate.prompt.name = format!("{}{}", sample::HOSTILE, "long".repeat(500));
        gate.dimensions
            .push(v1::Dimension { name: "日本語".repeat(50), ..sample::gate().dimensions[0].clone() });
        gate.model.target = "m".repeat(300);
    }
    for columns in [60, 80, 120] {
        let text = drawn(&report, Options { width: columns, ..Options::default() });
        for line in text.lines() {
            assert!(width(line) <= columns, "{columns}: {line}");
            assert!(!line.trim_start().starts_with("::"), "{line}");
            assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = drawn(&sample::report(), Options::default());
    let coloured = drawn(&sample::report(), Options { color: Color::On, ..Options::default() });
    assert!(!plain.contains('\x1b') && coloured.contains("\x1b[1;31mFAILED\x1b[0m"));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        stripped.push_str(before);
        rest = after.split_once('m').expect("a colour").1;
    }
    stripped.push_str(rest);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&stripped), words(&plain));
}
