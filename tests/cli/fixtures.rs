//! Small repositories that tests start from.

use crate::project::Project;
use serde_json::{Value, json};

/// The whole manifest that the documents show, with a suite whose cases have only `input`.
pub const SUPPORT: &str = r#"version: "3.1.0"
model_target: "claude-sonnet-4-20250514"
created: "2026-04-15"
author: "platform-team"
changelog: "Tightened refusal on out-of-scope queries; added explicit citation instruction"
eval_score_required: 4.2          # minimum judge score to promote
system: |
  You are a customer support assistant for Acme Corp.
parameters:
  temperature: 0.2
  max_tokens: 800
"#;

/// Cases with only `input`.
pub fn inputs(count: usize) -> String {
    (0..count).map(|n| format!("{{\"id\": \"case-{n:02}\", \"input\": \"Question {n}?\"}}\n")).collect()
}

/// A prompt and a judge that stubs of one provider answer.
pub fn remote(api: &str, required: f64, cases: usize) -> Project {
    let (model, judge) = match api {
        "anthropic" => ("claude-haiku-4-5-20251001", "claude-opus-4-5-20251101"),
        _ => ("gpt-4o-2024-11-20", "gpt-4o-2024-08-06"),
    };
    Project::new(&[
        (
            "prompts/support.yaml",
            &format!(
                "version: \"1.0.0\"\nmodel_target: \"{model}\"\neval_score_required: {required}\nsystem: |\n  Answer briefly.\nparameters:\n  temperature: 0.2\n  max_tokens: 100\n"
            ),
        ),
        (
            "evals/support.yaml",
            &format!(
                "version: \"1.0.0\"\nprompt: support\ncases: cases/support.jsonl\njudge:\n  model: \"{judge}\"\n  dimensions:\n    relevance: {{}}\n"
            ),
        ),
        ("evals/cases/support.jsonl", &inputs(cases)),
    ])
    .set("ANTHROPIC_API_KEY", "sk-ant-test-0123456789abcdef")
    .set("OPENAI_API_KEY", "sk-test-0123456789abcdef")
}

/// The same with the address of a stub.
pub fn served(api: &str, url: &str, required: f64, cases: usize) -> Project {
    let project = remote(api, required, cases);
    match api {
        "anthropic" => project.set("ANTHROPIC_BASE_URL", url),
        _ => project.set("OPENAI_BASE_URL", &format!("{url}/v1")),
    }
}

/// A grade as a judge writes it.
pub fn grade(score: i64) -> Value {
    json!({"reason": "because", "relevance": score})
}

/// Everything on the built-in model.
pub fn builtin(required: f64) -> Project {
    let cases: String = [
        ("refund", "How long do refunds take?", "Refunds take five working days. Delivery takes two days."),
        ("warranty", "How long is the warranty?", "The warranty is two years long. Keep the receipt."),
        ("delivery", "What does delivery cost?", "Delivery costs four euros. Refunds are free."),
    ]
    .iter()
    .map(|(id, input, text)| {
        format!("{}\n", json!({"id": id, "input": input, "context": [text], "tags": {"topic": id}}))
    })
    .collect();
    Project::new(&[
        (
            "prompts/support.yaml",
            &format!(
                "version: \"1.0.0\"\nmodel_target: builtin/extractive\neval_score_required: {required}\nsystem: |\n  Answer from this:\n  {{{{ context }}}}\n"
            ),
        ),
        (
            "evals/support.yaml",
            "version: \"1.0.0\"\nprompt: support\ncases: cases/support.jsonl\njudge:\n  model: builtin/lexical\n  dimensions:\n    faithfulness: {}\n    relevance: {}\n",
        ),
        ("evals/cases/support.jsonl", &cases),
    ])
}
