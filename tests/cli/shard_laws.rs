//! The law of shards: whatever the suite, the gate and the number of parts, `merge` says what one run says.

use crate::project::Project;
use crate::shards::{comparable, merge, shards};
use serde_json::json;

/// Numbers that are the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("it fits")]
    }
}

fn prompt(text: &str, required: &str) -> String {
    format!(
        "version: \"1.0.0\"\nmodel_target: builtin/extractive\neval_score_required: {required}\nretrieval: ../retrieval/kb.yaml\nsystem: |\n  {text}\n  {{{{ context }}}}\n"
    )
}

/// A repository with a base, a change of the prompt, and a suite whose gate demands a bit of everything.
fn repository(dice: &mut Dice) -> Project {
    let required = dice.one_of(&["1.2", "2.5", "3.5", "4.9"]);
    let mut gate = vec![format!("asserts_required: {}", dice.one_of(&["0.2", "0.9", "1.0"]))];
    gate.push(format!("max_unscored: {}", dice.one_of(&["0", "2", "\"50%\""])));
    gate.push(format!("max_regression: {}", dice.one_of(&["0", "0.1", "3"])));
    if dice.below(2) == 0 {
        gate.push(format!("retrieval: {{recall_at_k: {}}}", dice.one_of(&["0.1", "0.99"])));
    }
    if dice.below(2) == 0 {
        gate.push(format!("case_floor: {}", dice.one_of(&["1", "3"])));
    }
    if dice.below(2) == 0 {
        gate.push("decide_on: lower_bound".to_owned());
    }
    let suite = format!(
        "version: \"1.0.0\"\nprompt: support\ncases: cases/support.jsonl\ntrials: {}\nassert:\n  - {{type: contains, value: days, metric: says_days}}\njudge:\n  model: builtin/lexical\n  dimensions:\n    faithfulness: {{weight: 0.7}}\n    relevance: {{required: 1.1}}\ngate: {{{}}}\n",
        1 + dice.below(2),
        gate.join(", ")
    );
    let count = 3 + dice.below(30);
    let cases: String = (0..count)
        .map(|n| {
            let mut case = json!({"id": format!("c{n}"), "input": format!("How long does parcel {n} take?"), "weight": 1 + n % 3});
            match dice.below(3) {
                0 => case["context"] = json!([format!("Parcel {n} takes {n} days. Refunds take five working days.")]),
                1 => case["relevant"] = json!([format!("kb/parcels-{}.md", n % 3)]),
                _ => case["expected"] = json!(format!("Parcel {n} takes {n} days.")),
            }
            format!("{case}\n")
        })
        .collect();
    let project = Project::new(&[
        ("prompts/support.yaml", &prompt("Answer from this, in days:", required)),
        ("evals/support.yaml", &suite),
        ("evals/cases/support.jsonl", &cases),
        (
            "retrieval/kb.yaml",
            "version: \"1.0.0\"\nembedding_model: builtin/hashing-256\nchunk_size: 40\nchunk_overlap: 8\ntop_k: 2\ncorpus: [\"kb/*.md\"]\nindex_last_rebuilt: \"2026-04-20\"\n",
        ),
        ("kb/parcels-0.md", "Parcels of the first kind take three days.\n"),
        ("kb/parcels-1.md", "Parcels of the second kind take nine days, on weekends more.\n"),
        ("kb/parcels-2.md", "Refunds are paid within a week. Parcels may be returned.\n"),
        (".gitignore", "*.json\n.llmops/\n"),
    ]);
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-q", "-m", "base"]);
    let new = dice.one_of(&[
        "Answer from this, in days:",
        "Be brief. Refunds take two weeks.",
        "Say something kind:",
    ]);
    project.write("prompts/support.yaml", &prompt(new, required));
    // Some answers are not there, so that their trials have no grade.
    let answers: String = (0..count)
        .filter(|_| dice.below(8) > 0)
        .map(|n| {
            format!("{}\n", json!({"id": format!("c{n}"), "output": format!("It takes {n} days, I think.")}))
        })
        .collect();
    project.write("answers.jsonl", &answers);
    project
}

#[test]
fn whatever_the_parts_they_decide_as_one_run_does() {
    let mut dice = Dice(20_260_420);
    let mut verdicts = std::collections::BTreeSet::new();
    for round in 0..8 {
        let project = repository(&mut dice);
        let of = 1 + u32::try_from(dice.below(6)).expect("it fits");
        let mut flags = vec!["--baseline", "HEAD"];
        match dice.below(4) {
            0 => flags.extend(["--outputs", "answers.jsonl"]),
            1 => flags.extend(["--sample", "7"]),
            2 => flags.extend(["--offline"]),
            _ => {}
        }
        let mut whole = vec!["--json", "eval"];
        whole.extend(&flags);
        let whole = project.run(&whole);
        assert!([0, 1, 3].contains(&whole.code), "round {round}: {}", whole.stderr);
        let parts = shards(&project, of, &flags);
        let merged = merge(&project, &parts);
        assert_eq!(merged.code, whole.code, "round {round}, {of} shards, {flags:?}: {}", merged.stderr);
        assert_eq!(
            comparable(merged.json()),
            comparable(whole.json()),
            "round {round}, {of} shards, {flags:?}"
        );
        verdicts.insert(whole.json()["verdict"].to_string());
    }
    assert!(verdicts.len() > 1, "the gates decided differently: {verdicts:?}");
}
