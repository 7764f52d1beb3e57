//! `builtin/extractive`: answers with the sentences that best match the question.
//!
//! 1. The **sources** are the chunks of the case's context that the messages show; where they show none, the
//!    messages themselves without the question. It knows nothing that its messages do not say, so a prompt
//!    that lost its context loses its answers.
//! 2. Every word that carries a topic, in its stem, has the weight ln(1 + (N − n + ½) / (n + ½)), where n of
//!    N sentences hold it: BM25's inverse document frequency (Robertson and Zaragoza, 2009).
//! 3. A sentence scores the weights of the question's words that it holds; the first of the best is chosen.
//!    Up to two more follow, each only if it holds words of the question that the chosen ones do not, and scores
//!    at least half of the best.
//! 4. The chosen sentences are the answer, in the order of the sources.
//! 5. When the chosen sentences hold less than a quarter of the question's weight, it does not know, and says so
//!    in the words that the prompt gives (`say "…"`), else: I do not know.

use super::{material, words};
use crate::domain::Request;
use std::collections::{BTreeMap, BTreeSet};

/// What it says where the prompt gives no words for it.
pub const NOT_KNOWN: &str = "I do not know.";
/// The most sentences of an answer.
const MOST: usize = 3;
/// The least share of the question's weight that an answer holds.
const LEAST: f64 = 0.25;

/// The answer to a request.
pub(super) fn answer(request: &Request) -> String {
    let question = material::question(request);
    let sentences: Vec<String> =
        material::sources(request, &question).iter().flat_map(|source| words::sentences(source)).collect();
    best(&sentences, &words::topics(&question))
        .or_else(|| material::words_for_not_knowing(request))
        .unwrap_or_else(|| NOT_KNOWN.to_owned())
}

fn best(sentences: &[String], asked: &BTreeSet<String>) -> Option<String> {
    let held: Vec<BTreeSet<String>> = sentences
        .iter()
        .map(|sentence| words::topics(sentence).intersection(asked).cloned().collect())
        .collect();
    let weights: BTreeMap<&String, f64> = asked.iter().map(|word| (word, weight(word, &held))).collect();
    let score = |words: &BTreeSet<String>| words.iter().filter_map(|word| weights.get(word)).sum::<f64>();
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    let mut covered: BTreeSet<String> = BTreeSet::new();
    let mut bar = 0.0;
    while chosen.len() < MOST {
        let mut next: Option<(usize, f64)> = None;
        for (index, words) in held.iter().enumerate() {
            let fresh = score(&words.difference(&covered).cloned().collect());
            let taken = chosen.iter().any(|&other| sentences[other] == sentences[index]);
            if !taken && fresh > 0.0 && score(words) >= bar && next.is_none_or(|(_, most)| fresh > most) {
                next = Some((index, fresh));
            }
        }
        let Some((index, gain)) = next else { break };
        if chosen.is_empty() {
            bar = gain / 2.0;
        }
        covered.extend(held[index].iter().cloned());
        chosen.insert(index);
    }
    let whole: f64 = weights.values().sum();
    if chosen.is_empty() || score(&covered) < LEAST * whole {
        return None;
    }
    Some(chosen.into_iter().map(|index| sentences[index].as_str()).collect::<Vec<_>>().join(" "))
}

fn weight(word: &str, held: &[BTreeSet<String>]) -> f64 {
    let count = |number: usize| u32::try_from(number).map_or(f64::from(u32::MAX), f64::from);
    let with = count(held.iter().filter(|words| words.contains(word)).count());
    (1.0 + (count(held.len()) - with + 0.5) / (with + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::builtin::tests::request;
    use serde_json::json;

    const KB: &str = "# Returns\n\nYou can return unworn items within 30 days of delivery. Returns by post cost \
                      3 euros. Our shops open at nine. Refunds arrive within 5 working days.";

    fn ask(system: &str, question: &str) -> String {
        let data = json!({"vars": {"input": question}, "context": [{"text": KB, "source": "kb/returns.md"}]});
        answer(&request("builtin/extractive", system, question, data))
    }

    #[test]
    fn it_answers_with_the_best_sentences_in_their_order() {
        let system = format!("Be brief. Articles:\n{KB}");
        assert_eq!(
            ask(&system, "How many days do I have to return an item?"),
            "You can return unworn items within 30 days of delivery."
        );
        assert_eq!(
            ask(&system, "What do returns by post cost, and when do refunds arrive?"),
            "Returns by post cost 3 euros. Refunds arrive within 5 working days."
        );
        assert_eq!(ask(&system, "When do shops open?"), "Our shops open at nine.");
    }

    #[test]
    fn it_does_not_know_what_nothing_says() {
        assert_eq!(ask(KB, "Which wine goes with fish?"), NOT_KNOWN);
        let system = format!("If the articles are silent, say \"Please ask our team.\" {KB}");
        assert_eq!(ask(&system, "Which wine goes with fish?"), "Please ask our team.");
    }

    #[test]
    fn a_prompt_that_lost_its_context_loses_its_answers() {
        assert_eq!(ask("Be brief.", "How many days do I have to return an item?"), NOT_KNOWN);
    }

    #[test]
    fn without_a_case_it_reads_the_prompt() {
        let bare = request("builtin/extractive", KB, "When do the shops open?", serde_json::Value::Null);
        assert_eq!(answer(&bare), "Our shops open at nine.");
    }
}
