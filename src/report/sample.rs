//! Two gates for the tests of this room: one that fails, with text in it that attacks every format, and one
//! without a verdict.

use super::document::{CaseStream, View};
use super::v1;
use crate::domain::exchange::Source;
use crate::domain::model::Pin;
use crate::domain::{Severity, Unscored, Usd};
use std::collections::BTreeMap;

/// What a model, a judge or a data row may say to break out of a format.
pub const HOSTILE: &str = "</script><script>alert(1)</script> <img src=x onerror=alert(1)> | a | b ]]> \x1b[31mred\x1b[0m \0 \u{202e}gnp.exe\n::error::pwned\n```\n@everyone [x](javascript:alert(1)) <!-- -->\n=HYPERLINK(\"http://x\")";

pub fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

pub fn usd(text: &str) -> Option<Usd> {
    text.parse().ok()
}

pub fn case(id: &str) -> v1::Case {
    v1::Case {
        id: id.into(),
        trial: 0,
        status: v1::Status::Passed,
        source: Some(Source::Live),
        score: Some(4.5),
        dimensions: BTreeMap::from([
            ("faithfulness".into(), Some(5.0)),
            ("relevance".into(), Some(4.0)),
            ("tone".into(), None),
        ]),
        judge_reason: Some("The answer follows the context.".into()),
        asserts: vec![assert("not-contains", true, "\"As an AI\" does not occur")],
        output: Some("You can return it within 30 days.".into()),
        unscored_reason: None,
        latency_ms: Some(812),
        cost_usd: usd("0.0021"),
        tags: BTreeMap::from([("topic".into(), "refunds".into())]),
        weight: 1.0,
        record: None,
    }
}

pub fn assert(kind: &str, passed: bool, reason: &str) -> v1::Assert {
    v1::Assert {
        kind: kind.into(),
        passed,
        score: None,
        threshold: None,
        metric: None,
        reason: reason.into(),
    }
}

pub fn cases() -> Vec<Vec<v1::Case>> {
    let failed = v1::Case {
        status: v1::Status::Failed,
        score: Some(2.0),
        dimensions: BTreeMap::from([
            ("faithfulness".into(), Some(1.0)),
            ("relevance".into(), Some(3.0)),
            ("tone".into(), Some(4.0)),
        ]),
        judge_reason: Some(
            "The answer promises a refund within 60 days, while the context says 30 days. It also names a \
             phone number that stands nowhere in the context, so that a customer would be misled twice."
                .into(),
        ),
        asserts: vec![
            assert("not-contains", true, "\"As an AI\" does not occur"),
            v1::Assert {
                score: Some(0.31),
                threshold: Some(0.5),
                metric: Some("overlap".into()),
                ..assert("rouge-l", false, "0.31 is below 0.5")
            },
        ],
        output: Some("Of course! You can return anything within 60 days. Just call 555-0100.".into()),
        cost_usd: usd("0.0024"),
        ..case("refund-window")
    };
    let hostile = v1::Case {
        status: v1::Status::Failed,
        score: Some(3.0),
        judge_reason: Some(HOSTILE.into()),
        output: Some(HOSTILE.into()),
        asserts: vec![assert("regex", false, HOSTILE)],
        tags: BTreeMap::from([("<b>topic".into(), "\"><script>".into())]),
        ..case("=cmd|'/C calc'!A0")
    };
    let outage = v1::Case {
        status: v1::Status::Unscored,
        source: None,
        score: None,
        dimensions: BTreeMap::new(),
        judge_reason: Some("429 after 6 retries: rate limited".into()),
        asserts: vec![],
        output: None,
        unscored_reason: Some(Unscored::ProviderError),
        latency_ms: None,
        cost_usd: None,
        ..case("invoice-copy")
    };
    let second = v1::Case { source: Some(Source::Cached), ..case("shipping-cost") };
    vec![vec![case("greeting"), failed, second, hostile, outage.clone()], vec![outage]]
}

pub fn stream<'a>(cases: &'a [Vec<v1::Case>], gate: usize) -> CaseStream<'a> {
    Box::new(cases.get(gate).into_iter().flatten().cloned().map(Ok))
}

fn breach(code: &str, message: &str) -> v1::Breach {
    v1::Breach { code: code.into(), message: message.into() }
}

pub fn gate() -> v1::Gate {
    let dimension = |name: &str, mean, required| v1::Dimension {
        name: name.into(),
        mean,
        stderr: mean.map(|_| 0.11),
        ci_low: mean.map(|mean| mean - 0.3),
        ci_high: mean.map(|mean| (mean + 0.3_f64).min(5.0)),
        n: 49,
        required,
    };
    v1::Gate {
        prompt: v1::PromptRef {
            name: "customer_support".into(),
            version: "3.1.0".into(),
            path: "prompts/customer_support.yaml".into(),
            digest: digest('a'),
        },
        suite: v1::Versioned {
            name: "customer_support".into(),
            version: "1.4.0".into(),
            digest: digest('b'),
        },
        model: v1::ModelRef {
            target: "claude-sonnet-4-20250514".into(),
            provider: "anthropic".into(),
            pin: Pin::Snapshot,
            reported: vec!["claude-sonnet-4-20250514".into()],
        },
        judge: Some(v1::JudgeRef {
            model: "claude-opus-4-7-20260416".into(),
            provider: "anthropic".into(),
            digest: digest('c'),
            calibration: None,
        }),
        retrieval: Some(v1::Versioned {
            name: "support_kb".into(),
            version: "2.3.0".into(),
            digest: digest('d'),
        }),
        verdict: v1::Verdict::Failed,
        required: Some(4.2),
        score: Some(v1::Score {
            mean: 4.199,
            stderr: Some(0.0932),
            ci_low: Some(4.012),
            ci_high: Some(4.386),
            n: 49,
            rerun_disagreement: Some(0.499),
            lower_bound: None,
        }),
        dimensions: vec![
            dimension("faithfulness", Some(3.91), Some(4.0)),
            dimension("relevance", Some(4.62), Some(4.0)),
            dimension("tone", Some(4.4), None),
        ],
        metrics: BTreeMap::from([("overlap".into(), Some(0.94)), ("refusal_rate".into(), Some(0.02))]),
        asserts: v1::AssertCounts { passed: 147, failed: 2, rate: Some(147.0 / 149.0) },
        trials: 1,
        cases_planned: 50,
        cases_scored: 49,
        cases_unscored: 1,
        best_case_mean: Some(4.215),
        worst_case_mean: Some(4.135),
        breaches: vec![
            breach("score-below-threshold", "score 4.199 is below the required 4.20"),
            breach("dimension-below-required", "`faithfulness` 3.91 is below the required 4.00"),
            breach("asserts-failed", "98.7 % of the asserts passed, and 100 % have to"),
        ],
        baseline: Some(v1::Baseline {
            rev: "9f2c41d0b7".into(),
            mean: Some(4.41),
            delta: Some(-0.211),
            ci_low: Some(-0.35),
            ci_high: Some(-0.07),
            p_value: Some(0.004),
            worse: vec!["refund-window".into(), "=cmd|'/C calc'!A0".into()],
            better: vec!["greeting".into()],
            cases: None,
            retrieval_metrics: None,
            spent_usd: None,
        }),
        usage: v1::Usage {
            input_tokens: Some(61_204),
            output_tokens: Some(9_880),
            cached_tokens: Some(0),
            reasoning_tokens: None,
            cost_usd: usd("0.3318"),
            spent_usd: usd("0.2904"),
            unpriced_calls: 0,
            unreported_calls: 0,
        },
        latency_ms: v1::Latency { p50: Some(812.0), p95: Some(1940.0), max: Some(3105.0), n_live: 42 },
        calls: v1::Calls { live: 84, cached: 14, recorded: 0, retries: 3 },
        retrieval_metrics: Some(v1::RetrievalMetrics {
            recall_at_k: Some(0.92),
            precision_at_k: Some(0.41),
            mrr: Some(0.88),
            ndcg: Some(0.9),
            map: Some(0.85),
            n: 48,
        }),
        retrieval_required: Some(v1::RetrievalRequired {
            recall_at_k: Some(0.9),
            mrr: Some(0.9),
            ..v1::RetrievalRequired::default()
        }),
    }
}

pub fn report() -> v1::Report {
    let unsure = v1::Gate {
        prompt: v1::PromptRef {
            name: "invoice".into(),
            path: "prompts/invoice.yaml".into(),
            ..gate().prompt
        },
        suite: v1::Versioned { name: "invoice".into(), ..gate().suite },
        verdict: v1::Verdict::Inconclusive,
        score: None,
        dimensions: vec![],
        metrics: BTreeMap::new(),
        asserts: v1::AssertCounts { passed: 0, failed: 0, rate: None },
        cases_planned: 1,
        cases_scored: 0,
        best_case_mean: Some(5.0),
        worst_case_mean: Some(1.0),
        breaches: vec![v1::Breach {
            code: "unscored".into(),
            message: "1 of 1 cases has no grade (provider_error)".into(),
        }],
        baseline: None,
        usage: v1::Usage::default(),
        latency_ms: v1::Latency::default(),
        calls: v1::Calls { retries: 6, ..v1::Calls::default() },
        retrieval: None,
        retrieval_metrics: None,
        retrieval_required: None,
        ..gate()
    };
    v1::Report {
        schema: v1::SCHEMA.into(),
        verdict: Some(v1::Verdict::Failed),
        exit_code: 1,
        diagnostics: vec![v1::Diagnostic {
            code: "few-cases".into(),
            severity: Severity::Warning,
            message: "the suite has 1 case".into(),
            path: Some("evals/invoice.yaml".into()),
            line: Some(3),
            column: Some(8),
            help: Some("add cases: below 15 an interval says little".into()),
        }],
        run: Some(v1::Run {
            id: "20260420T091500-7f3a".into(),
            started_at: "2026-04-20T09:15:00Z".into(),
            duration_ms: Some(12_340),
            tool_version: "0.1.0".into(),
            selection: None,
            shard: None,
            plan_digest: digest('e'),
            git: Some(v1::Git {
                commit: Some("4be1c07aa2".into()),
                dirty: true,
                base: Some("9f2c41d0b7".into()),
            }),
        }),
        gates: vec![gate(), unsure],
    }
}

pub fn views() -> Vec<View> {
    let cases = cases();
    vec![
        View {
            sentence: "failed: score 4.199 is below the required 4.20; `faithfulness` 3.91 is below the \
                       required 4.00; and 1 more reason"
                .into(),
            notes: vec![
                "The score cannot be told from the threshold: a second run would disagree in about \
                         half of all cases."
                    .into(),
            ],
            worst: vec![cases[0][1].clone(), cases[0][3].clone(), cases[0][4].clone()],
            line: Some(6),
            path: None,
        },
        View {
            sentence: "It cannot be told: 1 of 1 cases has no grade, because the provider failed.".into(),
            notes: vec![],
            worst: vec![cases[1][0].clone()],
            line: None,
            path: None,
        },
    ]
}
