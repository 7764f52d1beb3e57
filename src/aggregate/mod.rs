//! Grades become estimates with intervals.

pub mod distribution;
pub mod paired;
pub mod power;
pub mod proportion;
