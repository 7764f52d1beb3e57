//! JSON without white space, otherwise as it was written.

/// Takes the white space between the parts of a JSON text out. Keys keep their order and their duplicates,
/// numbers their digits: whoever reads the answer sees what the model wrote.
pub(super) fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string {
            in_string = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
        } else if matches!(c, ' ' | '\n' | '\r' | '\t') {
            continue;
        } else {
            in_string = c == '"';
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn only_white_space_outside_strings_goes() {
        let written =
            "{ \"b\" : [ 1.0,\n 2e3 ] , \"a b\": \"x \\\" y \\\\\" , \"b\": 12345678901234567890123 }";
        assert_eq!(
            compact(written),
            "{\"b\":[1.0,2e3],\"a b\":\"x \\\" y \\\\\",\"b\":12345678901234567890123}"
        );
    }
}
