//! What a query brings, and why it brings nothing.

use super::embed::EmbedFault;
use crate::call::{CallFailure, FailureKind};
use crate::domain::grade::CallRecord;
use crate::domain::{Chunk, Error};

/// A chunk that was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Hit {
    /// As templates and judges see it.
    pub chunk: Chunk,
    /// The headings over it.
    pub heading: Option<String>,
    /// Its range in the document; `None` for what an endpoint found.
    pub range: Option<(u64, u64)>,
}

/// What a query brought.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Retrieved {
    /// The chunks, best first.
    pub hits: Vec<Hit>,
    /// Calls of an embedding model. The calls that an index took are those of the query that it was built for.
    pub calls: Vec<CallRecord>,
}

/// Why a query brought nothing.
#[derive(Debug)]
pub enum RetrieveFault {
    /// A provider failed, after its retries.
    Failed(CallFailure),
    /// Offline, and not at hand.
    Offline,
    /// The cost limit would be exceeded.
    CostLimit,
    /// An input is wrong, or files cannot be written.
    Ended(Error),
}

/// A provider that answered, and not with what can be searched with.
pub(super) fn broken(detail: &str) -> RetrieveFault {
    let (kind, detail) = (FailureKind::Provider, detail.to_owned());
    RetrieveFault::Failed(CallFailure { kind, detail, attempts: 1, is_passing: false })
}

impl From<EmbedFault> for RetrieveFault {
    fn from(fault: EmbedFault) -> Self {
        match fault {
            EmbedFault::Failed(failure) => Self::Failed(failure),
            EmbedFault::Offline => Self::Offline,
            EmbedFault::CostLimit => Self::CostLimit,
            EmbedFault::Storage(error) => Self::Ended(error),
        }
    }
}
