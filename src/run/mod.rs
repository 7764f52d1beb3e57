//! The conductor: trial → retrieve, render, call, grade; and the events it sends.

mod conduct;
mod events;
mod order;
pub mod outputs;
pub mod request;
mod trial;

pub use conduct::{Stop, conduct};
pub use events::{Ending, Reporter};
pub use trial::{JudgeProvider, Shared};
