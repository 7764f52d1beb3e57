//! What the last complete run of a suite says of the next: how much its scores scatter, how long replies are.

use crate::domain::grade::CallRole;
use crate::domain::{CaseId, Grade, Result, TrialRecord};
use crate::ledger::{Home, RunReader, list_runs};
use crate::plan::GatePlan;
use crate::report::stored::Stored;
use crate::study::forecast::Noise;
use std::collections::{BTreeMap, HashMap};

/// Numbers of an earlier run; all unknown where there is none.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Earlier {
    /// How scores scatter.
    pub noise: Noise,
    /// Median output tokens of an answer.
    pub answer_tokens: Option<u64>,
    /// Median output tokens of a judgement.
    pub judge_tokens: Option<u64>,
}

impl Earlier {
    /// Reads, for each gate, the last complete run of its prompt on its suite. Every run is read once, however many
    /// gates it has, and none that is older than what is looked for.
    ///
    /// # Errors
    /// When the folder of runs, or a record of such a run, cannot be read.
    pub fn read(home: &Home, gates: &[GatePlan]) -> Result<Vec<Self>> {
        let mut found: Vec<Option<Self>> = gates.iter().map(|_| None).collect();
        for run in list_runs(home)?.into_iter().filter(|run| run.finished) {
            if found.iter().all(Option::is_some) {
                break;
            }
            let reader = RunReader::open(home, run.id.as_str())?;
            // A report of another version has nothing that could be read.
            let Some(stored) =
                reader.report()?.and_then(|value| serde_json::from_value::<Stored>(value).ok())
            else {
                continue;
            };
            if !stored.report.run.is_some_and(|run| run.selection.is_none() && run.shard.is_none()) {
                continue;
            }
            let ran: HashMap<(&str, &str), usize> = stored
                .report
                .gates
                .iter()
                .enumerate()
                .map(|(place, gate)| ((gate.prompt.name.as_str(), gate.suite.name.as_str()), place))
                .collect();
            let wanted: HashMap<usize, usize> = gates
                .iter()
                .enumerate()
                .filter(|(at, _)| found[*at].is_none())
                .filter_map(|(at, gate)| {
                    let place = ran.get(&(gate.prompt.name.as_str(), gate.suite.name.as_str()))?;
                    Some((*place, at))
                })
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let mut gathered: HashMap<usize, Gathered> = HashMap::new();
            for record in reader.records()? {
                let record = record?;
                if let Some(at) = wanted.get(&record.gate) {
                    gathered.entry(*at).or_default().add(record);
                }
            }
            for at in wanted.into_values() {
                found[at] = Some(gathered.remove(&at).unwrap_or_default().summed());
            }
        }
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }
}

/// The records of one gate.
#[derive(Default)]
struct Gathered {
    answers: Vec<u64>,
    judgements: Vec<u64>,
    scores: BTreeMap<CaseId, Vec<f64>>,
}

impl Gathered {
    fn add(&mut self, record: TrialRecord) {
        for call in &record.calls {
            match call.role {
                CallRole::Answer => self.answers.extend(call.usage.output),
                CallRole::Judge => self.judgements.extend(call.usage.output),
                CallRole::Embedding => {}
            }
        }
        if let Grade::Scored { judgement: Some(judgement), .. } = record.grade {
            self.scores.entry(record.id).or_default().extend(judgement.score);
        }
    }

    fn summed(self) -> Earlier {
        Earlier {
            noise: noise(&self.scores),
            answer_tokens: median(self.answers),
            judge_tokens: median(self.judgements),
        }
    }
}

/// The spread of the cases' means, and the pooled spread within cases.
fn noise(scores: &BTreeMap<CaseId, Vec<f64>>) -> Noise {
    let means: Vec<f64> = scores.values().filter_map(|trials| mean(trials)).collect();
    let (mut squares, mut free) = (0.0, 0_usize);
    for trials in scores.values().filter(|trials| trials.len() > 1) {
        squares += spread(trials);
        free += trials.len() - 1;
    }
    Noise {
        between_cases: (means.len() > 1).then(|| (spread(&means) / float(means.len() - 1)).sqrt()),
        within_cases: (free > 0).then(|| (squares / float(free)).sqrt()),
    }
}

/// The sum of squared deviations from the mean.
fn spread(values: &[f64]) -> f64 {
    mean(values).map_or(0.0, |mean| values.iter().map(|value| (value - mean).powi(2)).sum())
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / float(values.len()))
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[expect(clippy::cast_precision_loss, reason = "a number of trials")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_told_apart_between_and_within_cases() {
        let scores = |rows: &[&[f64]]| -> BTreeMap<CaseId, Vec<f64>> {
            rows.iter().enumerate().map(|(at, row)| (CaseId::new(at.to_string()), row.to_vec())).collect()
        };
        let found = noise(&scores(&[&[4.0, 4.0], &[2.0, 2.0]]));
        assert_eq!((found.between_cases, found.within_cases), (Some(2.0_f64.sqrt()), Some(0.0)));
        let found = noise(&scores(&[&[5.0, 3.0], &[4.0, 4.0]]));
        assert_eq!((found.between_cases, found.within_cases), (Some(0.0), Some(1.0)));
        assert_eq!(noise(&scores(&[&[4.0]])), Noise::default());
        assert_eq!((median(vec![9, 1, 5]), median(Vec::new())), (Some(5), None));
    }
}
