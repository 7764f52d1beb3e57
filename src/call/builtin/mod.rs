//! Models in the binary: deterministic, without key and network.
//!
//! They read texts by their words and are no substitute for a model. What they are good for: the whole path runs
//! on a fresh machine, and what needs no model is caught — a template that lost its context, a retriever that
//! no longer finds the answer, a schema that drifted.
//!
//! - `builtin/extractive` answers with sentences that its messages hold ([`extractive`]), or fills a JSON
//!   object from them ([`fields`]).
//! - `builtin/lexical` judges by word overlap ([`lexical`]).
//!
//! Neither reads parameters or the number of the trial. Tokens are words, divided by white space.

pub mod extractive;
pub mod fields;
pub mod lexical;
mod material;
mod measures;
mod values;
mod words;

use super::local_fault::{LocalFault, Stage};
use crate::domain::{FinishReason, Reply, Request, Usage};

/// The model that answers with sentences of its context.
pub const EXTRACTIVE: &str = "builtin/extractive";
/// The judge that measures overlap of words.
pub const LEXICAL: &str = "builtin/lexical";

/// The reply of a built-in model. The same request has the same reply, everywhere.
///
/// # Errors
/// There is no such built-in model, or the judge was given nothing to judge.
pub fn reply(request: &Request) -> Result<Reply, LocalFault> {
    let text = match request.model.as_str() {
        EXTRACTIVE if request.output.is_some() || request.json => fields::answer(request),
        EXTRACTIVE => extractive::answer(request),
        LEXICAL => lexical::answer(request)?,
        other => {
            let message =
                format!("there is no built-in model `{other}`; there are `{EXTRACTIVE}` and `{LEXICAL}`");
            return Err(LocalFault::new(Stage::Start, message));
        }
    };
    let count = |text: &str| u64::try_from(text.split_whitespace().count()).ok();
    let input = request.messages.iter().map(|message| count(&message.content)).sum();
    Ok(Reply {
        usage: Usage { input, output: count(&text), ..Usage::default() },
        text,
        tool_calls: Vec::new(),
        refusal: None,
        finish: FinishReason::Stop,
        model: Some(request.model.clone()),
        context: None,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::{Message, Parameters, Role};
    use serde_json::Value;

    /// A request to a built-in model.
    pub(crate) fn request(model: &str, system: &str, user: &str, data: Value) -> Request {
        Request {
            provider: "builtin".into(),
            api: "builtin".into(),
            model: model.into(),
            messages: vec![Message::new(Role::System, system), Message::new(Role::User, user)],
            tools: Vec::new(),
            parameters: Parameters::default(),
            output: None,
            json: false,
            trial: 0,
            data,
            inputs: None,
            cacheable: true,
        }
    }

    #[test]
    fn a_reply_is_complete_and_counts_words() {
        let request = request(EXTRACTIVE, "Tea is served at four.", "When is tea served?", Value::Null);
        let reply = reply(&request).expect("a reply");
        assert_eq!(reply.text, "Tea is served at four.");
        assert_eq!((reply.usage.input, reply.usage.output), (Some(9), Some(5)));
        assert_eq!((reply.finish, reply.model), (FinishReason::Stop, Some(EXTRACTIVE.into())));
    }

    #[test]
    fn an_unknown_model_is_a_fault() {
        let fault = reply(&request("builtin/genius", "", "Hi", Value::Null)).expect_err("a fault");
        assert!(fault.message.contains("builtin/extractive"), "{fault}");
    }
}
