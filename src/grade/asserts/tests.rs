use super::*;
use crate::domain::{Chunk, FinishReason, ModelId, ProviderName, Unscored};
use crate::grade::EmbedDenied;
use crate::grade::fixture::{Given, assert, literal, renderer};
use crate::manifest::assert::{Bounds, ContextAssert, MeasuredAssert, Metric, RougeTokenizer};

fn text(given: &Given, written: &str, test: TextAssert) -> AssertOutcome {
    given.check(written, Check::Text(test)).expect("decided")
}

fn values(values: &[&str]) -> Vec<Text> {
    values.iter().copied().map(literal).collect()
}

#[test]
fn text_is_compared_as_the_reference_does() {
    let file: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/metrics_contains_regex.json"))
            .expect("vectors");
    for case in file["cases"].as_array().expect("cases") {
        let (inputs, want, id) = (&case["inputs"], &case["expected"], &case["id"]);
        let given = Given::new(inputs["output"].as_str().expect("text"));
        let passed = |test| Value::Bool(text(&given, "text", test).passed);
        match inputs["op"].as_str().expect("an operation") {
            "contains" => {
                let needle = || literal(inputs["needle"].as_str().expect("text"));
                assert_eq!(passed(TextAssert::Contains(needle())), want["contains"], "{id}");
                assert_eq!(passed(TextAssert::IContains(needle())), want["icontains_casefold"], "{id}");
                assert_eq!(passed(TextAssert::StartsWith(needle())), want["starts_with"], "{id}");
                assert_eq!(passed(TextAssert::Equals(needle())), want["equals"], "{id}");
            }
            "contains_list" => {
                let needles: Vec<Text> = inputs["needles"]
                    .as_array()
                    .expect("needles")
                    .iter()
                    .map(|needle| literal(needle.as_str().expect("text")))
                    .collect();
                assert_eq!(passed(TextAssert::ContainsAll(needles.clone())), want["all"], "{id}");
                assert_eq!(passed(TextAssert::ContainsAny(needles.clone())), want["any"], "{id}");
                assert_eq!(passed(TextAssert::IContainsAll(needles.clone())), want["iall"], "{id}");
                assert_eq!(passed(TextAssert::IContainsAny(needles)), want["iany"], "{id}");
            }
            _ => {
                let test = TextAssert::Regex(literal(inputs["pattern"].as_str().expect("a pattern")));
                let found = given.check("regex", Check::Text(test));
                match (id.as_str().expect("an id"), want["rust_regex_crate"].as_str().expect("a note")) {
                    // Before a last line break `$` does not match; the documentation says so.
                    ("regex-2", _) => assert!(!found.expect("decided").passed),
                    (_, "yes") => {
                        assert_eq!(Value::Bool(found.expect("decided").passed), want["search"], "{id}");
                    }
                    (_, note) if note.starts_with("no:") => {
                        let fault = found.expect_err("a fault");
                        assert!(matches!(fault, AssertFault::Value { .. }), "{id}: {fault}");
                    }
                    _ => assert!(found.expect("decided").passed, "{id}"),
                }
            }
        }
    }
}

#[test]
fn equality_is_exact() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/vectors/metrics_exact_match.json"))
        .expect("vectors");
    for case in file["cases"].as_array().expect("cases") {
        let side = |key: &str| case["inputs"][key].as_str().expect("text");
        let found =
            text(&Given::new(side("prediction")), "equals", TextAssert::Equals(literal(side("reference"))));
        assert_eq!(Value::Bool(found.passed), case["expected"]["exact"], "{}", case["id"]);
    }
}

#[test]
fn case_is_ignored_beyond_ascii() {
    let given = Given::new("Die STRASSE, ΟΔΟΣ, CAFÉ");
    let found =
        text(&given, "icontains-all", TextAssert::IContainsAll(values(&["straße", "οδος", "ς", "café"])));
    assert!(found.passed, "{}", found.reason);
    let found = text(&given, "icontains-any", TextAssert::IContainsAny(values(&["strase", "x"])));
    assert!(!found.passed);
    assert_eq!(found.reason, "contains none of \"strase\", \"x\"; the answer is \"Die STRASSE, ΟΔΟΣ, CAFÉ\"");
}

#[test]
fn not_turns_a_decision_and_leaves_its_reason() {
    let given = Given::new("As an AI, I think so.");
    let found = text(&given, "not-contains", TextAssert::Contains(literal("As an AI")));
    assert!(!found.passed);
    assert_eq!(found.kind, "not-contains");
    assert_eq!(found.reason, "contains \"As an AI, I think so.\"");
    assert_eq!((found.metric.as_deref(), found.weight), (Some("m"), 2.0));
    assert!(!text(&given, "is-refusal", TextAssert::IsRefusal).passed);
    assert!(text(&given, "not-is-refusal", TextAssert::IsRefusal).passed);
}

#[test]
fn counts_are_of_words_and_of_characters() {
    let bounds = |min, max| Bounds { min, max };
    let given = Given::new("Zwölf Boxkämpfer, 12!");
    assert!(text(&given, "word-count", TextAssert::WordCount(bounds(Some(3), Some(3)))).passed);
    assert!(text(&given, "length", TextAssert::Length(bounds(Some(21), Some(21)))).passed);
    let found = text(&given, "length", TextAssert::Length(bounds(None, Some(20))));
    assert!(!found.passed);
    assert_eq!(found.reason, "21 characters, at most 20 allowed");
    assert!(!text(&given, "word-count", TextAssert::WordCount(bounds(Some(4), None))).passed);
}

#[test]
fn the_finish_reason_is_the_one_reported() {
    let mut given = Given::new("cut");
    given.reply.finish = FinishReason::Length;
    assert!(text(&given, "finish-reason", TextAssert::FinishReason("length".into())).passed);
    assert!(!text(&given, "finish-reason", TextAssert::FinishReason("stop".into())).passed);
    given.reply.finish = FinishReason::Refusal;
    assert!(text(&given, "is-refusal", TextAssert::IsRefusal).passed);
}

#[test]
fn a_reason_is_one_short_line() {
    let given = Given::new(&"long\nanswer ".repeat(400));
    let many: Vec<String> = (0..50).map(|n| format!("needle number {n}\n")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for test in [
        TextAssert::ContainsAll(values(&many)),
        TextAssert::Equals(literal(&"x\n".repeat(500))),
        TextAssert::Regex(literal(&format!("({})", "x".repeat(900)))),
    ] {
        let found = text(&given, "text", test);
        assert!(!found.passed && !found.reason.is_empty());
        assert!(found.reason.chars().count() <= 200 && !found.reason.contains('\n'), "{}", found.reason);
    }
}

#[test]
fn context_is_searched_by_chunk_and_recalled_by_source() {
    let chunk = |text: &str, source: &str| Chunk {
        text: text.into(),
        source: Some(source.into()),
        score: None,
        last_updated: None,
    };
    let mut given = Given::new("x");
    given.context = vec![chunk("Refunds take 14 days.", "./kb/refunds.md"), chunk("more", "kb/refunds.md")];
    let contains = |value: &str| Check::Context(ContextAssert::Contains(literal(value)));
    let found = given.check("context-contains", contains("14 days")).expect("decided");
    assert!(found.passed);
    assert_eq!(found.reason, "found in ./kb/refunds.md: \"Refunds take 14 days.\"");
    assert!(!given.check("context-contains", contains("days.more")).expect("decided").passed);

    let recall = |threshold| Check::Context(ContextAssert::Recall { threshold });
    given.case.relevant = vec!["kb/refunds.md".into(), "kb/returns.md".into(), "kb/refunds.md".into()];
    let found = given.check("context-recall", recall(0.5)).expect("decided");
    assert_eq!((found.passed, found.score, found.threshold), (true, Some(0.5), Some(0.5)));
    let found = given.check("context-recall", recall(0.51)).expect("decided");
    assert!(!found.passed);
    assert_eq!(found.reason, "1 of 2 relevant sources found; missing: kb/returns.md");
    given.case.relevant.clear();
    let fault = given.check("not-context-recall", recall(0.5)).expect_err("a fault");
    assert!(fault.unscored().is_none() && fault.to_string().contains("case `case-1`"), "{fault}");
}

#[test]
fn what_was_not_measured_cannot_be_decided() {
    let mut given = Given::new("x");
    let latency = |max_ms| Check::Measured(MeasuredAssert::Latency { max_ms });
    let cost = |max: &str| Check::Measured(MeasuredAssert::Cost { max: max.parse().expect("money") });
    let found = given.check("latency", latency(250.0)).expect("decided");
    assert_eq!((found.passed, found.score, found.threshold), (true, Some(250.0), Some(250.0)));
    assert!(!given.check("latency", latency(249.0)).expect("decided").passed);
    assert!(given.check("cost", cost("0.002")).expect("decided").passed);
    let found = given.check("cost", cost("0.0019")).expect("decided");
    assert!(!found.passed);
    assert_eq!(found.reason, "cost 0.002 USD, at most 0.0019 USD allowed");
    (given.latency_ms, given.cost) = (None, None);
    for (written, check) in
        [("not-latency", latency(1.0)), ("latency", latency(1e9)), ("not-cost", cost("0"))]
    {
        let fault = given.check(written, check).expect_err("a fault");
        assert!(matches!(fault, AssertFault::Unmeasured { .. }), "{fault}");
        assert_eq!(fault.unscored(), Some(Unscored::JudgeError));
    }
}

#[test]
fn graded_asserts_are_held_against_their_minimum() {
    let graded = |metric, value: &str, threshold| Check::Graded { metric, value: literal(value), threshold };
    let given = Given::new("The cat sat");
    for metric in [
        Metric::Levenshtein,
        Metric::RougeL(RougeTokenizer::Unicode),
        Metric::RougeL(RougeTokenizer::RougeScore),
        Metric::Bleu,
        Metric::F1,
        Metric::Similar {
            model: ModelId::from("builtin/hashing-256"),
            provider: ProviderName::from("builtin"),
        },
    ] {
        let found = given.check("graded", graded(metric.clone(), "The cat sat", 1.0)).expect("decided");
        assert!(found.passed && found.threshold == Some(1.0), "{metric:?}: {}", found.reason);
        let found = given.check("graded", graded(metric.clone(), "A dog ran off", 0.9)).expect("decided");
        assert!(
            !found.passed && found.score.is_some_and(|score| score < 0.9),
            "{metric:?}: {}",
            found.reason
        );
        let empty =
            Given::new("").check("graded", graded(metric, "The cat sat", 0.1)).expect("an answer too");
        assert_eq!((empty.passed, empty.score), (false, Some(0.0)));
    }
}

#[tokio::test]
async fn similar_asks_the_model_and_fails_only_on_what_it_says() {
    let similar = |threshold| Check::Graded {
        metric: Metric::Similar { model: ModelId::from("embed-1"), provider: ProviderName::from("openai") },
        value: literal("something"),
        threshold,
    };
    let mut given = Given::new("an answer");
    given.embeddings = Ok(vec![vec![1.0, 0.0], vec![1.0, 1.0]]);
    let found = given.grade("similar", similar(0.7)).await.expect("decided");
    assert!(found.passed && found.score.is_some_and(|score| (score - 0.5_f64.sqrt()).abs() < 1e-9));
    assert!(!given.grade("similar", similar(0.71)).await.expect("decided").passed);
    given.embeddings = Ok(vec![vec![1.0, 0.0], vec![-1.0, 0.0]]);
    assert_eq!(given.grade("similar", similar(0.7)).await.expect("decided").score, Some(0.0));
    for broken in [
        Err("429 forever".to_owned()),
        Ok(vec![vec![1.0]]),
        Ok(vec![vec![1.0], vec![1.0, 2.0]]),
        Ok(vec![vec![0.0], vec![1.0]]),
        Ok(vec![vec![f32::NAN], vec![1.0]]),
    ] {
        given.embeddings = broken;
        let fault = given.grade("not-similar", similar(0.7)).await.expect_err("a fault");
        assert_eq!(fault.unscored(), Some(Unscored::JudgeError), "{fault}");
    }
}

#[test]
fn nothing_is_similar_to_nothing() {
    let similar = |value: &str| Check::Graded {
        metric: Metric::Similar {
            model: ModelId::from("builtin/hashing-256"),
            provider: ProviderName::from("builtin"),
        },
        value: literal(value),
        threshold: 0.5,
    };
    for value in [" ", "…!"] {
        let fault = Given::new("an answer").check("not-similar", similar(value)).expect_err("a fault");
        assert!(fault.unscored().is_none(), "{fault}");
    }
    assert_eq!(Given::new("…!").check("similar", similar("words")).expect("decided").score, Some(0.0));
}

#[tokio::test]
async fn the_suites_asserts_come_first_and_one_fault_takes_the_grade() {
    let contains = |value: &str| assert("contains", Check::Text(TextAssert::Contains(literal(value))));
    let latency = assert("latency", Check::Measured(MeasuredAssert::Latency { max_ms: 1.0 }));
    let mut given = Given::new("a b");
    let embed =
        |_: &_, _: &_, _: Vec<String>| -> futures_util::future::BoxFuture<'_, crate::grade::Embeddings> {
            Box::pin(async { Err(EmbedDenied::Interrupted) })
        };
    let root = std::path::PathBuf::from(".");
    let outside = Outside { embed: &embed, root: &root, no_exec: true, redact: &|text| text.to_owned() };
    let checker = Checker::new(&[contains("a"), contains("x")]).expect("compiled");
    let own = [contains("b"), latency.clone()];
    let found = checker.grade(&own, given.answer(), &renderer(), &outside).await.expect("decided");
    assert_eq!(found.iter().map(|one| one.passed).collect::<Vec<_>>(), [true, false, true, false]);
    let same = [contains("a"), contains("x"), contains("b"), latency];
    let same: Vec<&Assert> = same.iter().collect();
    assert_eq!(check_all(&same, given.answer(), &renderer(), &outside).await.expect("decided"), found);
    given.latency_ms = None;
    assert!(checker.grade(&own, given.answer(), &renderer(), &outside).await.is_err());
}

#[test]
fn what_does_not_compile_is_found_before_the_first_answer() {
    let pattern = assert("regex", Check::Text(TextAssert::Regex(literal("(unclosed"))));
    let path = assert(
        "json-path",
        Check::Structure(StructureAssert::JsonPath { path: "status".into(), test: PathTest::Exists(true) }),
    );
    for bad in [pattern, path] {
        let fault = Checker::new(std::slice::from_ref(&bad)).expect_err("a fault");
        assert!(matches!(&fault, AssertFault::Value { .. }) && fault.place().is_some(), "{fault}");
    }
}

/// A run shares one checker between its tasks.
#[test]
fn grading_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Send + Sync>(_: &T) {}
    let given = Given::new("x");
    let checker = Checker::default();
    is_shared(&checker);
    let root = std::path::PathBuf::from(".");
    let embed =
        |_: &_, _: &_, _: Vec<String>| -> futures_util::future::BoxFuture<'_, crate::grade::Embeddings> {
            Box::pin(async { Err(EmbedDenied::Interrupted) })
        };
    let outside = Outside { embed: &embed, root: &root, no_exec: true, redact: &|text| text.to_owned() };
    let renderer = renderer();
    is_send(&checker.grade(&[], given.answer(), &renderer, &outside));
}
