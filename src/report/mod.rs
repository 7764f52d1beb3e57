//! What people and machines read.
//!
//! Renderers are pure: they read a [`Document`] and write to what they are given. The report format never
//! changes an exit code.

pub mod assemble;
pub mod calibration;
pub mod changes;
pub mod csv;
pub mod diagnostics;
pub mod document;
pub mod formats;
pub mod found;
pub mod github;
mod grid;
pub mod html;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod markdown;
pub mod numbers;
mod paint;
pub mod plan;
pub mod progress;
pub mod remarks;
#[cfg(test)]
mod sample;
pub mod sarif;
mod standing;
pub mod stored;
pub mod table;
pub mod text;
pub mod told;
pub mod v1;

pub use document::{CaseStream, Cases, Detail, Details, Document, View};
pub use formats::{Format, Target};
