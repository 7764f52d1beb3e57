//! The team's own retriever: `{query, top_k}` goes to a provider, `{chunks: […]}` comes back. It is asked like a
//! model, so that pace, retries, store and recordings hold for it too.

use crate::domain::{Digest, ModelId, Parameters, Request};
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
