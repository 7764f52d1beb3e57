//! Embeddings that this program computes itself: `builtin/hashing-256`, and static models in a folder of the
//! repository. A static model is a table with a vector for each token; a text's embedding is the mean of its tokens'.

mod tensors;
mod wordpiece;

use super::hashing;
use super::search::normalise;
use crate::domain::{Code, Diagnostic, Digest, Place, RelPath};
use crate::manifest::MODEL_FILES;
use crate::plan::model_digest;
use crate::repo::Snapshot;
use tensors::{Tensor, Tensors};
use wordpiece::WordPiece;

/// The folder of an embedding model holds none that can be used.
pub const MODEL_UNUSABLE: Code = Code("embedding-model-unusable");

/// Bytes that one file of a model may have.
const MAX_FILE: u64 = 2 << 30;

/// A model that embeds in this process.
#[derive(Debug)]
pub enum Local {
    /// `builtin/hashing-256`.
    Hashing,
    /// A table of the repository.
    Static(Box<StaticModel>),
}

impl Local {
    /// The embedding of a text; all zeros where nothing of it is known.
    pub fn embed(&self, text: &str) -> Vec<f32> {
        match self {
            Self::Hashing => hashing::embed(text),
            Self::Static(model) => model.embed(text),
        }
    }

    /// What moves when embeddings do; `None` where they never do.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Hashing => None,
            Self::Static(model) => Some(model.digest),
        }
    }
}

/// A model in the layout of model2vec: `model.safetensors` with a tensor `embeddings` (one row for each token) and, in
/// some, `weights` and `mapping` (a factor and a row for each token), and `tokenizer.json`.
#[derive(Debug)]
pub struct StaticModel {
    tokenizer: WordPiece,
    width: usize,
    rows: Vec<f32>,
    weights: Option<Vec<f32>>,
    mapping: Option<Vec<usize>>,
    digest: Digest,
}

impl StaticModel {
    /// Reads the model in `folder`.
    ///
    /// # Errors
    /// What is wrong with one of its files.
    pub fn load(snapshot: &Snapshot, folder: &RelPath) -> Result<Self, Diagnostic> {
        let [table, tokenizer] = MODEL_FILES.map(|name| folder.join(name).unwrap_or_else(|| folder.clone()));
        let read = |path: &RelPath| {
            snapshot.read(path, MAX_FILE).map_err(|error| {
                unusable(path, &error.to_string()).help(
                    "the folder of an embedding model holds model.safetensors and tokenizer.json, and git tracks both",
                )
            })
        };
        let (bytes, words) = (read(&table)?, read(&tokenizer)?);
        let digest = model_digest(&bytes, &words);
        let tokens = WordPiece::read(&words).map_err(|why| {
            unusable(&tokenizer, &why)
                .help("use a static model whose tokenizer is WordPiece with BERT's normaliser")
        })?;
        let fault = |why: String| {
            unusable(&table, &why)
                .help("fetch the file again, or use another model in the layout of model2vec")
        };
        Self::of(&bytes, tokens, digest).map_err(fault)
    }

    fn of(bytes: &[u8], tokenizer: WordPiece, digest: Digest) -> Result<Self, String> {
        let tensors = Tensors::read(bytes)?;
        let Tensor { shape, numbers: rows } =
            tensors.floats("embeddings")?.ok_or("it has no tensor `embeddings`")?;
        let [count, width] = shape[..] else {
            return Err(format!("`embeddings` has the shape {shape:?}, and not [tokens, dimensions]"));
        };
        if count == 0 || width == 0 {
            return Err(format!("`embeddings` has the shape {shape:?}, which holds nothing"));
        }
        let weights = tensors.floats("weights")?.map(|tensor| tensor.numbers);
        let mapping = tensors.places("mapping")?.map(|tensor| tensor.numbers);
        let largest = tokenizer.largest().and_then(|id| usize::try_from(id).ok());
        let tokens = largest.map_or(0, |id| id.saturating_add(1));
        let short = |name: &str, length: usize| {
            Err(format!("`{name}` has {length} rows, and the tokenizer knows {tokens} tokens"))
        };
        match &mapping {
            None if count < tokens => return short("embeddings", count),
            Some(mapping) if mapping.len() < tokens => return short("mapping", mapping.len()),
            Some(mapping) if mapping.iter().any(|row| *row >= count) => {
                return Err(format!("`mapping` names a row that `embeddings` has not: it has {count}"));
            }
            _ => {}
        }
        if let Some(weights) = weights.as_ref().filter(|weights| weights.len() < tokens) {
            return short("weights", weights.len());
        }
        Ok(Self { tokenizer, width, rows, weights, mapping, digest })
    }

    /// The mean of the vectors of its tokens, each times its weight, scaled to length 1; zeros where it has no token
    /// that the model knows. Tokens are not limited: the whole text counts.
    pub fn embed(&self, text: &str) -> Vec<f32> {
        let mut sums = vec![0.0_f64; self.width];
        self.tokenizer.ids(text, &mut |id| {
            let Ok(id) = usize::try_from(id) else { return };
            let row = self.mapping.as_ref().map_or(id, |mapping| mapping[id]);
            let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[id]));
            let numbers = &self.rows[row * self.width..(row + 1) * self.width];
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += weight * f64::from(*number));
        });
        // The length of the mean does not matter to what is scaled to length 1.
        let most = sums.iter().fold(0.0_f64, |most, sum| most.max(sum.abs()));
        let mut vector: Vec<f32> =
            sums.iter().map(|sum| if most > 0.0 { narrow(sum / most) } else { 0.0 }).collect();
        normalise(&mut vector);
        vector
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a component between -1 and 1, stored with 24 bits")]
fn narrow(component: f64) -> f32 {
    component as f32
}

fn unusable(path: &RelPath, why: &str) -> Diagnostic {
    Diagnostic::error(MODEL_UNUSABLE, format!("this is no embedding model: {why}")).at(Place::file(path))
}

#[cfg(test)]
mod tests;
