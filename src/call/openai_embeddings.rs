//! Embeddings as OpenAI's API, and whatever is compatible, gives them: encode and decode.

use super::endpoint::Endpoint;
use super::fault::{Fault, expect_no_error, read, reported_error};
use super::usage;
use super::wire::{HttpRequest, HttpResponse};
use crate::domain::{ModelId, Usage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// The request for the vectors of `texts`. Numbers are asked for, which every compatible server can give.
pub fn encode(model: &ModelId, texts: &[String], endpoint: &Endpoint) -> HttpRequest {
    let body = json!({"model": model, "input": texts, "encoding_format": "float"});
    HttpRequest {
        url: endpoint.at("/embeddings"),
        headers: endpoint.headers.clone(),
        body: body.to_string().into(),
    }
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    data: Option<Vec<Row>>,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    index: Option<usize>,
    embedding: Embedding,
}

/// Numbers, or base64 of little-endian 32-bit floats, which some servers send whatever was asked for.
struct Embedding(Vec<f32>);

impl<'de> Deserialize<'de> for Embedding {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Embedding;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of numbers or base64 text")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Embedding, E> {
                let bytes = STANDARD.decode(text).map_err(E::custom)?;
                if bytes.len() % 4 != 0 {
                    return Err(E::custom("base64 of a number of bytes that is no multiple of four"));
                }
                let floats = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                Ok(Embedding(floats.collect()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Embedding, A::Error> {
                let mut vector = Vec::with_capacity(seq.size_hint().unwrap_or(0));
                while let Some(number) = seq.next_element::<f32>()? {
                    vector.push(number);
                }
                Ok(Embedding(vector))
            }
        }
        let embedding = deserializer.deserialize_any(Visitor)?;
        if embedding.0.is_empty() || !embedding.0.iter().all(|number| number.is_finite()) {
            return Err(D::Error::custom("an embedding that is empty or not finite"));
        }
        // Nothing is near to it: kept, it would look like a corpus that holds nothing.
        if embedding.0.iter().all(|number| *number == 0.0) {
            return Err(D::Error::custom("an embedding of zeros alone"));
        }
        Ok(embedding)
    }
}

/// The vectors in the order of the texts, and what they took.
///
/// # Errors
/// A status of failure; a body that does not hold exactly one vector for each of `texts`, all of one length.
pub fn decode(texts: usize, response: &HttpResponse) -> Result<(Vec<Vec<f32>>, Usage), Fault> {
    let body: Body = read(response)?;
    let rows = body.data.ok_or_else(|| {
        reported_error(response).unwrap_or_else(|| Fault::undecodable("no `data` in the body"))
    })?;
    expect_no_error(body.error.as_ref(), response)?;
    let given = rows.len();
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts];
    for (place, row) in rows.into_iter().enumerate() {
        if let Some(slot) = vectors.get_mut(row.index.unwrap_or(place)) {
            *slot = Some(row.embedding.0);
        }
    }
    let vectors: Vec<Vec<f32>> = vectors.into_iter().flatten().collect();
    if vectors.len() != texts || given != texts {
        return Err(Fault::undecodable(format!("{given} embeddings for {texts} texts")));
    }
    if vectors.windows(2).any(|pair| pair[0].len() != pair[1].len()) {
        return Err(Fault::undecodable("embeddings of different lengths"));
    }
    Ok((vectors, usage::openai(&body.usage)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::environment::Environment;
    use crate::call::fault::tests::response;
    use crate::manifest::project::{Api, ProviderConfig};

    fn decoded(texts: usize, body: &Value) -> Result<(Vec<Vec<f32>>, Usage), Fault> {
        decode(texts, &response(200, &[], &body.to_string()))
    }

    #[test]
    fn the_request_asks_for_numbers() {
        let config = ProviderConfig {
            base_url: Some("http://localhost/v1".to_owned()),
            ..ProviderConfig::new("local".into(), Api::OpenAi)
        };
        let endpoint = Endpoint::resolve(&config, &Environment::default()).expect("ready");
        let sent = encode(&"m".into(), &["a".to_owned(), "b".to_owned()], &endpoint);
        assert_eq!(sent.url.as_str(), "http://localhost/v1/embeddings");
        let body: Value = serde_json::from_slice(&sent.body).expect("json");
        assert_eq!(body, json!({"model": "m", "input": ["a", "b"], "encoding_format": "float"}));
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts_in_either_encoding() {
        let body = json!({"data": [{"index": 1, "embedding": [0.5, -1]}, {"index": 0, "embedding": "AACAPwAAAEA="}],
            "usage": {"prompt_tokens": 7, "total_tokens": 7}});
        let (vectors, usage) = decoded(2, &body).expect("vectors");
        assert_eq!(vectors, [[1.0, 2.0], [0.5, -1.0]]);
        assert_eq!((usage.input, usage.output), (Some(7), None));
        let unnumbered = json!({"data": [{"embedding": [1]}, {"embedding": [2]}]});
        assert_eq!(decoded(2, &unnumbered).expect("vectors").0, [[1.0], [2.0]]);
    }

    #[test]
    fn anything_but_one_vector_for_each_text_is_a_fault() {
        for (body, says) in [
            (json!({"data": [{"index": 0, "embedding": [1]}]}), "1 embeddings for 2 texts"),
            (
                json!({"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}),
                "2 embeddings for 2 texts",
            ),
            (
                json!({"data": [{"index": 0, "embedding": [1]}, {"index": 9, "embedding": [1]}]}),
                "2 embeddings for 2 texts",
            ),
            (
                json!({"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}),
                "embeddings of different lengths",
            ),
            (json!({"data": [{"embedding": []}, {"embedding": []}]}), "empty"),
            (json!({"data": [{"embedding": "AAA="}]}), "multiple of four"),
            (json!({"data": [{"embedding": "AADAfw=="}]}), "finite"),
            (json!({"data": [{"embedding": [0.0, -0.0]}, {"embedding": [1]}]}), "zeros alone"),
            (json!({"data": [{"embedding": "?"}]}), "no reply in the body"),
            (json!({}), "no `data`"),
            (
                json!({"data": [{"embedding": [1]}, {"embedding": [1]}], "error": "upstream"}),
                "an error beside the answer: upstream",
            ),
            (json!({"error": {"message": "no such model", "type": "x"}}), "x: no such model"),
        ] {
            let fault = decoded(2, &body).expect_err(says);
            assert!(fault.detail.contains(says), "{}", fault.detail);
        }
    }
}
