//! Grades become estimates with intervals.
//!
//! A run's trials are folded, one by one and in plan order, into a [`Tally`]: a few numbers per case. What is
//! estimated from it is always a mean over *cases*: trials of one case are repeats, not further evidence.

pub mod asserts;
pub mod calls;
pub mod case;
pub mod distribution;
pub mod estimate;
mod merge;
pub mod moments;
pub mod paired;
pub mod power;
pub mod proportion;
pub mod ranking;
pub mod retrieval;
pub mod tally;
#[cfg(test)]
pub(crate) mod tally_tests;
#[cfg(test)]
pub(crate) mod vectors;
pub mod worst;

pub use asserts::{AssertPlan, Asserts};
pub use estimate::{Estimate, Interval};
pub use tally::{Planned, Tally};
pub use worst::CaseRow;
