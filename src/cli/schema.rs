//! `llmops schema`: the JSON Schema of a kind of file.

use super::args::SchemaArgs;
use super::terminal::Terminal;
use crate::domain::{Error, Exit, Result};
use crate::manifest::json_schemas::{SCHEMAS, schema_of};
use crate::report::v1;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

/// The kind that is not a file of the repository.
const REPORT: &str = "report";

/// The kinds that there are, for the command line and what completes it.
pub fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(SCHEMAS.iter().map(|(kind, _)| *kind).chain([REPORT]))
}

/// Prints the schema.
///
/// # Errors
/// When there is no such kind.
pub fn schema(terminal: &Terminal, args: &SchemaArgs) -> Result<Exit> {
    let found = if args.kind == REPORT { Some(v1::JSON_SCHEMA) } else { schema_of(&args.kind) };
    let text = found.ok_or_else(|| Error::input(format!("there is no schema `{}`", args.kind)))?;
    if terminal.json {
        let document: Value =
            serde_json::from_str(text).map_err(|error| Error::storage("the schema is no JSON", error))?;
        let document =
            json!({"schema": "llmops/schema/v1", "exit_code": 0, "kind": args.kind, "document": document});
        terminal.stdout(&format!("{document}\n"));
    } else {
        terminal.stdout(text);
    }
    Ok(Exit::Done)
}
