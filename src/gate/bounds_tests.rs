//! The bounds against brute force: every completion of the open trials is decided on its own.

use super::fixture::{Fixture, dimension};
use super::{Terms, decide};
use crate::aggregate::tally_tests::{assert, judged, record, unscored};
use crate::aggregate::vectors::SplitMix64;
use crate::aggregate::{AssertPlan, Planned, Tally};
use crate::domain::{Scale, TrialRecord};
use crate::manifest::prompt::{Budget, Dimension, Needs};
use crate::manifest::suite::{Allowance, DecideOn, GateTerms};
use std::collections::BTreeMap;

const SCALE: Scale = Scale { min: 1.0, max: 3.0, step: 1.0 };

/// A grade: the score or that nothing applies, whether its assert passed, whether it is a refusal.
type Filling = (Option<f64>, bool, bool);

struct World {
    required: Option<f64>,
    gate: GateTerms,
    dimensions: Vec<Dimension>,
    planned: Planned,
    slots: Vec<(TrialRecord, Option<Filling>)>,
    plan: Option<AssertPlan>,
}

fn graded(slot: &TrialRecord, (score, passed, refused): Filling) -> TrialRecord {
    let grade = judged(score, &[("d", score)], vec![assert(passed, 1.0, Some("m"))]);
    TrialRecord { grade, refused: Some(refused), ..slot.clone() }
}

impl World {
    /// Without critical cases, so that only scores decide.
    fn calm(&mut self) {
        self.slots.iter_mut().for_each(|(slot, _)| slot.critical = false);
    }

    fn word(&self, fillings: &[Option<Filling>]) -> &'static str {
        let mut tally = Tally::new(self.planned);
        for ((slot, _), filling) in self.slots.iter().zip(fillings) {
            let record = filling.map_or_else(|| slot.clone(), |filling| graded(slot, filling));
            tally.add(&record, self.plan.as_ref());
        }
        let terms = Terms {
            required: self.required,
            scale: Some(SCALE),
            gate: &self.gate,
            dimensions: &self.dimensions,
            budget: &Budget::default(),
            has_judge: true,
            comparison: None,
            calibration: None,
        };
        decide(&terms, &tally).verdict.word()
    }

    fn now(&self) -> Vec<Option<Filling>> {
        self.slots.iter().map(|(_, filling)| *filling).collect()
    }

    /// How many completions pass, and how many there are.
    fn passing(&self, choices: &[Filling]) -> (usize, usize) {
        let mut open = vec![self.now()];
        for at in 0..self.slots.len() {
            if self.slots[at].1.is_none() {
                let filled = |fillings: &Vec<Option<Filling>>, choice: &Filling| {
                    let mut fillings = fillings.clone();
                    fillings[at] = Some(*choice);
                    fillings
                };
                open = open.iter().flat_map(|f| choices.iter().map(move |c| filled(f, c))).collect();
            }
        }
        (open.iter().filter(|fillings| self.word(fillings) == "passed").count(), open.len())
    }
}

fn pick<T: Copy>(random: &mut SplitMix64, from: &[T]) -> T {
    from[usize::try_from(random.below(u64::try_from(from.len()).unwrap())).unwrap()]
}

/// A small run with 1 to `most_open` open trials and at least one graded one.
fn world(random: &mut SplitMix64, needs: &[Needs], most_open: usize) -> World {
    let (cases, trials) = pick(random, &[(2, 1), (3, 1), (4, 1), (5, 1), (2, 2), (3, 2)]);
    let mut slots: Vec<(TrialRecord, Option<Filling>)> = Vec::new();
    for case in 0..cases {
        let (weight, critical) = (pick(random, &[1.0, 1.0, 2.0, 0.5]), random.below(3) == 0);
        for trial in 0..trials {
            let filling =
                (Some(pick(random, &[1.0, 2.0, 3.0, 3.0])), random.below(6) > 0, random.below(6) == 0);
            let slot = TrialRecord { weight, critical, ..record(case, trial, unscored()) };
            slots.push((slot, Some(filling)));
        }
    }
    let open =
        1 + usize::try_from(random.below(u64::try_from(most_open.min(slots.len() - 1)).unwrap())).unwrap();
    for _ in 0..open {
        let at = usize::try_from(random.below(u64::try_from(slots.len() - 1).unwrap())).unwrap();
        slots[at].1 = None;
    }
    let plan = AssertPlan { weight: 1.0, metrics: BTreeMap::from([("m".to_owned(), 1)]) };
    let gate =
        GateTerms { asserts_required: 0.0, max_unscored: Allowance::Share(1.0), ..GateTerms::default() };
    World {
        required: None,
        gate,
        dimensions: vec![dimension("d", None, needs)],
        planned: Planned::new(cases, trials),
        slots,
        plan: Some(plan),
    }
}

fn threshold(random: &mut SplitMix64) -> f64 {
    1.0 + f64::from(u32::try_from(random.below(41)).unwrap()) / 20.0
}

/// What the bounds say beside what all completions say: sound always; exact where `exact` says so.
#[track_caller]
fn compare(world: &World, choices: &[Filling], exact: bool, seed: u64) -> bool {
    let word = world.word(&world.now());
    let (passing, all) = world.passing(choices);
    let truth = match passing {
        0 => "failed",
        passing if passing == all => "passed",
        _ => "inconclusive",
    };
    assert!(word == truth || word == "inconclusive", "seed {seed}: {word}, but {passing} of {all} pass");
    assert!(!exact || word == truth, "seed {seed}: {word}, but {passing} of {all} pass");
    word == truth
}

const SCORES: [Filling; 3] = [(Some(1.0), true, false), (Some(2.0), true, false), (Some(3.0), true, false)];

#[test]
fn a_mean_is_decided_exactly_as_all_completions_are() {
    let mut words = BTreeMap::new();
    for seed in 0..1_000 {
        let mut random = SplitMix64(seed);
        let mut world = world(&mut random, &[], 4);
        world.required = Some(threshold(&mut random));
        world.calm();
        compare(&world, &SCORES, true, seed);
        *words.entry(world.word(&world.now())).or_insert(0) += 1;
    }
    assert!(words.len() == 3 && words.values().all(|count| *count > 100), "{words:?}");
}

#[test]
fn a_mean_over_cases_that_may_drop_out_is_decided_exactly_too() {
    let mut choices = SCORES.to_vec();
    choices.push((None, true, false));
    for seed in 0..800 {
        let mut random = SplitMix64(seed);
        let mut world = world(&mut random, &[Needs::Context], 3);
        world.required = Some(threshold(&mut random));
        world.calm();
        compare(&world, &choices, true, seed);
    }
}

#[test]
fn a_lower_bound_is_never_decided_against_its_completions() {
    let (mut agreed, mut words) = (0, BTreeMap::new());
    for seed in 0..600 {
        let mut random = SplitMix64(seed);
        let mut world = world(&mut random, &[], 4);
        world.required = Some(threshold(&mut random));
        world.calm();
        world.gate.decide_on = DecideOn::LowerBound;
        world.gate.confidence = pick(&mut random, &[0.6, 0.8, 0.95]);
        agreed += u32::from(compare(&world, &SCORES, false, seed));
        *words.entry(world.word(&world.now())).or_insert(0) += 1;
    }
    // Where it differs it says inconclusive; scores that move in whole steps are why it ever does.
    assert!(agreed > 480, "{agreed} of 600 agree");
    assert!(words.len() == 3 && words["failed"] > 50 && words["passed"] > 10, "{words:?}");
}

#[test]
fn a_lower_bound_over_cases_that_may_drop_out_is_never_decided_against_its_completions() {
    let mut choices = SCORES.to_vec();
    choices.push((None, true, false));
    for seed in 0..500 {
        let mut random = SplitMix64(seed);
        let mut world = world(&mut random, &[Needs::Context], 3);
        world.required = Some(threshold(&mut random));
        world.calm();
        world.gate.decide_on = DecideOn::LowerBound;
        world.gate.confidence = 0.7;
        compare(&world, &choices, false, seed);
    }
}

#[test]
fn every_other_rule_is_decided_exactly_as_all_completions_are() {
    let flags = [(true, false), (true, true), (false, false), (false, true)];
    let choices: Vec<Filling> = [1.0, 2.0, 3.0]
        .into_iter()
        .flat_map(|score| flags.map(|(passed, refused)| (Some(score), passed, refused)))
        .collect();
    for seed in 0..480 {
        let mut random = SplitMix64(seed);
        let mut world = world(&mut random, &[], 2);
        let limit = pick(&mut random, &[0.2, 0.5, 0.75, 0.9, 1.0]);
        match seed % 6 {
            0 => world.dimensions = vec![dimension("d", Some(threshold(&mut random)), &[])],
            1 => world.gate.asserts_required = limit,
            2 => world.gate.metrics = [("m".to_owned(), limit)].into(),
            3 => world.gate.metrics = [("refusal_rate".to_owned(), 1.0 - limit)].into(),
            4 => world.gate.case_floor = Some(threshold(&mut random)),
            _ => {
                // Critical cases alone: the metric is there so that something is demanded of every run.
                world.gate.metrics = [("m".to_owned(), 0.0)].into();
                world.slots.iter_mut().for_each(|(slot, _)| slot.critical = slot.case == 0);
            }
        }
        compare(&world, &choices, true, seed);
    }
}

#[test]
fn several_demands_at_once_are_never_decided_against_their_completions() {
    let choices: Vec<Filling> = [1.0, 2.0, 3.0]
        .into_iter()
        .flat_map(|score| [(Some(score), true, false), (Some(score), false, false)])
        .collect();
    for seed in 0..400 {
        let mut random = SplitMix64(seed);
        let mut world = world(&mut random, &[], 2);
        world.required = Some(threshold(&mut random));
        world.gate.asserts_required = pick(&mut random, &[0.5, 0.8, 1.0]);
        world.gate.case_floor = Some(pick(&mut random, &[1.0, 1.5, 2.0]));
        world.plan = world.plan.filter(|_| seed % 3 > 0);
        compare(&world, &choices, false, seed);
    }
}

#[test]
fn the_bounds_of_the_mean_are_reported() {
    let mut fixture = Fixture::new();
    fixture.records[0].grade = unscored();
    let decision = fixture.decide();
    let (best, worst) = (decision.best_case_mean.unwrap(), decision.worst_case_mean.unwrap());
    assert!((best - 91.0 / 20.0).abs() < 1e-12 && (worst - 87.0 / 20.0).abs() < 1e-12, "{best} {worst}");
}
