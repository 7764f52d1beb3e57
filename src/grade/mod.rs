//! An answer becomes a grade: asserts by family, and the judge.
//!
//! Asserts are pure but for two: `similar` may ask an embedding model, `exec` runs a program. The judge is pure here:
//! [`judge`] says what to ask and reads what came back, and the conductor makes the call.

mod asserts;
mod context;
mod fault;
#[cfg(test)]
mod fixture;
pub mod json;
pub mod judge;
mod material;
mod measured;
pub mod metric;
mod program;
mod refusal;
mod say;
mod similar;
mod structure;
mod text;

pub use asserts::{Checker, check, check_all};
pub use fault::AssertFault;
pub use material::Answer;
pub use program::{Embed, EmbedDenied, Embeddings, Outside};
pub use refusal::is_refusal;
