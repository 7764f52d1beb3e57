//! What the other side of a comparison answered, kept beside a run: `.llmops/runs/<id>/base.jsonl`, a line per trial.
//! It is there to be read, and decides nothing: what is torn or gone is left out.

use super::home::{Home, cannot};
use super::runs::{RunReader, folder_of};
use crate::domain::{CaseId, Error, Result, RunId};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, ErrorKind, Write as _};
use std::path::PathBuf;

const BASE: &str = "base.jsonl";

/// One trial of the other side.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BaseTrial {
    /// The gate of the run that it was compared with, from 0.
    pub gate: usize,
    /// The case's id.
    pub id: CaseId,
    /// Which trial of the case, from 0.
    pub trial: u32,
    /// The judge's score; `None` without one.
    pub score: Option<f64>,
    /// The answer, if there is one.
    pub output: Option<String>,
}

/// Writes them.
#[derive(Debug)]
pub struct BaseWriter {
    file: BufWriter<File>,
    path: PathBuf,
}

impl BaseWriter {
    /// Forgets what an earlier comparison of this run left.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn clear(home: &Home, id: &RunId) -> Result<()> {
        let path = folder_of(home, id).join(BASE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot("removed", &path, error)),
            _ => Ok(()),
        }
    }

    /// Goes on after what is there.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(home: &Home, id: &RunId) -> Result<Self> {
        let path = folder_of(home, id).join(BASE);
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let file = file.map_err(|error| cannot("written", &path, error))?;
        Ok(Self { file: BufWriter::new(file), path })
    }

    /// Adds a trial.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&mut self, trial: &BaseTrial) -> Result<()> {
        let mut line = serde_json::to_vec(trial)
            .map_err(|error| Error::storage("a trial cannot be written as JSON", error))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|error| cannot("written", &self.path, error))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(|error| cannot("written", &self.path, error))
    }
}

impl RunReader {
    /// What the other side answered, as far as it can be read; nothing for a run that was compared with nothing.
    pub fn base(&self) -> impl Iterator<Item = BaseTrial> + use<> {
        let file = File::open(self.folder().join(BASE)).ok();
        let lines = file.into_iter().flat_map(|file| BufReader::new(file).split(b'\n'));
        lines.map_while(std::result::Result::ok).filter_map(|line| serde_json::from_slice(&line).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_torn_is_left_out_and_what_is_old_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let (home, id) = (Home::at(folder.path()), RunId::new("20261121T031500Z-0a1b2c"));
        drop(crate::ledger::RunWriter::create(&home, &id, &serde_json::json!({})).expect("a run"));
        let reader = RunReader::open(&home, "last").expect("the run");
        assert_eq!(reader.base().count(), 0);
        let trial = BaseTrial {
            gate: 1,
            id: CaseId::new("a"),
            trial: 2,
            score: Some(4.5),
            output: Some("one\ntwo".to_owned()),
        };
        for _ in 0..2 {
            let mut writer = BaseWriter::open(&home, &id).expect("a file");
            writer.append(&trial).expect("written");
            writer.finish().expect("written");
        }
        let path = folder_of(&home, &id).join(BASE);
        let text = fs::read_to_string(&path).expect("the file");
        fs::write(&path, format!("{text}{{\"gate\":1,\"id")).expect("torn");
        assert_eq!(reader.base().collect::<Vec<_>>(), [trial.clone(), trial]);
        BaseWriter::clear(&home, &id).expect("gone");
        assert_eq!(reader.base().count(), 0);
    }
}
