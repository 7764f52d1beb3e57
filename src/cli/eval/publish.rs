//! A finished run where people and machines read it.

use crate::cli::target;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Diagnostic, Result, Severity};
use crate::report::formats::{self, Format, Target};
use crate::report::stored::StoredRun;
use crate::report::table;

/// Cases shown below a gate.
const WORST: usize = 5;

/// Shows a run: findings on stderr, the table or the machine form on stdout.
///
/// # Errors
/// When a record cannot be read.
pub fn publish(
    workspace: &Workspace,
    terminal: &Terminal,
    run: &StoredRun,
    found: &[Diagnostic],
) -> Result<()> {
    let shown: Vec<Diagnostic> =
        found.iter().filter(|found| found.severity != Severity::Note || terminal.verbose).cloned().collect();
    if !shown.is_empty() && !terminal.quiet {
        terminal.draw(&shown, &|path| workspace.source(path));
    }
    show(run, terminal)
}

/// Draws the table, or writes the machine form.
///
/// # Errors
/// When a record cannot be read.
pub fn show(run: &StoredRun, terminal: &Terminal) -> Result<()> {
    let mut text = Vec::new();
    if terminal.json {
        run.with(WORST, |document| formats::write(Format::Json, document, &mut Terminal::pipe()))?;
        return Ok(());
    }
    if terminal.quiet && run.stored.report.exit_code == 0 {
        return Ok(());
    }
    run.with(WORST, |document| table::write(document, terminal.table(), &mut text))?;
    terminal.people(&String::from_utf8_lossy(&text));
    Ok(())
}

/// Writes a stored run in every format asked for.
///
/// # Errors
/// When a file cannot be written.
pub fn write_stored(run: &StoredRun, targets: &[Target], terminal: &Terminal) -> Result<()> {
    for target in targets {
        run.with(WORST, |document| target::document(target, document, terminal))?;
        if !target.is_stdout() {
            terminal.detail(&format!("wrote {}", target.path.display()));
        }
    }
    Ok(())
}
