//! Days, as manifests and rows write them.

use jiff::civil::Date;

/// The day of an ISO 8601 date or time. The whole text has to be one: a date with something behind it was meant
/// otherwise.
pub fn date(text: &str) -> Option<Date> {
    let whole = text.parse::<Date>().is_ok() || text.parse::<jiff::Timestamp>().is_ok();
    text.get(..10).filter(|_| whole)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_date_or_a_time_and_nothing_beside_it() {
        for text in ["2026-01-31", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00+02:00", "2026-01-31T10:00"] {
            assert_eq!(date(text).map(|day| day.to_string()).as_deref(), Some("2026-01-31"), "{text}");
        }
        for text in
            ["2026-01-31 and rubbish", "2026-13-01", "31.01.2026", "yesterday", "", "2026-01", "2026-01-31x"]
        {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
