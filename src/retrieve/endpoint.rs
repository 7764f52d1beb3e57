//! The team's own retriever: `{query, top_k}` goes to a provider, `{chunks: […]}` comes back. It is asked like a
//! model, so that pace, retries, store and recordings hold for it too.

use crate::domain::exchange::FinishReason;
use crate::domain::{Chunk, Digest, ModelId, Parameters, Reply, Request, Usage};
use crate::manifest::project::ProviderConfig;
use crate::manifest::retrieval::Retrieval;
use serde_json::json;

/// The request for the chunks that fit `query`. `program` is the digest of the files that the provider declares;
/// without it nothing is kept.
pub fn request(
    retrieval: &Retrieval,
    provider: &ProviderConfig,
    program: Option<Digest>,
    query: &str,
) -> Request {
    Request {
        provider: provider.name.clone(),
        api: provider.api.as_str().to_owned(),
        model: ModelId::new("retriever"),
        messages: Vec::new(),
        tools: Vec::new(),
        parameters: Parameters::default(),
        output: None,
        json: false,
        trial: 0,
        data: json!({"retrieve": {"query": query, "top_k": retrieval.top_k}}),
        inputs: program,
        cacheable: program.is_some(),
    }
}

/// The request under which what a corpus gives to `query` is recorded: nobody is sent it. `digest` is the identity of
/// the retrieval, the corpus's content in it. `None` where no provider embeds.
pub fn found(retrieval: &Retrieval, digest: Digest, query: &str) -> Option<Request> {
    Some(Request {
        provider: retrieval.provider.clone()?,
        api: "retrieval".to_owned(),
        model: retrieval.embedding_model.clone()?,
        messages: Vec::new(),
        tools: Vec::new(),
        parameters: Parameters::default(),
        output: None,
        json: false,
        trial: 0,
        data: json!({"found": {"query": query, "retrieval": digest}}),
        inputs: None,
        cacheable: true,
    })
}

/// The reply that holds these chunks.
pub fn reply(chunks: Vec<Chunk>, usage: Usage) -> Reply {
    Reply {
        text: String::new(),
        tool_calls: Vec::new(),
        refusal: None,
        finish: FinishReason::Stop,
        usage,
        model: None,
        context: Some(chunks),
    }
}
