//! The judge: what to ask it, how to read its reply, and how replies become a judgement. Pure: the conductor makes the
//! calls.

mod ask;
mod combine;
mod read;

pub use ask::{asked, data, re_ask, request, schema};
pub use combine::combine;
pub use read::{JudgeFault, JudgeReply, read};

/// The key of the rationale in a judge's reply, which no dimension may have as its name.
pub const REASON: &str = "reason";
