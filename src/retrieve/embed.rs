//! Embeddings of a provider, in batches, each kept as soon as it is there: a server that fails half-way has not
//! failed for what it has given, and the next run goes on from it.

use crate::call::desk::{Denied, Desk};
use crate::call::{CallFailure, FailureKind, batches};
use crate::domain::{Digest, Error, ModelId, ProviderName, Result, Usage};
use crate::ledger::Home;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::json;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Requests under way at once; the provider's own pace holds back further.
const AT_ONCE: usize = 8;
/// Bytes of a digest as text.
const DIGEST: usize = 71;
/// Stands for an unknown count of tokens.
const UNKNOWN: u32 = u32::MAX;

/// One embedding that is kept.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    /// The vector, as the provider gave it.
    pub vector: Vec<f32>,
    /// Input tokens, where the text was sent by itself and the provider said.
    pub tokens: Option<u64>,
}

/// One request that was made.
#[derive(Clone, PartialEq, Debug)]
pub struct Spent {
    /// What names it.
    pub key: Digest,
    /// Milliseconds, retries included.
    pub latency_ms: u64,
    /// What it took.
    pub usage: Usage,
}

/// Why texts have no embeddings.
#[derive(Debug)]
pub enum EmbedFault {
    /// The provider failed, after its retries. What it gave before is kept.
    Failed(CallFailure),
    /// Calls are not allowed, and these texts are not at hand.
    Offline,
    /// The cost limit would be exceeded.
    CostLimit,
    /// They cannot be kept.
    Storage(Error),
}

/// The embeddings of one model that are at hand, by the text's digest: `.llmops/index/embeddings-<model>/`, files that
/// only grow. Every process writes one of its own, so that two never meet.
#[derive(Debug)]
pub struct Embeddings {
    provider: ProviderName,
    model: ModelId,
    folder: PathBuf,
    known: Mutex<HashMap<Digest, Kept>>,
    file: Mutex<Option<File>>,
}

impl Embeddings {
    /// What is at hand. A torn end of a file is passed over.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(home: &Home, provider: &ProviderName, model: &ModelId) -> Result<Self> {
        let of = Digest::of_json(&json!([provider, model])).short();
        let folder = home.make(&format!("index/embeddings-{of}"))?;
        let mut known = HashMap::new();
        let files = fs::read_dir(&folder).map_err(|error| cannot("read", &folder, error))?;
        for bytes in files.flatten().filter_map(|entry| fs::read(entry.path()).ok()) {
            let mut rest = bytes.as_slice();
            while let Some((key, kept, after)) = decode(rest) {
                // One of zeros alone, which an earlier version kept, is asked for again.
                if kept.vector.iter().any(|x| *x != 0.0) {
                    known.insert(key, kept);
                }
                rest = after;
            }
        }
        let (provider, model) = (provider.clone(), model.clone());
        Ok(Self { provider, model, folder, known: Mutex::new(known), file: Mutex::new(None) })
    }

    /// The embedding of a text, if it is at hand.
    pub fn get(&self, text: &str) -> Option<Kept> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&self.key(text)).cloned()
    }

    /// What names the embedding of a text.
    pub fn key(&self, text: &str) -> Digest {
        Digest::of_bytes(text.as_bytes())
    }

    /// The embeddings of `texts`, in order, and the requests that it took. Where `width` is known, embeddings of
    /// another one are neither taken from what is at hand nor kept: they come from another model.
    ///
    /// # Errors
    /// See [`EmbedFault`].
    pub async fn all(
        &self,
        desk: &Desk,
        texts: &[String],
        width: Option<usize>,
    ) -> Result<(Vec<Vec<f32>>, Vec<Spent>), EmbedFault> {
        let fits = |kept: &Kept| width.is_none_or(|width| kept.vector.len() == width);
        let mut seen = std::collections::HashSet::new();
        let missing: Vec<String> = texts
            .iter()
            .filter(|text| !self.get(text).is_some_and(|kept| fits(&kept)) && seen.insert(text.as_str()))
            .cloned()
            .collect();
        let mut requests = Vec::new();
        for batch in batches(&missing) {
            requests.push(self.request(desk, batch, width).boxed());
        }
        let mut under_way = stream::iter(requests).buffer_unordered(AT_ONCE);
        let (mut spent, mut failed) = (Vec::new(), None);
        // Those under way when one fails are heard to the end: what they bring is paid for.
        while let Some(result) = under_way.next().await {
            match result {
                Ok(one) => spent.push(one),
                Err(EmbedFault::Failed(failure)) if failure.kind != FailureKind::Setup => {
                    failed.get_or_insert(EmbedFault::Failed(failure));
                }
                Err(EmbedFault::CostLimit) => _ = failed.get_or_insert(EmbedFault::CostLimit),
                Err(fault) => return Err(fault),
            }
        }
        if let Some(fault) = failed {
            return Err(fault);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let vectors =
            texts.iter().filter_map(|text| Some(known.get(&self.key(text))?.vector.clone())).collect();
        Ok((vectors, spent))
    }

    async fn request(
        &self,
        desk: &Desk,
        batch: &[String],
        width: Option<usize>,
    ) -> Result<Spent, EmbedFault> {
        let called = desk.embed_now(&self.provider, &self.model, batch).await;
        let (vectors, usage, latency_ms) = called.map_err(|denied| match denied {
            Denied::NotRecorded => EmbedFault::Offline,
            Denied::CostLimit => EmbedFault::CostLimit,
            Denied::Failed(failure) => EmbedFault::Failed(failure),
            Denied::Storage(error) => EmbedFault::Storage(error),
        })?;
        let other = |width: &usize| vectors.iter().find(|vector| vector.len() != *width);
        if let Some((width, vector)) = width.and_then(|width| Some((width, other(&width)?))) {
            let detail = format!(
                "{}: the embedding of a query has {} numbers where those of the corpus have {width}; if the model was \
                 replaced, remove .llmops/index",
                self.provider,
                vector.len()
            );
            let kind = FailureKind::Provider;
            return Err(EmbedFault::Failed(CallFailure { kind, detail, attempts: 1, is_passing: false }));
        }
        let tokens = if batch.len() == 1 { usage.input } else { None };
        let mut bytes = Vec::new();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (text, vector) in batch.iter().zip(vectors) {
            let (key, kept) = (self.key(text), Kept { vector, tokens });
            encode(&mut bytes, &key, &kept);
            known.insert(key, kept);
        }
        drop(known);
        self.append(&bytes).map_err(EmbedFault::Storage)?;
        Ok(Spent { key: Digest::of_json(&json!([self.provider, self.model, batch])), latency_ms, usage })
    }

    fn append(&self, bytes: &[u8]) -> Result<()> {
        let failed = |error| cannot("written", &self.folder, error);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            let named = tempfile::Builder::new().prefix("part-").tempfile_in(&self.folder).map_err(failed)?;
            let (_, path) = named.keep().map_err(|error| failed(error.error))?;
            *file = Some(OpenOptions::new().append(true).open(path).map_err(failed)?);
        }
        match file.as_mut() {
            Some(file) => file.write_all(bytes).and_then(|()| file.flush()).map_err(failed),
            None => Ok(()),
        }
    }
}

fn cannot(done: &str, path: &std::path::Path, error: std::io::Error) -> Error {
    Error::storage(format!("{} cannot be {done}", path.display()), error)
}

/// The record of one embedding: digest, tokens, numbers, and a checksum of all that.
fn encode(bytes: &mut Vec<u8>, key: &Digest, kept: &Kept) {
    let start = bytes.len();
    bytes.extend(key.to_string().as_bytes());
    let tokens = kept.tokens.and_then(|tokens| u32::try_from(tokens).ok()).unwrap_or(UNKNOWN);
    bytes.extend(tokens.to_le_bytes());
    bytes.extend(u32::try_from(kept.vector.len()).unwrap_or(0).to_le_bytes());
    kept.vector.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
    let checksum = Digest::of_bytes(&bytes[start..]).to_string();
    bytes.extend(checksum.as_bytes());
}

fn decode(bytes: &[u8]) -> Option<(Digest, Kept, &[u8])> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let key = std::str::from_utf8(bytes.get(..DIGEST)?).ok()?.parse().ok()?;
    let tokens = word(DIGEST)?;
    let count = usize::try_from(word(DIGEST + 4)?).ok()?;
    let end = DIGEST + 8 + count.checked_mul(4)?;
    let numbers = bytes.get(DIGEST + 8..end)?;
    let checksum = bytes.get(end..end + DIGEST)?;
    if Digest::of_bytes(&bytes[..end]).to_string().as_bytes() != checksum {
        return None;
    }
    let vector = numbers.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let tokens = (tokens != UNKNOWN).then(|| u64::from(tokens));
    Some((key, Kept { vector, tokens }, &bytes[end + DIGEST..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_and_a_torn_one_is_not() {
        let key = Digest::of_bytes(b"text");
        let kept = Kept { vector: vec![0.5, -2.0], tokens: Some(7) };
        let mut bytes = Vec::new();
        encode(&mut bytes, &key, &kept);
        encode(&mut bytes, &key, &Kept { tokens: None, ..kept.clone() });
        let (read, first, rest) = decode(&bytes).expect("a record");
        assert_eq!((read, &first), (key, &kept));
        assert_eq!(decode(rest).expect("a record").1.tokens, None);
        assert!(decode(&rest[..rest.len() - 1]).is_none() && decode(&[]).is_none());
        bytes[80] ^= 1;
        assert!(decode(&bytes).is_none());
    }
}
