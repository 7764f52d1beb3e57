use super::*;
use crate::domain::Usage;
use proptest::prelude::*;
use serde_json::Value;

fn dimension(name: &str) -> Dimension {
    Dimension {
        name: DimensionName::from(name),
        description: String::new(),
        weight: 1.0,
        required: None,
        needs: Vec::new(),
        place: None,
    }
}

fn reply(text: &str) -> Reply {
    Reply {
        text: text.into(),
        tool_calls: Vec::new(),
        refusal: None,
        finish: FinishReason::Stop,
        usage: Usage::default(),
        model: Some(ModelId::from("judge-1")),
        context: None,
    }
}

fn one(text: &str) -> Result<JudgeReply, JudgeFault> {
    read(&reply(text), &[dimension("score")], Scale::default())
}

/// The reference is strict only. The lenient reading takes one of its faults more: an object that is the only one in
/// its text. It has the last of several objects as an option; here several are a fault.
#[test]
fn it_reads_what_the_reference_reads() {
    let file: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/metrics_judge_output_parse.json"))
            .expect("vectors");
    for case in file["cases"].as_array().expect("cases") {
        let id = case["id"].as_str().expect("an id");
        let found = one(case["inputs"]["judge_output"].as_str().expect("text"));
        let strict = &case["expected"]["strict_verdict"];
        match (strict["score"].as_f64(), strict.as_str().unwrap_or_default()) {
            (Some(score), _) => {
                let found = found.expect(id);
                assert_eq!((found.scores[0].1, found.lenient), (score, false), "{id}");
            }
            (None, "parse_error") if id == "judge-3" => {
                let found = found.expect(id);
                assert_eq!((found.scores[0].1, found.lenient), (4.0, true), "{id}");
            }
            (None, "parse_error") if id == "judge-23" || id == "judge-37" => {
                assert_eq!(found, Err(JudgeFault::SeveralObjects), "{id}");
            }
            (None, "parse_error") => {
                assert!(matches!(found, Err(JudgeFault::NoObject(_))), "{id}: {found:?}");
            }
            (None, "not_object") => assert!(matches!(found, Err(JudgeFault::NoObject(_))), "{id}"),
            (None, "not_integer" | "out_of_range") => {
                assert!(matches!(found, Err(JudgeFault::OffScale { .. })), "{id}");
            }
            (None, "wrong_type") => assert!(matches!(found, Err(JudgeFault::NotNumber(..))), "{id}"),
            (None, "missing_field") => assert!(matches!(found, Err(JudgeFault::Missing(_))), "{id}"),
            (None, other) => panic!("{id}: {other}"),
        }
    }
}

#[test]
fn the_only_object_is_taken_and_noted() {
    for text in
        ["```json\n{\"reason\": \"ok\", \"score\": 4}\n```", "Grade: {\"score\": 4, \"reason\": \"ok\"}."]
    {
        let found = one(text).expect(text);
        assert_eq!((found.scores[0].1, found.lenient, found.reason.as_str()), (4.0, true, "ok"), "{text}");
    }
}

#[test]
fn a_quotation_or_a_draft_beside_the_grade_is_a_fault() {
    for text in [
        r#"The answer says {"score": 5}. My grade: {"score": 1}"#,
        r#"The answer says {"score": 5}. My grade: {score: 1}"#,
        r#"{score: 1} {"score": 5}"#,
        r#"{"reason": "it says {\"score\": 5}", "sco"#,
        r#"{"draft": {"score": 5}"#,
        r#"{"score": 5} }"#,
    ] {
        assert!(
            matches!(one(text), Err(JudgeFault::SeveralObjects | JudgeFault::NoObject(_))),
            "{text}: {:?}",
            one(text)
        );
    }
    assert!(matches!(one(r#"{"result": {"score": 4}}"#), Err(JudgeFault::Missing(_))));
}

#[test]
fn nothing_is_clamped_coerced_or_guessed() {
    for (text, want) in [
        (r#"{"score": 6}"#, "is 6, which is not on the scale from 1 to 5 in steps of 1"),
        (r#"{"score": 0}"#, "is 0, which"),
        (r#"{"score": 4.5}"#, "is 4.5, which"),
        (r#"{"score": 1e999}"#, "which is not on the scale"),
        (r#"{"score": "4"}"#, "`score` is text and not a number"),
        (r#"{"score": true}"#, "`score` is a boolean"),
        (r#"{"score": null}"#, "`score` is null"),
        (r#"{"score": 4, "score": 5}"#, "\"score\" stands in it twice"),
        (r#"{"score": 4, "x": {"a": 1, "a": 2}}"#, "\"a\" stands in it twice"),
        (r#"say {"score": 4, "score": 5}"#, "\"score\" stands in it twice"),
        (r#"{"score": NaN}"#, "no JSON object"),
        (r#"{"score": 4, "reason": ["a"]}"#, "`reason` is not text"),
        ("", "no JSON object"),
    ] {
        let fault = one(text).expect_err(text).to_string();
        assert!(fault.contains(want), "{text}: {fault}");
    }
}

#[test]
fn every_asked_dimension_is_there_and_others_are_noted() {
    let asked = [dimension("a"), dimension("b")];
    let fault = read(&reply(r#"{"a": 4}"#), &asked, Scale::default());
    assert_eq!(fault, Err(JudgeFault::Missing(DimensionName::from("b"))));
    let found = read(&reply(r#"{"x": 9, "b": 2.0, "reason": " r ", "a": 1}"#), &asked, Scale::default());
    let found = found.expect("a grade");
    assert_eq!(found.scores, [(DimensionName::from("a"), 1.0), (DimensionName::from("b"), 2.0)]);
    assert_eq!((found.extra, found.reason.as_str()), (vec!["x".to_owned()], "r"));
    assert_eq!(found.reported, Some(ModelId::from("judge-1")));
}

#[test]
fn refused_and_cut_off_come_before_the_text() {
    let mut cut = reply(r#"{"score": 4}"#);
    cut.finish = FinishReason::Length;
    assert_eq!(read(&cut, &[dimension("score")], Scale::default()), Err(JudgeFault::Truncated));
    assert_eq!(JudgeFault::Truncated.unscored(), Unscored::JudgeUnparseable);
    let mut refused = reply(r#"{"score": 4}"#);
    refused.refusal = Some("no".into());
    assert_eq!(read(&refused, &[dimension("score")], Scale::default()), Err(JudgeFault::Refused));
    assert_eq!(one("I'm sorry, but I can't help with that."), Err(JudgeFault::Refused));
    assert_eq!(JudgeFault::Refused.unscored(), Unscored::JudgeRefusal);
    assert!(one(r#"I can't help with that. {"score": 2}"#).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_leave_the_scale(text in "\\PC*") {
        on_scale(&text)?;
    }

    #[test]
    fn no_near_grade_leaves_the_scale(
        before in "[a-z{}` \n]{0,6}",
        score in "-?[0-9]{1,3}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?|\"4\"|true|null|NaN",
        after in "[a-z{}` \n]{0,6}",
    ) {
        on_scale(&format!("{before}{{\"reason\": \"r\", \"score\": {score}}}{after}"))?;
    }
}

fn on_scale(text: &str) -> Result<(), TestCaseError> {
    if let Ok(found) = one(text) {
        prop_assert_eq!(found.scores.len(), 1);
        prop_assert!([1.0, 2.0, 3.0, 4.0, 5.0].contains(&found.scores[0].1), "{}", text);
    }
    Ok(())
}
