//! Answers that exist already: `--outputs FILE`, JSONL of `{id, output}`.

use crate::domain::{CaseId, Code, Diagnostic, Place, RelPath, Span};
use crate::plan::Plan;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// An answers file that does not fit.
pub const BAD_OUTPUTS: Code = Code("bad-outputs");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: CaseId,
    output: String,
}

/// Answers by case id.
#[derive(Debug, Default)]
pub struct Outputs(HashMap<CaseId, String>);

impl Outputs {
    /// Reads the text of an answers file and holds it against the plan.
    ///
    /// # Errors
    /// Every broken line, every id twice, and every id that no planned case has.
    pub fn read(path: &RelPath, text: &str, plan: &Plan) -> Result<Self, Vec<Diagnostic>> {
        let planned: HashSet<&CaseId> = plan
            .gates
            .iter()
            .flat_map(|gate| (0..gate.cases.len()).map(|position| gate.case_id(position)))
            .collect();
        let mut found: HashMap<CaseId, String> = HashMap::new();
        let mut faults = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let mut fault = |column: usize, message: String, help: &str| {
                let span = Span::new(number, u32::try_from(column).unwrap_or(1), 1);
                faults.push(Diagnostic::error(BAD_OUTPUTS, message).at(Place::at(path, span)).help(help));
            };
            match serde_json::from_str::<Row>(line) {
                Err(error) => fault(
                    error.column(),
                    format!("not an answer: {error}"),
                    "write {\"id\": \"…\", \"output\": \"…\"}",
                ),
                Ok(row) if !planned.contains(&row.id) => {
                    fault(
                        1,
                        format!("no planned case has the id `{}`", row.id),
                        "remove the line, or name the suite that has the case",
                    );
                }
                Ok(row) if found.contains_key(&row.id) => {
                    fault(1, format!("the id `{}` is there twice", row.id), "keep one answer for each case");
                }
                Ok(row) => {
                    found.insert(row.id, row.output);
                }
            }
        }
        if faults.is_empty() { Ok(Self(found)) } else { Err(faults) }
    }

    /// The answer to a case.
    pub fn get(&self, id: &CaseId) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}
