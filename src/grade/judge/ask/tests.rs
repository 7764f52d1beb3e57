use super::*;
use crate::domain::{DimensionName, ModelId, Parameters, Place, PromptName, ProviderName, RelPath};
use crate::manifest::prompt::{About, Budget, Output, Prompt, PromptPlaces};
use std::sync::Arc;

fn dimension(name: &str, needs: &[Needs]) -> Dimension {
    Dimension {
        name: DimensionName::from(name),
        description: format!("what {name} means"),
        weight: 1.0,
        required: None,
        needs: needs.to_vec(),
        place: None,
    }
}

fn rubric() -> Prompt {
    let place = Place::file(&RelPath::root());
    Prompt {
        name: PromptName::from("judges/test"),
        path: RelPath::root(),
        version: "1".into(),
        model: ModelId::from("judge-1"),
        provider: ProviderName::from("stub"),
        messages: Vec::new(),
        required: None,
        parameters: Parameters { temperature: Some(0.0), ..Parameters::default() },
        inputs: std::collections::BTreeMap::new(),
        few_shot: Vec::new(),
        output: Output::default(),
        tools: Vec::new(),
        retrieval: None,
        budget: Budget::default(),
        about: About::default(),
        dimensions: Vec::new(),
        places: PromptPlaces {
            version: place.clone(),
            model_target: place.clone(),
            provider: place.clone(),
            parameters: place.clone(),
            eval_score_required: place.clone(),
            output: place.clone(),
            tools: place.clone(),
            inputs: place,
        },
    }
}

fn judge() -> Judge {
    Judge {
        model: ModelId::from("judge-1"),
        provider: ProviderName::from("stub"),
        rubric: Arc::new(rubric()),
        dimensions: vec![
            dimension("relevance", &[]),
            dimension("faithfulness", &[Needs::Context]),
            dimension("correctness", &[Needs::Expected]),
            dimension("both", &[Needs::Context, Needs::Expected]),
        ],
        scale: Scale::default(),
        repeats: 1,
        allow_self: false,
        place: Place::file(&RelPath::root()),
    }
}

#[test]
fn only_what_a_case_has_is_asked_for() {
    let names = |context, expected| -> Vec<String> {
        asked(&judge(), context, expected).iter().map(|dimension| dimension.name.to_string()).collect()
    };
    assert_eq!(names(false, false), ["relevance"]);
    assert_eq!(names(true, false), ["relevance", "faithfulness"]);
    assert_eq!(names(false, true), ["relevance", "correctness"]);
    assert_eq!(names(true, true), ["relevance", "faithfulness", "correctness", "both"]);
}

#[test]
fn the_schema_asks_for_the_reason_first() {
    let asked = [dimension("zeta", &[]), dimension("alpha", &[])];
    let schema = schema(&asked, Scale::default());
    assert_eq!(
        schema.schema.to_string(),
        r#"{"type":"object","properties":{"reason":{"type":"string"},"zeta":{"type":"integer","enum":[1,2,3,4,5]},"alpha":{"type":"integer","enum":[1,2,3,4,5]}},"required":["reason","zeta","alpha"],"additionalProperties":false}"#
    );
    assert!(schema.strict);
}

#[test]
fn levels_are_the_steps_of_the_scale() {
    let level = |min, max, step| level(Scale { min, max, step }).to_string();
    assert_eq!(level(0.0, 1.0, 0.25), r#"{"type":"number","enum":[0,0.25,0.5,0.75,1]}"#);
    assert_eq!(level(0.0, 1.0, 0.1), r#"{"type":"number","enum":[0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1]}"#);
    assert_eq!(level(-1.0, 1.0, 1.0), r#"{"type":"integer","enum":[-1,0,1]}"#);
    assert_eq!(level(1.0, 2.5, 1.0), r#"{"type":"number","enum":[1,2]}"#);
    assert!(level(0.0, 100.0, 1.0).contains("99,100]"));
    assert_eq!(level(0.0, 1000.0, 1.0), r#"{"type":"integer"}"#);
    assert_eq!(level(0.0, 100.0, 0.01), r#"{"type":"number"}"#);
}

fn ask(api: &str) -> Request {
    let mut vars = Map::new();
    vars.insert("input".into(), json!("a question"));
    let expected = json!("an answer");
    let subject = Subject { vars: &vars, context: &[], expected: Some(&expected), output: "the output" };
    let judge = judge();
    request(&judge, api, &subject, &judge.dimensions[..1], 7, &crate::grade::fixture::renderer())
        .expect("a request")
}

#[test]
fn the_request_is_the_rubrics() {
    let request = ask("anthropic");
    assert_eq!((request.model.as_str(), request.provider.as_str(), request.trial), ("judge-1", "stub", 7));
    assert_eq!(request.parameters.temperature, Some(0.0));
    assert!(request.data.is_null());
    let schema = request.output.expect("a schema").schema;
    assert_eq!(schema["required"], json!(["reason", "relevance"]));
}

#[test]
fn programs_see_what_is_judged_as_data() {
    assert_eq!(
        ask("builtin").data,
        json!({
            "input": "a question",
            "vars": {"input": "a question"},
            "context": [],
            "expected": "an answer",
            "output": "the output",
            "dimensions": [{"name": "relevance", "description": "what relevance means"}],
            "scale": {"min": 1.0, "max": 5.0, "step": 1.0},
        })
    );
    assert!(!ask("exec").data.is_null() && !ask("http").data.is_null() && ask("openai").data.is_null());
}

#[test]
fn a_second_question_names_the_fault_and_is_another_exchange() {
    let first = ask("exec");
    let fault = JudgeFault::Missing(DimensionName::from("relevance"));
    let second = re_ask(&first, " {} ", &fault);
    let added = &second.messages[first.messages.len()..];
    assert_eq!((added[0].role, added[0].content.as_str()), (Role::Assistant, "{}"));
    assert_eq!(added[1].role, Role::User);
    assert!(added[1].content.contains("`relevance` is missing"), "{}", added[1].content);
    assert_eq!(second.data["fault"], json!("`relevance` is missing"));
    assert_ne!(first.key(), second.key());
    assert_eq!(re_ask(&first, "\n", &fault).messages[first.messages.len()].content, "(no text)");
}
