//! How close an answer is to a text: measures from 0 to 1, each as its reference implementation defines it.

mod bleu;
mod cosine;
mod levenshtein;
mod rouge;
mod squad;

pub use bleu::bleu;
pub use cosine::{CosineFault, cosine};
pub use levenshtein::levenshtein;
pub use rouge::rouge_l;
pub use squad::f1;

/// A count as a float. Counts of tokens are far below 2^53, up to which this is exact.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53, which no count of tokens reaches")]
fn float(count: usize) -> f64 {
    count as f64
}

/// The harmonic mean of precision and recall; 0 where both are.
fn f_measure(precision: f64, recall: f64) -> f64 {
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

#[cfg(test)]
mod vectors {
    use serde_json::Value;

    /// A number of a reference vector.
    pub fn number(value: &Value) -> f64 {
        value.as_f64().expect("a number")
    }

    /// The cases of a vector file, and its absolute tolerance.
    pub fn cases(file: &str) -> (Vec<Value>, f64) {
        let file: Value = serde_json::from_str(file).expect("vectors");
        (file["cases"].as_array().expect("cases").clone(), number(&file["default_abs_tolerance"]))
    }

    /// Every case that has one prediction and one reference, with its id and what is expected of it.
    pub fn pairs(file: &str) -> (Vec<(String, String, String, Value)>, f64) {
        let (cases, tolerance) = cases(file);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let pairs: Vec<_> = cases
            .iter()
            .filter_map(|case| {
                let inputs = &case["inputs"];
                Some((
                    text(&case["id"])?,
                    text(&inputs["prediction"])?,
                    text(&inputs["reference"])?,
                    case["expected"].clone(),
                ))
            })
            .collect();
        assert!(pairs.len() >= 20, "{} vectors", pairs.len());
        (pairs, tolerance)
    }
}
