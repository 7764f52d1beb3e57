//! Known models as data: how they are pinned, what they hold, what they cost.

use super::ids::{ModelId, ProviderName};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

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

static TABLE: LazyLock<HashMap<ModelId, ModelFacts>> = LazyLock::new(|| {
    let rows: Vec<ModelFacts> = serde_yaml::from_str(include_str!("models.yaml")).unwrap_or_default();
    rows.into_iter().map(|row| (row.id.clone(), row)).collect()
});

/// The facts of a model, if the table knows it.
pub fn facts(model: &ModelId) -> Option<&'static ModelFacts> {
    TABLE.get(model)
}

/// Every model of the table, in no order.
pub fn all() -> impl Iterator<Item = &'static ModelFacts> {
    TABLE.values()
}
