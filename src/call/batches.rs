//! Texts to embed, cut into requests: the one place that says how large a request is.

/// Texts of one request: every server takes as many, and when one fails no more than these are asked again.
const TEXTS: usize = 64;
/// Bytes of one request, but for a text that is longer by itself.
const BYTES: usize = 100_000;

/// The texts in the order given, as many to a request as fit.
pub fn batches(texts: &[String]) -> Vec<&[String]> {
    let mut found = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, text) in texts.iter().enumerate() {
        if at > start && (at - start >= TEXTS || bytes + text.len() > BYTES) {
            found.push(&texts[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += text.len();
    }
    if start < texts.len() {
        found.push(&texts[start..]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_hold_every_text_once_and_are_cut_only_where_they_are_full() {
        let texts: Vec<String> = (0..150).map(|n| "x".repeat(n * 20)).collect();
        let cut = batches(&texts);
        assert!(cut.len() >= 3 && cut.iter().all(|batch| batch.len() <= TEXTS));
        assert_eq!(cut.concat(), texts);
        // What is cut once is not cut again.
        assert!(cut.iter().all(|batch| batches(batch).len() == 1));
        assert_eq!(batches(&["x".repeat(150_000), "y".repeat(150_000)]).len(), 2);
        assert!(batches(&[]).is_empty());
    }
}
