//! Numbers for people, which never round across what they are compared with.

use crate::domain::Usd;
use crate::domain::score::TOLERANCE;
use std::cmp::Ordering;

/// More digits than this say nothing that the tolerance of the comparison keeps.
const MOST_DIGITS: usize = 9;

fn side(value: f64, threshold: f64) -> Ordering {
    if (value - threshold).abs() <= TOLERANCE { Ordering::Equal } else { value.total_cmp(&threshold) }
}

/// `value` with at least `digits` decimals, and as many more as it takes to say exactly what it is.
fn exact(value: f64, digits: usize) -> String {
    (digits..MOST_DIGITS)
        .map(|digits| format!("{value:.digits$}"))
        .find(|text| text.parse::<f64>().is_ok_and(|shown| (shown - value).abs() <= TOLERANCE))
        .unwrap_or_else(|| format!("{value:.MOST_DIGITS$}"))
}

fn beside(value: f64, threshold: f64, digits: usize) -> String {
    let wanted = side(value, threshold);
    if wanted == Ordering::Equal {
        return exact(threshold, digits);
    }
    (digits..=MOST_DIGITS)
        .map(|digits| format!("{value:.digits$}"))
        .find(|text| text.parse::<f64>().is_ok_and(|shown| side(shown, threshold) == wanted))
        .unwrap_or_else(|| format!("{value}"))
}

/// A threshold: two decimals, or as many as it has.
pub fn threshold(value: f64) -> String {
    exact(value, 2)
}

/// `value` beside `threshold`: two decimals, and more where fewer would show it on the other side of the threshold, or
/// on it. Equal within the tolerance of the comparison, it is shown as the threshold is.
pub fn against(value: f64, threshold: f64) -> String {
    beside(value, threshold, 2)
}

/// A share from 0 to 1 that is compared with nothing, as a percentage.
pub fn share(value: f64) -> String {
    format!("{} %", exact(value * 100.0, 0).chars().take(5).collect::<String>().trim_end_matches('.'))
}

/// A share that is a limit, as a percentage with the decimals it has.
pub fn share_limit(value: f64) -> String {
    format!("{} %", exact(value * 100.0, 0))
}

/// A share from 0 to 1 beside a limit, as a percentage: one decimal, and more where fewer would mislead.
pub fn share_against(value: f64, limit: f64) -> String {
    let (value, limit) = (value * 100.0, limit * 100.0);
    if side(value, limit) == Ordering::Equal {
        return format!("{} %", exact(limit, 0));
    }
    format!("{} %", beside(value, limit, 1))
}

/// An amount beside a limit: four decimals, and more where fewer would mislead.
pub fn usd_against(value: Usd, limit: Usd) -> String {
    let wanted = value.cmp(&limit);
    (4..=28)
        .map(|digits| value.0.round_dp(digits))
        .find(|shown| shown.cmp(&limit.0) == wanted)
        .map_or_else(|| format!("${value}"), |shown| format!("${}", shown.normalize()))
}

/// "1 case", "24 cases".
pub fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_below_the_threshold_is_shown_below_it() {
        for (value, limit, shown) in [
            (4.199, 4.2, "4.199"),
            (4.1999, 4.2, "4.1999"),
            (4.19, 4.2, "4.19"),
            (3.714, 4.2, "3.71"),
            (4.2, 4.2, "4.20"),
            (4.099_999_999_999_998, 4.1, "4.10"),
            (4.201, 4.2, "4.201"),
            (4.41, 4.2, "4.41"),
            (4.124, 4.123_1, "4.124"),
            (4.125, 4.125, "4.125"),
            (4.999_999_7, 5.0, "4.9999997"),
        ] {
            assert_eq!(against(value, limit), shown, "{value} against {limit}");
        }
    }

    #[test]
    fn no_shown_number_lies_on_another_side_than_the_number() {
        let mut random = crate::aggregate::vectors::SplitMix64(7);
        for _ in 0..20_000 {
            let limit = (random.unit() * 500.0).round() / 100.0;
            let value = limit + (random.unit() - 0.5) * 10_f64.powf(-random.unit() * 7.0);
            let shown: f64 = against(value, limit).parse().unwrap();
            assert_eq!(side(shown, limit), side(value, limit), "{value} against {limit}: {shown}");
            let shown: f64 = share_against(value / 5.0, limit / 5.0).trim_end_matches(" %").parse().unwrap();
            let (value, limit) = (value / 5.0 * 100.0, limit / 5.0 * 100.0);
            assert_eq!(side(shown, limit), side(value, limit), "{value} % against {limit} %: {shown}");
        }
    }

    #[test]
    fn shares_and_amounts_do_not_mislead_either() {
        assert_eq!(share_against(0.9996, 1.0), "99.96 %");
        assert_eq!(share_against(0.29, 0.29), "29 %");
        assert_eq!(share_against(0.9375, 0.95), "93.8 %");
        assert_eq!(share_limit(0.975), "97.5 %");
        assert_eq!(share(2.0 / 3.0), "66.66 %");
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        assert_eq!(usd_against(usd("0.01000001"), usd("0.01")), "$0.01000001");
        assert_eq!(usd_against(usd("0.0123456"), usd("0.01")), "$0.0123");
        assert_eq!(usd_against(usd("0.01"), usd("0.01")), "$0.01");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!((count(1, "case"), count(0, "case")), ("1 case".to_owned(), "0 cases".to_owned()));
    }
}
