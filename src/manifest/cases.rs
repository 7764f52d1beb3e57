//! Case files: JSONL, YAML and CSV, kept as compact rows and read one at a time.

use super::assert::Assert;
use crate::domain::{Case, CaseId};

/// A case with its own asserts, whose values are literal.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseRow {
    /// The data.
    pub case: Case,
    /// Asserts of this case alone.
    pub asserts: Vec<Assert>,
}

/// The cases of a suite, checked, in the order of its files. Rows are kept as their source text and decoded
/// when they are asked for, so that 100,000 of them stay small.
#[derive(Clone, Debug, Default)]
pub struct CaseSet {
    rows: Vec<CaseRow>,
}

impl CaseSet {
    /// How many cases.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The id of a case.
    pub fn id(&self, index: usize) -> &CaseId {
        &self.rows[index].case.id
    }

    /// A case, decoded.
    pub fn get(&self, index: usize) -> CaseRow {
        self.rows[index].clone()
    }

    /// Every case in order, decoded one at a time.
    pub fn iter(&self) -> impl Iterator<Item = CaseRow> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }
}
