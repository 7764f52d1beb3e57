//! One retrieval manifest, ready to be asked.

use super::embed::{EmbedFault, Embeddings, Spent};
use super::index::{Draft, Index, Passage, embeds};
use super::local::{Local, StaticModel};
use super::search::{Bm25, Scored, fuse, nearest, normalise};
use super::{endpoint, hashing};
use crate::call::CallFailure;
use crate::call::desk::{Denied, Desk, Policy};
use crate::domain::exchange::Source;
use crate::domain::grade::{CallRecord, CallRole};
use crate::domain::{Chunk, Diagnostic, Digest, Error, PromptName, ProviderName, RelPath, Result};
use crate::ledger::Home;
use crate::manifest::project::ProviderConfig;
use crate::manifest::retrieval::{Retrieval, Search};
use crate::repo::{Repository, Snapshot};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::OnceCell;

/// Each ranking is fused as far as this, or four times `top_k`, where that is more.
const FUSED: usize = 100;

/// A chunk that was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Hit {
    /// As templates and judges see it.
    pub chunk: Chunk,
    /// The headings over it.
    pub heading: Option<String>,
    /// Its range in the document; `None` for what an endpoint found.
    pub range: Option<(u64, u64)>,
}

/// What a query brought.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Retrieved {
    /// The chunks, best first.
    pub hits: Vec<Hit>,
    /// Calls of an embedding model. The calls that an index took are those of the query that it was built for.
    pub calls: Vec<CallRecord>,
}

/// Why a query brought nothing.
#[derive(Debug)]
pub enum RetrieveFault {
    /// A provider failed, after its retries.
    Failed(CallFailure),
    /// Offline, and not at hand.
    Offline,
    /// The cost limit would be exceeded.
    CostLimit,
    /// An input is wrong, or files cannot be written.
    Ended(Error),
}

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
            Some(_) => dates(sources, &retrieval)?,
            None => BTreeMap::new(),
        };
        let corpus = Corpus {
            draft: Mutex::new(Some(draft)),
            embedder,
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

    /// The provider that has to be called for these queries; `None` when everything is at hand.
    pub fn calls<'q>(&self, mut queries: impl Iterator<Item = &'q str>) -> Option<&ProviderName> {
        match &self.body {
            Body::Endpoint { provider, .. } => Some(&provider.name),
            Body::Corpus(corpus) => {
                let Embedder::Remote(embeddings) = &corpus.embedder else { return None };
                let draft = corpus.draft.lock().unwrap_or_else(PoisonError::into_inner);
                let texts = draft.as_ref().map(Draft::texts).unwrap_or_default();
                let at_hand = |text: &str| embeddings.get(text).is_some();
                let all = texts.iter().all(|text| at_hand(text)) && queries.all(at_hand);
                self.retrieval.provider.as_ref().filter(|_| !all)
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
            Body::Corpus(corpus) => corpus.retrieve(&self.retrieval, query, desk).await,
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
                let found = answered.reply.context.unwrap_or_default().into_iter();
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
    async fn retrieve(
        &self,
        retrieval: &Retrieval,
        query: &str,
        desk: &Desk,
    ) -> Result<Retrieved, RetrieveFault> {
        let live = desk.policy != Policy::Offline;
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
        let built = self.index.get_or_try_init(|| self.build(desk, live, &mut calls, &book)).await?;
        let index = built.as_ref().map_err(|failure| RetrieveFault::Failed(failure.clone()))?;
        let vector = match &self.embedder {
            Embedder::None => Vec::new(),
            Embedder::Local(local) => local.embed(query),
            Embedder::Remote(embeddings) => {
                if let Some(kept) = embeddings.get(query) {
                    let usage = crate::domain::Usage { input: kept.tokens, ..Default::default() };
                    let spent = Spent { key: embeddings.key(query), latency_ms: 0, usage };
                    calls.push(book(Source::Cached, spent));
                }
                let asked = [query.to_owned()];
                let (mut vectors, spent) =
                    embeddings.all(&desk.providers, &asked, live).await.map_err(RetrieveFault::from)?;
                calls.extend(spent.into_iter().map(|spent| book(Source::Live, spent)));
                vectors.pop().unwrap_or_default()
            }
        };
        let hits = self.search(retrieval, index, query, vector).into_iter();
        let hits = hits.map(|(at, score)| self.hit(&index.passages[at], score)).collect();
        Ok(Retrieved { hits, calls })
    }

    /// Embeds what no earlier run has embedded. A failure of the provider is kept, so that the other cases of this
    /// run do not ask for the same again.
    async fn build(
        &self,
        desk: &Desk,
        live: bool,
        calls: &mut Vec<CallRecord>,
        book: &impl Fn(Source, Spent) -> CallRecord,
    ) -> Result<Result<Index, CallFailure>, RetrieveFault> {
        let texts = {
            let draft = self.draft.lock().unwrap_or_else(PoisonError::into_inner);
            draft.as_ref().map(Draft::texts).unwrap_or_default()
        };
        let vectors = match &self.embedder {
            Embedder::Remote(embeddings) => match embeddings.all(&desk.providers, &texts, live).await {
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
        let dated = || {
            let file = passage.source.split('#').next().unwrap_or_default();
            self.dates.get(&RelPath::new(file)?).cloned()
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

impl From<EmbedFault> for RetrieveFault {
    fn from(fault: EmbedFault) -> Self {
        match fault {
            EmbedFault::Failed(failure) => Self::Failed(failure),
            EmbedFault::Offline => Self::Offline,
            EmbedFault::Storage(error) => Self::Ended(error),
        }
    }
}

/// The day of each file: of the last commit that touched it, or today where it was changed since.
fn dates(sources: Sources<'_>, retrieval: &Retrieval) -> Result<BTreeMap<RelPath, String>> {
    let Some(git) = sources.git else { return Ok(BTreeMap::new()) };
    let paths =
        super::corpus::list(sources.snapshot, retrieval).map_err(|fault| Error::invalid(vec![fault]))?;
    let mut found = git.last_commits(&paths)?;
    if let Some(head) = git.head()? {
        for path in git.changed_paths(&head)? {
            if paths.binary_search(&path).is_ok() {
                found.insert(path, sources.today.to_owned());
            }
        }
    }
    Ok(found)
}
