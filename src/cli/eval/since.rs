//! `--changed` and `--baseline`: the base, and what a change touches.

use crate::cli::args::EvalArgs;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::{Opened, Workspace};
use crate::compare::renamed;
use crate::domain::{Code, Diagnostic, Error, Place, RelPath, Result};
use crate::manifest::PROMPT_WITHOUT_SUITE;
use crate::manifest::prompt::Prompt;
use crate::manifest::reach::{Reach, has_suite};
use crate::plan::affected::{Changes, changes};
use crate::plan::moved::DELETED;
use crate::plan::{Plan, Selection};
use crate::repo::{Base, Changed, Repository, Snapshot, Variables};

/// Why a prompt is run again.
pub const AFFECTED: Code = Code("affected");

/// The base that the flags ask for.
///
/// # Errors
/// When there is no repository, or the base is not here and cannot be fetched.
pub fn base(opened: &Opened, terminal: &Terminal, args: &EvalArgs) -> Result<Option<Base>> {
    let base = match (&args.changed, args.baseline.as_deref()) {
        (Some(rev), _) => find(opened.git.as_ref(), rev.as_deref())?,
        (None, Some("auto")) => find(opened.git.as_ref(), None)?,
        (None, Some(rev)) => exactly(opened.git.as_ref(), rev)?,
        (None, None) => return Ok(None),
    };
    say(terminal, &base);
    Ok(Some(base))
}

/// The base that `max_regression` asks for, where no flag did. A repository without a commit has none: every prompt
/// is new there.
///
/// # Errors
/// As [`base`].
pub fn implied(
    workspace: &Workspace,
    terminal: &Terminal,
    args: &EvalArgs,
    plan: &Plan,
) -> Result<Option<Base>> {
    let demanded = plan.gates.iter().any(|gate| gate.suite.gate.max_regression.is_some());
    let Some(git) =
        workspace.git.as_ref().filter(|_| demanded && args.model.is_none() && args.outputs.is_none())
    else {
        return Ok(None);
    };
    if git.head()?.is_none() {
        return Ok(None);
    }
    let base = find(Some(git), None)?;
    say(terminal, &base);
    Ok(Some(base))
}

fn say(terminal: &Terminal, base: &Base) {
    if !terminal.quiet {
        terminal.say(&format!("base {}: {}", base.commit.short(), base.how));
    }
}

fn repository(git: Option<&Repository>) -> Result<&Repository> {
    git.ok_or_else(|| {
        Error::input("there is no git repository here, so that there is no base")
            .hint("run inside a repository, or without the flag that asks for a base")
    })
}

/// The base of the change: the fork from `rev`, or what is found without one.
///
/// # Errors
/// As [`base`].
pub fn find(git: Option<&Repository>, rev: Option<&str>) -> Result<Base> {
    repository(git)?.find_base(rev, &variables())
}

fn exactly(git: Option<&Repository>, rev: &str) -> Result<Base> {
    let git = repository(git)?;
    let commit = git.resolve(rev)?;
    Ok(Base { commit, how: format!("the revision {rev}"), repository: git.clone() })
}

fn variables() -> Variables {
    let own = std::env::vars_os();
    own.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| ["GITHUB_", "GITLAB_", "CI_"].iter().any(|prefix| name.starts_with(prefix)))
        .collect()
}

/// Whether nothing that a manifest can read differs from the base: told from git alone. Where there is no suite, nothing
/// can be told so.
///
/// # Errors
/// When the working tree cannot be compared.
pub fn untouched(opened: &Opened, base: &Base) -> Result<bool> {
    if !has_suite(&opened.snapshot) {
        return Ok(false);
    }
    let links = base.repository.links()?;
    // Git names a submodule that changed by one path at most, and its files by none.
    let is_submodule = |path: &RelPath| {
        std::fs::symlink_metadata(path.on_disk(&opened.root)).is_ok_and(|facts| facts.is_dir())
    };
    if links.iter().any(is_submodule) {
        return Ok(false);
    }
    let Changed { paths, ignored, ignored_folders } = base.repository.changed(&base.commit)?;
    if paths.is_empty() && ignored.is_empty() && ignored_folders.is_empty() {
        return Ok(true);
    }
    let reach = Reach::of(&opened.snapshot);
    // Behind a link that is read, any path may be; what git ignores may be another than it was.
    let mut read = paths.iter().chain(&links);
    Ok(!read.any(|path| reach.may_read(path))
        && !ignored.iter().any(|path| reach.names_file(path))
        && !ignored_folders.iter().any(|folder| reach.names_within(folder)))
}

/// The base is the very commit that stands here.
pub const BASE_IS_HEAD: Code = Code("base-is-head");

/// Says of a base that is HEAD itself that no commit was compared with it, and gives what it said.
///
/// # Errors
/// When git cannot be read.
pub fn at_head(base: &Base, terminal: &Terminal) -> Result<Vec<Diagnostic>> {
    if base.repository.head()?.as_ref() != Some(&base.commit) {
        return Ok(Vec::new());
    }
    let message = "the base is HEAD itself: only what is not committed was compared";
    let help = "name an older one (--changed=HEAD~1), or leave --changed out to evaluate everything";
    let found = Diagnostic::warning(BASE_IS_HEAD, message).help(help);
    if !terminal.quiet {
        terminal.draw(std::slice::from_ref(&found), &|_| None);
    }
    Ok(vec![found])
}

/// Prompts that are new or changed, and that no suite tests.
pub fn untested(workspace: &Workspace, then: &Workspace) -> Vec<Diagnostic> {
    let tested = |prompt: &Prompt| {
        let mut suites = workspace.manifests.suites.values();
        prompt.is_judge() || suites.any(|suite| suite.prompt == prompt.name)
    };
    let text = |snapshot: &Snapshot, path: &RelPath| snapshot.read_text(path, 1 << 20).ok();
    let changed =
        |prompt: &Prompt| text(&workspace.snapshot, &prompt.path) != text(&then.snapshot, &prompt.path);
    let prompts = workspace.manifests.prompts.values();
    let found = prompts.filter(|prompt| !tested(prompt) && changed(prompt)).map(|prompt| {
        let message = format!("the prompt `{}` changed, and no suite tests it", prompt.name);
        Diagnostic::warning(PROMPT_WITHOUT_SUITE, message)
            .at(Place::file(&prompt.path))
            .help(format!("write a suite with `prompt: {}`", prompt.name))
    });
    found.collect()
}

/// Compares the base with what is here, says why each prompt is in, and narrows the selection to those. Gives what it
/// said.
///
/// # Errors
/// When a digest cannot be computed.
pub fn touched(
    workspace: &Workspace,
    then: &Workspace,
    terminal: &Terminal,
    selection: &mut Selection,
) -> Result<Vec<Diagnostic>> {
    let Changes { affected, mut deleted_prompts, deleted_suites } =
        changes(&then.sources(), &workspace.sources())?;
    let renamed = renamed(&then.sources(), &workspace.sources());
    deleted_prompts.retain(|name| !renamed.values().any(|old| old == name));
    let mut notes = Vec::new();
    for found in &affected {
        let (prompt, suite) = (&found.prompt, &found.suite);
        let on = if prompt.as_str() == suite.as_str() { String::new() } else { format!(" (suite {suite})") };
        let reasons = match renamed.get(prompt) {
            Some(old) => format!("it was {old}"),
            None => found.reasons.join("; "),
        };
        let message = format!("{prompt}{on}: {reasons}");
        notes.push(Diagnostic::note(AFFECTED, message));
    }
    let gone = deleted_prompts.iter().map(|name| format!("prompt {name} was deleted"));
    let unasked =
        deleted_suites.iter().map(|name| format!("suite {name} was deleted: nothing holds what it demanded"));
    notes.extend(gone.chain(unasked).map(|message| Diagnostic::note(DELETED, message)));
    if !terminal.quiet {
        for note in &notes {
            for (at, line) in terminal.broken(&note.message, 4).iter().enumerate() {
                terminal.say(&format!("  {}{line}", if at == 0 { "" } else { "  " }));
            }
        }
    }
    selection.gates = Some(affected.into_iter().map(|found| (found.prompt, found.suite)).collect());
    Ok(notes)
}
