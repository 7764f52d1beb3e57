//! Reference values of other libraries for the comparison with a baseline, for power and for shares.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test says what it expected")]

mod vectors_support;

use llmops::aggregate::{distribution, paired, power, proportion};
use llmops::domain::{CaseId, Scale};
use serde_json::Value;
use vectors_support::{Vector, near};

fn pairs(base: &[f64], head: &[f64]) -> Vec<paired::Pair> {
    let pair = |(index, (base, head)): (usize, (&f64, &f64))| paired::Pair {
        id: CaseId::new(index.to_string()),
        weight: 1.0,
        base: *base,
        head: *head,
        base_passed: None,
        head_passed: None,
    };
    base.iter().zip(head).enumerate().map(pair).collect()
}

#[test]
fn paired_differences() {
    let mut seen = 0;
    for case in Vector::read("03_paired") {
        if case.input("baseline").is_null() {
            continue;
        }
        let found =
            paired::compare(&pairs(&case.list("baseline"), &case.list("candidate")), 0.95).expect(&case.id);
        case.check("n", found.n as f64);
        case.check("mean_diff", found.delta);
        case.check("se_diff", found.stderr.expect("a spread"));
        case.check_pair("ci95_t", found.interval.expect("an interval"));
        case.check("t_p_two_sided", found.p_value.expect("a p value"));
        case.check("sign_test_p_two_sided", found.sign_p);
        case.check("wins", found.better.len() as f64);
        case.check("losses", found.worse.len() as f64);
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn mcnemar_exact() {
    let mut seen = 0;
    for case in Vector::read("03_paired") {
        if case.input("pass_to_fail").is_null() {
            continue;
        }
        let sides =
            [("pass_to_fail", 1, 0), ("fail_to_pass", 0, 1), ("both_pass", 1, 1), ("both_fail", 0, 0)];
        let mut all = Vec::new();
        for (key, base, head) in sides {
            for pair in pairs(&vec![3.0; case.count(key)], &vec![3.0; case.count(key)]) {
                all.push(paired::Pair { base_passed: Some(base == 1), head_passed: Some(head == 1), ..pair });
            }
        }
        case.check("exact_p", paired::compare(&all, 0.95).and_then(|found| found.mcnemar_p).expect("p"));
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn sample_sizes_and_detectable_effects() {
    let mut seen = 0;
    for case in Vector::read("04_power") {
        if let Some(delta) = case.input("delta").as_f64() {
            let optional = |key: &str| case.input(key).as_f64();
            let assumptions = power::Assumptions {
                sd_between: optional("omega2").expect("omega2").sqrt(),
                sd_within: optional("sA2").unwrap_or(0.0).sqrt(),
                trials: optional("KA").map_or(1, |trials| trials as u32),
                two_sided: optional("sides") != Some(1.0),
                ..power::Assumptions::default()
            };
            let n = power::cases_needed(delta, &assumptions).expect("a number");
            case.check("n", n as f64);
            case.check("mde_at_n", power::detectable(n as usize, &assumptions).expect("an effect"));
            seen += 1;
        } else if let Some(sd) = case.input("sd_case").as_f64() {
            let found = power::excess_needed(case.count("n"), sd, 0.95, 0.8).expect("an excess");
            case.check("min_true_excess_over_threshold_for_80pct_pass", found);
            seen += 1;
        }
    }
    // The three others are the noncentral t, which the normal formula approximates.
    assert_eq!(seen, 9);
}

#[test]
fn what_a_number_of_cases_can_show() {
    for case in Vector::read("04b_power_preflight") {
        let n = case.count("n");
        let found = power::preflight(n, Scale::default(), 1.0, 0.95, None);
        case.check("sign_test_one_sided_p_clean_sweep", power::clean_sweep_p(n));
        case.check_option("t_lcb_required_mean_over_sd", found.one_sided_ratio);
        case.check_option("t_two_sided95_required_mean_over_sd", found.two_sided_ratio);
        let wins = found.wins_needed.map(|wins| wins as f64);
        assert_eq!(wins, case.expected("min_wins_of_n_for_one_sided_0.05").as_f64(), "{}", case.id);
        assert_eq!(
            case.expected("sign_test_can_reach_0.05").as_bool(),
            Some(found.wins_needed.is_some()),
            "{}",
            case.id
        );
    }
}

#[test]
fn wilson_intervals() {
    for case in Vector::read("16_proportions") {
        let (k, n) = (case.count("k") as u64, case.count("n") as u64);
        case.check_pair("wilson", proportion::proportion(k, n, 0.95).expect("a share").interval);
        let bound = proportion::lower_bound(k, n, 0.95).expect("a bound");
        case.check("wilson_one_sided_lcb95", bound);
    }
    assert_eq!(proportion::proportion(0, 0, 0.95), None);
    assert_eq!(proportion::proportion(2, 1, 0.95), None);
}

#[test]
fn distributions() {
    let mut seen = 0;
    for case in Vector::read("17_special") {
        let number = |key: &str| case.input(key).as_f64().expect("a number");
        let found = match case.input("fn").as_str().expect("fn") {
            "norm_ppf" => distribution::normal_quantile(number("p")),
            "norm_cdf" => distribution::normal_cdf(number("x")),
            "t_ppf" => distribution::t_quantile(number("p"), number("df")),
            "t_cdf" => distribution::t_two_sided_p(number("x"), number("df")).map(|p| 1.0 - p / 2.0),
            "binom_test_half" => {
                let k = case.count("k") as u64;
                Some(distribution::fair_coin_p(k, case.count("n") as u64 - k))
            }
            _ => continue,
        };
        let Value::Number(expected) = &case.whole else { panic!("{}", case.id) };
        near(&case.id, found.expect("a value"), expected.as_f64().expect("a number"), case.tolerance);
        seen += 1;
    }
    assert_eq!(seen, 40);
}

#[test]
fn what_has_no_value_is_none() {
    for (p, df) in [(0.0, 3.0), (1.0, 3.0), (f64::NAN, 3.0), (0.5, 0.0), (0.5, f64::NAN), (0.975, 0.19)] {
        assert_eq!(distribution::t_quantile(p, df), None, "{p} {df}");
    }
    assert_eq!(distribution::normal_quantile(0.0), None);
    assert_eq!(distribution::t_two_sided_p(f64::NAN, 3.0), None);
    // Small and fractional degrees of freedom neither hang nor panic.
    for df in [0.2, 0.3, 0.7, 1.5, 1_999.5, 2_000.5] {
        let t = distribution::t_quantile(0.975, df).expect("a quantile");
        let back = distribution::t_two_sided_p(t, df).expect("a p value");
        assert!((back - 0.05).abs() < 1e-7, "{df}: {t} {back}");
    }
}
