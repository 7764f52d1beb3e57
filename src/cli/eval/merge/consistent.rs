//! Whether the report of a shard holds together: what it says of each case is what its records say. (That what it says
//! of each gate is what they sum up to is in `summed`.) A report that was edited by hand, or cut and glued, is found; one
//! that was forged throughout is not, for it carries no replies.

use crate::domain::{Error, TrialRecord};
use crate::report::v1;

/// The error of a report that does not hold together.
pub fn broken(path: &str, why: &str) -> Error {
    Error::input(format!("{path} does not hold together: {why}"))
        .hint("it was changed after it was written: run the shard again")
}

/// Why a row is not what its record says. Whether a case is below the floor is decided anew, so that it is not compared.
pub fn row(row: &v1::Case, record: &TrialRecord) -> Option<String> {
    let said = v1::Case { status: row.status, ..v1::Case::of_trial(record, None) };
    (said != *row).then(|| format!("the row of the case `{}` says something else than its record", row.id))
}
