//! Scores that are known for a digest: from the stored runs that were not narrowed.

use super::workspace::Workspace;
use crate::domain::{Digest, Result};
use crate::ledger::{Home, RunReader, list_runs};
use crate::report::changes::Known;
use crate::report::stored::Stored;
use crate::report::v1;

/// The gates of complete runs, the newest first.
#[derive(Debug)]
pub struct Evidence {
    gates: Vec<(String, v1::Gate)>,
}

impl Evidence {
    /// Reads every finished run that was not narrowed. A run that cannot be read shows nothing.
    ///
    /// # Errors
    /// When the folder of runs cannot be listed.
    pub fn read(workspace: &Workspace) -> Result<Self> {
        let home = Home::at(&workspace.root);
        let mut gates = Vec::new();
        for run in list_runs(&home)?.into_iter().filter(|run| run.finished) {
            let report = RunReader::open(&home, run.id.as_str()).and_then(|reader| reader.report());
            let Ok(Some(value)) = report else { continue };
            let Ok(stored) = serde_json::from_value::<Stored>(value) else { continue };
            let Some(about) = stored.report.run else { continue };
            let complete = about.shard.is_none() && about.selection.is_none();
            if complete {
                let rows = stored.report.gates.into_iter();
                gates.extend(rows.map(|gate| (run.id.to_string(), gate)));
            }
        }
        Ok(Self { gates })
    }

    /// The gates with their runs, the newest first.
    pub fn gates(&self) -> &[(String, v1::Gate)] {
        &self.gates
    }

    /// The newest score of a prompt digest.
    pub fn score(&self, digest: &Digest) -> Option<Known> {
        let digest = digest.to_string();
        self.gates.iter().filter(|(_, gate)| gate.prompt.digest == digest).find_map(|(run, gate)| {
            let score = gate.score.as_ref()?;
            Some(Known {
                mean: score.mean,
                interval: score.ci_low.zip(score.ci_high),
                n: score.n,
                source: run.clone(),
            })
        })
    }
}
