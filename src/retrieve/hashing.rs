//! `builtin/hashing-256`: embeddings that need no model, no key and no network.

use unicode_segmentation::UnicodeSegmentation;

/// The name under which manifests ask for it.
pub const MODEL: &str = "builtin/hashing-256";

/// Components of an embedding.
pub const DIMENSIONS: usize = 256;

/// The embedding of `text`: feature hashing (Weinberger et al. 2009) of its words and of its pairs of neighbouring words.
///
/// Words are those of Unicode (UAX 29), lower-cased. Each word, and each pair joined by one space, is hashed by FNV-1a
/// with 64 bits: the low 8 bits choose the component, the highest bit the sign. The sum is scaled to length 1. A text
/// without words is all zeros, which has no direction. The same text has the same embedding on every machine.
pub fn embed(text: &str) -> Vec<f32> {
    let text = text.to_lowercase();
    let mut sums = [0_i32; DIMENSIONS];
    let mut last: Option<&str> = None;
    for word in text.unicode_words() {
        add(&mut sums, fnv(word.bytes()));
        if let Some(last) = last {
            add(&mut sums, fnv(last.bytes().chain([b' ']).chain(word.bytes())));
        }
        last = Some(word);
    }
    let length = sums.iter().map(|sum| f64::from(*sum).powi(2)).sum::<f64>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    sums.iter().map(|sum| narrow(f64::from(*sum) * scale)).collect()
}

fn add(sums: &mut [i32; DIMENSIONS], hash: u64) {
    let sum = &mut sums[usize::from(hash.to_le_bytes()[0])];
    *sum = sum.saturating_add(if hash >> 63 == 0 { 1 } else { -1 });
}

#[expect(clippy::cast_possible_truncation, reason = "a component between -1 and 1, stored with 24 bits")]
fn narrow(component: f64) -> f32 {
    component as f32
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(left: &str, right: &str) -> f32 {
        embed(left).iter().zip(embed(right)).map(|(left, right)| left * right).sum()
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv(b"".iter().copied()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"a".iter().copied()), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv(b"foobar".iter().copied()), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn one_word_is_one_component() {
        let embedding = embed("A");
        assert_eq!(embedding.len(), DIMENSIONS);
        // The low byte of the hash of `a` is 0x8c, its highest bit is set.
        assert_eq!(embedding.iter().position(|x| *x != 0.0), Some(0x8c));
        assert_eq!(embedding[0x8c], -1.0);
    }

    #[test]
    fn like_texts_are_near_and_case_and_punctuation_do_not_count() {
        let refunds = "Refunds are paid within 14 days.";
        assert!((dot(refunds, "refunds ARE paid, within 14 days!") - 1.0).abs() < 1e-6);
        let near = dot(refunds, "Refunds take 14 days.");
        let far = dot(refunds, "The parcel ships on Monday morning.");
        assert!(near > far + 0.2, "{near} {far}");
        assert!(dot("dog bites man", "man bites dog") < 0.95);
    }

    #[test]
    fn a_text_without_words_has_no_direction() {
        assert!(embed(" …!").iter().all(|x| *x == 0.0));
    }
}
