//! Token F1 of question answering.

use super::{f_measure, float};
use regex::Regex;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Articles between Unicode word boundaries.
static ARTICLES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b(a|an|the)\b").ok());

/// F1 over the multisets of tokens, normalised as SQuAD does: lower case; ASCII punctuation dropped; the articles *a*,
/// *an*, *the* dropped; split at white space.
///
/// Where either side has no token left, the rule of SQuAD 2.0 holds: 1 if both have none, else 0 (1.1 gives 0 in
/// both cases). Source: the official evaluation script, v2.0.
pub fn f1(prediction: &str, reference: &str) -> f64 {
    let (prediction, reference) = (normalise(prediction), normalise(reference));
    let (found, wanted): (Vec<&str>, Vec<&str>) = (words(&prediction), words(&reference));
    if found.is_empty() || wanted.is_empty() {
        return if found.is_empty() && wanted.is_empty() { 1.0 } else { 0.0 };
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in &wanted {
        *left.entry(word).or_default() += 1;
    }
    let mut common = 0;
    for word in &found {
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    f_measure(float(common) / float(found.len()), float(common) / float(wanted.len()))
}

fn normalise(text: &str) -> String {
    let text: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    match &*ARTICLES {
        Some(articles) => articles.replace_all(&text, " ").into_owned(),
        None => text,
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::metric::vectors::{cases, number, pairs};

    const FILE: &str = include_str!("../../../tests/vectors/metrics_squad.json");

    #[test]
    fn it_is_the_official_score() {
        let (pairs, tolerance) = pairs(FILE);
        for (id, prediction, reference, expected) in pairs {
            let (found, expected_f1) = (f1(&prediction, &reference), number(&expected["f1_v2_0"]));
            assert!((found - expected_f1).abs() <= tolerance, "{id}: {found} for {expected_f1}");
            let normal = words(&normalise(&prediction)).join(" ");
            assert_eq!(Some(normal.as_str()), expected["normalized_prediction"].as_str(), "{id}");
        }
    }

    #[test]
    fn the_best_of_several_references_is_the_official_maximum() {
        let (cases, tolerance) = cases(FILE);
        let several: Vec<_> = cases.iter().filter(|case| case["inputs"]["references"].is_array()).collect();
        assert!(!several.is_empty());
        for case in several {
            let prediction = case["inputs"]["prediction"].as_str().expect("text");
            let references = case["inputs"]["references"].as_array().expect("texts");
            let best = references
                .iter()
                .map(|reference| f1(prediction, reference.as_str().expect("text")))
                .fold(0.0, f64::max);
            assert!((best - number(&case["expected"]["f1_v2_0_max"])).abs() <= tolerance, "{}", case["id"]);
        }
    }
}
