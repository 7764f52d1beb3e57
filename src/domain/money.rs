//! Money is a decimal, never a float.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// US dollars, exact. As JSON a decimal string without trailing zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Usd(pub Decimal);

impl Usd {
    /// Nothing spent. Not a stand-in for "unknown".
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// For people: four decimals below a dollar, two from there on.
    pub fn display(self) -> String {
        let digits: u32 = if self.0 < Decimal::ONE && !self.0.is_zero() { 4 } else { 2 };
        if !self.0.is_zero() && self.0.round_dp(4).is_zero() {
            return "<$0.0001".to_owned();
        }
        // As people round: a cut amount is never what was paid.
        let rounded = self.0.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
        format!("${rounded:.places$}", places = usize::try_from(digits).unwrap_or(4))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.normalize())
    }
}

impl std::str::FromStr for Usd {
    type Err = rust_decimal::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).map(Self)
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Usd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_rounded_money_and_never_nothing_for_something() {
        let shown = |text: &str| text.parse::<Usd>().expect("an amount").display();
        for (amount, reads) in [
            ("0", "$0.00"),
            ("0.00004", "<$0.0001"),
            ("0.00168", "$0.0017"),
            ("0.00148", "$0.0015"),
            ("0.99999", "$1.0000"),
            ("1.005", "$1.01"),
            ("12.344", "$12.34"),
        ] {
            assert_eq!(shown(amount), reads, "{amount}");
        }
    }
}
