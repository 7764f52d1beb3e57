//! The types of asserts by name, and what to write instead of names that other tools have.

use super::decode::closest;

/// Every type, without `not-`.
pub const TYPES: &[&str] = &[
    "equals",
    "contains",
    "icontains",
    "contains-any",
    "contains-all",
    "icontains-any",
    "icontains-all",
    "starts-with",
    "regex",
    "word-count",
    "length",
    "is-refusal",
    "finish-reason",
    "is-json",
    "contains-json",
    "json-path",
    "json-equals",
    "json-subset",
    "tool-call",
    "levenshtein",
    "rouge-l",
    "bleu",
    "f1",
    "similar",
    "context-contains",
    "context-recall",
    "latency",
    "cost",
    "exec",
];

/// Names of promptfoo that we have no assert for, and what does their work here.
const INSTEAD: &[(&[&str], &str)] = &[
    (
        &["javascript"],
        "check fields with `json-path`, text with `regex` or `length`, and anything else with a program: `exec`",
    ),
    (
        &["python", "ruby", "webhook", "classifier", "moderation", "guardrails", "perplexity"],
        "run a program: `exec`",
    ),
    (
        &[
            "llm-rubric",
            "g-eval",
            "factuality",
            "model-graded-closedqa",
            "model-graded-factuality",
            "answer-relevance",
            "context-faithfulness",
            "context-relevance",
            "conversation-relevance",
            "pi",
            "select-best",
            "max-score",
            "search-rubric",
            "trajectory:goal-success",
        ],
        "add a dimension under `judge:`",
    ),
    (
        &["is-sql", "contains-sql", "is-xml", "contains-xml", "is-html", "contains-html"],
        "check it with a program: `exec`",
    ),
    (&["rouge-n", "rouge", "meteor", "gleu"], "use `rouge-l`, `bleu` or `f1`"),
    (
        &[
            "is-valid-function-call",
            "is-valid-openai-function-call",
            "is-valid-openai-tools-call",
            "tool-call-f1",
            "trajectory:tool-used",
        ],
        "use `tool-call`",
    ),
    (&["assert-set"], "write its asserts one by one, under one `metric`"),
    (&["similar:cosine", "similar:dot", "similar:euclidean"], "use `similar`"),
];

/// A written type without its `not-`, and whether it had one. `None` for an unknown name.
pub fn split(written: &str) -> Option<(&'static str, bool)> {
    let (name, negated) = written.strip_prefix("not-").map_or((written, false), |name| (name, true));
    TYPES.iter().find(|known| **known == name).map(|known| (*known, negated))
}

/// What does here the work of an assert that promptfoo has, by its name without `not-`.
pub fn instead(name: &str) -> Option<&'static str> {
    INSTEAD.iter().find(|(names, _)| names.contains(&name)).map(|(_, help)| *help)
}

/// What to write instead of an unknown name.
pub fn advice(written: &str) -> String {
    let name = written.strip_prefix("not-").unwrap_or(written);
    if let Some(help) = instead(name) {
        return help.to_owned();
    }
    let negated: Vec<String> = TYPES.iter().map(|name| format!("not-{name}")).collect();
    let all = TYPES.iter().copied().chain(negated.iter().map(String::as_str));
    match closest(written, all) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of: {}; each also with `not-`", TYPES.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_others_are_advised() {
        assert_eq!(split("not-contains"), Some(("contains", true)));
        assert_eq!((split("not-not-contains"), split("not-"), split("Contains")), (None, None, None));
        assert_eq!(advice("not-contians"), "did you mean `not-contains`?");
        assert_eq!(advice("contain"), "did you mean `contains`?");
        assert!(advice("javascript").contains("json-path"));
        assert!(advice("not-llm-rubric").contains("judge"));
        assert!(advice("qqqqqq").starts_with("use one of: equals"));
        assert!(INSTEAD.iter().flat_map(|(names, _)| *names).all(|name| split(name).is_none()));
    }
}
