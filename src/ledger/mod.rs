//! What is kept on disk: exchanges, recordings, runs; and what they cost.

mod atomic;
mod beside;
mod claim;
mod exchanges;
mod home;
mod prices;
mod recorded;
mod recordings;
mod runs;
mod segment;
mod unpriced;

pub use atomic::replace;
pub use beside::{BaseTrial, BaseWriter};
pub use exchanges::{DEFAULT_STORE_BYTES, ExchangeStore};
pub use home::Home;
pub use prices::Prices;
pub use recordings::{Exported, Recordings, export_recordings, recording_path, recordings_writable};
pub use runs::{
    DEFAULT_KEPT_RUNS, RunReader, RunSummary, RunWriter, last_unfinished, list_runs, prune_runs, run_id,
};
pub use unpriced::{COST_WITHOUT_PRICE, cost_assert, cost_asserts};

#[cfg(test)]
mod tests;
