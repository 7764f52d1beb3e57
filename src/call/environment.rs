//! A snapshot of the environment: the command line reads it once, and everything in it is a secret here.

use super::address::secrets_in;
use super::secret::{Secret, looks_random, names_a_secret};
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
    /// passwords and keys in addresses, such as `HTTPS_PROXY` and `OPENAI_BASE_URL`.
    pub fn guessed_secrets(&self) -> Vec<(String, Secret)> {
        let mut found = Vec::new();
        for (name, value) in &self.variables {
            if value.expose().contains("://") || name.to_ascii_uppercase().ends_with("_PROXY") {
                found.extend(secrets_in(value.expose()).into_iter().map(|secret| (name.clone(), secret)));
            }
            if names_a_secret(name) && looks_random(value.expose(), 12) {
                found.push((name.clone(), value.clone()));
            }
        }
        found
    }
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
            ("https_proxy", "me:swordfish9@proxy:3128"),
            ("OPENAI_BASE_URL", "http://gateway/v1?api-key=opensesame"),
            ("PWD", "/home/runner/work/1234"),
            ("GITHUB_TOKEN_TYPE", "installation"),
            ("HOME", "abcdef1234567"),
        ]);
        let names: Vec<String> = environment
            .guessed_secrets()
            .into_iter()
            .map(|(name, secret)| name + "=" + secret.expose())
            .filter(|pair| !pair.contains("_PROXY=b") && !pair.contains("_proxy=b"))
            .collect();
        assert_eq!(
            names,
            [
                "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI7MDENG",
                "HTTPS_PROXY=hunter2hunter2",
                "MISTRAL_API_KEY=abcdef123456",
                "OPENAI_BASE_URL=opensesame",
                "https_proxy=swordfish9",
            ]
        );
    }
}
