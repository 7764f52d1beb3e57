//! Embeddings as an exchange, so that they are stored and recorded like any other reply.

use crate::domain::exchange::FinishReason;
use crate::domain::{ModelId, Parameters, ProviderName, Reply, Request, Usage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// The request that stands for the embeddings of `texts`.
pub(super) fn request(provider: &ProviderName, model: &ModelId, texts: &[String]) -> Request {
    Request {
        provider: provider.clone(),
        api: "embeddings".to_owned(),
        model: model.clone(),
        messages: Vec::new(),
        tools: Vec::new(),
        parameters: Parameters::default(),
        output: None,
        json: false,
        trial: 0,
        data: json!({"embed": texts}),
        inputs: None,
        cacheable: true,
    }
}

/// The reply: each vector as base64 of its 32-bit floats, little end first.
pub(super) fn reply(vectors: &[Vec<f32>], usage: Usage) -> Reply {
    let coded: Vec<String> = vectors
        .iter()
        .map(|vector| {
            STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
        })
        .collect();
    Reply {
        text: json!(coded).to_string(),
        tool_calls: Vec::new(),
        refusal: None,
        finish: FinishReason::Stop,
        usage,
        model: None,
        context: None,
    }
}

/// The vectors of a reply; `None` where it holds none.
pub(super) fn read(text: &str) -> Option<Vec<Vec<f32>>> {
    let coded: Vec<String> = serde_json::from_str(text).ok()?;
    coded
        .iter()
        .map(|coded| {
            let bytes = STANDARD.decode(coded).ok()?;
            let (numbers, rest) = bytes.as_chunks::<4>();
            rest.is_empty().then(|| numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_bit_for_bit() {
        let vectors = vec![vec![0.1, -2.5e-20, 3.0], Vec::new()];
        assert_eq!(read(&reply(&vectors, Usage::default()).text), Some(vectors));
        assert_eq!((read("x"), read("[\"AAA=\"]")), (None, None));
    }
}
