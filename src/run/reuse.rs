//! Which stored replies a judge's call may use.

use crate::call::desk::Desk;
use crate::domain::{Request, Result, Scale};
use crate::grade::judge::{self, JudgeFault};
use crate::manifest::prompt::Dimension;

/// What of earlier calls holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    /// All of them.
    All,
    /// Those that this run called.
    OwnRun,
}

impl Reuse {
    /// What a judge's call may use: what led to no grade in an earlier run would leave the trial without one for ever.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn of_judge(
        desk: &Desk,
        request: &Request,
        asked: &[Dimension],
        scale: Scale,
    ) -> Result<Self> {
        Ok(if gave_no_grade(desk, request, asked, scale)? { Self::OwnRun } else { Self::All })
    }
}

/// Whether what earlier runs stored of a judge's call led to no grade, finally: a refusal, or a re-ask that brought
/// nothing either. A first reply whose re-ask is still to come is used, and so is whatever this run called.
fn gave_no_grade(desk: &Desk, request: &Request, asked: &[Dimension], scale: Scale) -> Result<bool> {
    let Some(first) = desk.earlier(request)? else { return Ok(false) };
    let fault = match judge::read(&first.reply, asked, scale) {
        Ok(_) => return Ok(false),
        Err(JudgeFault::Refused) => return Ok(true),
        Err(fault) => fault,
    };
    let second = desk.earlier(&judge::re_ask(request, &first.reply.text, &fault))?;
    Ok(second.is_some_and(|second| judge::read(&second.reply, asked, scale).is_err()))
}
