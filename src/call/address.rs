//! What is secret in an address: the password before its host, and the keys in its query.
//!
//! A provider that echoes the path of a call writes them as they were sent, as they are meant, or both, so that
//! every form that can come back is known: as written, percent-encoded, percent-decoded, and the header that a
//! user and a password become.

use super::secret::{Secret, looks_random, names_a_secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use std::borrow::Cow;

/// Parameters that are often long and mixed, and never secret: a model's name must stay readable in an answer.
const OPEN: [&str; 6] = ["api-version", "version", "model", "deployment", "region", "location"];

/// Every secret in an address, in each form in which it could come back. An address without a scheme is read as one
/// of a proxy: `user:password@host:port`.
pub(super) fn secrets_in(address: &str) -> Vec<Secret> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut found = Vec::new();
    if let Some((user_info, _)) = before.split('/').next().and_then(|authority| authority.rsplit_once('@')) {
        let (user, password) = user_info.split_once(':').unwrap_or(("", user_info));
        push(&mut found, password);
        let pair = format!("{}:{}", decoded(user), decoded(password));
        found.push(STANDARD.encode(pair));
        // Where there is no password, what stands there is sent as the user.
        if user.is_empty() {
            found.push(STANDARD.encode(format!("{}:", decoded(password))));
        }
    }
    let query = query.split('#').next().unwrap_or_default();
    for (name, value) in query.split(['&', ';']).filter_map(|pair| pair.split_once('=')) {
        if is_secret(&decoded(name), &decoded(value)) {
            push(&mut found, value);
        }
    }
    // What is sent is the address as it is normalised.
    if let Ok(url) = Url::parse(address) {
        found.extend(url.password().map(str::to_owned));
        for pair in url.query().unwrap_or_default().split('&') {
            if let Some((name, value)) = pair.split_once('=')
                && is_secret(&decoded(name), &decoded(value))
            {
                push(&mut found, value);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(Secret::new).collect()
}

fn push(found: &mut Vec<String>, value: &str) {
    found.push(value.to_owned());
    found.push(decoded(value).into_owned());
    found.push(decoded(&value.replace('+', " ")).into_owned());
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let open = OPEN.contains(&name.as_str());
    let short = matches!(name.as_str(), "sig" | "signature" | "code");
    short || names_a_secret(&name.replace(['-', '.'], "_")) || (!open && looks_random(value, 8))
}

/// The text with its `%41`s as characters; what is none stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.filter(|_| bytes[at] == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(address: &str) -> Vec<String> {
        secrets_in(address).iter().map(|secret| secret.expose().to_owned()).collect()
    }

    fn finds(address: &str, secret: &str) {
        assert!(found(address).iter().any(|have| have == secret), "{address}: {:?}", found(address));
    }

    #[test]
    fn keys_and_passwords_are_found_in_every_form() {
        let address = "http://u:p%40ssw0rd%21@host/v1?api-key=abc%2Fdef%3D%3D&token=plainwords";
        for secret in ["p%40ssw0rd%21", "p@ssw0rd!", "abc%2Fdef%3D%3D", "abc/def==", "plainwords"] {
            finds(address, secret);
        }
        finds(address, &STANDARD.encode("u:p@ssw0rd!"));
        finds("http://onlyatoken@host/", "onlyatoken");
        finds("http://onlyatoken@host/", &STANDARD.encode("onlyatoken:"));
        finds("me:hunter2hunter2@proxy:3128", "hunter2hunter2");
        finds("https://h/?x=a1b2c3d4", "a1b2c3d4");
        finds("https://h/?subscription-key=oneword#part", "oneword");
        finds("https://h/?sig=with+plus+signs", "with plus signs");
    }

    #[test]
    fn a_value_is_known_as_the_wire_writes_it() {
        finds("https://h/?key=sp ace\"quoted", "sp%20ace%22quoted");
        finds("https://h/?key=schlüssel", "schl%C3%BCssel");
    }

    #[test]
    fn versions_models_and_words_are_no_secrets() {
        for address in [
            "https://me.azure.com/openai/deployments/x?api-version=2024-10-21-preview&model=gpt-4o-2024-11-20",
            "https://h/?mode=streaming&limit=12345678",
            "http://localhost:11434/v1",
            "https://h/a@b?x=y",
            "/home/me",
        ] {
            assert_eq!(found(address), Vec::<String>::new(), "{address}");
        }
        assert_eq!(decoded("100%, %zz, %4"), "100%, %zz, %4");
    }
}
