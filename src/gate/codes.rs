//! The stable codes of what a gate finds.

use crate::domain::Code;

/// The judge's score is below `eval_score_required`.
pub const SCORE_BELOW: Code = Code("score-below-threshold");
/// Open trials can still move the score across `eval_score_required`.
pub const SCORE_OPEN: Code = Code("score-undecided");
/// A score is demanded and there is none.
pub const SCORE_ABSENT: Code = Code("score-not-measured");
/// The judge gave a score that is not on the scale.
pub const SCORE_OFF_SCALE: Code = Code("score-off-scale");
/// A dimension is below its `required`.
pub const DIMENSION_BELOW: Code = Code("dimension-below-required");
/// Open trials can still move a dimension across its `required`.
pub const DIMENSION_OPEN: Code = Code("dimension-undecided");
/// A required dimension that no case could score.
pub const DIMENSION_ABSENT: Code = Code("dimension-not-measured");
/// A smaller share of the asserts passed than `asserts_required`.
pub const ASSERTS_FAILED: Code = Code("asserts-failed");
/// Open trials can still move the share of asserts across `asserts_required`.
pub const ASSERTS_OPEN: Code = Code("asserts-undecided");
/// A metric is out of its limit.
pub const METRIC_OUT: Code = Code("metric-out-of-limit");
/// Open trials can still move a metric across its limit.
pub const METRIC_OPEN: Code = Code("metric-undecided");
/// A limit on a metric that nothing measured.
pub const METRIC_ABSENT: Code = Code("metric-not-measured");
/// A retrieval metric is out of its limit.
pub const RETRIEVAL_OUT: Code = Code("retrieval-out-of-limit");
/// Open trials can still move a retrieval metric across its limit.
pub const RETRIEVAL_OPEN: Code = Code("retrieval-undecided");
/// A limit on a retrieval metric that nothing measured.
pub const RETRIEVAL_ABSENT: Code = Code("retrieval-not-measured");
/// A case is below `case_floor`.
pub const FLOOR_BELOW: Code = Code("case-below-floor");
/// A case with open trials can still fall below `case_floor`.
pub const FLOOR_OPEN: Code = Code("case-floor-undecided");
/// A critical case failed.
pub const CRITICAL_FAILED: Code = Code("critical-case-failed");
/// A critical case with open trials can still fail.
pub const CRITICAL_OPEN: Code = Code("critical-case-undecided");
/// A case costs more than `max_cost_usd_per_case`.
pub const COST_ABOVE: Code = Code("cost-above-budget");
/// A cost limit, and calls of which the cost is not known.
pub const COST_OPEN: Code = Code("cost-not-known");
/// The 95th percentile of latency is above `p95_latency_ms`.
pub const LATENCY_ABOVE: Code = Code("latency-above-budget");
/// Open trials can still move the latency across `p95_latency_ms`.
pub const LATENCY_OPEN: Code = Code("latency-undecided");
/// A latency limit, and no call.
pub const LATENCY_ABSENT: Code = Code("latency-not-measured");
/// A request has more input tokens than `max_input_tokens`.
pub const TOKENS_ABOVE: Code = Code("input-tokens-above-budget");
/// A limit on input tokens, and requests of which the tokens are not known.
pub const TOKENS_OPEN: Code = Code("input-tokens-not-known");
/// Fewer cases than `min_cases`.
pub const TOO_FEW_CASES: Code = Code("too-few-cases");
/// The plan has no cases.
pub const NO_CASES: Code = Code("nothing-planned");
/// More trials without a grade than `max_unscored`.
pub const TOO_MANY_UNSCORED: Code = Code("too-many-unscored");
/// No trial has a grade.
pub const NOTHING_SCORED: Code = Code("nothing-scored");
/// Nothing is demanded, so that nothing was shown.
pub const NOTHING_DEMANDED: Code = Code("nothing-demanded");
/// The records are not those of the plan.
pub const RECORDS_WRONG: Code = Code("records-not-of-plan");
/// Worse than the baseline beyond `max_regression`.
pub const REGRESSION: Code = Code("regression");
/// Open trials can still decide whether it is worse than the baseline.
pub const REGRESSION_OPEN: Code = Code("regression-undecided");
/// `max_regression`, and no comparison with the baseline.
pub const REGRESSION_ABSENT: Code = Code("regression-not-measured");
/// `require_calibration`, and a judge that has not shown it.
pub const NOT_CALIBRATED: Code = Code("judge-not-calibrated");

/// A note: fewer than 15 cases.
pub const FEW_CASES: Code = Code("few-cases");
/// A note: no interval can be given.
pub const NO_INTERVAL: Code = Code("no-interval");
/// A note: the interval includes the threshold.
pub const THRESHOLD_IN_INTERVAL: Code = Code("threshold-in-interval");
/// A note: trials without a grade that `max_unscored` allows.
pub const UNSCORED_ALLOWED: Code = Code("unscored-allowed");
/// A note: critical cases that nothing can fail.
pub const CRITICAL_WITHOUT_EFFECT: Code = Code("critical-without-effect");
/// A note: judge replies that had to be read leniently.
pub const LENIENT_JUDGE: Code = Code("judge-read-leniently");
/// A note: trials without a grade because nobody recorded what they ask for.
pub const NOT_RECORDED: Code = Code("not-recorded");
/// A note: the baseline does not have this prompt.
pub const NEW_PROMPT: Code = Code("no-baseline");

/// Every code of this room.
pub const CODES: &[Code] = &[
    SCORE_BELOW,
    SCORE_OPEN,
    SCORE_ABSENT,
    SCORE_OFF_SCALE,
    DIMENSION_BELOW,
    DIMENSION_OPEN,
    DIMENSION_ABSENT,
    ASSERTS_FAILED,
    ASSERTS_OPEN,
    METRIC_OUT,
    METRIC_OPEN,
    METRIC_ABSENT,
    RETRIEVAL_OUT,
    RETRIEVAL_OPEN,
    RETRIEVAL_ABSENT,
    FLOOR_BELOW,
    FLOOR_OPEN,
    CRITICAL_FAILED,
    CRITICAL_OPEN,
    COST_ABOVE,
    COST_OPEN,
    LATENCY_ABOVE,
    LATENCY_OPEN,
    LATENCY_ABSENT,
    TOKENS_ABOVE,
    TOKENS_OPEN,
    TOO_FEW_CASES,
    NO_CASES,
    TOO_MANY_UNSCORED,
    NOTHING_SCORED,
    NOTHING_DEMANDED,
    RECORDS_WRONG,
    REGRESSION,
    REGRESSION_OPEN,
    REGRESSION_ABSENT,
    NOT_CALIBRATED,
    FEW_CASES,
    NO_INTERVAL,
    THRESHOLD_IN_INTERVAL,
    UNSCORED_ALLOWED,
    CRITICAL_WITHOUT_EFFECT,
    LENIENT_JUDGE,
    NOT_RECORDED,
    NEW_PROMPT,
];
