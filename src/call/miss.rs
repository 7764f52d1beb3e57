//! Why a request was not in the store: what differs from the nearest one that is.

use crate::domain::Request;
use crate::domain::edits::{Edits, words};

/// What differs between a request and the nearest of `stored`, in words; `None` where nothing is stored.
///
/// The nearest has the fewest differing parts; among those, the most similar messages.
pub fn explain<'r>(request: &Request, stored: impl IntoIterator<Item = &'r Request>) -> Option<String> {
    let nearest = stored.into_iter().map(|other| (differences(request, other), other)).min_by(
        |(a, first), (b, second)| {
            a.len().cmp(&b.len()).then_with(|| distance(request, first).total_cmp(&distance(request, second)))
        },
    )?;
    match nearest.0.as_slice() {
        [] => Some("the nearest stored request is the same, and its reply could not be read".to_owned()),
        parts => Some(format!("the nearest stored request differs in {}", parts.join(", "))),
    }
}

fn differences(a: &Request, b: &Request) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |name: &str, differs: bool| {
        if differs {
            found.push(name.to_owned());
        }
    };
    differ("provider", a.provider != b.provider || a.api != b.api);
    differ("model", a.model != b.model);
    differ("parameters", a.parameters != b.parameters);
    differ("tools", a.tools != b.tools);
    differ("output schema", a.output != b.output || a.json != b.json);
    differ("trial", a.trial != b.trial);
    differ("files of the program", a.inputs != b.inputs);
    differ("number of messages", a.messages.len() != b.messages.len());
    if a.messages.len() == b.messages.len() {
        for (index, (one, other)) in a.messages.iter().zip(&b.messages).enumerate() {
            differ(&format!("message {} ({})", index + 1, one.role.as_str()), one != other);
        }
    }
    if found.is_empty() && a.data != b.data {
        found.push("the case's data".to_owned());
    }
    found
}

/// From 0 (the same) to 1 (nothing in common): by words of all messages.
fn distance(a: &Request, b: &Request) -> f32 {
    let text = |request: &Request| -> String {
        request.messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n")
    };
    let (a, b) = (text(a), text(b));
    1.0 - Edits::between(words(&a), words(&b)).likeness()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Message, ModelId, Parameters, ProviderName, Role};
    use serde_json::Value;

    fn request(system: &str, user: &str) -> Request {
        Request {
            provider: ProviderName::new("openai"),
            api: "openai".to_owned(),
            model: ModelId::new("m-1"),
            messages: vec![Message::new(Role::System, system), Message::new(Role::User, user)],
            tools: Vec::new(),
            parameters: Parameters::default(),
            output: None,
            json: false,
            trial: 0,
            data: Value::Null,
            inputs: None,
            cacheable: true,
        }
    }

    #[test]
    fn the_nearest_is_named_by_what_differs() {
        let stored = [request("Be brief.", "What is a cat?"), request("Be long.", "What is a dog?")];
        let asked = request("Be very brief.", "What is a cat?");
        assert_eq!(
            explain(&asked, &stored).as_deref(),
            Some("the nearest stored request differs in message 1 (system)")
        );
        let warm = Request {
            parameters: Parameters { temperature: Some(0.5), ..Parameters::default() },
            ..stored[0].clone()
        };
        assert_eq!(
            explain(&warm, &stored).as_deref(),
            Some("the nearest stored request differs in parameters")
        );
        assert_eq!(explain(&warm, &[]), None);
    }
}
