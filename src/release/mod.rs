//! Promotion and rollback: what may go live, and what the record then says.

mod rollback;
mod step;

pub use rollback::{Back, back};
pub use step::{Step, step};
