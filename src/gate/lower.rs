//! What the one-sided lower bound L can still become while trials have no grade.
//!
//! With case means x inside their spans (a box), L(x) = m(x) − t·SE(x), cut off below at the scale's minimum, and
//! smaller still where no two cases differ (see [`Moments::lower_bound`]). The weights, and with them t, are the same
//! for every completion. SE is the length of a vector that is linear in x, hence convex, so that **m − t·SE is
//! concave**. What follows:
//!
//! - *Lowest.* A concave function over a box is lowest at a corner. Up to [`CORNERS`] open cases every corner is
//!   tried: exact. Beyond, SE² is a function of Σwx and Σwx²; at corners both are linear in which cases stand at their
//!   upper end, and for a given Σwx the greatest Σwx² is that of a fractional knapsack: the cases with the highest
//!   middle first. The lowest L along that one path is at or below the lowest corner: conservative, never too high.
//!   Completions in which no two cases differ are none of these; they exist only where all spans share a value, and
//!   the lowest shared value is taken.
//! - *Highest.* At a given mean, SE is least where every open case is as near to one level c as its span lets it
//!   (the weights cancel in the Lagrangian). So the maximum lies on the path x(c) = clamp(c, span), at the c where
//!   1/V₁ = t·k·(c − m)/SE, with SE² = k·Σw(x − m)²; the sign of that difference tells on which side of it a c lies.
//!   Scores move in steps, so that this is at or above what completions reach: conservative, never too low.
//! - Where a completion may drop a case, t is not the same for all of them: then the scale's minimum and the highest
//!   mean bound L.

use super::bounds::{Bounds, Span, Spans};
use crate::aggregate::moments::Moments;
use crate::domain::Scale;
use crate::domain::score::TOLERANCE;

/// Up to so many open cases, all their corners are tried.
const CORNERS: usize = 12;

/// The bounds of the one-sided lower bound at `confidence`. `None` without cases.
pub(super) fn bounds(spans: &Spans, scale: Scale, confidence: f64) -> Option<Bounds> {
    let mean = spans.mean()?;
    let corner = |end: fn(&Span) -> f64| {
        Moments::of(&spans.list.iter().map(|span| (span.weight, end(span))).collect::<Vec<_>>())
    };
    let low = corner(|span| span.low);
    if !spans.open() {
        let exact = low.lower_bound(confidence, scale.min)?;
        return Some(Bounds { low: exact, high: exact });
    }
    let (Some(t), Some(factor)) = (low.t(confidence), low.error_factor()) else {
        return Some(one_case(&low, mean, scale, confidence));
    };
    if spans.list.iter().any(|span| span.optional) {
        return Some(Bounds { low: scale.min, high: mean.high });
    }
    let law = Law { t, factor };
    let (settled, open) = split(spans, (mean.low + mean.high) / 2.0);
    let corners = if open.len() <= CORNERS {
        lowest_corner(settled, &open, &law, scale, confidence)
    } else {
        law.lowest_on_path(settled, &open)
    };
    let lowest = lowest_flat(spans, &low, scale, confidence).map_or(corners, |flat| flat.min(corners));
    let highest = law.highest(settled, &open);
    Some(Bounds { low: lowest.max(scale.min), high: highest.min(mean.high).max(scale.min) })
}

/// One case has no spread, and a weight beside which the others vanish leaves none that could be used: L rises with
/// the mean, or is the scale's minimum.
fn one_case(low: &Moments, mean: Bounds, scale: Scale, confidence: f64) -> Bounds {
    let flat = |mean: f64| {
        low.flat_share(confidence).map_or(scale.min, |share| mean - (mean - scale.min) * (1.0 - share))
    };
    let lowest = if low.n() == 1 { flat(mean.low) } else { scale.min };
    Bounds { low: lowest, high: flat(mean.high) }
}

/// The sums of the settled cases, and the open ones.
fn split(spans: &Spans, centre: f64) -> (Moments, Vec<Span>) {
    let (mut settled, mut open) = (Moments::around(centre), Vec::new());
    for span in &spans.list {
        if span.settled() {
            settled = settled.with(span.weight, span.low);
        } else {
            open.push(*span);
        }
    }
    (settled, open)
}

fn lowest_corner(sums: Moments, open: &[Span], law: &Law, scale: Scale, confidence: f64) -> f64 {
    let Some((span, rest)) = open.split_first() else {
        return if sums.flat() {
            sums.lower_bound(confidence, scale.min).unwrap_or(scale.min)
        } else {
            law.at(&sums)
        };
    };
    let below = lowest_corner(sums.with(span.weight, span.low), rest, law, scale, confidence);
    let above = lowest_corner(sums.with(span.weight, span.high), rest, law, scale, confidence);
    below.min(above)
}

/// The lowest L of completions in which no two cases differ; `None` where the spans share no value.
fn lowest_flat(spans: &Spans, weights: &Moments, scale: Scale, confidence: f64) -> Option<f64> {
    let start = spans.list.iter().map(|span| span.low).fold(f64::NEG_INFINITY, f64::max);
    let end = spans.list.iter().map(|span| span.high).fold(f64::INFINITY, f64::min);
    let share = weights.flat_share(confidence)?;
    (start <= end + TOLERANCE).then_some(start - (start - scale.min) * (1.0 - share))
}

/// t and the factor of the squared standard error, which the weights alone settle.
struct Law {
    t: f64,
    factor: f64,
}

impl Law {
    fn stderr(&self, sums: &Moments) -> f64 {
        (self.factor * sums.squares()).sqrt()
    }

    /// m − t·SE.
    fn at(&self, sums: &Moments) -> f64 {
        sums.mean().map_or(f64::NEG_INFINITY, |mean| mean - self.t * self.stderr(sums))
    }

    fn highest(&self, settled: Moments, open: &[Span]) -> f64 {
        let at = |c: f64| {
            open.iter().fold(settled, |sums, span| sums.with(span.weight, c.clamp(span.low, span.high)))
        };
        let ends = open.iter().map(|span| span.low).chain(settled.range().map(|(low, _)| low));
        let mut left = ends.fold(f64::INFINITY, f64::min);
        let ends = open.iter().map(|span| span.high).chain(settled.range().map(|(_, high)| high));
        let mut right = ends.fold(f64::NEG_INFINITY, f64::max);
        for _ in 0..100 {
            let c = f64::midpoint(left, right);
            let sums = at(c);
            let pull = self.t * self.factor * (c - sums.mean().unwrap_or(c));
            if self.stderr(&sums) / sums.weight() >= pull {
                left = c;
            } else {
                right = c;
            }
        }
        self.at(&at(left)).max(self.at(&at(right)))
    }

    /// The lowest m − t·SE on the path that raises the open cases to their upper ends, highest middle first, with SE²
    /// taken from chords: Σwx² as if it were linear between the two ends of a case.
    fn lowest_on_path(&self, settled: Moments, open: &[Span]) -> f64 {
        let mut order = open.to_vec();
        order.sort_by(|a, b| (b.low + b.high).total_cmp(&(a.low + a.high)));
        let mut sums = order.iter().fold(settled, |sums, span| sums.with(span.weight, span.low));
        let mut lowest = self.at(&sums);
        for span in &order {
            let raised = |part: f64| sums.raised(span.weight, span.low, span.high, part);
            // Along a stretch the mean is linear and the variance a concave parabola: L is convex.
            lowest = lowest.min(lowest_on_stretch(|part| self.at(&raised(part))));
            sums = raised(1.0);
        }
        lowest
    }
}

/// The least value of a convex function on [0, 1], by thirds.
fn lowest_on_stretch(value: impl Fn(f64) -> f64) -> f64 {
    let (mut left, mut right) = (0.0, 1.0);
    for _ in 0..60 {
        let third = (right - left) / 3.0;
        if value(left + third) <= value(right - third) {
            right -= third;
        } else {
            left += third;
        }
    }
    value(f64::midpoint(left, right)).min(value(0.0)).min(value(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::vectors::SplitMix64;

    const SCALE: Scale = Scale { min: 1.0, max: 5.0, step: 1.0 };

    fn random_spans(random: &mut SplitMix64, settled: usize, open: usize) -> Spans {
        let mut value = || 1.0 + random.unit() * 4.0;
        let mut list = Vec::new();
        for at in 0..settled + open {
            let (a, b) = (value(), value());
            let high = if at < settled { a } else { a.max(b) };
            list.push(Span {
                weight: value(),
                low: a.min(high).min(if at < settled { a } else { b }),
                high,
                optional: false,
            });
        }
        Spans { list, scored: settled + open }
    }

    fn value(spans: &Spans, at: impl Fn(usize, &Span) -> f64) -> f64 {
        let points: Vec<(f64, f64)> =
            spans.list.iter().enumerate().map(|(index, span)| (span.weight, at(index, span))).collect();
        Moments::of(&points).lower_bound(0.9, SCALE.min).unwrap()
    }

    #[test]
    fn no_completion_lies_outside_of_the_bounds() {
        let mut random = SplitMix64(11);
        for round in 0..300 {
            let open = 1 + round % 16;
            let spans = random_spans(&mut random, 6, open);
            let Bounds { low, high } = bounds(&spans, SCALE, 0.9).unwrap();
            for _ in 0..200 {
                let draws: Vec<f64> = spans.list.iter().map(|_| random.unit()).collect();
                let corner = value(&spans, |at, span| if draws[at] < 0.5 { span.low } else { span.high });
                let inside = value(&spans, |at, span| span.low + draws[at] * (span.high - span.low));
                let level = 1.0 + draws[0] * 4.0;
                let levelled = value(&spans, |_, span| level.clamp(span.low, span.high));
                for found in [corner, inside, levelled] {
                    assert!(low <= found + 1e-9 && found <= high + 1e-9, "{low} {found} {high}, {open} open");
                }
            }
        }
    }

    #[test]
    fn the_highest_is_reached_on_the_path() {
        let mut random = SplitMix64(12);
        for _ in 0..200 {
            let spans = random_spans(&mut random, 5, 4);
            let high = bounds(&spans, SCALE, 0.9).unwrap().high;
            let best = (0..=4_000)
                .map(|step| 1.0 + f64::from(step) / 1_000.0)
                .map(|level| value(&spans, |_, span| level.clamp(span.low, span.high)))
                .fold(f64::NEG_INFINITY, f64::max);
            assert!(high >= best - 1e-9 && high - best < 1e-4, "{high} {best}");
        }
    }

    #[test]
    fn the_path_for_many_open_cases_is_at_or_below_every_corner_and_near_the_lowest() {
        let mut random = SplitMix64(13);
        for _ in 0..60 {
            let spans = random_spans(&mut random, 8, 9);
            let (settled, open) = split(&spans, 3.0);
            let all = Moments::of(&spans.list.iter().map(|s| (s.weight, s.low)).collect::<Vec<_>>());
            let law = Law { t: all.t(0.9).unwrap(), factor: all.error_factor().unwrap() };
            let corners = lowest_corner(settled, &open, &law, SCALE, 0.9);
            let path = law.lowest_on_path(settled, &open);
            assert!(path <= corners + 1e-9 && corners - path < 0.1, "{path} {corners}");
        }
    }
}
