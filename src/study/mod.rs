//! Questions that take many runs, or people: does the judge agree with human labels?

pub mod agreement;
pub mod calibration;
pub mod forecast;
pub mod labels;
pub mod sheet;
pub mod sweep;
