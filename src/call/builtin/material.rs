//! What a built-in model may answer from: only what stands in its messages, as for any other model.

use crate::domain::{Message, Request, Role};
use serde_json::Value;

/// A text with every run of white space as one space.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The system messages and the last user message, which is what a request is about; examples in between
/// are not.
fn told(request: &Request) -> Vec<&Message> {
    let last = request.messages.iter().rposition(|message| message.role == Role::User);
    let messages = request.messages.iter().enumerate();
    messages
        .filter(|(index, message)| message.role == Role::System || Some(*index) == last)
        .map(|(_, message)| message)
        .collect()
}

/// The question: the case's `input` if a message says it, else the last user message.
pub(super) fn question(request: &Request) -> String {
    let said = request.messages.iter().rev().find(|message| message.role == Role::User);
    let said = said.map_or("", |message| message.content.as_str());
    let input = request.data.pointer("/vars/input").or_else(|| request.data.get("input"));
    match input.and_then(Value::as_str) {
        Some(input) if !flat(input).is_empty() && shows(request, input) => input.to_owned(),
        _ => said.to_owned(),
    }
}

/// Whether a message holds `text`, whatever its white space.
pub(super) fn shows(request: &Request, text: &str) -> bool {
    let text = flat(text);
    told(request).iter().any(|message| flat(&message.content).contains(&text))
}

/// The texts of `data.context`.
pub(super) fn context(data: &Value) -> Vec<&str> {
    let chunks = data.get("context").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    chunks
        .iter()
        .filter_map(|chunk| chunk.as_str().or_else(|| chunk.get("text").and_then(Value::as_str)))
        .collect()
}

/// The texts to answer from: the chunks of the context that the messages show; where they show none, the
/// messages themselves without the question.
pub(super) fn sources(request: &Request, question: &str) -> Vec<String> {
    let shown: Vec<String> = context(&request.data)
        .into_iter()
        .filter(|text| !text.trim().is_empty() && shows(request, text))
        .map(str::to_owned)
        .collect();
    if !shown.is_empty() {
        return shown;
    }
    let question = question.trim();
    told(request)
        .into_iter()
        .map(|message| {
            if question.is_empty() {
                message.content.clone()
            } else {
                message.content.replace(question, "\n\n")
            }
        })
        .collect()
}

/// What to extract fields from: the case's texts that the messages show, in the case's order; where they show
/// none, the last user message.
pub(super) fn document(request: &Request) -> String {
    let vars = request.data.get("vars").and_then(Value::as_object);
    let shown: Vec<&str> = vars
        .into_iter()
        .flat_map(|vars| vars.values())
        .filter_map(Value::as_str)
        .filter(|text| !text.trim().is_empty() && shows(request, text))
        .collect();
    if !shown.is_empty() {
        return shown.join("\n");
    }
    let said = request.messages.iter().rev().find(|message| message.role == Role::User);
    said.map_or_else(String::new, |message| message.content.clone())
}

/// The words that the prompt gives for not knowing: the first quoted text behind "say", "answer", "reply" or
/// "respond" in a system message.
pub(super) fn words_for_not_knowing(request: &Request) -> Option<String> {
    let system = request.messages.iter().filter(|message| message.role == Role::System);
    system.map(|message| flat(&message.content)).find_map(|text| {
        let lower = text.to_ascii_lowercase();
        let verbs = ["say", "answer", "reply", "respond"];
        let mut starts: Vec<usize> = verbs
            .iter()
            .flat_map(|verb| lower.match_indices(verb).map(|(at, verb)| at + verb.len()))
            .collect();
        starts.sort_unstable();
        starts.into_iter().find_map(|at| quoted(&text[at..]))
    })
}

/// The text between the quotes that open at the start of `rest`, behind at most "with", "exactly" and a colon.
fn quoted(rest: &str) -> Option<String> {
    let mut rest = rest.strip_prefix(':').unwrap_or(rest).trim_start();
    for filler in ["with", "exactly", "only", "just"] {
        rest = rest.strip_prefix(filler).unwrap_or(rest).trim_start_matches(':').trim_start();
    }
    for (open, close) in [('"', '"'), ('“', '”'), ('„', '“')] {
        if let Some(inside) = rest.strip_prefix(open) {
            let end = inside.find(close)?;
            return (!inside[..end].trim().is_empty()).then(|| inside[..end].to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::builtin::tests::request;
    use serde_json::json;

    #[test]
    fn a_chunk_that_no_message_shows_is_not_known() {
        let data =
            json!({"vars": {"input": "When?"}, "context": [{"text": "At\nfour."}, {"text": "Hidden."}]});
        let shown = request("m", "Context:\nAt four.", "When?", data.clone());
        assert_eq!(sources(&shown, &question(&shown)), ["At\nfour."]);
        let bare = request("m", "Be kind.", "When?", data);
        assert_eq!(sources(&bare, &question(&bare)).join("").trim(), "Be kind.");
    }

    #[test]
    fn the_question_is_what_was_really_asked() {
        let data = json!({"vars": {"input": "When is tea?"}});
        assert_eq!(question(&request("m", "", "Q: When is tea?", data.clone())), "When is tea?");
        assert_eq!(question(&request("m", "", "Q: {{ input }}", data)), "Q: {{ input }}");
    }

    #[test]
    fn the_prompt_can_give_the_words_for_not_knowing() {
        let said = |system: &str| words_for_not_knowing(&request("m", system, "Hi", json!({})));
        assert_eq!(said("Never say never. Else answer with: \"Ask us.\"").as_deref(), Some("Ask us."));
        assert_eq!(said("If unsure, say “I do not\nknow.”").as_deref(), Some("I do not know."));
        assert_eq!(said("Do not say much. The \"answer\" is short."), None);
    }
}
