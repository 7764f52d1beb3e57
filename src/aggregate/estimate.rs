//! A mean with what is known of its uncertainty.

use super::distribution::normal_cdf;
use super::moments::Moments;
use crate::domain::Scale;
use crate::domain::score::reaches;

/// A two-sided interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A mean over cases. What is unknown is `None`, never 0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The weighted mean of the case means.
    pub mean: f64,
    /// Its standard error; `None` below two cases.
    pub stderr: Option<f64>,
    /// The two-sided interval; `None` below two cases.
    pub interval: Option<Interval>,
    /// How many cases it stands on.
    pub n: usize,
}

impl Estimate {
    /// The mean of `(weight, case mean)` points with Student's t interval at `confidence`, as [`Moments`] defines
    /// them, cut at the ends of `scale`. `None` without points.
    ///
    /// Where no two cases differ, Student's interval would have no width, which a few equal grades do not justify.
    /// Then each end is the flat bound of [`Moments::lower_bound`] with half of α, towards its end of the scale.
    pub fn of(points: &[(f64, f64)], confidence: f64, scale: Scale) -> Option<Self> {
        let sums = Moments::of(points);
        let mean = sums.mean()?;
        let interval = interval(&sums, mean, confidence, scale);
        Some(Self { mean, stderr: sums.stderr(), interval, n: sums.n() })
    }
}

fn interval(sums: &Moments, mean: f64, confidence: f64, scale: Scale) -> Option<Interval> {
    let stderr = sums.stderr()?;
    let two_sided = 0.5 + confidence / 2.0;
    if sums.flat() {
        let open = 1.0 - sums.flat_share(two_sided)?;
        let (low, high) = (mean - (mean - scale.min) * open, mean + (scale.max - mean) * open);
        return Some(Interval { low, high });
    }
    let half = sums.t(two_sided)? * stderr;
    Some(Interval { low: (mean - half).max(scale.min), high: (mean + half).min(scale.max) })
}

/// The repeated trials of one case, as far as they bear on a rerun.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Repeats {
    /// The case's weight.
    pub weight: f64,
    /// The mean of its scored trials.
    pub mean: f64,
    /// The variance of its scored trials over K − 1; `None` below two of them.
    pub variance: Option<f64>,
    /// How many trials were scored, K.
    pub trials: u32,
}

/// 2p(1 − p): the chance that two runs of the same suite with the same prompt disagree on whether the mean reaches
/// `threshold`.
///
/// p = Φ((m − threshold) / SE) with SE = √(Σ wᵢ² sᵢ² / Kᵢ) / Σ wᵢ, the noise of the trials with the suite held
/// fixed. `None` unless every case has at least two scored trials, for else part of the noise is unknown.
pub fn rerun_disagreement(cases: &[Repeats], threshold: f64) -> Option<f64> {
    let weight: f64 = cases.iter().map(|case| case.weight).sum();
    if cases.is_empty() {
        return None;
    }
    let mean = cases.iter().map(|case| case.weight * case.mean).sum::<f64>() / weight;
    let noise: Option<f64> =
        cases.iter().map(|case| Some(case.weight.powi(2) * case.variance? / f64::from(case.trials))).sum();
    let stderr = noise?.sqrt() / weight;
    let p = if stderr > 0.0 {
        normal_cdf((mean - threshold) / stderr)?
    } else {
        f64::from(u8::from(reaches(mean, threshold)))
    };
    Some(2.0 * p * (1.0 - p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::vectors::{self, SplitMix64, number, numbers};

    const SCALE: Scale = Scale { min: 1.0, max: 5.0, step: 1.0 };

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
    }

    #[test]
    fn standard_errors_intervals_and_bounds_are_those_of_the_reference() {
        let file = vectors::read("02_stderr");
        let tolerance = vectors::tolerance(&file);
        for case in vectors::cases(&file) {
            let (id, expected) = (&case["id"], &case["expected"]);
            let clusters = case["inputs"]["clusters"].as_array().unwrap();
            let points: Vec<(f64, f64)> =
                clusters.iter().map(|cluster| (1.0, mean(&numbers(cluster)))).collect();
            let found = Estimate::of(&points, 0.95, SCALE).unwrap();
            vectors::near(found.mean, number(&expected["mean_of_case_means"]), tolerance, id);
            vectors::near(found.stderr.unwrap(), number(&expected["se_of_case_means"]), tolerance, id);
            let sums = Moments::of(&points);
            vectors::near(sums.t(0.975).unwrap(), number(&expected["t975_df_Cminus1"]), tolerance, id);
            let ends = numbers(&expected["ci95_case_means"]);
            let bound = sums.lower_bound(0.95, 1.0).unwrap();
            let interval = found.interval.unwrap();
            if id == "all-identical" {
                // Here the convention differs: no width would be a certainty that three grades do not give.
                assert!(interval.low < ends[0] && (interval.high - ends[1]).abs() < tolerance);
                assert!(bound < number(&expected["lcb95_one_sided_case_means"]));
                continue;
            }
            vectors::near(interval.low, ends[0], tolerance, id);
            vectors::near(interval.high, ends[1], tolerance, id);
            vectors::near(bound, number(&expected["lcb95_one_sided_case_means"]), tolerance, id);
        }
    }

    #[test]
    fn rerun_noise_is_that_of_the_reference() {
        let file = vectors::read("02b_rerun_noise");
        for case in vectors::cases(&file) {
            let trials = case["inputs"]["trials_by_case"].as_array().unwrap();
            let cases: Vec<Repeats> = trials.iter().map(|trials| repeats(1.0, &numbers(trials))).collect();
            let found = rerun_disagreement(&cases, number(&case["inputs"]["threshold"])).unwrap();
            let expected = number(&case["expected"]["aa_flip_probability"]);
            vectors::near(found, expected, vectors::tolerance(&file), &case["id"]);
        }
    }

    fn repeats(weight: f64, scores: &[f64]) -> Repeats {
        let trials = u32::try_from(scores.len()).unwrap();
        let mean = mean(scores);
        let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
        let variance = (trials > 1).then(|| squares / f64::from(trials - 1));
        Repeats { weight, mean, variance, trials }
    }

    #[test]
    fn rerun_disagreement_is_unknown_while_a_case_has_one_trial() {
        let noisy = repeats(1.0, &[3.0, 5.0]);
        assert!(rerun_disagreement(&[noisy], 4.0).unwrap() > 0.4);
        assert_eq!(rerun_disagreement(&[noisy, repeats(1.0, &[4.0])], 4.0), None);
        assert_eq!(rerun_disagreement(&[], 4.0), None);
    }

    #[test]
    fn a_weight_of_two_is_more_than_one_vote_in_the_rerun_noise() {
        let (loud, calm) = (repeats(3.0, &[3.0, 5.0]), repeats(1.0, &[4.0, 4.0]));
        let expected_stderr = (9.0_f64 * 2.0 / 2.0).sqrt() / 4.0;
        let p = normal_cdf((4.0 - 3.5) / expected_stderr).unwrap();
        let found = rerun_disagreement(&[loud, calm], 3.5).unwrap();
        assert!((found - 2.0 * p * (1.0 - p)).abs() < 1e-12);
    }

    #[test]
    fn one_case_has_a_mean_and_nothing_else() {
        let found = Estimate::of(&[(1.0, 4.0)], 0.95, SCALE).unwrap();
        assert_eq!((found.mean, found.stderr, found.interval, found.n), (4.0, None, None, 1));
        assert_eq!(Estimate::of(&[], 0.95, SCALE), None);
    }

    #[test]
    fn equal_grades_are_no_certainty() {
        let flat = |n: usize| Moments::of(&vec![(1.0, 5.0); n]).lower_bound(0.95, 1.0).unwrap();
        assert!((flat(1) - (5.0 - 4.0 * 0.95)).abs() < 1e-12);
        assert!((flat(20) - (5.0 - 4.0 * (1.0 - 0.05_f64.powf(0.05)))).abs() < 1e-12);
        assert!(flat(3) < flat(20) && flat(20) < 5.0);
    }

    #[test]
    fn the_flat_share_is_the_exact_bound_of_all_among_all() {
        let file = vectors::read("16_proportions");
        let mut seen = 0;
        for case in vectors::cases(&file) {
            let (k, n) = (number(&case["inputs"]["k"]), number(&case["inputs"]["n"]));
            if k < n || n > 10_000.0 {
                continue;
            }
            seen += 1;
            let n = case["inputs"]["n"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap();
            let found = Moments::of(&vec![(1.0, 1.0); n]).flat_share(0.95).unwrap();
            let expected = number(&case["expected"]["clopper_pearson_one_sided_lcb95"]);
            vectors::near(found, expected, vectors::tolerance(&file), &case["id"]);
        }
        assert!(seen > 0);
    }

    #[test]
    fn weights_count_as_weights_not_as_cases() {
        let equal = Estimate::of(&[(2.0, 3.0), (2.0, 5.0), (2.0, 4.0)], 0.95, SCALE).unwrap();
        assert_eq!(Estimate::of(&[(1.0, 3.0), (1.0, 5.0), (1.0, 4.0)], 0.95, SCALE), Some(equal));
        let heavy = Moments::of(&[(10.0, 3.0), (1.0, 5.0), (1.0, 4.0)]);
        assert!((heavy.mean().unwrap() - 39.0 / 12.0).abs() < 1e-12);
        assert!((heavy.effective_n().unwrap() - 144.0 / 102.0).abs() < 1e-12);
        let squares = 10.0 * 0.25_f64.powi(2) + 1.75_f64.powi(2) + 0.75_f64.powi(2);
        let expected = (squares / (12.0 - 102.0 / 12.0) / (144.0 / 102.0)).sqrt();
        assert!((heavy.stderr().unwrap() - expected).abs() < 1e-12);
    }

    /// Scores of a population on the scale, with its mean.
    fn draw(random: &mut SplitMix64) -> f64 {
        [2.0, 3.0, 4.0, 5.0, 4.0, 3.5][usize::try_from(random.below(6)).unwrap()] + random.unit() - 0.5
    }

    #[test]
    fn intervals_cover_what_they_say() {
        let truth = 21.5 / 6.0;
        for (seed, n, weighted) in [(1, 8, false), (2, 24, false), (3, 100, false), (4, 40, true)] {
            let mut random = SplitMix64(seed);
            let (runs, mut covered, mut above) = (4_000, 0, 0);
            for _ in 0..runs {
                let points: Vec<(f64, f64)> = (0..n)
                    .map(|_| (if weighted { 1.0 + random.unit() * 3.0 } else { 1.0 }, draw(&mut random)))
                    .collect();
                let interval = Estimate::of(&points, 0.95, SCALE).unwrap().interval.unwrap();
                covered += u32::from(interval.low <= truth && truth <= interval.high);
                above += u32::from(Moments::of(&points).lower_bound(0.95, 1.0).unwrap() <= truth);
            }
            let share = f64::from(covered) / f64::from(runs);
            assert!((share - 0.95).abs() < 0.02, "{n} cases: {share} instead of 0.95");
            let share = f64::from(above) / f64::from(runs);
            assert!((share - 0.95).abs() < 0.02, "{n} cases: the bound holds in {share}");
        }
    }
}
