//! Numbers as people read them.

use crate::domain::score::reaches;

/// What stands where a number is unknown.
pub const UNKNOWN: &str = "–";

/// A score or a mean: two decimals.
pub fn score(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() => plain(value, 2),
        _ => UNKNOWN.to_owned(),
    }
}

/// A score as it stands against a threshold. It has two decimals, and as many more as are needed for the shown
/// number to lie on the side of the threshold on which the true one lies: 4.199 against 4.2 is not 4.20.
pub fn against(value: Option<f64>, threshold: Option<f64>) -> String {
    let (Some(value), Some(threshold)) = (value, threshold) else { return score(value) };
    if !value.is_finite() || !threshold.is_finite() {
        return score(Some(value));
    }
    let holds = reaches(value, threshold);
    for digits in 2..=9 {
        let shown = plain(value, digits);
        if shown.parse().is_ok_and(|number: f64| reaches(number, threshold) == holds) {
            return shown;
        }
    }
    format!("{value}")
}

/// A threshold: as many decimals as it was written with.
pub fn threshold(value: f64) -> String {
    format!("{value}")
}

/// A difference, always signed: two decimals, or as many as it takes not to show a change as none.
pub fn delta(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return UNKNOWN.to_owned() };
    let digits = (2..=4).find(|digits| value == 0.0 || !is_zero(&plain(value, *digits))).unwrap_or(2);
    let shown = plain(value, digits);
    if is_zero(&shown) {
        return if value == 0.0 { "±0.00".to_owned() } else { "≈0".to_owned() };
    }
    if value > 0.0 { format!("+{shown}") } else { shown.replacen('-', "−", 1) }
}

/// Both ends of an interval, each on its own side of the threshold, or the sign for unknown.
pub fn interval(low: Option<f64>, high: Option<f64>, threshold: Option<f64>) -> String {
    match (low, high) {
        (None, None) => UNKNOWN.to_owned(),
        (low, high) => format!("{} to {}", against(low, threshold), against(high, threshold)),
    }
}

/// A share as a percentage. Only everything is 100 %, and only nothing is 0 %.
pub fn percent(share: Option<f64>) -> String {
    let Some(share) = share.filter(|share| share.is_finite()) else { return UNKNOWN.to_owned() };
    if share > 0.0 && share < 0.001 {
        return "<0.1 %".to_owned();
    }
    if share < 1.0 && share > 0.999 {
        return ">99.9 %".to_owned();
    }
    let shown = plain(share * 100.0, 1);
    format!("{} %", shown.strip_suffix(".0").unwrap_or(&shown))
}

/// Milliseconds as a person says them.
pub fn duration(ms: Option<f64>) -> String {
    let Some(ms) = ms.filter(|ms| ms.is_finite() && *ms >= 0.0) else { return UNKNOWN.to_owned() };
    if ms < 999.5 {
        return format!("{ms:.0} ms");
    }
    let seconds = ms / 1000.0;
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round();
    let minutes = (whole / 60.0).floor();
    if minutes < 60.0 {
        return format!("{minutes:.0} min {:.0} s", whole % 60.0);
    }
    format!("{:.0} h {:.0} min", (minutes / 60.0).floor(), minutes % 60.0)
}

/// Milliseconds counted as an integer.
pub fn duration_ms(ms: Option<u64>) -> String {
    duration(ms.map(to_f64))
}

/// A count with a narrow space between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

/// A count and its noun, with an `s` where there is not exactly one.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// The same of a length.
pub fn many(number: usize, noun: &str) -> String {
    counted(u64::try_from(number).unwrap_or(u64::MAX), noun)
}

/// A count as a float, for a chart or a share.
#[expect(clippy::cast_precision_loss, reason = "shown numbers only; exact up to 2^53")]
pub fn to_f64(number: u64) -> f64 {
    number as f64
}

fn plain(value: f64, digits: usize) -> String {
    let shown = format!("{value:.digits$}");
    if is_zero(&shown) { shown.replacen('-', "", 1) } else { shown }
}

fn is_zero(shown: &str) -> bool {
    shown.chars().all(|c| matches!(c, '0' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_number_never_rounds_across_the_threshold() {
        assert_eq!(against(Some(4.199), Some(4.2)), "4.199");
        assert_eq!(against(Some(4.19999), Some(4.2)), "4.19999");
        assert_eq!(against(Some(4.2), Some(4.2)), "4.20");
        assert_eq!(against(Some(4.1), Some(4.2)), "4.10");
        assert_eq!(against(Some(4.099_999_999_999_8), Some(4.1)), "4.10");
        assert_eq!(against(Some(4.196), Some(4.1955)), "4.20");
        assert_eq!(against(Some(4.1955), Some(4.1954)), "4.20");
        assert_eq!(against(Some(4.204), Some(4.203)), "4.204");
        assert_eq!(against(None, Some(4.2)), UNKNOWN);
        assert_eq!(against(Some(f64::NAN), Some(4.2)), UNKNOWN);
    }

    #[test]
    fn no_value_near_a_threshold_is_shown_on_its_other_side() {
        for step in -4000..4000 {
            let value = 4.2 + f64::from(step) * 1.7e-6;
            let shown: f64 = against(Some(value), Some(4.2)).parse().expect("a number");
            assert_eq!(reaches(shown, 4.2), reaches(value, 4.2), "{value}");
        }
    }

    #[test]
    fn a_change_is_never_shown_as_none() {
        let shown: Vec<String> =
            [0.12, -0.3, 0.0, 0.004, -0.00001].into_iter().map(|value| delta(Some(value))).collect();
        assert_eq!(shown, ["+0.12", "−0.30", "±0.00", "+0.004", "≈0"]);
    }

    #[test]
    fn only_everything_is_a_hundred_percent() {
        let shown: Vec<String> =
            [1.0, 0.99999, 0.985, 0.5, 0.0001, 0.0].into_iter().map(|share| percent(Some(share))).collect();
        assert_eq!(shown, ["100 %", ">99.9 %", "98.5 %", "50 %", "<0.1 %", "0 %"]);
    }

    #[test]
    fn times_and_counts_read_as_people_say_them() {
        let shown: Vec<String> =
            [812.0, 999.7, 12_340.0, 59_990.0, 3_700_000.0].map(|ms| duration(Some(ms))).into();
        assert_eq!(shown, ["812 ms", "1.0 s", "12.3 s", "1 min 0 s", "1 h 1 min"]);
        assert_eq!((count(9999), count(1_234_567)), ("9999".into(), "1\u{202f}234\u{202f}567".into()));
        assert_eq!((counted(1, "case"), counted(2, "case")), ("1 case".into(), "2 cases".into()));
    }
}
