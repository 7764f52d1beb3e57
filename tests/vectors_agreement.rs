//! Reference values of other libraries for agreement between a judge and humans.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test says what it expected")]

mod vectors_support;

use llmops::aggregate::proportion::Proportion;
use llmops::domain::Scale;
use llmops::study::agreement::alpha::{Level, alpha};
use llmops::study::agreement::kappa::{Table, Weighting, gwet, kappa};
use llmops::study::agreement::passing::{PassRate, passing, rogan_gladen};
use llmops::study::agreement::powered::powered_mean;
use llmops::study::agreement::residual::residuals;
use llmops::study::agreement::verbosity::verbosity;
use llmops::study::agreement::{Measured, correlation};
use vectors_support::Vector;

#[test]
fn kappa_and_gwet() {
    for case in Vector::read("08_kappa") {
        let table =
            Table::new(&case.list("rater_a"), &case.list("rater_b"), Scale::default()).expect(&case.id);
        case.check("observed_agreement", table.agreement());
        case.check("gwet_ac1", gwet(&table, Weighting::Unweighted).expect("ac1"));
        case.check("gwet_ac2_quadratic", gwet(&table, Weighting::Quadratic).expect("ac2"));
        let names = [
            (Weighting::Unweighted, "unweighted"),
            (Weighting::Linear, "linear"),
            (Weighting::Quadratic, "quadratic"),
        ];
        for (weighting, name) in names {
            let found = kappa(&table, weighting, 0.95).expect("kappa");
            case.check(&format!("kappa_{name}"), found.value);
            let (stderr, interval) = (format!("se_{name}_statsmodels"), format!("ci95_{name}_statsmodels"));
            if case.whole.get(&stderr).is_none() {
                // The reference gives none where a rater did not vary.
                assert_eq!(found.interval, None, "{} {name}", case.id);
                continue;
            }
            case.check_option(&stderr, found.stderr);
            if let Some(found) = found.interval {
                case.check_pair(&interval, found);
            }
        }
    }
}

#[test]
fn rank_and_product_moment_correlation() {
    for case in Vector::read("09_correlation") {
        let (a, b) = (case.list("a"), case.list("b"));
        case.check_option("spearman_rho", correlation::spearman(&a, &b).ok());
        case.check_option("kendall_tau_b", correlation::tau_b(&a, &b).ok());
        case.check_option("pearson_r", correlation::pearson(&a, &b).ok());
    }
}

#[test]
fn krippendorff() {
    for case in Vector::read("10_krippendorff") {
        let raters = case.input("ratings_coders_x_units").as_array().expect("raters");
        let units = raters[0].as_array().expect("units").len();
        let unit = |at: usize| raters.iter().filter_map(|rater| rater[at].as_f64()).collect::<Vec<f64>>();
        let units: Vec<Vec<f64>> = (0..units).map(unit).collect();
        case.check("nominal", alpha(&units, Level::Nominal).expect("alpha"));
        case.check("ordinal", alpha(&units, Level::Ordinal).expect("alpha"));
        case.check("interval", alpha(&units, Level::Interval).expect("alpha"));
    }
}

#[test]
fn errors_and_pass_agreement() {
    for case in Vector::read("11_agreement") {
        let (human, judge) = (case.list("human"), case.list("judge"));
        let found = residuals(&human, &judge, 1.0, 0.95).expect("residuals");
        case.check("n", found.n as f64);
        case.check("mae", found.mae);
        case.check("macro_mae", found.macro_mae);
        case.check("rmse", found.rmse);
        case.check("bias_judge_minus_human", found.bias.value);
        case.check("sd_residual", found.sd.expect("a deviation"));
        case.check("exact_agreement", found.exact);
        case.check("within_one", found.within_one);
        // Without any spread the reference closes the interval on the mean; here there is none.
        match found.bias.interval {
            Some(interval) => case.check_pair("bias_ci95_t", interval),
            None => case.check("sd_residual", 0.0),
        }
        let line = passing(&human, &judge, 4.0, 0.95).expect("rates");
        for (key, count) in [
            ("tp", line.true_passes),
            ("tn", line.true_fails),
            ("fp", line.false_passes),
            ("fn", line.false_fails),
        ] {
            case.check(key, count as f64);
        }
        let share = |rate: &Measured<Proportion>| rate.as_ref().ok().map(|rate| rate.share);
        case.check("pass_agreement", line.agreement);
        case.check_option("sensitivity_tpr", share(&line.true_pass_rate));
        case.check_option("specificity_tnr", share(&line.true_fail_rate));
        case.check_option("precision", share(&line.precision));
        for (key, rate) in [("tpr_wilson95", &line.true_pass_rate), ("tnr_wilson95", &line.true_fail_rate)] {
            match rate {
                Ok(rate) => case.check_pair(key, rate.interval),
                Err(_) => assert!(case.expected(key).is_null()),
            }
        }
    }
}

#[test]
fn verbosity_bias() {
    let cases = Vector::read("12_judge_bias");
    let case = cases.iter().find(|case| !case.input("length_chars").is_null()).expect("a case");
    let lengths: Vec<usize> = case.list("length_chars").into_iter().map(|length| length as usize).collect();
    let found = verbosity(&case.list("human"), &case.list("judge"), &lengths, 0.95).expect("a slope");
    case.check("ols_const", found.constant);
    case.check("ols_beta_human", found.human_slope);
    case.check("ols_beta_loglen", found.slope.value);
    case.check("ols_se_loglen", found.slope.stderr.expect("a standard error"));
    case.check("ols_p_loglen", found.p_value.expect("a p value"));
    case.check("points_per_doubling", found.points_per_doubling);
}

#[test]
fn prediction_powered_mean() {
    for case in Vector::read("13_ppi") {
        let [human, judge, rest] =
            ["human_labeled", "judge_labeled", "judge_unlabeled"].map(|key| case.list(key));
        for (name, lambda) in
            [("ppi_lambda1", Some(1.0)), ("classical_lambda0", Some(0.0)), ("ppi_plus_plus", None)]
        {
            let found = powered_mean(&human, &judge, &rest, lambda, 0.95).expect("a mean");
            let part = Vector {
                id: format!("{} {name}", case.id),
                tolerance: case.tolerance,
                inputs: case.inputs.clone(),
                whole: case.expected(name).clone(),
            };
            part.check("lambda", found.lambda);
            part.check("estimate", found.mean.value);
            part.check("se_ddof1", found.mean.stderr.expect("a standard error"));
            part.check_pair("ci_ddof1", found.mean.interval.expect("an interval"));
        }
    }
}

#[test]
fn corrected_pass_rate() {
    for case in Vector::read("13b_rogan_gladen") {
        let number = |key: &str| case.input(key).as_f64().expect("a number");
        let rate = PassRate {
            judged: number("judge_pass_rate"),
            n: case.count("n") as u64,
            specificity: (number("specificity"), case.count("m_fail_labels") as u64),
            sensitivity: (number("sensitivity"), case.count("m_pass_labels") as u64),
        };
        let found = rogan_gladen(&rate, 0.95).expect("a rate");
        case.check("estimate", found.rate);
        case.check_pair("ci95", found.interval);
    }
}
