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

pub use engine::{FILTERS, Renderer, environment};
pub use fault::{RenderError, UNDEFINED};
pub use includes::{Include, closure};
pub use judged::{CaseSubject, Subject, question};
pub use variables::{place_of, reads_context, variables};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_that_is_named_is_one_of_the_engine() {
        let engine = environment();
        for name in FILTERS {
            let template =
                engine.template_from_str(&format!("{{{{ [] | {name} }}}}")).map(|tried| tried.render(()));
            let unknown = template
                .and_then(|tried| tried)
                .is_err_and(|error| error.kind() == minijinja::ErrorKind::UnknownFilter);
            assert!(!unknown, "{name}");
        }
    }
}
