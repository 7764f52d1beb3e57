//! `llmops report`: a stored run in other formats.

use super::args::{Global, ReportArgs};
use super::clock;
use super::eval::{remember, show, write_stored};
use super::target::{self, Beside};
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Exit, Result};
use crate::ledger::{Home, RunReader};
use crate::report::stored::StoredRun;

/// Writes a stored run; without a format, shows it as `eval` did. What that run decided stands in what is written, not
/// in the exit code: writing it succeeded.
///
/// # Errors
/// When there is no such run, it was never finished, or a file cannot be written.
pub fn report(global: &Global, terminal: &Terminal, args: &ReportArgs) -> Result<Exit> {
    target::ready(&args.reports)?;
    let terminal = &terminal.beside(&args.reports);
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    Beside::from(&workspace).spares_all(&args.reports)?;
    let mut run = StoredRun::open(RunReader::open(&Home::at(&workspace.root), &args.run)?)?;
    if args.reports.is_empty() {
        show(&run, terminal)?;
    }
    remember(&mut run, &workspace, &args.reports);
    write_stored(&run, &args.reports, terminal)?;
    Ok(Exit::Done)
}
