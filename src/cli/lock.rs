//! `llmops lock`: writes what suites and prompts are now, and what the last complete passed run of each said.

use super::args::{Global, LockArgs};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Code, Diagnostic, Digest, Error, Exit, Place, Result};
use crate::ledger::{Home, RunReader, list_runs, replace};
use crate::manifest::lock::{LOCK_FILE, Lock, LockedPrompt, LockedRetrieval, LockedRun, LockedSuite};
use crate::manifest::suite::Suite;
use crate::plan::identities::{Identities, identities, readable};
use crate::report::numbers::many;
use crate::report::stored::Stored;
use crate::report::v1;
use serde_json::json;
use std::fs;

/// A suite that is not what was locked under its version.
pub const SUITE_CHANGED: Code = Code("suite-changed-under-version");

/// The lock holds what is no more.
pub const LOCK_STALE: Code = Code("lock-stale");

/// Reads everything, computes every digest, and writes the lock.
///
/// # Errors
/// When a manifest is broken, a suite changed under its locked version, or the file cannot be written.
pub fn lock(global: &Global, terminal: &Terminal, _args: &LockArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    workspace.valid()?;
    let identities = identities(&workspace.sources())?;
    let old = Lock::read(&workspace.snapshot).map_err(Error::invalid)?.unwrap_or_default();
    let faults: Vec<Diagnostic> = identities
        .suites
        .iter()
        .filter_map(|(name, (digest, _))| moved(&old, workspace.manifests.suites.get(name)?, digest))
        .collect();
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    let new = locked(&workspace, &identities, &old)?;
    let text = new.text();
    let path = workspace.root.join(LOCK_FILE);
    let changed = fs::read_to_string(&path).ok().as_deref() != Some(text.as_str());
    if changed {
        // In one step: a full disk leaves the lock that was there.
        replace(&path, |out| out.write_all(text.as_bytes()))?;
    }
    let (prompts, suites) = (new.prompts.len(), new.suites.len());
    if terminal.json {
        terminal.stdout(&format!(
            "{}\n",
            json!({"schema": "llmops/lock/v1", "exit_code": 0, "path": LOCK_FILE, "changed": changed,
                   "prompts": prompts, "suites": suites})
        ));
    } else if !terminal.quiet {
        let word = if changed { "wrote" } else { "nothing moved in" };
        let (prompts, suites) = (many(prompts, "prompt"), many(suites, "suite"));
        terminal.people(&format!("{word} {LOCK_FILE}: {prompts}, {suites}\n"));
    }
    Ok(Exit::Done)
}

/// Holds that no suite is another than the one that was locked under its version.
///
/// # Errors
/// Every suite that is, and a lock that cannot be read.
pub fn holds<'a>(workspace: &Workspace, suites: impl Iterator<Item = (&'a Suite, Digest)>) -> Result<()> {
    let Some(lock) = Lock::read(&workspace.snapshot).map_err(Error::invalid)? else { return Ok(()) };
    let found: Vec<Diagnostic> = suites.filter_map(|(suite, digest)| moved(&lock, suite, &digest)).collect();
    if found.is_empty() { Ok(()) } else { Err(Error::invalid(found)) }
}

/// The suites that are not what was locked under their version, and what is locked and is no more: under another name,
/// a suite would be another one that nobody locked. What cannot be read is said by others.
pub fn findings(workspace: &Workspace) -> Vec<Diagnostic> {
    let Ok(Some(lock)) = Lock::read(&workspace.snapshot) else { return Vec::new() };
    let digests = readable(&workspace.sources()).suites;
    let manifests = &workspace.manifests;
    let changed =
        manifests.suites.values().filter_map(|suite| moved(&lock, suite, &digests.get(&suite.name)?.0));
    let mut found: Vec<Diagnostic> = changed.collect();
    // A manifest that cannot be read is not gone.
    if manifests.diagnostics.iter().any(Diagnostic::is_error) {
        return found;
    }
    let prompts = lock.prompts.keys().filter(|name| !manifests.prompts.contains_key(*name));
    let suites = lock.suites.keys().filter(|name| !manifests.suites.contains_key(*name));
    let gone =
        prompts.map(|name| format!("prompt `{name}`")).chain(suites.map(|name| format!("suite `{name}`")));
    found.extend(gone.map(|what| {
        let finding = Diagnostic::warning(LOCK_STALE, format!("{what} is locked, and there is none"));
        Diagnostic { place: Lock::place(), ..finding }
            .help("run `llmops lock`; if it was renamed, see that it is still what it was")
    }));
    found
}

fn moved(lock: &Lock, suite: &Suite, digest: &Digest) -> Option<Diagnostic> {
    let locked = lock.suites.get(&suite.name)?;
    (locked.version == suite.version && locked.digest != *digest).then(|| {
        let message = format!(
            "suite `{}` is not what was locked as version {}: its cases, asserts, judge or gate changed",
            suite.name, suite.version
        );
        Diagnostic::error(SUITE_CHANGED, message)
            .at(Place::file(&suite.path))
            .help("raise the suite's `version`, then run `llmops lock`")
    })
}

fn locked(workspace: &Workspace, identities: &Identities, old: &Lock) -> Result<Lock> {
    let manifests = &workspace.manifests;
    let mut lock = Lock::default();
    for (name, (digest, _)) in &identities.suites {
        if let Some(suite) = manifests.suites.get(name) {
            let cases = u32::try_from(suite.cases.len()).unwrap_or(u32::MAX);
            let version = suite.version.clone();
            lock.suites.insert(name.clone(), LockedSuite { version, digest: *digest, cases });
        }
    }
    for (name, (digest, retrieval)) in &identities.prompts {
        let Some(prompt) = manifests.prompts.get(name) else { continue };
        let retrieval = retrieval.as_ref().and_then(|name| {
            Some(LockedRetrieval {
                name: name.clone(),
                version: manifests.retrievals.get(name)?.version.clone(),
                digest: *identities.retrievals.get(name)?,
            })
        });
        // A summary holds as long as neither side of it moved; on a fresh clone it is all that is left of the run.
        let mut runs = old.prompts.get(name).filter(|old| old.digest == *digest).map(|old| old.runs.clone());
        if let Some(runs) = &mut runs {
            runs.retain(|suite, run| {
                manifests.suites.get(suite).is_some_and(|suite| suite.prompt == *name)
                    && identities.suites.get(suite).is_some_and(|(digest, _)| *digest == run.suite_digest)
            });
        }
        let (version, model) = (prompt.version.clone(), prompt.model.clone());
        let runs = runs.unwrap_or_default();
        lock.prompts.insert(name.clone(), LockedPrompt { version, digest: *digest, model, retrieval, runs });
    }
    summarise(&Home::at(&workspace.root), &mut lock)?;
    Ok(lock)
}

/// Fills in the last complete passed run of each prompt and suite as they are now.
fn summarise(home: &Home, lock: &mut Lock) -> Result<()> {
    for summary in list_runs(home)?.into_iter().rev().filter(|run| run.finished) {
        // A run that another version wrote, or that cannot be read, says nothing.
        let Ok(Some(value)) = RunReader::open(home, summary.id.as_str()).and_then(|run| run.report()) else {
            continue;
        };
        let Ok(stored) = serde_json::from_value::<Stored>(value) else { continue };
        let Some(run) = stored.report.run.filter(|run| run.selection.is_none() && run.shard.is_none()) else {
            continue;
        };
        for gate in stored.report.gates.iter().filter(|gate| gate.verdict == v1::Verdict::Passed) {
            let (name, suite) = (gate.prompt.name.as_str(), gate.suite.name.as_str());
            let is_now =
                lock.suites.get(suite).is_some_and(|now| now.digest.to_string() == gate.suite.digest);
            let Some(prompt) = lock
                .prompts
                .get_mut(name)
                .filter(|prompt| is_now && prompt.digest.to_string() == gate.prompt.digest)
            else {
                continue;
            };
            if let Ok(suite_digest) = gate.suite.digest.parse() {
                prompt.runs.insert(suite.into(), summary_of(gate, suite_digest, &run.started_at));
            }
        }
    }
    Ok(())
}

fn summary_of(gate: &v1::Gate, suite_digest: Digest, started_at: &str) -> LockedRun {
    let score = gate.score.as_ref();
    LockedRun {
        suite_digest,
        judge_digest: gate.judge.as_ref().and_then(|judge| judge.digest.parse().ok()),
        calibration_digest: gate
            .judge
            .as_ref()
            .and_then(|judge| judge.calibration.as_ref()?.digest.parse().ok()),
        model_reported: (!gate.model.reported.is_empty()).then(|| gate.model.reported.join(", ")),
        mean: score.map(|score| score.mean),
        ci_low: score.and_then(|score| score.ci_low),
        ci_high: score.and_then(|score| score.ci_high),
        n: u32::try_from(score.map_or(gate.cases_scored, |score| score.n)).unwrap_or(u32::MAX),
        date: started_at.chars().take(10).collect(),
    }
}
