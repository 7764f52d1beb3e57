//! What the judge of a gate has shown: its committed record, held against what the gate demands.

use super::record::{self, Record, satisfies};
use crate::domain::{Breach, Digest, Error, RelPath, Result, SuiteName};
use crate::manifest::suite::CalibrationTerms;
use crate::plan::GatePlan;
use crate::repo::{ReadError, Snapshot};

/// Bytes that a record may have.
const MAX_RECORD: u64 = 1 << 20;

/// The record of a suite's judge.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// Where it stands, or would.
    pub path: RelPath,
    /// The record and its digest; `None` where there is none.
    pub record: Option<(Record, Digest)>,
    /// The judge that the suite names now.
    pub judge: Digest,
}

impl Shown {
    /// Reads the record of a gate's suite from the folder of suites; `None` for a suite without a judge.
    ///
    /// # Errors
    /// When the file is there and is no record.
    pub fn of(snapshot: &Snapshot, evals: &RelPath, gate: &GatePlan) -> Result<Option<Self>> {
        let Some(judge) = gate.digests.judge else { return Ok(None) };
        let path = path(evals, &gate.suite.name)?;
        let record = match snapshot.read_text(&path, MAX_RECORD) {
            Ok(text) => {
                let record = Record::read(&path, &text).map_err(|fault| Error::invalid(vec![*fault]))?;
                Some((record, Digest::of_text(&text)))
            }
            Err(ReadError::NotFound) => None,
            Err(error) => return Err(Error::input(format!("cannot read {path}")).because(error)),
        };
        Ok(Some(Self { path, record, judge }))
    }

    /// The record, where it is of the judge that the suite names now.
    pub fn current(&self) -> Option<&(Record, Digest)> {
        self.record.as_ref().filter(|(record, _)| record.judge_digest == self.judge)
    }

    /// Every reason why the judge has not shown what `terms` demand; empty where it has.
    pub fn lacks(&self, terms: &CalibrationTerms) -> Vec<Breach> {
        satisfies(self.record.as_ref().map(|(record, _)| record), terms, &self.judge)
            .err()
            .unwrap_or_default()
    }
}

/// Where the record of a suite stands.
///
/// # Errors
/// For a suite whose name leads out of the folder.
pub fn path(evals: &RelPath, suite: &SuiteName) -> Result<RelPath> {
    record::path(evals, suite)
        .ok_or_else(|| Error::input(format!("no calibration record can be named after the suite `{suite}`")))
}
