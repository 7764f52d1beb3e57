//! Known models as data: how they are pinned, what they hold, what they cost.

use super::ids::{ModelId, ProviderName};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

/// Whether a model id names one fixed set of weights.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pin {
    /// It does.
    Snapshot,
    /// It moves: the vendor may change what stands behind it.
    Alias,
    /// It cannot be told: a local model, a program, a deployment name.
    Unverifiable,
}

/// USD per million tokens.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input that came from no cache.
    pub input: Decimal,
    /// Output, reasoning included.
    pub output: Decimal,
    /// Input read from a cache; where unknown, priced as input.
    #[serde(default)]
    pub cached_input: Option<Decimal>,
    /// Input written to a five-minute cache; where unknown, priced as input.
    #[serde(default)]
    pub cache_write: Option<Decimal>,
    /// Input written to a one-hour cache; where unknown, priced as `cache_write`.
    #[serde(default)]
    pub cache_write_1h: Option<Decimal>,
    /// Prices of a request with a long input, where the vendor has them.
    #[serde(default)]
    pub long_context: Option<LongContext>,
}

/// Prices of the whole request once its input is longer than a limit. USD per million tokens.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongContext {
    /// Input tokens, cached ones included; the prices hold above it.
    pub above: u64,
    /// As in [`Price`].
    pub input: Decimal,
    /// As in [`Price`].
    pub output: Decimal,
    /// As in [`Price`].
    #[serde(default)]
    pub cached_input: Option<Decimal>,
    /// As in [`Price`].
    #[serde(default)]
    pub cache_write: Option<Decimal>,
    /// As in [`Price`].
    #[serde(default)]
    pub cache_write_1h: Option<Decimal>,
}

impl Price {
    /// The prices of a request with this many input tokens, cached ones included. Its own `long_context` is
    /// `None`: what it holds is settled.
    pub fn for_input(&self, tokens: u64) -> Self {
        match self.long_context {
            Some(long) if tokens > long.above => Self {
                input: long.input,
                output: long.output,
                cached_input: long.cached_input,
                cache_write: long.cache_write,
                cache_write_1h: long.cache_write_1h,
                long_context: None,
            },
            _ => Self { long_context: None, ..*self },
        }
    }
}

/// What is known of a model.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// The id as the provider knows it.
    pub id: ModelId,
    /// The provider of the table: `anthropic`, `openai`, `google`, …
    pub provider: ProviderName,
    /// How it is pinned.
    pub pin: Pin,
    /// For an alias: a snapshot to use instead.
    #[serde(default)]
    pub snapshot: Option<ModelId>,
    /// Tokens that a request and its reply may hold together.
    #[serde(default)]
    pub context_window: Option<u64>,
    /// Most tokens of a reply.
    #[serde(default)]
    pub max_output: Option<u64>,
    /// Prices.
    #[serde(default)]
    pub price: Option<Price>,
    /// When the vendor switches it off, ISO 8601.
    #[serde(default)]
    pub deprecated: Option<String>,
    /// Where the facts are from.
    pub source: String,
    /// When they were read, ISO 8601.
    pub date: String,
}

const ROWS: &str = include_str!("models.yaml");

/// The row of each id, read when it is first asked for: reading all of them would take longer than a short run.
static TABLE: LazyLock<HashMap<&'static str, Row>> = LazyLock::new(|| {
    let texts = ROWS.split("\n- ").skip(1);
    texts.filter_map(|text| Some((id_of(text)?, Row { text, facts: OnceLock::new() }))).collect()
});

/// One row: a flow mapping that may go over several lines, and whatever comments follow it.
struct Row {
    text: &'static str,
    facts: OnceLock<Option<ModelFacts>>,
}

impl Row {
    fn facts(&self) -> Option<&ModelFacts> {
        self.facts.get_or_init(|| serde_yaml::from_str(self.text).ok()).as_ref()
    }
}

/// The id at the beginning of a row.
fn id_of(row: &str) -> Option<&str> {
    Some(row.strip_prefix("{id: \"")?.split_once('"')?.0)
}

/// The facts of a model, if the table knows it.
pub fn facts(model: &ModelId) -> Option<&'static ModelFacts> {
    TABLE.get(model.as_str())?.facts()
}

/// Every model of the table, in no order.
pub fn all() -> impl Iterator<Item = &'static ModelFacts> {
    TABLE.values().filter_map(Row::facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_its_rows_agree() {
        let rows: Vec<ModelFacts> = serde_yaml::from_str(include_str!("models.yaml")).expect("the table");
        assert!(rows.len() > 100, "{} rows", rows.len());
        assert_eq!(rows.len(), all().count(), "an id stands in two rows, or a row cannot be read alone");
        for row in &rows {
            assert_eq!(facts(&row.id), Some(row), "a row reads the same alone");
            assert!(row.snapshot.is_none() || row.pin == Pin::Alias, "{row:?}");
            if let Some(snapshot) = &row.snapshot {
                let target = facts(snapshot).unwrap_or_else(|| panic!("{}: no row {snapshot}", row.id));
                assert_eq!((target.pin, &target.provider), (Pin::Snapshot, &row.provider), "{}", row.id);
            }
            let free = row.provider.as_str() == "builtin";
            let price = row.price.unwrap_or_else(|| panic!("{}: no price", row.id));
            assert_eq!(price.input.is_zero(), free, "{}", row.id);
            let dates = [Some(&row.date), row.deprecated.as_ref()];
            for date in dates.into_iter().flatten() {
                assert!(date.parse::<jiff::civil::Date>().is_ok(), "{}: {date}", row.id);
            }
        }
    }

    #[test]
    fn vendors_differ_in_what_an_undated_id_means() {
        let pin = |id: &str| facts(&id.into()).map(|row| row.pin);
        assert_eq!(pin("claude-sonnet-4-20250514"), Some(Pin::Snapshot));
        assert_eq!(pin("claude-opus-4-7-20260416"), Some(Pin::Snapshot));
        assert_eq!(pin("claude-opus-4-8"), Some(Pin::Snapshot));
        assert_eq!(pin("claude-opus-4-5"), Some(Pin::Alias));
        assert_eq!(pin("gpt-4o"), Some(Pin::Alias));
        assert_eq!(pin("gemini-2.5-pro"), Some(Pin::Unverifiable));
        assert_eq!(pin("builtin/lexical"), Some(Pin::Snapshot));
        assert_eq!(pin("my-finetune-v3"), None);
    }

    #[test]
    fn a_long_input_moves_the_whole_request_to_other_prices() {
        let price = facts(&"gemini-2.5-pro".into()).and_then(|row| row.price).expect("a price");
        assert_eq!(price.for_input(200_000).input, "1.25".parse().expect("a decimal"));
        assert_eq!(price.for_input(200_001).input, "2.5".parse().expect("a decimal"));
        assert_eq!(price.for_input(200_001).output, "15".parse().expect("a decimal"));
    }
}
