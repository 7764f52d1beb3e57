//! What a change costs: input tokens, money for them, and from where on a provider's prompt cache is of no use.

use super::Side;
use crate::domain::{Message, Usage, Usd};
use crate::manifest::prompt::Prompt;
use crate::render::tokens;

/// Cases whose tokens are counted; more would not move a median by much and take long.
const COUNTED: usize = 200;

/// Tokens, money and the cache, over the cases that both sides render.
#[derive(Clone, PartialEq, Debug)]
pub struct Cost {
    /// Cases behind the medians.
    pub counted: usize,
    /// Median of the input tokens before: messages, tools and schema.
    pub tokens_before: u64,
    /// And after.
    pub tokens_after: u64,
    /// Whether a count is an estimate because the provider's tokenizer is not public.
    pub estimate: bool,
    /// What the median input costs before; `None` where the model has no price. The answer is not in it.
    pub input_before: Option<Usd>,
    /// And after.
    pub input_after: Option<Usd>,
    /// The first byte of the request from which a provider's cached prefix cannot be used again, over the cases that
    /// differ the least one. `None` where nothing of what is sent changes, but for what is retrieved.
    pub prefix_break: Option<usize>,
    /// Whether messages hold retrieved text, which is not known here and in none of these numbers.
    pub retrieves: bool,
}

/// Gathers what [`Cost`] tells.
#[derive(Debug)]
pub struct Measured<'a> {
    before: (&'a Side<'a>, &'a Prompt),
    after: (&'a Side<'a>, &'a Prompt),
    tokens: (Vec<u64>, Vec<u64>),
    estimate: bool,
    prefix_break: Option<usize>,
    retrieves: bool,
}

impl<'a> Measured<'a> {
    /// Nothing is gathered yet.
    pub fn new(before: (&'a Side<'a>, &'a Prompt), after: (&'a Side<'a>, &'a Prompt)) -> Self {
        // A provider's cache belongs to one model and begins with the tools.
        let anew = before.1.model != after.1.model || before.1.tools != after.1.tools;
        let prefix_break = anew.then_some(0);
        Self {
            before,
            after,
            tokens: (Vec::new(), Vec::new()),
            estimate: false,
            prefix_break,
            retrieves: false,
        }
    }

    /// Adds a case; `retrieves` says whether something stands in its messages for retrieved text.
    pub fn add(&mut self, old: &[Message], new: &[Message], retrieves: bool) {
        self.retrieves |= retrieves;
        if old != new {
            let at = shared(old, new);
            self.prefix_break = Some(self.prefix_break.map_or(at, |least| least.min(at)));
        }
        if self.tokens.0.len() < COUNTED {
            let (before, after) = (count(self.before.1, old), count(self.after.1, new));
            self.estimate |= before.estimate || after.estimate;
            self.tokens.0.push(before.tokens);
            self.tokens.1.push(after.tokens);
        }
    }

    /// What was gathered; `None` without a case.
    pub fn done(mut self) -> Option<Cost> {
        let (before, after) = (median(&mut self.tokens.0)?, median(&mut self.tokens.1)?);
        let price = |side: (&Side<'_>, &Prompt), tokens: u64| {
            let usage = Usage { input: Some(tokens), output: Some(0), ..Usage::default() };
            side.0.prices.cost(&side.1.model, &side.1.provider, &usage)
        };
        Some(Cost {
            counted: self.tokens.0.len(),
            tokens_before: before,
            tokens_after: after,
            estimate: self.estimate,
            input_before: price(self.before, before),
            input_after: price(self.after, after),
            prefix_break: self.prefix_break,
            retrieves: self.retrieves,
        })
    }
}

fn count(prompt: &Prompt, messages: &[Message]) -> tokens::TokenCount {
    let mut total = tokens::of_messages(&prompt.model, messages);
    let mut add = |text: &str| total.tokens += tokens::count(&prompt.model, text).tokens;
    for tool in &prompt.tools {
        add(&tool.name);
        add(&tool.description);
        add(&tool.input_schema.to_string());
    }
    if let Some(schema) = &prompt.output.schema {
        add(&schema.to_string());
    }
    total
}

/// Bytes at the start that two lists of messages have in common.
fn shared(old: &[Message], new: &[Message]) -> usize {
    let mut bytes = 0;
    for (old, new) in old.iter().zip(new) {
        if old.role != new.role {
            return bytes;
        }
        if old.content != new.content {
            let same = old.content.bytes().zip(new.content.bytes()).take_while(|(a, b)| a == b).count();
            return bytes + same;
        }
        bytes += new.content.len();
    }
    bytes
}

/// The lower median.
fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    #[test]
    fn the_cache_breaks_at_the_first_byte_that_differs() {
        let list =
            |system: &str, user: &str| [Message::new(Role::System, system), Message::new(Role::User, user)];
        assert_eq!(shared(&list("abc", "x"), &list("abd", "x")), 2);
        assert_eq!(shared(&list("abc", "xy"), &list("abc", "xz")), 4);
        assert_eq!(shared(&list("abc", "x"), &list("abc", "x")[..1]), 3);
    }

    #[test]
    fn a_median_of_nothing_is_unknown() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [5, 1, 3]), Some(3));
        assert_eq!(median(&mut [4, 1]), Some(1));
    }
}
