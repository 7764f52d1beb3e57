//! One demand of a gate, held against what was found.

use super::bounds::Bounds;
use crate::domain::score::TOLERANCE;
use crate::domain::{Breach, Code};

/// What came of a demand, over every way in which the open trials could turn out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It holds in every completion.
    Holds,
    /// It holds in none.
    Fails,
    /// It cannot be told, or nothing was measured.
    Undecided,
}

/// One demand of a gate, for the table and for the verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What is demanded of: `score`, a dimension, `asserts`, a metric.
    pub name: String,
    /// What is demanded, for example `≥ 4.20`.
    pub demanded: String,
    /// What was found, for example `3.71`, or between what it can still become.
    pub found: String,
    /// What came of it.
    pub state: State,
    /// Its code: of the breach, of what is undecided; while it holds, of the breach that it would be.
    pub code: Code,
    /// One plain sentence with the numbers: a lower-case fragment.
    pub sentence: String,
}

impl Check {
    /// Whether it holds; `None` where that cannot be told.
    pub fn holds(&self) -> Option<bool> {
        match self.state {
            State::Holds => Some(true),
            State::Fails => Some(false),
            State::Undecided => None,
        }
    }

    pub(super) fn breach(&self) -> Breach {
        Breach { code: self.code, message: self.sentence.clone() }
    }

    /// A demand that nothing measured.
    pub(super) fn absent(name: &str, demanded: String, code: Code, sentence: String) -> Self {
        let (name, found) = (name.to_owned(), "not measured".to_owned());
        Self { name, demanded, found, state: State::Undecided, code, sentence }
    }
}

/// A number that has to reach `limit`.
pub(super) fn at_least(bounds: Bounds, limit: f64) -> State {
    if bounds.high < limit - TOLERANCE {
        State::Fails
    } else if bounds.low >= limit - TOLERANCE {
        State::Holds
    } else {
        State::Undecided
    }
}

/// A number that may not exceed `limit`.
pub(super) fn at_most(bounds: Bounds, limit: f64) -> State {
    if bounds.low > limit + TOLERANCE {
        State::Fails
    } else if bounds.high <= limit + TOLERANCE {
        State::Holds
    } else {
        State::Undecided
    }
}
