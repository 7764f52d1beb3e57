//! Graded asserts: closeness to a text.

use super::fault::AssertFault;
use super::material::{Finding, Material, wrong};
use super::metric::{self, CosineFault};
use super::program::Outside;
use super::say;
use crate::domain::score::reaches;
use crate::manifest::assert::{Assert, Metric};
use crate::retrieve::hashing;

/// The closeness of the answer to `value`; `None` where an embedding model has to be asked.
///
/// `similar` is the cosine of the embeddings, at least 0. An answer without words has no embedding; it is like
/// nothing: 0. A `value` without words is an error of the input.
pub fn pure(
    assert: &Assert,
    measure: &Metric,
    material: &Material<'_>,
    value: &str,
) -> Result<Option<f64>, AssertFault> {
    let answer = material.text();
    Ok(Some(match measure {
        Metric::Levenshtein => metric::levenshtein(answer, value),
        Metric::RougeL(tokenizer) => metric::rouge_l(answer, value, *tokenizer),
        Metric::Bleu => metric::bleu(answer, value),
        Metric::F1 => metric::f1(answer, value),
        Metric::Similar { .. } if value.trim().is_empty() => {
            return Err(wrong(assert, "its value is empty, so that nothing is similar to it"));
        }
        Metric::Similar { .. } if answer.trim().is_empty() => 0.0,
        Metric::Similar { model, .. } if model.as_str() == hashing::MODEL => {
            let (left, right) = (hashing::embed(answer), hashing::embed(value));
            if right.iter().all(|component| *component == 0.0) {
                return Err(wrong(assert, "its value has no words to compare"));
            }
            closeness(&left, &right).unwrap_or(0.0)
        }
        Metric::Similar { .. } => return Ok(None),
    }))
}

/// The closeness that an embedding model measures.
pub async fn asked(
    assert: &Assert,
    measure: &Metric,
    material: &Material<'_>,
    value: &str,
    outside: &Outside<'_>,
) -> Result<f64, AssertFault> {
    let Metric::Similar { model, provider } = measure else {
        return Err(wrong(assert, "it takes no embedding model"));
    };
    let fault = |message: String| AssertFault::Embedding { kind: assert.written.clone(), message };
    let texts = vec![material.text().to_owned(), value.to_owned()];
    let embeddings = (outside.embed)(model, provider, texts)
        .await
        .map_err(|denied| AssertFault::NotEmbedded { kind: assert.written.clone(), denied })?;
    let [left, right] = embeddings.as_slice() else {
        return Err(fault(format!("2 embeddings were asked for and {} came", embeddings.len())));
    };
    closeness(left, right).map_err(|why| fault(why.to_string()))
}

/// The cosine, at least 0.
fn closeness(left: &[f32], right: &[f32]) -> Result<f64, CosineFault> {
    let wide = |embedding: &[f32]| embedding.iter().copied().map(f64::from).collect::<Vec<f64>>();
    metric::cosine(&wide(left), &wide(right)).map(|cosine| cosine.max(0.0))
}

/// A score held against its minimum.
pub fn finding(score: f64, threshold: f64, material: &Material<'_>, value: &str) -> Finding {
    let reason = format!(
        "{score:.4} of at least {threshold} against {}; {}",
        say::quote(value),
        say::answer(material.text())
    );
    Finding {
        holds: reaches(score, threshold),
        score: Some(score),
        threshold: Some(threshold),
        reason,
        lacking: Vec::new(),
    }
}
