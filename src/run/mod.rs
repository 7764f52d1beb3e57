//! The conductor: trial → retrieve, render, call, grade; and the events it sends.

mod conduct;
mod deadline;
mod events;
mod order;
pub mod outputs;
pub mod request;
mod trial;
mod ungraded;

pub use conduct::{Stop, conduct};
pub use deadline::Deadline;
pub use events::{Ending, Reporter};
pub use trial::{JudgeProvider, Shared};
