//! Numbers of JSON as exact decimals.

use std::fmt;

/// A decimal number of any size: `digits × 10^exponent`, without leading or trailing zeros in its digits, so that two
/// equal numbers have one form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decimal {
    negative: bool,
    /// Empty for zero.
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a number of the JSON grammar. `None` when `text` is none, or when its exponent does not fit 63 bits.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            None => (rest, 0),
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            None => (mantissa, ""),
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
        };
        if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let trimmed = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - trimmed.len()).ok()?;
        let fraction = i64::try_from(fraction.len()).ok()?;
        let digits = trimmed.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        let exponent = exponent.checked_sub(fraction)?.checked_add(dropped)?;
        Some(Self { negative, digits, exponent })
    }

    /// The nearest float; infinite where the number is beyond their range.
    pub fn to_f64(&self) -> f64 {
        // The text is a number, which every float parser of the standard library takes.
        self.scientific().parse().unwrap_or(f64::NAN)
    }

    fn scientific(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        if self.digits.is_empty() {
            "0".to_owned()
        } else {
            format!("{sign}{}e{}", self.digits, self.exponent)
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_digits(digits) { text.parse().ok() } else { None }
}

/// Digits that are written out before the scientific form takes over.
const PLAIN: i64 = 24;

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let point = count.saturating_add(self.exponent);
        let sign = if self.negative { "-" } else { "" };
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        if self.digits.is_empty() {
            f.write_str("0")
        } else if self.exponent >= 0 && point <= PLAIN {
            write!(f, "{sign}{}{}", self.digits, zeros(self.exponent))
        } else if self.exponent < 0 && point > 0 {
            let (whole, fraction) = self.digits.split_at(usize::try_from(point).unwrap_or(0));
            write!(f, "{sign}{whole}.{fraction}")
        } else if self.exponent < 0 && point > -PLAIN {
            write!(f, "{sign}0.{}{}", zeros(-point), self.digits)
        } else {
            f.write_str(&self.scientific())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_one_form() {
        let one = Decimal::parse("1");
        for same in ["1.0", "1e0", "10e-1", "0.1E+1", "1.000"] {
            assert_eq!(Decimal::parse(same), one, "{same}");
        }
        assert_eq!(Decimal::parse("-0"), Decimal::parse("0.00e9"));
        assert_ne!(Decimal::parse("0.30000000000000004"), Decimal::parse("0.3"));
    }

    #[test]
    fn what_is_no_json_number_is_none() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "NaN",
            "0x1",
            "1e99999999999999999999",
            "1_0",
            "--1",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_prints_as_people_write_it() {
        for (text, shown) in [
            ("1e3", "1000"),
            ("-1.50", "-1.5"),
            ("0.0025", "0.0025"),
            ("0", "0"),
            ("1e99", "1e99"),
            ("1e-30", "1e-30"),
        ] {
            assert_eq!(Decimal::parse(text).map(|number| number.to_string()).as_deref(), Some(shown));
        }
        assert_eq!(Decimal::parse("4.5").map(|number| number.to_f64()), Some(4.5));
        assert!(Decimal::parse("1e400").is_some_and(|number| number.to_f64().is_infinite()));
    }
}
