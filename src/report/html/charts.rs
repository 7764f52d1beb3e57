//! The numbers behind the page's charts, as coordinates from 0 to 100. The drawing is inline SVG in the templates.

use crate::report::numbers::{against, counted, duration, interval, score, to_f64};
use crate::report::paint::Tone;
use crate::report::standing::{self, Standing};
use crate::report::text::short;
use crate::report::v1::Gate;
use serde::Serialize;

/// The range that a chart shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Axis {
    /// From the whole number below all values to the one above; `None` without values.
    fn around(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return None;
        }
        let (low, high) = (low.floor(), high.ceil());
        Some(if low < high { Self { low, high } } else { Self { low: low - 1.0, high: high + 1.0 } })
    }

    fn at(self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low) * 100.0;
        (share.clamp(0.0, 100.0) * 100.0).round() / 100.0
    }
}

/// One measure with its interval and its threshold.
#[derive(Debug, Serialize)]
pub(super) struct Bar {
    name: String,
    label: String,
    tone: &'static str,
    value: String,
    interval: String,
    threshold: String,
    mean: Option<f64>,
    low: Option<f64>,
    span: f64,
    required: Option<f64>,
    bound: Option<f64>,
}

struct Measure {
    name: String,
    mean: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    required: Option<f64>,
    bound: Option<f64>,
    demand: String,
    standing: Standing,
}

/// The bars of a gate on one axis: the judge score, then its dimensions.
pub(super) fn bars(gate: &Gate) -> Option<(Axis, Vec<Bar>)> {
    let mut measures = Vec::new();
    if let Some(found) = &gate.score {
        measures.push(Measure {
            name: "judge score".to_owned(),
            mean: Some(found.mean),
            low: found.ci_low,
            high: found.ci_high,
            required: gate.required,
            bound: found.lower_bound,
            demand: match standing::bound(gate) {
                Some(bound) => format!("{} (is {bound})", standing::demand_of_score(gate)),
                None => standing::demand_of_score(gate),
            },
            standing: standing::of_score(gate),
        });
    }
    measures.extend(gate.dimensions.iter().map(|dimension| Measure {
        name: short(&dimension.name, 60),
        mean: dimension.mean,
        low: dimension.ci_low,
        high: dimension.ci_high,
        required: dimension.required,
        bound: None,
        demand: standing::demand(dimension.required),
        standing: standing::of_dimension(gate, dimension),
    }));
    let values =
        measures.iter().flat_map(|one| [one.mean, one.low, one.high, one.required, one.bound]).flatten();
    let axis = Axis::around(values)?;
    let bars = measures.into_iter().map(|one| bar(one, axis)).collect();
    Some((axis, bars))
}

fn bar(one: Measure, axis: Axis) -> Bar {
    let range = match (one.low, one.high) {
        (None, None) => String::new(),
        (low, high) => interval(low, high, one.required),
    };
    let value = against(one.mean, one.required);
    let tone = match one.standing.tone() {
        Some(Tone::Good) => "good",
        Some(Tone::Bad) => "bad",
        Some(_) => "unsure",
        None => "",
    };
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite()).map(|value| axis.at(value));
    let (low, high) = (finite(one.low), finite(one.high));
    Bar {
        label: [one.name.as_str(), &value, &range, &one.demand].join(" ").trim_end().to_owned(),
        name: one.name,
        tone,
        value,
        interval: range,
        threshold: one.demand,
        mean: finite(one.mean),
        low: low.or(high.map(|_| 0.0)),
        span: high.unwrap_or(100.0) - low.unwrap_or(0.0),
        required: finite(one.required),
        bound: finite(one.bound),
    }
}

/// How values are distributed.
#[derive(Debug, Serialize)]
pub(super) struct Histogram {
    title: String,
    /// The same in words, for whoever does not see it.
    label: String,
    low: String,
    high: String,
    bins: Vec<Bin>,
    required: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Bin {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    label: String,
}

const BINS: usize = 20;

/// The distribution of case scores, with the threshold in it.
pub(super) fn scores(values: &[f64], required: Option<f64>, noun: &str) -> Option<Histogram> {
    let axis = Axis::around(values.iter().copied().chain(required))?;
    histogram(&format!("Scores of {noun}s"), noun, values, axis, required, &|value| score(Some(value)))
}

/// The distribution of answer times in milliseconds.
pub(super) fn latencies(values: &[f64]) -> Option<Histogram> {
    // Answers that took no time that could be measured have no distribution.
    if values.iter().all(|value| *value <= 0.0) {
        return None;
    }
    let axis = Axis::around(values.iter().copied().chain([0.0]))?;
    histogram("Time per answer", "answer", values, axis, None, &|value| duration(Some(value)))
}

fn histogram(
    title: &str,
    noun: &str,
    values: &[f64],
    axis: Axis,
    required: Option<f64>,
    show: &dyn Fn(f64) -> String,
) -> Option<Histogram> {
    if values.len() < 2 {
        return None;
    }
    let mut counts = [0_u64; BINS];
    for value in values.iter().filter(|value| value.is_finite()) {
        let share = (value - axis.low) / (axis.high - axis.low);
        // The upper end of the axis belongs to the last bin.
        let bin = (0..BINS - 1)
            .find(|bin| share < to_f64(*bin as u64 + 1) / to_f64(BINS as u64))
            .unwrap_or(BINS - 1);
        counts[bin] += 1;
    }
    let most = counts.iter().copied().max().filter(|most| *most > 0)?;
    let step = (axis.high - axis.low) / to_f64(BINS as u64);
    let bins: Vec<Bin> = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(index, count)| {
            let from = to_f64(index as u64);
            let height = (to_f64(*count) / to_f64(most) * 3800.0).round() / 100.0;
            let (low, high) = (axis.low + from * step, axis.low + (from + 1.0) * step);
            Bin {
                x: from * 5.0 + 0.4,
                y: 40.0 - height,
                width: 4.2,
                height,
                label: format!("{} from {} to {}", counted(*count, noun), show(low), show(high)),
            }
        })
        .collect();
    let said: Vec<&str> = bins.iter().map(|bin| bin.label.as_str()).collect();
    Some(Histogram {
        label: format!("{title}: {}", said.join("; ")),
        title: title.to_owned(),
        low: show(axis.low),
        high: show(axis.high),
        bins,
        required: required.filter(|required| required.is_finite()).map(|required| axis.at(required)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn bars_lie_where_their_numbers_are() {
        let (axis, bars) = bars(&sample::gate()).expect("bars");
        assert_eq!(axis, Axis { low: 3.0, high: 5.0 });
        assert_eq!((bars[0].mean, bars[0].required), (Some(59.95), Some(60.0)));
        assert_eq!((bars[0].value.as_str(), bars[0].tone), ("4.199", "bad"));
        assert_eq!((bars[3].tone, bars[3].required), ("", None));
    }

    #[test]
    fn every_value_is_in_one_bin() {
        let values: Vec<f64> = (0..=100).map(|value| f64::from(value) / 25.0 + 1.0).collect();
        let chart = scores(&values, Some(4.2), "case").expect("a chart");
        let total: u64 = chart
            .bins
            .iter()
            .map(|bin| {
                bin.label.split(' ').next().and_then(|count| count.parse::<u64>().ok()).expect("a count")
            })
            .sum();
        assert_eq!((total, chart.required, chart.bins.len()), (101, Some(80.0), 20));
        assert!(chart.bins.iter().all(|bin| bin.y >= 0.0 && bin.x + bin.width <= 100.0));
    }

    #[test]
    fn odd_numbers_draw_nothing_odd() {
        assert!(scores(&[], None, "case").is_none() && scores(&[3.0], None, "case").is_none());
        assert!(scores(&[f64::NAN, f64::INFINITY], None, "case").is_none());
        assert!(latencies(&[0.0, 0.0]).is_none() && latencies(&[0.0, 2.0]).is_some());
        assert_eq!(scores(&[3.0, 3.0], None, "case").map(|chart| chart.bins.len()), Some(1));
    }
}
