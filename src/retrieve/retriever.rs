//! One retrieval manifest, ready to be asked.

use super::embed::{EmbedFault, Embeddings, Kept, Spent};
use super::found::{Hit, RetrieveFault, Retrieved, broken};
use super::index::{Draft, Index, Passage, embeds};
use super::local::{Local, StaticModel};
use super::search::{Bm25, Scored, fuse, nearest, normalise};
use super::{endpoint, freshness, hashing};
use crate::call::CallFailure;
use crate::call::desk::{Denied, Desk};
use crate::domain::exchange::Source;
use crate::domain::grade::{CallRecord, CallRole};
use crate::domain::{
    Chunk, Diagnostic, Digest, Error, Exchange, PromptName, ProviderName, RelPath, Request, Result, Usage,
};
use crate::ledger::Home;
use crate::manifest::project::ProviderConfig;
use crate::manifest::retrieval::{Retrieval, Search};
use crate::repo::{Repository, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::OnceCell;

/// Each ranking is fused as far as this, or four times `top_k`, where that is more.
const FUSED: usize = 100;

/// Where chunks come from.
#[derive(Debug)]
enum Body {
    Corpus(Box<Corpus>),
    Endpoint { provider: Box<ProviderConfig>, program: Option<Digest> },
}

/// Who makes a vector of a text.
#[derive(Debug)]
enum Embedder {
    /// Nobody: words are counted.
    None,
    /// This program.
    Local(Local),
    /// A provider.
    Remote(Embeddings),
}

#[derive(Debug)]
struct Corpus {
    draft: Mutex<Option<Draft>>,
    embedder: Embedder,
    /// The identity of the retrieval, under which what it finds is recorded.
    digest: Option<Digest>,
    /// The index, and the requests that it took; a failure stays one for the whole run.
    index: OnceCell<Result<Index, CallFailure>>,
    words: OnceLock<Bm25>,
    dates: BTreeMap<RelPath, String>,
}

/// A retriever. One value serves a whole run, from any number of tasks.
#[derive(Debug)]
pub struct Retriever {
    retrieval: Arc<Retrieval>,
    body: Body,
    /// What the corpus is warned of.
    pub warnings: Vec<Diagnostic>,
}

/// What a retriever is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The files.
    pub snapshot: &'a Snapshot,
    /// Their history, where there is one.
    pub git: Option<&'a Repository>,
    /// Where indexes are kept.
    pub home: &'a Home,
    /// The folder of the embedding model, where the manifest's provider is one.
    pub model: Option<&'a RelPath>,
    /// The identity of the retrieval, where what it finds may be recorded.
    pub digest: Option<Digest>,
    /// Today, ISO 8601: the date of a file that was changed and not committed.
    pub today: &'a str,
}

impl Retriever {
    /// Reads the corpus, and takes over what an earlier run indexed. Nothing is called. `endpoint` is the provider
    /// of a manifest that names one, with the digest of the files that it declares.
    ///
    /// # Errors
    /// What is wrong with the corpus, or files that cannot be written.
    pub fn open(
        sources: Sources<'_>,
        retrieval: Arc<Retrieval>,
        endpoint: Option<(ProviderConfig, Option<Digest>)>,
    ) -> Result<Self> {
        if let Some((provider, program)) = endpoint {
            let body = Body::Endpoint { provider: Box::new(provider), program };
            return Ok(Self { retrieval, body, warnings: Vec::new() });
        }
        let embedder = match (embeds(&retrieval), &retrieval.provider, &retrieval.embedding_model) {
            (None, ..) => Embedder::None,
            (Some(hashing::MODEL), ..) => Embedder::Local(Local::Hashing),
            (Some(_), Some(provider), Some(model)) => match sources.model {
                Some(folder) => {
                    let model = StaticModel::load(sources.snapshot, folder);
                    let model = model.map_err(|fault| Error::invalid(vec![fault]))?;
                    Embedder::Local(Local::Static(Box::new(model)))
                }
                None => Embedder::Remote(Embeddings::open(sources.home, provider, model)?),
            },
            (Some(model), ..) => {
                return Err(Error::input(format!(
                    "`{}` cannot be searched: no provider serves the embedding model `{model}`",
                    retrieval.name
                ))
                .hint(format!("add `provider: NAME` to {}, or use builtin/hashing-256", retrieval.path)));
            }
        };
        let local = match &embedder {
            Embedder::Local(local) => Some(local),
            Embedder::None | Embedder::Remote(_) => None,
        };
        let mut draft = Draft::build(sources.snapshot, sources.home, &retrieval, local)?;
        let warnings = std::mem::take(&mut draft.warnings);
        let dates = match retrieval.max_age_days {
            Some(_) => freshness::of_corpus(sources.snapshot, sources.git, &retrieval, sources.today)?,
            None => BTreeMap::new(),
        };
        let corpus = Corpus {
            draft: Mutex::new(Some(draft)),
            embedder,
            digest: sources.digest,
            index: OnceCell::new(),
            words: OnceLock::new(),
            dates,
        };
        Ok(Self { retrieval, body: Body::Corpus(Box::new(corpus)), warnings })
    }

    /// The manifest.
    pub fn retrieval(&self) -> &Retrieval {
        &self.retrieval
    }

    /// The sources of the documents of a corpus, before anything is searched; `None` for a retriever of the team's own.
    pub fn sources(&self) -> Option<BTreeSet<String>> {
        let Body::Corpus(corpus) = &self.body else { return None };
        let draft = corpus.draft.lock().unwrap_or_else(PoisonError::into_inner);
        draft.as_ref().map(Draft::sources)
    }

    /// The provider that has to be called for these queries; `None` when everything is at hand.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn calls<'q>(
        &self,
        queries: impl Iterator<Item = &'q str>,
        desk: &Desk,
    ) -> Result<Option<&ProviderName>> {
        match &self.body {
            Body::Endpoint { provider, program } => {
                for query in queries {
                    if !desk.has(&endpoint::request(&self.retrieval, provider, *program, query))? {
                        return Ok(Some(&provider.name));
                    }
                }
                Ok(None)
            }
            Body::Corpus(corpus) => {
                let Embedder::Remote(embeddings) = &corpus.embedder else { return Ok(None) };
                let mut open = Vec::new();
                for query in queries {
                    if corpus.recorded(&self.retrieval, query, desk)?.is_none() {
                        open.push(query);
                    }
                }
                let draft = corpus.draft.lock().unwrap_or_else(PoisonError::into_inner);
                let texts = draft.as_ref().map(Draft::texts).unwrap_or_default();
                let at_hand = |text: &str| embeddings.get(text).is_some();
                let all = open.is_empty()
                    || texts.iter().all(|text| at_hand(text)) && open.into_iter().all(at_hand);
                Ok(self.retrieval.provider.as_ref().filter(|_| !all))
            }
        }
    }

    /// The chunks that fit a query best.
    ///
    /// # Errors
    /// See [`RetrieveFault`].
    pub async fn retrieve(
        &self,
        query: &str,
        desk: &Desk,
        prompt: &PromptName,
    ) -> Result<Retrieved, RetrieveFault> {
        match &self.body {
            Body::Corpus(corpus) => corpus.retrieve(&self.retrieval, query, desk, prompt).await,
            Body::Endpoint { provider, program } => {
                let request = endpoint::request(&self.retrieval, provider, *program, query);
                let answered = desk.ask(&request, prompt).await.map_err(|denied| match denied {
                    Denied::NotRecorded => RetrieveFault::Offline,
                    Denied::CostLimit => RetrieveFault::CostLimit,
                    Denied::Failed(failure) => RetrieveFault::Failed(failure),
                    Denied::Storage(error) => RetrieveFault::Ended(error),
                })?;
                let least = self.retrieval.min_score;
                let most = usize::try_from(self.retrieval.top_k).unwrap_or(usize::MAX);
                // One that was kept by an earlier version may lack it; a new one is refused where it arrives.
                let found = answered.reply.context.ok_or_else(|| {
                    broken(&format!("{}: the retriever's reply has no list of `chunks`", provider.name))
                })?;
                let found = found.into_iter();
                let hits = found
                    .filter(|chunk| chunk.score.is_none_or(|score| score >= least))
                    .take(most)
                    .map(|chunk| Hit { chunk, heading: None, range: None });
                Ok(Retrieved { hits: hits.collect(), calls: Vec::new() })
            }
        }
    }
}

impl Corpus {
    /// What was recorded of a query: the request that names it, and its exchange. `None` where it has to be searched
    /// for, always so where searching needs nothing from outside.
    fn recorded(&self, retrieval: &Retrieval, query: &str, desk: &Desk) -> Result<Option<Exchange>> {
        let Some(request) = self.request(retrieval, query) else { return Ok(None) };
        Ok(desk.stored(&request.key())?.map(|(exchange, _)| exchange))
    }

    /// The request that stands for a search with embeddings of a provider.
    fn request(&self, retrieval: &Retrieval, query: &str) -> Option<Request> {
        let Embedder::Remote(_) = &self.embedder else { return None };
        endpoint::found(retrieval, self.digest?, query)
    }

    async fn retrieve(
        &self,
        retrieval: &Retrieval,
        query: &str,
        desk: &Desk,
        prompt: &PromptName,
    ) -> Result<Retrieved, RetrieveFault> {
        let mut calls = Vec::new();
        let book = |source: Source, spent: Spent| CallRecord {
            role: CallRole::Embedding,
            source,
            key: spent.key,
            retries: 0,
            latency_ms: spent.latency_ms,
            usage: spent.usage,
            cost: retrieval
                .embedding_model
                .as_ref()
                .zip(retrieval.provider.as_ref())
                .and_then(|(model, provider)| desk.prices.cost(model, provider, &spent.usage)),
        };
        let recorded = self.recorded(retrieval, query, desk).map_err(RetrieveFault::Ended)?;
        if let Some((exchange, chunks)) = recorded.and_then(|one| Some((one.clone(), one.reply.context?))) {
            let spent = Spent { key: exchange.key, latency_ms: 0, usage: exchange.reply.usage };
            desk.record(prompt, exchange);
            let hits = chunks.into_iter().map(|chunk| Hit { chunk, heading: None, range: None }).collect();
            return Ok(Retrieved { hits, calls: vec![book(Source::Recorded, spent)] });
        }
        let built = self.index.get_or_try_init(|| self.build(desk, &mut calls, &book)).await?;
        let index = built.as_ref().map_err(|failure| RetrieveFault::Failed(failure.clone()))?;
        let vector = match &self.embedder {
            Embedder::None => Vec::new(),
            Embedder::Local(local) => local.embed(query),
            Embedder::Remote(embeddings) => {
                let width = Some(index.width).filter(|width| *width > 0);
                let fits = |kept: &Kept| width.is_none_or(|width| kept.vector.len() == width);
                if let Some(kept) = embeddings.get(query).filter(fits) {
                    let usage = Usage { input: kept.tokens, ..Usage::default() };
                    let spent = Spent { key: embeddings.key(query), latency_ms: 0, usage };
                    calls.push(book(Source::Cached, spent));
                }
                let asked = [query.to_owned()];
                let (mut vectors, spent) =
                    embeddings.all(desk, &asked, width).await.map_err(RetrieveFault::from)?;
                calls.extend(spent.into_iter().map(|spent| book(Source::Live, spent)));
                vectors.pop().unwrap_or_default()
            }
        };
        let hits = self.search(retrieval, index, query, vector).into_iter();
        let hits: Vec<Hit> = hits.map(|(at, score)| self.hit(&index.passages[at], score)).collect();
        if let (Some(request), Embedder::Remote(embeddings)) =
            (self.request(retrieval, query), &self.embedder)
        {
            let input = embeddings.get(query).and_then(|kept| kept.tokens);
            let usage = Usage { input, ..Usage::default() };
            let reply = endpoint::reply(hits.iter().map(|hit| hit.chunk.clone()).collect(), usage);
            let key = request.key();
            desk.record(prompt, Exchange { key, request, reply, latency_ms: 0, at: (desk.now)() });
        }
        Ok(Retrieved { hits, calls })
    }

    /// Embeds what no earlier run has embedded. A failure of the provider is kept, so that the other cases of this
    /// run do not ask for the same again.
    async fn build(
        &self,
        desk: &Desk,
        calls: &mut Vec<CallRecord>,
        book: &impl Fn(Source, Spent) -> CallRecord,
    ) -> Result<Result<Index, CallFailure>, RetrieveFault> {
        let texts = {
            let draft = self.draft.lock().unwrap_or_else(PoisonError::into_inner);
            draft.as_ref().map(Draft::texts).unwrap_or_default()
        };
        let vectors = match &self.embedder {
            Embedder::Remote(embeddings) => match embeddings.all(desk, &texts, None).await {
                Ok((vectors, spent)) => {
                    calls.extend(spent.into_iter().map(|spent| book(Source::Live, spent)));
                    vectors
                }
                Err(EmbedFault::Failed(failure)) => return Ok(Err(failure)),
                Err(fault) => return Err(fault.into()),
            },
            Embedder::None | Embedder::Local(_) => Vec::new(),
        };
        let draft = self.draft.lock().unwrap_or_else(PoisonError::into_inner).take();
        let finished = draft.map_or_else(|| Ok(Index::default()), |draft| draft.finish(vectors));
        finished.map(Ok).map_err(RetrieveFault::Ended)
    }

    fn search(&self, retrieval: &Retrieval, index: &Index, query: &str, mut vector: Vec<f32>) -> Vec<Scored> {
        let most = usize::try_from(retrieval.top_k).unwrap_or(usize::MAX);
        normalise(&mut vector);
        let near = |most| {
            if vector.len() == index.width { nearest(&index.vectors, &vector, most) } else { Vec::new() }
        };
        let worded = |most| self.words.get_or_init(|| Bm25::new(&index.passages)).search(query, most);
        let mut found = match retrieval.search {
            Search::Vector => near(most),
            Search::Bm25 => worded(most),
            Search::Hybrid => {
                let depth = FUSED.max(most.saturating_mul(4));
                fuse(&[near(depth), worded(depth)], most)
            }
        };
        found.retain(|(_, score)| *score >= retrieval.min_score);
        found
    }

    fn hit(&self, passage: &Passage, score: f64) -> Hit {
        // The name of a file may hold a `#` like the source of a row does: the longest that there is, is meant.
        let dated = || {
            let source = passage.source.as_str();
            let rows = source.rmatch_indices('#').map(|(at, _)| &source[..at]);
            let mut files = std::iter::once(source).chain(rows);
            files.find_map(|file| self.dates.get(&RelPath::new(file)?).cloned())
        };
        Hit {
            chunk: Chunk {
                text: passage.text.clone(),
                source: Some(passage.source.clone()),
                score: Some(score),
                last_updated: passage.last_updated.clone().or_else(dated),
            },
            heading: passage.heading.clone(),
            range: Some((passage.start, passage.end)),
        }
    }
}
