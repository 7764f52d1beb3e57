use super::*;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Vectors of three numbers for `[UNK]`, `refund`, `##s`, `lamp` and `two`.
const VECTORS: [[f32; 3]; 5] =
    [[9.0, 9.0, 9.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 2.0], [1.0, 1.0, 0.0]];

fn tokenizer() -> String {
    json!({
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "refund": 1, "##s": 2, "lamp": 3, "two": 4}},
    })
    .to_string()
}

/// A file of safetensors with these tensors: name, type, shape, bytes.
fn table(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let end = data.len() + bytes.len();
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [data.len(), end]});
        header.insert((*name).to_owned(), entry);
        data.extend(bytes);
    }
    let header = serde_json::Value::Object(header).to_string();
    [&u64::try_from(header.len()).expect("a length").to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn vectors() -> Vec<u8> {
    VECTORS.iter().flatten().flat_map(|number| number.to_le_bytes()).collect()
}

fn folder(table: &[u8], tokenizer: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("models/small");
    fs::create_dir_all(&model).expect("the folder");
    fs::write(model.join("model.safetensors"), table).expect("the table");
    fs::write(model.join("tokenizer.json"), tokenizer).expect("the tokenizer");
    folder
}

fn load(root: &Path) -> Result<StaticModel, Diagnostic> {
    let snapshot = Snapshot::working_tree(root).expect("a folder");
    StaticModel::load(&snapshot, &RelPath::new("models/small").expect("a path"))
}

fn near(found: &[f32], expected: [f32; 3]) -> bool {
    found.len() == 3 && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
}

#[test]
fn an_embedding_is_the_mean_of_its_tokens_scaled_to_length_1() {
    let root = folder(&table(&[("embeddings", "F32", &[5, 3], vectors())]), &tokenizer());
    let model = load(root.path()).expect("a model");
    // refund + ##s = (3, 4, 0), of length 5.
    assert!(near(&model.embed("Refunds"), [0.6, 0.8, 0.0]), "{:?}", model.embed("Refunds"));
    // What is not known has no part in it.
    assert!(near(&model.embed("refunds, unheard"), [0.6, 0.8, 0.0]));
    // lamp + two = (1, 1, 2), of length √6.
    let root6 = 6.0_f32.sqrt();
    assert!(near(&model.embed("two LAMP"), [1.0 / root6, 1.0 / root6, 2.0 / root6]));
    assert_eq!(model.embed("nothing known"), [0.0; 3]);
    assert_eq!(model.embed(""), [0.0; 3]);
}

#[test]
fn halves_weights_and_a_mapping_are_read() {
    // refund = (1, 0), ##s = (0, 1), of binary16; tokens 3 and 4 share the row of refund.
    let halves: Vec<u8> =
        [0_u16, 0, 0x3c00, 0, 0, 0x3c00].iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let weights: Vec<u8> = [1.0_f64, 3.0, 4.0, 1.0, 1.0].iter().flat_map(|one| one.to_le_bytes()).collect();
    let mapping: Vec<u8> = [0_i64, 1, 2, 1, 1].iter().flat_map(|one| one.to_le_bytes()).collect();
    let root = folder(
        &table(&[
            ("embeddings", "F16", &[3, 2], halves),
            ("weights", "F64", &[5], weights),
            ("mapping", "I64", &[5], mapping),
        ]),
        &tokenizer(),
    );
    let model = load(root.path()).expect("a model");
    let found = model.embed("refunds");
    assert!((found[0] - 0.6).abs() < 1e-6 && (found[1] - 0.8).abs() < 1e-6, "{found:?}");
    assert_eq!(model.embed("lamp"), [1.0, 0.0]);
}

#[test]
fn every_byte_of_its_files_moves_its_digest() {
    let (bytes, words) = (table(&[("embeddings", "F32", &[5, 3], vectors())]), tokenizer());
    let digest = |bytes: &[u8], words: &str| load(folder(bytes, words).path()).expect("a model").digest;
    let before = digest(&bytes, &words);
    assert_eq!(before, digest(&bytes, &words));
    let mut other = bytes.clone();
    let last = other.len() - 1;
    other[last] ^= 1;
    assert_ne!(before, digest(&other, &words));
    assert_ne!(before, digest(&bytes, &words.replace("##s", "##z")));
}

#[test]
fn what_is_no_model_is_said_with_its_file() {
    let whole = table(&[("embeddings", "F32", &[5, 3], vectors())]);
    let cut = whole[..whole.len() - 4].to_vec();
    let unigram = tokenizer().replace("\"WordPiece\"", "\"Unigram\"");
    let few = table(&[("embeddings", "F32", &[4, 3], vectors()[..48].to_vec())]);
    let flat = table(&[("embeddings", "F32", &[15], vectors())]);
    let named = table(&[("embedding.weight", "F32", &[5, 3], vectors())]);
    let far = table(&[
        ("embeddings", "F32", &[5, 3], vectors()),
        ("mapping", "I32", &[5], [0_i32, 1, 2, 3, 5].iter().flat_map(|one| one.to_le_bytes()).collect()),
    ]);
    for (bytes, words, file, why) in [
        (b"{}".to_vec(), tokenizer(), "model.safetensors", "shorter"),
        (cut, tokenizer(), "model.safetensors", "cut off"),
        (few, tokenizer(), "model.safetensors", "knows 5 tokens"),
        (flat, tokenizer(), "model.safetensors", "[15]"),
        (named, tokenizer(), "model.safetensors", "no tensor `embeddings`"),
        (far, tokenizer(), "model.safetensors", "names a row"),
        (whole.clone(), unigram, "tokenizer.json", "Unigram"),
        (whole, "{".to_owned(), "tokenizer.json", "no tokenizer"),
    ] {
        let fault = load(folder(&bytes, &words).path()).expect_err(why);
        assert_eq!(fault.code, MODEL_UNUSABLE);
        assert!(fault.message.contains(why) && fault.help.is_some(), "{}", fault.message);
        assert_eq!(fault.place.expect("a place").path.file_name(), file);
    }
    let empty = tempfile::tempdir().expect("a folder");
    assert!(load(empty.path()).expect_err("nothing").message.contains("no such file"));
}
