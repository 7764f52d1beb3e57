//! Colour for terminals, where the caller says that there is one. Nothing is said by colour alone.

use super::v1::{Status, Verdict};

/// Whether to write ANSI colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Color {
    /// Write them.
    On,
    /// Write plain text.
    Off,
}

/// What a piece of text stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    Good,
    Bad,
    Unsure,
    Strong,
    Quiet,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Unsure => "33",
            Self::Strong => "1",
            Self::Quiet => "2",
        }
    }

    pub(super) fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed | Verdict::Unaffected => Self::Good,
            Verdict::Failed => Self::Bad,
            Verdict::Inconclusive => Self::Unsure,
        }
    }

    pub(super) fn of_status(status: Status) -> Self {
        match status {
            Status::Passed => Self::Good,
            Status::Failed => Self::Bad,
            Status::Unscored => Self::Unsure,
        }
    }
}

impl Color {
    /// `text` in a tone.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        match self {
            Self::On => format!("\x1b[{}m{text}\x1b[0m", tone.code()),
            Self::Off => text.to_owned(),
        }
    }

    /// `text` in a tone and bold: a verdict.
    pub(super) fn shout(self, tone: Tone, text: &str) -> String {
        match self {
            Self::On => format!("\x1b[1;{}m{text}\x1b[0m", tone.code()),
            Self::Off => text.to_owned(),
        }
    }
}
