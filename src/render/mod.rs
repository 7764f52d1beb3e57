//! A template and its inputs become messages. Data is never a template: values are inserted as they are, and a
//! template sees nothing but its variables and the files of its repository's prompts folder.

mod context;
mod engine;
mod fault;
pub mod fence;
mod includes;
mod judged;
pub mod limits;
pub mod tokens;
mod variables;

pub use engine::{Renderer, environment};
pub use fault::RenderError;
pub use includes::{Include, closure};
pub use judged::{CaseSubject, Subject, question};
pub use variables::{reads_context, variables};
