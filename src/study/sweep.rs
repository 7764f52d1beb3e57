//! Which retrieval configuration finds what it should: the same queries through several, measured alike.

use crate::aggregate::Estimate;
use crate::aggregate::ranking::{Ranking, sources};
use crate::domain::{Chunk, Error, Result, Scale};
use crate::manifest::retrieval::{ChunkUnit, Overlap, Retrieval, Search};
use std::str::FromStr;

/// Configurations of one sweep, at most.
const MOST: usize = 200;

/// One key with the values to try: `chunk_size=256,512`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Axis {
    /// A key of the retrieval manifest.
    pub key: String,
    /// The values, as written.
    pub values: Vec<String>,
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, values) = text.split_once('=').ok_or("expected KEY=VALUE,VALUE")?;
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        if values.iter().any(String::is_empty) {
            return Err("expected KEY=VALUE,VALUE".to_owned());
        }
        Ok(Self { key: key.trim().to_owned(), values })
    }
}

/// One configuration of a sweep.
#[derive(Clone, PartialEq, Debug)]
pub struct Variant {
    /// What differs from the manifest, as written: key and value.
    pub settings: Vec<(String, String)>,
    /// The manifest with it.
    pub retrieval: Retrieval,
}

/// Every combination of the axes, in the order in which they are written, the last changing fastest. Without axes,
/// the manifest itself.
///
/// # Errors
/// A key that cannot be swept, a value that the key cannot take, a key or a value that is there twice, more
/// combinations than 200.
pub fn grid(base: &Retrieval, axes: &[Axis]) -> Result<Vec<Variant>> {
    let mut variants = vec![Variant { settings: Vec::new(), retrieval: base.clone() }];
    for (at, axis) in axes.iter().enumerate() {
        if axes[..at].iter().any(|before| before.key == axis.key) {
            return Err(Error::input(format!("`{}` is swept twice", axis.key))
                .hint(format!("write its values together: {}=…,…", axis.key)));
        }
        twice(base, axis)?;
        if variants.len() * axis.values.len() > MOST {
            return Err(Error::input(format!("the sweep has more than {MOST} configurations"))
                .hint("try fewer values at once"));
        }
        let mut next = Vec::new();
        for variant in &variants {
            for value in &axis.values {
                let mut one = variant.clone();
                set(&mut one.retrieval, &axis.key, value)?;
                one.settings.push((axis.key.clone(), value.clone()));
                next.push(one);
            }
        }
        variants = next;
    }
    for variant in &variants {
        let Retrieval { chunk_size, chunk_overlap, .. } = variant.retrieval;
        if chunk_overlap >= chunk_size {
            return Err(Error::input(format!(
                "`chunk_overlap` is {chunk_overlap}, which is not below `chunk_size` {chunk_size}"
            ))
            .hint("sweep chunk_overlap too, or choose larger chunks"));
        }
    }
    Ok(variants)
}

/// A value that is there twice would be measured twice, and look like two findings.
fn twice(base: &Retrieval, axis: &Axis) -> Result<()> {
    let mut tried: Vec<Retrieval> = Vec::new();
    for value in &axis.values {
        let mut one = base.clone();
        set(&mut one, &axis.key, value)?;
        if tried.contains(&one) {
            return Err(Error::input(format!(
                "`{}={}` names `{value}` twice",
                axis.key,
                axis.values.join(",")
            ))
            .hint("name each value once"));
        }
        tried.push(one);
    }
    Ok(())
}

fn set(retrieval: &mut Retrieval, key: &str, value: &str) -> Result<()> {
    let wrong =
        |expected: &str| Error::input(format!("`{key}={value}` cannot be swept: expected {expected}"));
    let whole = |least: u32| {
        value
            .parse()
            .ok()
            .filter(|n| *n >= least)
            .ok_or_else(|| wrong(&format!("a whole number from {least} on")))
    };
    if retrieval.endpoint.is_some() && key != "top_k" && key != "min_score" {
        return Err(Error::input(format!("`{key}` has no effect beside `endpoint`")).hint("sweep top_k"));
    }
    match key {
        "chunk_size" => {
            retrieval.chunk_size = whole(1)?;
            // As the manifest would with this size.
            if retrieval.overlap == Overlap::OfSize {
                retrieval.chunk_overlap = Overlap::of_size(retrieval.chunk_size);
            }
        }
        "chunk_overlap" => {
            retrieval.chunk_overlap = whole(0)?;
            retrieval.overlap = Overlap::Written;
        }
        "top_k" => retrieval.top_k = whole(1)?,
        "min_score" => {
            let least: Option<f64> = value.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0);
            retrieval.min_score = least.ok_or_else(|| wrong("a number from 0 on"))?;
        }
        "search" => {
            retrieval.search = match value {
                "vector" => Search::Vector,
                "bm25" => Search::Bm25,
                "hybrid" => Search::Hybrid,
                _ => return Err(wrong("vector, bm25 or hybrid")),
            };
            if retrieval.search != Search::Bm25 && retrieval.embedding_model.is_none() {
                return Err(wrong("bm25, since the manifest names no `embedding_model`"));
            }
        }
        "chunk_unit" => {
            retrieval.chunk_unit = match value {
                "tokens" => ChunkUnit::Tokens,
                "characters" => ChunkUnit::Characters,
                _ => return Err(wrong("tokens or characters")),
            };
        }
        _ => {
            return Err(Error::input(format!("`{key}` cannot be swept"))
                .hint("chunk_size, chunk_overlap, chunk_unit, search, top_k, min_score"));
        }
    }
    Ok(())
}

/// The measures of one configuration over its queries.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Measured {
    rankings: Vec<Ranking>,
}

impl Measured {
    /// Adds what a query brought against what it should have.
    pub fn add(&mut self, chunks: &[Chunk], relevant: &[String], top_k: u32) {
        let ranking = sources(chunks.iter().map(|chunk| chunk.source.as_deref()));
        let gains: Vec<(&str, f64)> = sources(relevant.iter().map(|source| Some(source.as_str())))
            .into_iter()
            .map(|source| (source, 1.0))
            .collect();
        let k = usize::try_from(top_k).unwrap_or(usize::MAX);
        self.rankings.extend(Ranking::measure(&ranking, &gains, k));
    }

    /// The mean of each measure over the queries, with its interval at 95 %.
    pub fn estimates(&self) -> Vec<(&'static str, Option<Estimate>)> {
        type Measure = fn(&Ranking) -> f64;
        let measures: [(&'static str, Measure); 5] = [
            ("recall_at_k", |one| one.recall_at_k),
            ("precision_at_k", |one| one.precision_at_k),
            ("mrr", |one| one.mrr),
            ("ndcg", |one| one.ndcg),
            ("map", |one| one.map),
        ];
        let unit = Scale { min: 0.0, max: 1.0, step: 1.0 };
        measures
            .into_iter()
            .map(|(name, of)| {
                let points: Vec<(f64, f64)> = self.rankings.iter().map(|one| (1.0, of(one))).collect();
                (name, Estimate::of(&points, 0.95, unit))
            })
            .collect()
    }

    /// Queries that were measured.
    pub fn count(&self) -> usize {
        self.rankings.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_a_key_and_its_values() {
        let axis: Axis = "top_k=4, 8".parse().expect("an axis");
        assert_eq!((axis.key.as_str(), axis.values), ("top_k", vec!["4".to_owned(), "8".to_owned()]));
        assert!("top_k".parse::<Axis>().is_err() && "top_k=4,,8".parse::<Axis>().is_err());
    }

    fn manifest(more: &str) -> Retrieval {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("retrieval")).expect("a folder");
        let text = format!("version: 1\nembedding_model: builtin/hashing-256\ntop_k: 4\n{more}");
        std::fs::write(folder.path().join("retrieval/kb.yaml"), text).expect("a file");
        let snapshot = crate::repo::Snapshot::working_tree(folder.path()).expect("a folder");
        crate::manifest::Manifests::load(&snapshot, None).retrievals["kb"].as_ref().clone()
    }

    #[test]
    fn a_variant_is_what_the_manifest_would_give() {
        let axes = |texts: &[&str]| -> Vec<Axis> {
            texts.iter().map(|text| text.parse().expect("an axis")).collect()
        };
        let overlaps = |more: &str, swept: &[&str]| -> Vec<u32> {
            let found = grid(&manifest(more), &axes(swept)).expect("a grid");
            found.iter().map(|one| one.retrieval.chunk_overlap).collect()
        };
        for size in [8_u32, 100, 512, 4096] {
            let written = manifest(&format!("chunk_size: {size}\n"));
            let swept = grid(&manifest(""), &axes(&[&format!("chunk_size={size}")])).expect("a grid");
            assert_eq!(swept[0].retrieval.chunk_overlap, written.chunk_overlap, "{size}");
        }
        assert_eq!(overlaps("", &["chunk_size=8,80,800"]), [1, 10, 64]);
        assert_eq!(overlaps("chunk_overlap: 5\n", &["chunk_size=8,80"]), [5, 5]);
        assert_eq!(overlaps("", &["chunk_overlap=3", "chunk_size=8,80"]), [3, 3]);
        for swept in [&["top_k=4", "top_k=8"][..], &["top_k=4,4"], &["top_k=4,04"], &["search=bm25,bm25"]] {
            assert!(grid(&manifest(""), &axes(swept)).is_err(), "{swept:?}");
        }
    }

    #[test]
    fn measures_are_means_with_intervals() {
        let chunk = |source: &str| Chunk {
            text: String::new(),
            source: Some(source.to_owned()),
            score: Some(1.0),
            last_updated: None,
        };
        let mut measured = Measured::default();
        measured.add(&[chunk("a"), chunk("b")], &["b".to_owned()], 2);
        measured.add(&[chunk("a")], &["c".to_owned()], 2);
        measured.add(&[chunk("a")], &[], 2);
        let found = measured.estimates();
        assert_eq!(measured.count(), 2);
        let recall = found[0].1.expect("an estimate");
        assert_eq!((recall.mean, recall.n), (0.5, 2));
        assert_eq!(found[2].1.expect("an estimate").mean, 0.25);
        assert!(recall.interval.is_some());
    }
}
