//! Edit distance.

use rapidfuzz::distance::levenshtein::distance;

/// 1 − d / max(|a|, |b|), where d is the Levenshtein distance (insert, delete, substitute, each 1) over Unicode scalar
/// values, neither bytes nor graphemes. Two empty texts are equal: 1.
///
/// This is `rapidfuzz`'s `Levenshtein.normalized_similarity` and autoevals' `Levenshtein`; the `ratio` of
/// python-Levenshtein is another number (insertions and deletions only).
pub fn levenshtein(left: &str, right: &str) -> f64 {
    let longer = left.chars().count().max(right.chars().count());
    if longer == 0 {
        1.0
    } else {
        1.0 - super::float(distance(left.chars(), right.chars())) / super::float(longer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::metric::vectors::{cases, number};

    #[test]
    fn it_is_what_rapidfuzz_computes() {
        let (cases, tolerance) = cases(include_str!("../../../tests/vectors/metrics_levenshtein.json"));
        assert!(cases.len() >= 20);
        for case in &cases {
            let side = |key: &str| case["inputs"][key].as_str().expect("text");
            let found = levenshtein(side("a"), side("b"));
            let expected = number(&case["expected"]["normalized_similarity"]);
            assert!((found - expected).abs() <= tolerance, "{}: {found} for {expected}", case["id"]);
        }
    }
}
