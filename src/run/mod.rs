//! The conductor: trial → retrieve, render, call, grade; and the events it sends.

mod conduct;
mod deadline;
mod events;
mod order;
pub mod outputs;
pub mod request;
mod reuse;
mod shared;
mod trial;
mod ungraded;

pub use conduct::conduct;
pub use deadline::Deadline;
pub use events::{Ending, Reporter};
pub use shared::{JudgeProvider, Shared};
