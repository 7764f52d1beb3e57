//! The entry that stood before the one that is live.

use crate::domain::PromptName;
use crate::manifest::deployment::{Deployment, Record};

/// What to go back to.
#[derive(Clone, PartialEq, Debug)]
pub enum Back {
    /// This whole entry, as it stood.
    To(Box<Deployment>),
    /// The prompt is not live.
    NotLive,
    /// Nothing was live before it.
    First,
    /// The entry is named, and no revision of the record holds it whole.
    Lost,
}

/// Finds the entry before the live one among earlier revisions of the record, the newest first: the one that the live
/// entry names by digest and commit.
pub fn back(prompt: &PromptName, live: &Record, earlier: impl Iterator<Item = Record>) -> Back {
    let Some(now) = live.get(prompt) else { return Back::NotLive };
    let Some(previous) = &now.previous else { return Back::First };
    for mut record in earlier {
        if let Some(entry) = record.remove(prompt).filter(|entry| entry.in_short() == *previous) {
            return Back::To(Box::new(entry));
        }
    }
    Back::Lost
}
