//! Agreement beyond chance of two raters on a scale of levels: Cohen's kappa and Gwet's AC.

use super::{Estimate, Measured, Undefined, checked, float};
use crate::aggregate::distribution::normal_quantile;
use crate::domain::Scale;

/// More levels than this are no table that anyone labels by.
const MOST_LEVELS: usize = 1_001;

/// How much a disagreement counts by its distance in levels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weighting {
    /// Every disagreement alike.
    Unweighted,
    /// By its distance.
    Linear,
    /// By the square of its distance.
    Quadratic,
}

/// How often two raters gave which pair of levels, over *every* level of the scale, used or not: levels left out
/// because nobody used them would change what chance agreement means.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Rows: the first rater's level; columns: the second's. Counts.
    cells: Vec<Vec<f64>>,
    n: f64,
    rounded: usize,
}

impl Table {
    /// Counts pairs of scores on the levels of `scale`. A score between two levels, such as a mean over raters or
    /// repeats, counts as the nearer one, at a tie the lower; [`Table::rounded`] says how many rows that touched.
    ///
    /// # Errors
    /// No rows, scores that are not finite or off the scale, a scale of more than 1,001 levels.
    pub fn new(first: &[f64], second: &[f64], scale: Scale) -> Measured<Self> {
        checked(first, second, 1)?;
        let count = levels(scale)?;
        let mut cells = vec![vec![0.0; count]; count];
        let mut rounded = 0;
        for (a, b) in first.iter().zip(second) {
            let row = level(*a, scale, count).ok_or(Undefined::Unusable)?;
            let column = level(*b, scale, count).ok_or(Undefined::Unusable)?;
            cells[row][column] += 1.0;
            rounded += usize::from(!scale.holds(*a) || !scale.holds(*b));
        }
        Ok(Self { cells, n: float(first.len()), rounded })
    }

    /// Rows of which at least one score lay between two levels.
    pub fn rounded(&self) -> usize {
        self.rounded
    }

    fn size(&self) -> usize {
        self.cells.len()
    }

    /// Shares of the first rater's levels, and of the second's.
    fn margins(&self) -> (Vec<f64>, Vec<f64>) {
        let rows = self.cells.iter().map(|row| row.iter().sum::<f64>() / self.n).collect();
        let columns =
            (0..self.size()).map(|j| self.cells.iter().map(|row| row[j]).sum::<f64>() / self.n).collect();
        (rows, columns)
    }

    /// The mean of `value(i, j, share)` over cells, weighted by nothing: a plain sum.
    fn sum(&self, value: impl Fn(usize, usize, f64) -> f64) -> f64 {
        let mut total = 0.0;
        for (i, row) in self.cells.iter().enumerate() {
            for (j, count) in row.iter().enumerate() {
                total += value(i, j, count / self.n);
            }
        }
        total
    }

    /// The share of rows where both gave the same level.
    pub fn agreement(&self) -> f64 {
        self.sum(|i, j, share| if i == j { share } else { 0.0 })
    }
}

/// Cohen's kappa: 1 − Σw·O/Σw·E over disagreement weights w. 0 when one rater gave one level throughout.
///
/// Its interval is the normal one with the variance of Fleiss, Cohen & Everitt (1969) for a kappa that is not 0; there is none when a
/// rater did not vary or when that variance is 0.
///
/// # Errors
/// [`Undefined::NoVariation`] when both gave the same one level throughout: then it is 0/0.
pub fn kappa(table: &Table, weighting: Weighting, confidence: f64) -> Measured<Estimate> {
    let (rows, columns) = table.margins();
    // Agreement weights: 1 on the diagonal, 0 at the greatest distance.
    let weight = |i: usize, j: usize| agreement_weight(weighting, i, j, table.size());
    let observed = table.sum(|i, j, share| (1.0 - weight(i, j)) * share);
    let expected = table.sum(|i, j, _| (1.0 - weight(i, j)) * rows[i] * columns[j]);
    if expected <= f64::EPSILON {
        return Err(Undefined::NoVariation);
    }
    let value = 1.0 - observed / expected;
    let varied = |shares: &[f64]| shares.iter().filter(|share| **share > 0.0).count() > 1;
    if !varied(&rows) || !varied(&columns) {
        return Ok(Estimate { value, stderr: None, interval: None });
    }
    let by_chance = 1.0 - expected;
    let dot = |shares: &[f64], i: usize| {
        shares.iter().enumerate().map(|(j, share)| share * weight(i, j)).sum::<f64>()
    };
    let row_means: Vec<f64> = (0..table.size()).map(|i| dot(&columns, i)).collect();
    let column_means: Vec<f64> = (0..table.size()).map(|j| dot(&rows, j)).collect();
    let squares = table
        .sum(|i, j, share| share * (weight(i, j) - (row_means[i] + column_means[j]) * (1.0 - value)).powi(2));
    let spread = squares - (value - by_chance * (1.0 - value)).powi(2);
    // Below this the subtraction has left nothing but rounding.
    if spread <= 1e-14 {
        return Ok(Estimate { value, stderr: None, interval: None });
    }
    let stderr = (spread / table.n).sqrt() / expected;
    let interval = normal_quantile(0.5 + confidence / 2.0).map(|z| (value - z * stderr, value + z * stderr));
    Ok(Estimate { value, stderr: Some(stderr), interval })
}

/// Gwet's AC1 (unweighted) or AC2 (weighted): (p_a − p_e)/(1 − p_e) with p_e = T_w/(q(q−1))·Σπ(1−π), where π is
/// the mean share of a level over both raters and T_w the sum of all weights (Gwet 2014). It does not collapse
/// where nearly all rows are of one level, as kappa does.
///
/// # Errors
/// [`Undefined::NoVariation`] on a scale of one level.
pub fn gwet(table: &Table, weighting: Weighting) -> Measured {
    let q = table.size();
    if q < 2 {
        return Err(Undefined::NoVariation);
    }
    let (rows, columns) = table.margins();
    let weight = |i: usize, j: usize| agreement_weight(weighting, i, j, q);
    let observed = table.sum(|i, j, share| weight(i, j) * share);
    let weights = table.sum(|i, j, _| weight(i, j));
    let spread: f64 =
        rows.iter().zip(&columns).map(|(a, b)| (a + b) / 2.0).map(|share| share * (1.0 - share)).sum();
    let by_chance = weights / (float(q) * float(q - 1)) * spread;
    Ok((observed - by_chance) / (1.0 - by_chance))
}

fn agreement_weight(weighting: Weighting, i: usize, j: usize, levels: usize) -> f64 {
    let distance = float(i.abs_diff(j)) / float(levels.max(2) - 1);
    match weighting {
        Weighting::Unweighted if i == j => 1.0,
        Weighting::Unweighted => 0.0,
        Weighting::Linear => 1.0 - distance,
        Weighting::Quadratic => 1.0 - distance * distance,
    }
}

fn levels(scale: Scale) -> Measured<usize> {
    let count = ((scale.max - scale.min) / scale.step).round() + 1.0;
    if !(count.is_finite() && count >= 1.0) {
        return Err(Undefined::Unusable);
    }
    (1..=MOST_LEVELS).find(|levels| float(*levels) >= count).ok_or(Undefined::TooManyLevels)
}

fn level(score: f64, scale: Scale, count: usize) -> Option<usize> {
    let steps = (score - scale.min) / scale.step;
    // Rounds half down, and forgives a sum that ends a hair above the half.
    let index = (steps - 0.5 - 1e-9).ceil();
    (0..count).find(|level| (float(*level) - index).abs() < 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_between_two_levels_counts_as_the_nearer_and_is_counted() {
        let scale = Scale::default();
        let at = |score| level(score, scale, 5);
        assert_eq!([1.0, 1.4, 1.5, 1.6, 4.5, 5.0].map(at), [0, 0, 0, 1, 3, 4].map(Some));
        assert_eq!([0.0, 5.6, -3.0].map(at), [None; 3]);
        let table = Table::new(&[1.0, 2.5, 4.0], &[1.0, 2.0, 4.5], scale).expect("a table");
        assert_eq!((table.rounded(), table.agreement()), (2, 1.0));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let scale = Scale::default();
        assert_eq!(Table::new(&[], &[], scale), Err(Undefined::TooFew));
        assert_eq!(Table::new(&[1.0], &[], scale), Err(Undefined::Unusable));
        assert_eq!(Table::new(&[9.0], &[1.0], scale), Err(Undefined::Unusable));
        assert_eq!(Table::new(&[f64::NAN], &[1.0], scale), Err(Undefined::Unusable));
        let fine = Scale { min: 0.0, max: 1e6, step: 0.001 };
        assert_eq!(Table::new(&[1.0], &[1.0], fine), Err(Undefined::TooManyLevels));
        assert_eq!(Table::new(&[1.0], &[1.0], Scale { step: 0.0, ..scale }), Err(Undefined::Unusable));
    }

    #[test]
    fn two_constant_raters_have_no_kappa() {
        let table = Table::new(&[5.0; 4], &[5.0; 4], Scale::default()).expect("a table");
        assert_eq!(kappa(&table, Weighting::Quadratic, 0.95), Err(Undefined::NoVariation));
        assert_eq!((table.agreement(), gwet(&table, Weighting::Quadratic)), (1.0, Ok(1.0)));
    }
}
