//! Krippendorff's alpha: agreement of any number of raters, with gaps.

use super::{Measured, Undefined, float};

/// What a difference of two scores means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Same or not.
    Nominal,
    /// By how many ratings lie between.
    Ordinal,
    /// By the square of the difference.
    Interval,
}

/// Krippendorff's alpha, 1 − D_o/D_e (Krippendorff 2011). `units` holds the ratings of each thing rated, in any
/// order; those with fewer than two ratings say nothing about agreement and are left out.
///
/// # Errors
/// [`Undefined::TooFew`] without a unit of two ratings; [`Undefined::NoVariation`] when all ratings are the same,
/// where it is 0/0; [`Undefined::Unusable`] for a rating that is not finite.
pub fn alpha(units: &[Vec<f64>], level: Level) -> Measured {
    let units: Vec<&Vec<f64>> = units.iter().filter(|ratings| ratings.len() >= 2).collect();
    if units.is_empty() {
        return Err(Undefined::TooFew);
    }
    if !units.iter().all(|ratings| ratings.iter().all(|rating| rating.is_finite())) {
        return Err(Undefined::Unusable);
    }
    let mut values: Vec<f64> = units.iter().flat_map(|ratings| ratings.iter().copied()).collect();
    let n = float(values.len());
    values.sort_by(f64::total_cmp);
    values.dedup();
    let at = |rating: f64| values.partition_point(|value| *value < rating);
    let mut counts = vec![0.0; values.len()];
    for rating in units.iter().flat_map(|ratings| ratings.iter()) {
        counts[at(*rating)] += 1.0;
    }
    let distance = Distances::new(level, &values, &counts);
    let mut observed = 0.0;
    for ratings in &units {
        let indexes: Vec<usize> = ratings.iter().map(|rating| at(*rating)).collect();
        let mut within = 0.0;
        for (position, i) in indexes.iter().enumerate() {
            within += 2.0 * indexes[position + 1..].iter().map(|j| distance.squared(*i, *j)).sum::<f64>();
        }
        observed += within / float(ratings.len() - 1);
    }
    let mut expected = 0.0;
    for i in 0..values.len() {
        for j in i + 1..values.len() {
            expected += 2.0 * counts[i] * counts[j] * distance.squared(i, j);
        }
    }
    if expected <= 0.0 {
        return Err(Undefined::NoVariation);
    }
    Ok(1.0 - (n - 1.0) * observed / expected)
}

/// Squared distances between the distinct values.
struct Distances<'a> {
    level: Level,
    values: &'a [f64],
    counts: &'a [f64],
    /// How many ratings lie below each value.
    below: Vec<f64>,
}

impl<'a> Distances<'a> {
    fn new(level: Level, values: &'a [f64], counts: &'a [f64]) -> Self {
        let mut sum = 0.0;
        let below = counts
            .iter()
            .map(|count| {
                let before = sum;
                sum += count;
                before
            })
            .collect();
        Self { level, values, counts, below }
    }

    fn squared(&self, i: usize, j: usize) -> f64 {
        match self.level {
            _ if i == j => 0.0,
            Level::Nominal => 1.0,
            Level::Interval => (self.values[i] - self.values[j]).powi(2),
            // Σ n_g from i to j, less half of both ends: the distance between the middles of their ranks.
            Level::Ordinal => {
                let middle = |index: usize| self.below[index] + self.counts[index] / 2.0;
                (middle(i) - middle(j)).powi(2)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_about_agreement_has_no_alpha() {
        assert_eq!(alpha(&[], Level::Nominal), Err(Undefined::TooFew));
        assert_eq!(alpha(&[vec![1.0], vec![2.0]], Level::Nominal), Err(Undefined::TooFew));
        assert_eq!(alpha(&[vec![5.0; 3], vec![5.0; 2]], Level::Ordinal), Err(Undefined::NoVariation));
        assert_eq!(alpha(&[vec![5.0, f64::NAN]], Level::Interval), Err(Undefined::Unusable));
        assert_eq!(alpha(&[vec![5.0, 5.0], vec![1.0, 1.0]], Level::Interval), Ok(1.0));
    }
}
