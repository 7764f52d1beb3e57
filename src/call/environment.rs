//! A snapshot of the environment: the command line reads it once, and everything in it is a secret here.

use super::secret::Secret;
use std::collections::BTreeMap;

/// Environment variables as redacting values.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, Secret>,
}

impl Environment {
    /// A snapshot of name and value pairs; of two with one name the later holds.
    pub fn from_pairs<N: Into<String>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self {
            variables: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), Secret::new(value.as_ref())))
                .collect(),
        }
    }

    /// A variable. One that is empty or blank counts as not set, because a CI system sets the secrets that a
    /// fork may not see to nothing.
    pub fn get(&self, name: &str) -> Option<Secret> {
        self.variables.get(name).filter(|value| !value.expose().trim().is_empty()).cloned()
    }

    /// The variables whose name or form says that they hold a secret: `*_KEY`, `*_TOKEN`, `*SECRET*`,
    /// `*PASSWORD*`, … with a value of at least twelve characters that mixes letters and digits; and the
    /// passwords of addresses such as `HTTPS_PROXY`.
    pub fn guessed_secrets(&self) -> Vec<(String, Secret)> {
        let mut found = Vec::new();
        for (name, value) in &self.variables {
            if let Some(password) = password_in(value.expose()) {
                found.push((name.clone(), Secret::new(password)));
            }
            if names_a_secret(name) && looks_random(value.expose()) {
                found.push((name.clone(), value.clone()));
            }
        }
        found
    }
}

/// The password of an address `scheme://user:password@host`, or the user where that is all there is.
pub(super) fn password_in(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    Some(user.split_once(':').map_or(user, |(_, password)| password))
}

fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let last = name.rsplit('_').next().unwrap_or_default();
    matches!(last, "KEY" | "APIKEY" | "TOKEN" | "PAT" | "PASS" | "PASSWD" | "PWD" | "CREDENTIALS" | "AUTH")
        || ["SECRET", "PASSWORD", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "TOKEN_"]
            .iter()
            .any(|part| name.contains(part))
}

fn looks_random(value: &str) -> bool {
    value.len() >= 12
        && !value.starts_with('/')
        && !value.contains(char::is_whitespace)
        && value.contains(|c: char| c.is_ascii_digit())
        && value.contains(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_variable_is_not_set() {
        let environment = Environment::from_pairs([("A", ""), ("B", " \n"), ("C", "x")]);
        assert!(environment.get("A").is_none() && environment.get("B").is_none());
        assert_eq!(environment.get("C"), Some(Secret::new("x")));
        assert!(environment.get("D").is_none());
        assert!(!format!("{environment:?}").contains("\"x\""));
    }

    #[test]
    fn secrets_are_guessed_by_name_and_form() {
        let environment = Environment::from_pairs([
            ("MISTRAL_API_KEY", "abcdef123456"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI7MDENG"),
            ("HTTPS_PROXY", "http://me:hunter2hunter2@proxy:3128"),
            ("PWD", "/home/runner/work/1234"),
            ("GITHUB_TOKEN_TYPE", "installation"),
            ("HOME", "abcdef1234567"),
        ]);
        let names: Vec<String> = environment
            .guessed_secrets()
            .into_iter()
            .map(|(name, secret)| name + "=" + secret.expose())
            .collect();
        assert_eq!(
            names,
            [
                "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI7MDENG",
                "HTTPS_PROXY=hunter2hunter2",
                "MISTRAL_API_KEY=abcdef123456"
            ]
        );
    }
}
