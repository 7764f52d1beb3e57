//! Sentence BLEU.

use super::float;
use regex::Regex;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Longest n-gram.
const ORDER: usize = 4;

/// The four substitutions of the 13a tokenizer, in its order: ASCII punctuation but `.`, `,`, `-`, `'` stands alone;
/// `.` and `,` stand alone unless digits surround them; `-` stands alone after a digit.
static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"([\{-\~\[-\` -\&\(-\+\:-\@/])", " $1 "),
        (r"([^0-9])([\.,])", "$1 $2 "),
        (r"([\.,])([^0-9])", " $1 $2"),
        (r"([0-9])(-)", "$1 $2 "),
    ]
    .into_iter()
    .filter_map(|(pattern, to)| Some((Regex::new(pattern).ok()?, to)))
    .collect()
});

/// Sentence BLEU of one prediction against one reference, from 0 to 1: sacreBLEU's
/// `nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp`, divided by 100 and cut at 1 (its logarithms overshoot by 1e-16).
///
/// The geometric mean of the n-gram precisions for n up to 4 (as far as the prediction has n-grams), times the brevity
/// penalty exp(1 − r/c). A precision of 0 becomes 1/(2^k · count) for the k-th one; without any common word BLEU is
/// 0. Source: Papineni et al. 2002; sacreBLEU 2.6.
pub fn bleu(prediction: &str, reference: &str) -> f64 {
    let (prediction, reference) = (tokenize(prediction), tokenize(reference));
    let (found, wanted): (Vec<&str>, Vec<&str>) =
        (prediction.split_whitespace().collect(), reference.split_whitespace().collect());
    let (mut logs, mut order, mut halves, mut any) = (0.0, 0, 1.0, false);
    for n in 1..=ORDER {
        let total = (found.len() + 1).saturating_sub(n);
        if total == 0 {
            break;
        }
        order = n;
        let correct = matches(&found, &wanted, n);
        any |= correct > 0;
        let precision = if correct > 0 {
            float(correct) / float(total)
        } else {
            halves *= 2.0;
            1.0 / (halves * float(total))
        };
        logs += precision.ln();
    }
    if !any {
        return 0.0;
    }
    let brevity =
        if found.len() < wanted.len() { (1.0 - float(wanted.len()) / float(found.len())).exp() } else { 1.0 };
    (brevity * (logs / float(order)).exp()).min(1.0)
}

fn tokenize(text: &str) -> String {
    let mut text = text.trim_end().replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if text.contains('&') {
        text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    }
    text = format!(" {text} ");
    for (rule, to) in RULES.iter() {
        text = rule.replace_all(&text, *to).into_owned();
    }
    text
}

/// N-grams of `found` that `wanted` has too, each at most as often as there.
fn matches(found: &[&str], wanted: &[&str], n: usize) -> usize {
    let mut left: HashMap<&[&str], usize> = HashMap::new();
    for gram in wanted.windows(n) {
        *left.entry(gram).or_default() += 1;
    }
    found
        .windows(n)
        .filter(|gram| match left.get_mut(*gram) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::metric::vectors::{number, pairs};

    #[test]
    fn it_is_what_sacrebleu_computes() {
        assert_eq!(RULES.len(), 4);
        let (pairs, tolerance) = pairs(include_str!("../../../tests/vectors/metrics_bleu.json"));
        for (id, prediction, reference, expected) in pairs {
            let found = 100.0 * bleu(&prediction, &reference);
            let expected = number(&expected["sent_13a_exp_efforder"]);
            assert!((found - expected).abs() <= tolerance, "{id}: {found} for {expected}");
        }
    }
}
