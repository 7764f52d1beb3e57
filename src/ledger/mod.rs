//! What is kept on disk: exchanges, recordings, runs; and what they cost.

mod exchanges;
mod home;
mod segment;

pub use exchanges::{DEFAULT_STORE_BYTES, ExchangeStore};
pub use home::Home;

#[cfg(test)]
mod tests;
