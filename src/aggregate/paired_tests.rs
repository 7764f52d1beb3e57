use super::*;

fn pairs(deltas: &[f64]) -> Vec<Pair> {
    let pair = |(index, delta): (usize, &f64)| Pair {
        id: CaseId::new(format!("c{index}")),
        weight: 1.0,
        base: 4.0,
        head: 4.0 + delta,
        base_passed: None,
        head_passed: None,
    };
    deltas.iter().enumerate().map(pair).collect()
}

fn compared(deltas: &[f64]) -> Comparison {
    compare(&pairs(deltas), 0.95).expect("a comparison")
}

/// SplitMix64 (Steele, Lea & Flood 2014), for simulations that are the same everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A judge's integer score around `quality`.
    fn score(&mut self, quality: f64) -> f64 {
        let noise = self.unit() + self.unit() + self.unit() - 1.5;
        (quality + noise).round().clamp(1.0, 5.0)
    }

    fn pairs(&mut self, n: usize, drop: f64) -> Vec<Pair> {
        let mut pairs = pairs(&vec![0.0; n]);
        for pair in &mut pairs {
            let quality = 2.0 + 2.5 * self.unit();
            pair.base = self.score(quality);
            pair.head = self.score(quality - drop);
        }
        pairs
    }
}

#[test]
fn a_consistent_drop_beyond_the_margin_blocks() {
    let fell = compared(&[-0.5, -0.4, -0.6, -0.5, -0.4, -0.7]);
    assert_eq!(regression(&fell, 0.1), Regression::Breached);
    assert_eq!(fell.worse.len(), 6);
    assert!(matches!(regression(&fell, 0.6), Regression::Holds { .. }), "within the margin");
}

#[test]
fn a_drop_that_chance_explains_holds_and_says_what_it_cannot_exclude() {
    let noisy = compared(&[-2.0, 1.0, -1.0, 0.5, -1.5, 1.5]);
    let Regression::Holds { cannot_exclude_drop: Some(drop) } = regression(&noisy, 0.1) else {
        panic!("blocked by noise: {noisy:?}");
    };
    assert!(noisy.delta < -0.1 && drop > 1.0, "{noisy:?}");
}

#[test]
fn exactly_the_margin_is_not_below_it() {
    let fell = compared(&[-0.1 - 0.01, -0.1 + 0.01, -0.1, -0.1, -0.1, -0.1]);
    assert!((fell.delta + 0.1).abs() < 1e-12 && fell.interval.is_some_and(|(_, high)| high < 0.0));
    assert!(matches!(regression(&fell, 0.1), Regression::Holds { .. }));
    assert_eq!(regression(&fell, 0.09), Regression::Breached);
}

#[test]
fn without_spread_there_is_no_interval_and_the_sign_test_decides() {
    for n in 1..=5 {
        let few = compared(&vec![-1.0; n]);
        assert_eq!((few.stderr, few.interval, few.p_value), (None, None, None));
        assert_eq!(regression(&few, 0.1), Regression::Holds { cannot_exclude_drop: None }, "{n} cases");
    }
    assert_eq!(regression(&compared(&[-1.0; 6]), 0.1), Regression::Breached);
    let unmoved = compared(&[0.0; 50]);
    assert_eq!((unmoved.sign_p, unmoved.worse.len()), (1.0, 0));
    assert_eq!(regression(&unmoved, 0.0), Regression::Holds { cannot_exclude_drop: None });
}

#[test]
fn rounding_noise_is_no_spread() {
    assert_eq!(compared(&[0.1 + 0.2, 0.3, 0.3]).stderr, None);
}

#[test]
fn nothing_to_compare_is_not_a_comparison() {
    assert_eq!(compare(&[], 0.95), None);
    for (bad, weight) in [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (4.0, 0.0), (4.0, f64::NAN)] {
        let mut all = pairs(&[0.1, -0.2, 0.3]);
        (all[1].head, all[1].weight) = (bad, weight);
        assert_eq!(compare(&all, 0.95), None);
    }
    assert_eq!(compare(&pairs(&[0.1, 0.2]), 1.0), None);
}

#[test]
fn every_case_that_got_worse_is_listed_and_none_twice() {
    let mut all = pairs(&[-0.5, 0.5, 0.0, 0.0, 0.5, 0.0]);
    let sides = [(true, true), (false, true), (true, false), (false, true), (true, false), (true, true)];
    for (pair, (base, head)) in all.iter_mut().zip(sides) {
        (pair.base_passed, pair.head_passed) = (Some(base), Some(head));
    }
    let found = compare(&all, 0.95).expect("a comparison");
    let ids = |ids: &[CaseId]| ids.iter().map(CaseId::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!((ids(&found.worse), ids(&found.better)), ("c0 c2 c4".into(), "c1 c3".into()));
    assert_eq!(found.mcnemar_p, Some(1.0));
}

#[test]
fn weights_move_the_mean_and_a_heavy_case_is_not_many() {
    let mut all = pairs(&[-1.0, 0.1, 0.2, 0.1, 0.0, 0.2]);
    let equal = compare(&all, 0.95).expect("a comparison");
    for pair in &mut all {
        pair.weight = 7.0;
    }
    let scaled = compare(&all, 0.95).expect("a comparison");
    assert!((equal.delta - scaled.delta).abs() < 1e-12);
    let width = |c: &Comparison| c.interval.map(|(low, high)| high - low).expect("an interval");
    assert!((width(&equal) - width(&scaled)).abs() < 1e-9, "the unit of weight says nothing");
    for weight in [70.0, 700.0, 7e6] {
        all[0].weight = weight;
        let heavy = compare(&all, 0.95).expect("a comparison");
        assert!(heavy.delta < -0.6);
        let held = matches!(regression(&heavy, 0.1), Regression::Holds { .. });
        assert!(held, "one heavy case is one case: {heavy:?}");
    }
}

#[test]
fn a_thousand_comparisons_of_a_prompt_with_itself_block_at_most_five_percent() {
    let mut random = SplitMix64(20_261_121);
    for n in [8, 20, 60] {
        let blocked = (0..1_000)
            .filter(|_| {
                let found = compare(&random.pairs(n, 0.0), 0.95).expect("a comparison");
                regression(&found, 0.0) == Regression::Breached
            })
            .count();
        assert!(blocked <= 50, "{blocked} of 1,000 at n = {n} with no margin at all");
    }
}

#[test]
fn a_real_drop_is_blocked_nearly_always() {
    let mut random = SplitMix64(7);
    let blocked = (0..200)
        .filter(|_| {
            let found = compare(&random.pairs(60, 0.6), 0.95).expect("a comparison");
            regression(&found, 0.1) == Regression::Breached
        })
        .count();
    assert!(blocked >= 190, "{blocked} of 200");
}

#[test]
fn intervals_cover_the_true_change_in_95_percent_of_samples() {
    let mut random = SplitMix64(95);
    for heavy in [1.0, 5.0] {
        let covered = (0..2_000)
            .filter(|_| {
                let mut all = random.pairs(40, 0.0);
                for pair in all.iter_mut().step_by(4) {
                    pair.weight = heavy;
                }
                let found = compare(&all, 0.95).and_then(|found| found.interval);
                found.is_some_and(|(low, high)| low <= 0.0 && 0.0 <= high)
            })
            .count();
        assert!((1_860..=1_940).contains(&covered), "{covered} of 2,000 with weights up to {heavy}");
    }
}
