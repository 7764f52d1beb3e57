//! Ranking chunks against a query: exact cosine, Okapi BM25, and both by reciprocal rank fusion. Equal scores stand
//! in the order of the corpus, so that a ranking is the same on every machine.

use rustc_hash::FxHashMap;
use std::collections::HashMap;
use std::thread;

/// The k of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009).
const RRF_K: f64 = 60.0;
/// BM25's saturation of term counts.
const K1: f64 = 1.2;
/// BM25's weight of a chunk's length.
const B: f64 = 0.75;
/// Numbers from which on a second thread is worth its start.
const LARGE: usize = 4 << 20;

/// A chunk's place in the index, and its score.
pub type Scored = (usize, f64);

/// The dot product in sixteen lanes, which a compiler turns into vector instructions.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (l, r) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest: f32 = l.remainder().iter().zip(r.remainder()).map(|(a, b)| a * b).sum();
    for (l, r) in l.zip(r) {
        for lane in 0..LANES {
            sums[lane] += l[lane] * r[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Scales a vector to length 1; one without direction stays as it is.
pub fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 && length.is_finite() {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

/// The `most` vectors nearest to `query` by cosine, of those above 0. All are of length 1, rows of `matrix`.
pub fn nearest(matrix: &[f32], query: &[f32], most: usize) -> Vec<Scored> {
    let width = query.len();
    if width == 0 || matrix.is_empty() || query.iter().all(|x| *x == 0.0) {
        return Vec::new();
    }
    let rows = |part: &[f32]| -> Vec<f32> { part.chunks_exact(width).map(|row| dot(row, query)).collect() };
    let half = matrix.len() / width / 2 * width;
    let scores = if matrix.len() < LARGE {
        rows(matrix)
    } else {
        thread::scope(|scope| {
            let first = scope.spawn(|| rows(&matrix[..half]));
            let second = rows(&matrix[half..]);
            first.join().map_or_else(
                |_| rows(matrix),
                |mut first| {
                    first.extend(second);
                    first
                },
            )
        })
    };
    let above = scores.iter().enumerate().filter(|(_, score)| **score > 0.0);
    best(above.map(|(at, score)| (at, f64::from(*score))).collect(), most)
}

/// The `most` best, best first, ties in the order of the index.
fn best(mut scored: Vec<Scored>, most: usize) -> Vec<Scored> {
    let order = |a: &Scored, b: &Scored| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if most == 0 {
        return Vec::new();
    }
    if scored.len() > most {
        scored.select_nth_unstable_by(most - 1, order);
        scored.truncate(most);
    }
    scored.sort_unstable_by(order);
    scored
}

/// The words of a text as BM25 counts them: runs of letters and digits in lower case, an ideograph by itself, the
/// plural folded into the singular by Harman's S-stemmer (1991).
pub fn words(text: &str, mut each: impl FnMut(&str)) {
    let mut word = String::new();
    for c in text.chars() {
        if is_ideograph(c) {
            flush(&mut word, &mut each);
            word.push(c);
            flush(&mut word, &mut each);
        } else if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        } else if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else {
            flush(&mut word, &mut each);
        }
    }
    flush(&mut word, &mut each);
}

fn flush(word: &mut String, each: &mut impl FnMut(&str)) {
    if !word.is_empty() {
        stem(word);
        each(word);
        word.clear();
    }
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn stem(word: &mut String) {
    let ends = |end: &str| word.len() > end.len() + 1 && word.ends_with(end);
    if ends("ies") && !word.ends_with("eies") && !word.ends_with("aies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if (ends("es") && !["aes", "ees", "oes"].iter().any(|end| word.ends_with(end)))
        || (ends("s") && !word.ends_with("us") && !word.ends_with("ss"))
    {
        word.truncate(word.len() - 1);
    }
}

/// Where each word stands: chunks in order, each with how often.
type Postings = FxHashMap<Box<str>, Vec<(u32, u32)>>;

/// Okapi BM25 (Robertson and Zaragoza 2009) with k1 = 1.2, b = 0.75 and idf = ln(1 + (N − n + 0.5) / (n + 0.5)).
#[derive(Debug, Default)]
pub struct Bm25 {
    terms: Postings,
    /// Of each chunk, what its length adds to a count below the fraction.
    norms: Vec<f64>,
}

/// Texts from which on a second thread is worth its start.
const MANY: usize = 2000;

impl Bm25 {
    /// Counts the words of every chunk.
    pub fn new<T: AsRef<str> + Sync>(texts: &[T]) -> Self {
        let (first, second) = texts.split_at(if texts.len() < MANY { texts.len() } else { texts.len() / 2 });
        let (mut terms, mut lengths) = thread::scope(|scope| {
            let rest = (!second.is_empty()).then(|| scope.spawn(|| count(second, first.len())));
            let (mut terms, mut lengths) = count(first, 0);
            // A thread that broke off is done again here, where its panic has a caller.
            let rest = rest.map(|rest| rest.join().unwrap_or_else(|_| count(second, first.len())));
            if let Some((more, longer)) = rest {
                for (word, postings) in more {
                    terms.entry(word).or_default().extend(postings);
                }
                lengths.extend(longer);
            }
            (terms, lengths)
        });
        let total: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
        let mean = (float(total) / float(lengths.len()).max(1.0)).max(1.0);
        let norms = lengths.drain(..).map(|length| K1 * (1.0 - B + B * f64::from(length) / mean)).collect();
        terms.shrink_to_fit();
        Self { terms, norms }
    }

    /// The `most` best chunks that share a word with the query.
    pub fn search(&self, query: &str, most: usize) -> Vec<Scored> {
        let mut asked: Vec<String> = Vec::new();
        words(query, |word| asked.push(word.to_owned()));
        asked.sort_unstable();
        asked.dedup();
        let count = float(self.norms.len());
        // A frequent word stands in most chunks: a list of all of them is quicker than a table of those that it is in.
        let mut scores = vec![0.0_f64; self.norms.len()];
        for postings in asked.iter().filter_map(|word| self.terms.get(word.as_str())) {
            let holding = float(postings.len());
            let idf = (1.0 + (count - holding + 0.5) / (holding + 0.5)).ln();
            for (at, times) in postings {
                let (at, times) = (*at as usize, f64::from(*times));
                scores[at] += idf * times * (K1 + 1.0) / (times + self.norms[at]);
            }
        }
        // Every word adds more than nothing, so that 0 is a chunk without any.
        best(scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0).collect(), most)
    }
}

/// The words of some texts, the first of which is the chunk numbered `from`; and how many each has.
fn count<T: AsRef<str>>(texts: &[T], from: usize) -> (Postings, Vec<u32>) {
    let mut terms = Postings::default();
    let mut lengths = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let at = u32::try_from(from + at).unwrap_or(u32::MAX);
        let mut length = 0_u32;
        words(text.as_ref(), |word| {
            length += 1;
            let postings = match terms.get_mut(word) {
                Some(postings) => postings,
                None => terms.entry(word.into()).or_default(),
            };
            match postings.last_mut() {
                Some((last, count)) if *last == at => *count += 1,
                _ => postings.push((at, 1)),
            }
        });
        lengths.push(length);
    }
    (terms, lengths)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn float<N: TryInto<u64>>(count: N) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

/// Reciprocal rank fusion: the sum of 1 / (60 + rank) over the rankings, ranks from 1.
pub fn fuse(rankings: &[Vec<Scored>], most: usize) -> Vec<Scored> {
    let mut scores: HashMap<usize, f64> = HashMap::new();
    for ranking in rankings {
        for (rank, (at, _)) in ranking.iter().enumerate() {
            *scores.entry(*at).or_default() += 1.0 / (RRF_K + float(rank + 1));
        }
    }
    best(scores.into_iter().collect(), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_finds_the_nearest_and_ties_stand_in_order() {
        let mut matrix = vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0, -1.0, 0.0, 3.0, 4.0];
        matrix.chunks_mut(2).for_each(normalise);
        let found = nearest(&matrix, &[1.0, 0.0], 3);
        assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 2, 4]);
        assert!((found[2].1 - 0.6).abs() < 1e-6);
        // What points away, or nowhere, is not found at all.
        assert_eq!(nearest(&matrix, &[1.0, 0.0], 9).len(), 3);
        assert!(nearest(&matrix, &[0.0, 0.0], 9).is_empty());
    }

    #[test]
    fn a_large_matrix_in_two_threads_is_ranked_like_a_small_one() {
        let rows = LARGE / 16 + 1;
        let mut matrix = vec![0.0; rows * 16];
        for (at, row) in matrix.chunks_mut(16).enumerate() {
            row[0] = if at % 1000 == 7 { 1.0 } else { 0.5 };
        }
        let mut query = [0.0; 16];
        query[0] = 1.0;
        let found: Vec<usize> = nearest(&matrix, &query, 3).iter().map(|(at, _)| *at).collect();
        assert_eq!(found, [7, 1007, 2007]);
        let last = nearest(&matrix, &query, rows);
        assert_eq!((last.len(), last[rows - 1].0), (rows, rows - 1));
    }

    #[test]
    fn bm25_is_the_published_formula() {
        let texts = ["the cat sat", "the dog sat on the mat", "birds fly"];
        let index = Bm25::new(&texts);
        let found = index.search("Cats sat", 9);
        // "cat": n = 1; "sat": n = 2; N = 3; mean length 11/3; both counts 1.
        let part = |idf: f64, length: f64| idf * 2.2 / (1.0 + 1.2 * (0.25 + 0.75 * length / (11.0 / 3.0)));
        let (cat, sat) = ((1.0_f64 + 2.5 / 1.5).ln(), (1.0_f64 + 1.5 / 2.5).ln());
        assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1]);
        assert!((found[0].1 - part(cat, 3.0) - part(sat, 3.0)).abs() < 1e-12, "{found:?}");
        assert!((found[1].1 - part(sat, 6.0)).abs() < 1e-12);
        assert!(index.search("fish", 9).is_empty() && index.search("", 9).is_empty());
    }

    #[test]
    fn words_counted_by_two_threads_are_those_of_one() {
        let texts: Vec<String> = (0..MANY + 7).map(|n| format!("word{} lamp {}", n % 97, n % 5)).collect();
        let whole = Bm25::new(&texts);
        let (terms, _) = count(&texts, 0);
        assert_eq!((&whole.terms, whole.norms.len()), (&terms, texts.len()));
        let found = whole.search("word96 lamp", 30);
        assert_eq!(found.iter().filter(|(at, _)| at % 97 == 96).count(), texts.len() / 97);
    }

    #[test]
    fn fusion_adds_reciprocal_ranks_and_breaks_ties_by_order() {
        let fused = fuse(&[vec![(3, 9.0), (1, 8.0)], vec![(1, 2.0), (5, 1.0)]], 9);
        assert_eq!(fused.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 3, 5]);
        assert!((fused[0].1 - (1.0 / 62.0 + 1.0 / 61.0)).abs() < 1e-15);
        let tied = fuse(&[vec![(7, 1.0)], vec![(2, 1.0)]], 9);
        assert_eq!(tied.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 7]);
    }

    #[test]
    fn words_are_folded() {
        let mut found = Vec::new();
        words("Refunds, policies & TAXES: Größe 3.5 退款 bus class", |word| found.push(word.to_owned()));
        assert_eq!(found, ["refund", "policy", "taxe", "größe", "3", "5", "退", "款", "bus", "class"]);
    }
}
