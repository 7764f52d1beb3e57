//! Similarity of embeddings.

/// Why two embeddings have no similarity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CosineFault {
    /// They have different lengths, or none.
    #[error("the embeddings have {0} and {1} dimensions")]
    Length(usize, usize),
    /// One of them is all zeros, so that it points nowhere.
    #[error("an embedding is all zeros")]
    Zero,
    /// A component is not a finite number.
    #[error("an embedding has a component that is not a number")]
    NotFinite,
}

/// a·b / (|a||b|), from −1 to 1. Both are scaled by their largest component first, so that neither very large nor very
/// small components overflow; rounding beyond ±1 is cut.
///
/// # Errors
/// A [`CosineFault`] where the angle is undefined. (Some libraries say 0 for a zero vector.)
pub fn cosine(left: &[f64], right: &[f64]) -> Result<f64, CosineFault> {
    if left.len() != right.len() || left.is_empty() {
        return Err(CosineFault::Length(left.len(), right.len()));
    }
    let (left, right) = (unit(left)?, unit(right)?);
    let dot: f64 = left.iter().zip(&right).map(|(left, right)| left * right).sum();
    Ok(dot.clamp(-1.0, 1.0))
}

fn unit(vector: &[f64]) -> Result<Vec<f64>, CosineFault> {
    if !vector.iter().all(|x| x.is_finite()) {
        return Err(CosineFault::NotFinite);
    }
    let largest = vector.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if largest == 0.0 {
        return Err(CosineFault::Zero);
    }
    let scaled: Vec<f64> = vector.iter().map(|x| x / largest).collect();
    let length = scaled.iter().map(|x| x * x).sum::<f64>().sqrt();
    Ok(scaled.into_iter().map(|x| x / length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::metric::vectors::{cases, number};

    /// The reference overflows on the smallest components, where the vectors' own notes give 1 as the true value.
    #[test]
    fn it_is_the_reference_where_that_is_defined() {
        let (cases, tolerance) = cases(include_str!("../../../tests/vectors/metrics_cosine.json"));
        let mut undefined = 0;
        for case in &cases {
            let side = |key: &str| -> Vec<f64> {
                case["inputs"][key].as_array().expect("a vector").iter().map(number).collect()
            };
            let found = cosine(&side("a"), &side("b"));
            match case["expected"]["cosine_raw"].as_f64() {
                Some(expected) => {
                    let found = found.expect("defined");
                    assert!((found - expected).abs() <= tolerance, "{}: {found} for {expected}", case["id"]);
                }
                None if side("a").iter().all(|x| *x == 0.0) => {
                    undefined += 1;
                    assert_eq!(found, Err(CosineFault::Zero));
                }
                None => assert!((found.expect("defined") - 1.0).abs() <= tolerance, "{}", case["id"]),
            }
        }
        assert_eq!(undefined, 1);
    }

    #[test]
    fn what_cannot_be_compared_is_a_fault() {
        assert_eq!(cosine(&[1.0], &[1.0, 2.0]), Err(CosineFault::Length(1, 2)));
        assert_eq!(cosine(&[], &[]), Err(CosineFault::Length(0, 0)));
        assert_eq!(cosine(&[f64::NAN], &[1.0]), Err(CosineFault::NotFinite));
        assert_eq!(cosine(&[1e200, 1e200], &[1e200, 1e200]).map(|x| (x * 1e9).round()), Ok(1e9));
    }
}
