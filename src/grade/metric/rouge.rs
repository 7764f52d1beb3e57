//! ROUGE-L.

use super::{f_measure, float};
use crate::manifest::assert::RougeTokenizer;
use std::collections::HashMap;
use unicode_segmentation::UnicodeSegmentation;

/// F1 of the longest common subsequence of tokens (Lin 2004): precision is its share of the answer's tokens, recall of
/// the reference's. 0 where either has none.
///
/// With [`RougeTokenizer::RougeScore`] it is Google's `rouge_score` without stemming: lower case, and everything but
/// `[a-z0-9]` separates — so that text in any other script scores 0 even against itself. The default splits
/// lower-cased words as Unicode (UAX 29) does.
pub fn rouge_l(prediction: &str, reference: &str, tokenizer: RougeTokenizer) -> f64 {
    let mut ids = HashMap::new();
    let found = tokens(prediction, tokenizer, &mut ids);
    let wanted = tokens(reference, tokenizer, &mut ids);
    if found.is_empty() || wanted.is_empty() {
        return 0.0;
    }
    let common = float(longest_common(&found, &wanted));
    f_measure(common / float(found.len()), common / float(wanted.len()))
}

/// Tokens as numbers, equal where the tokens are.
fn tokens(text: &str, tokenizer: RougeTokenizer, ids: &mut HashMap<String, usize>) -> Vec<usize> {
    let text = text.to_lowercase();
    let mut id = |token: &str| {
        let next = ids.len();
        *ids.entry(token.to_owned()).or_insert(next)
    };
    match tokenizer {
        RougeTokenizer::Unicode => text.unicode_words().map(&mut id).collect(),
        RougeTokenizer::RougeScore => text
            .split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()))
            .filter(|token| !token.is_empty())
            .map(&mut id)
            .collect(),
    }
}

/// The length of the longest common subsequence, in one row of memory.
fn longest_common(left: &[usize], right: &[usize]) -> usize {
    let mut row = vec![0; right.len() + 1];
    for token in left {
        let mut diagonal = 0;
        for (index, other) in right.iter().enumerate() {
            let above = row[index + 1];
            row[index + 1] = if token == other { diagonal + 1 } else { above.max(row[index]) };
            diagonal = above;
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::metric::vectors::{number, pairs};

    #[test]
    fn it_is_what_rouge_score_computes() {
        let (pairs, tolerance) = pairs(include_str!("../../../tests/vectors/metrics_rouge.json"));
        for (id, prediction, reference, expected) in pairs {
            let found = rouge_l(&prediction, &reference, RougeTokenizer::RougeScore);
            let expected = number(&expected["rougeL"]["f"]);
            assert!((found - expected).abs() <= tolerance, "{id}: {found} for {expected}");
        }
    }

    #[test]
    fn words_of_every_script_count_with_the_unicode_tokenizer() {
        for text in ["Привет, мир", "你好世界", "مرحبا بالعالم", "Straße"] {
            assert_eq!(rouge_l(text, text, RougeTokenizer::Unicode), 1.0, "{text}");
        }
        assert_eq!(rouge_l("Привет", "Привет", RougeTokenizer::RougeScore), 0.0);
        assert_eq!(rouge_l("the cat sat", "the dog sat", RougeTokenizer::Unicode), 2.0 / 3.0);
        assert_eq!(rouge_l("", "", RougeTokenizer::Unicode), 0.0);
    }
}
