//! Reads a retrieval manifest.

use super::decode::{BAD_VALUE, Fields, MISSING_KEY, Sink, UNKNOWN_KEY};
use super::files::globs;
use super::head;
use super::pin;
use super::providers::{Providers, Purpose};
use super::retrieval::{ChunkUnit, Overlap, Retrieval, Search};
use super::yaml::Node;
use crate::domain::{Code, Diagnostic, ModelId, ProviderName, RelPath, RetrievalName, Span, date};

/// An index was rebuilt on a day that has not come yet.
pub const REBUILT_LATER: Code = Code("index-rebuilt-in-future");

/// The size of chunks without one of their own.
const DEFAULT_SIZE: u32 = 512;

/// Reads the manifest in `node`; `name` is its name where it gives itself none. `None` after an error.
pub fn read(
    sink: &Sink,
    node: &Node,
    name: &str,
    providers: &Providers<'_>,
    today: Option<&str>,
) -> Option<Retrieval> {
    let fields = sink.fields(node, "a retrieval manifest")?;
    let version = head::version(&fields);
    let own_name = fields.get("name").and_then(|node| head::own_name(sink, node));
    let about = head::about(&fields);
    let index_last_rebuilt = fields.get("index_last_rebuilt").and_then(|node| rebuilt(sink, node, today));
    let named = head::provider(&fields);
    let endpoint = endpoint(&fields, providers);
    let model = fields.get("embedding_model").and_then(|node| head::model(sink, node, "`embedding_model`"));
    let corpus = fields.get("corpus").map(|node| globs(sink, node, "`corpus`")).unwrap_or_default();
    let word = |key: &'static str| fields.get(key);
    let chunk_unit = word("chunk_unit").and_then(|node| {
        sink.one_of(
            node,
            "`chunk_unit`",
            &[("tokens", ChunkUnit::Tokens), ("characters", ChunkUnit::Characters)],
        )
    });
    let search = word("search").and_then(|node| {
        sink.one_of(
            node,
            "`search`",
            &[("hybrid", Search::Hybrid), ("vector", Search::Vector), ("bm25", Search::Bm25)],
        )
    });
    let (chunk_size, chunk_overlap) = chunks(&fields);
    let overlap = if word("chunk_overlap").is_some() { Overlap::Written } else { Overlap::OfSize };
    let top_k = fields.require("top_k", "8").and_then(|node| sink.integer(node, "`top_k`", 1));
    let min_score =
        word("min_score").and_then(|node| sink.number_in(node, "`min_score`", 0.0..=f64::INFINITY));
    let max_age_days = word("max_age_days").and_then(|node| sink.integer(node, "`max_age_days`", 1));
    let search = search.unwrap_or_default();
    let provider = embedding(&fields, model.as_ref(), named.as_ref(), search, providers, today);
    let corpus_place = head::place_of(&fields, "corpus");
    let rebuilt_place = head::place_of(&fields, "index_last_rebuilt");
    fields.finish(true);
    Some(Retrieval {
        name: RetrievalName::from(own_name.unwrap_or_else(|| name.to_owned())),
        path: sink.path().clone(),
        version: version?,
        embedding_model: model.map(|(model, _)| model),
        provider,
        corpus,
        chunk_size: chunk_size?,
        chunk_overlap: chunk_overlap?,
        overlap,
        chunk_unit: chunk_unit.unwrap_or_default(),
        search,
        top_k: top_k?,
        min_score: min_score.unwrap_or(0.0),
        max_age_days,
        endpoint,
        index_last_rebuilt,
        about,
        place: sink.place(node.span),
        corpus_place,
        rebuilt_place,
    })
    .filter(|_| !sink.has_errors())
}

/// The day of the index. What is no day could be compared with nothing, and would quietly never be old.
fn rebuilt(sink: &Sink, node: &Node, today: Option<&str>) -> Option<String> {
    let text = sink.written(node, "`index_last_rebuilt`")?;
    let Some(day) = date(&text) else {
        let message = format!("`index_last_rebuilt` is no ISO 8601 date: {text}");
        sink.error(BAD_VALUE, node.span, message, "write a day such as \"2026-04-20\"");
        return None;
    };
    if today.and_then(date).is_some_and(|today| day > today) {
        let message = format!("`index_last_rebuilt` is {day}, which has not come yet");
        let found = Diagnostic::warning(REBUILT_LATER, message).at(sink.place(node.span));
        sink.push(found.help("write the day on which the index was rebuilt"));
    }
    Some(text)
}

fn chunks(fields: &Fields<'_>) -> (Option<u32>, Option<u32>) {
    let sink = fields.sink();
    let size = fields.get("chunk_size");
    let overlap = fields.get("chunk_overlap");
    let chunk_size = size.map_or(Some(DEFAULT_SIZE), |node| sink.integer(node, "`chunk_size`", 1));
    let chunk_overlap = match (overlap, chunk_size) {
        (Some(node), _) => sink.integer(node, "`chunk_overlap`", 0),
        (None, Some(size)) => Some(Overlap::of_size(size)),
        (None, None) => None,
    };
    if let (Some(size), Some(overlap), Some(node)) = (chunk_size, chunk_overlap, overlap)
        && overlap >= size
    {
        sink.error(
            BAD_VALUE,
            node.span,
            format!("`chunk_overlap` is {overlap}, which is not below `chunk_size` {size}"),
            format!("use less than {size}"),
        );
    }
    (chunk_size, chunk_overlap)
}

/// The team's own retriever; nothing of the corpus goes with it.
fn endpoint(fields: &Fields<'_>, providers: &Providers<'_>) -> Option<ProviderName> {
    let node = fields.get("endpoint")?;
    let (name, span) = head::named::<ProviderName>(fields.sink(), node, "`endpoint`")?;
    for key in
        ["corpus", "embedding_model", "provider", "search", "chunk_size", "chunk_overlap", "chunk_unit"]
    {
        if fields.get(key).is_some() {
            fields.sink().error(
                UNKNOWN_KEY,
                fields.key_span(key),
                format!("`{key}` has no effect beside `endpoint`"),
                "remove one of the two",
            );
        }
    }
    let config = providers.named(fields.sink(), &name, span)?;
    if !matches!(config.api, super::project::Api::Http | super::project::Api::Exec) {
        fields.sink().error(
            BAD_VALUE,
            span,
            format!("`{name}` speaks `{}`, which is not a retriever", config.api.as_str()),
            "name a provider with api `http` or `exec`",
        );
    }
    Some(name)
}

/// The provider of the embedding model. An index that is kept elsewhere may name a model that no provider of
/// this project serves: that is a warning, and an error only where something has to be embedded.
fn embedding(
    fields: &Fields<'_>,
    model: Option<&(ModelId, Span)>,
    named: Option<&(ProviderName, Span)>,
    search: Search,
    providers: &Providers<'_>,
    today: Option<&str>,
) -> Option<ProviderName> {
    let sink = fields.sink();
    if fields.get("endpoint").is_some() {
        return None;
    }
    let Some((model, at)) = model else {
        if search != Search::Bm25 && fields.get("embedding_model").is_none() {
            sink.error(
                MISSING_KEY,
                fields.span(),
                "a retrieval manifest needs `embedding_model`, unless it has an `endpoint` or `search: bm25`",
                "add `embedding_model: builtin/hashing-256`, which needs no key",
            );
        }
        return None;
    };
    let at = *at;
    let quiet = Sink::new(sink.path());
    let named = named.map(|(name, span)| (name, *span));
    let config = providers.choose(&quiet, (model, at), named, Purpose::Embedding);
    let strict = named.is_some() || model.as_str().starts_with("builtin/");
    for found in quiet.into_found() {
        if strict {
            sink.push(found);
        } else {
            sink.push(Diagnostic::warning(pin::MODEL_UNVERIFIABLE, found.message).at(sink.place(at)).help(
                "add `provider: NAME` to search with this manifest; until then it only describes an index",
            ));
        }
    }
    let config = config?;
    for found in pin::check(model, config, today, &sink.place(at)) {
        // Vendors' embedding models mostly have no dated names: only a known alias is an error.
        let known = crate::domain::model::facts(model).is_some() || model.as_str().contains("latest");
        if found.code == pin::MODEL_NOT_PINNED && !known {
            sink.push(Diagnostic { severity: crate::domain::Severity::Warning, ..found });
        } else {
            sink.push(found);
        }
    }
    Some(config.name.clone())
}

/// The path of a manifest under its folder, without extension.
pub fn name_of(path: &RelPath, folder: &RelPath) -> String {
    let stem = RelPath::new(path.stem()).unwrap_or_else(RelPath::root);
    stem.strip(folder.as_str()).unwrap_or(stem.as_str()).to_owned()
}
