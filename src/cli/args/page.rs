//! `docs/commands.md` says every verb and every flag, in the words of `--help`.

use super::Cli;
use clap::{Arg, CommandFactory};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn row(page: &mut String, argument: &Arg) {
    let long = argument.get_long().map(|long| format!("--{long}"));
    let short = argument.get_short().map(|short| format!("-{short}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let value = argument
        .get_value_names()
        .map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let takes = argument.get_num_args().is_some_and(|count| count.takes_values());
    let shown = match (names.is_empty(), value) {
        (true, Some(value)) => value,
        (true, None) => argument.get_id().to_string().to_uppercase(),
        (false, Some(value)) if argument.is_require_equals_set() => format!("{}[={value}]", names.join(", ")),
        (false, Some(value)) if takes => format!("{} {value}", names.join(", ")),
        (false, _) => names.join(", "),
    };
    let default: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    let default = if default.is_empty() || !takes {
        String::new()
    } else {
        format!(" Default: {}.", default.join(" "))
    };
    let said = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    assert!(!said.is_empty(), "{shown} has no help");
    let said = said.replace('\n', " ").replace('|', "\\|");
    writeln!(
        page,
        "| `{}` | {said}{}{default} |",
        shown.replace('|', "\\|"),
        if said.ends_with('.') { "" } else { "." }
    )
    .expect("text");
}

fn own(argument: &&Arg) -> bool {
    !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
}

#[test]
fn every_verb_and_every_flag_is_on_its_page() {
    let mut command = Cli::command();
    command.build();
    let mut page = "# Every command\n\nWhat `llmops VERB --help` prints, as tables. With `--json` every verb prints one document of the schema\n`llmops/VERB/v1` (`eval`, `report` and `merge`: `llmops/report/v1`, `eval --plan`: `llmops/plan/v1`) and nothing else on its output; the exit codes are those of [continuous integration](ci.md).\n\n## Flags of every verb\n\n| flag | |\n|---|---|\n".to_owned();
    command.get_arguments().filter(own).for_each(|argument| row(&mut page, argument));
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(page, "\n## `llmops {}`\n\n{}.", verb.get_name(), about.trim_end_matches('.'))
            .expect("text");
        let arguments: Vec<&Arg> =
            verb.get_arguments().filter(own).filter(|argument| !argument.is_global_set()).collect();
        if !arguments.is_empty() {
            page.push_str("\n| argument | |\n|---|---|\n");
            arguments.into_iter().for_each(|argument| row(&mut page, argument));
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if fs::read_to_string(root.join("docs/commands.md")).unwrap_or_default() == page {
        return;
    }
    let folder = root.join("target/docs");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("commands.md"), page).expect("a page");
    panic!(
        "docs/commands.md is not what the program says: look at target/docs/commands.md, and copy it over"
    );
}
