//! Whether a model id names one fixed set of weights.

use super::project::{Api, ProviderConfig};
use crate::domain::model::{self, Pin};
use crate::domain::{Code, Diagnostic, ModelId, Place};
use regex::Regex;
use std::sync::LazyLock;

/// A model that its vendor may exchange behind its name.
pub const MODEL_NOT_PINNED: Code = Code("model-not-pinned");
/// A model of which nobody can tell whether it is pinned.
pub const MODEL_UNVERIFIABLE: Code = Code("model-unverifiable");
/// A model that its vendor has switched off or is about to.
pub const MODEL_DEPRECATED: Code = Code("model-deprecated");

/// How `model` is pinned at `provider`: `latest` never is; models of this binary always are; programs cannot
/// be told; then the model table speaks, then the shape of the id, and what is left is unverifiable behind an
/// OpenAI-compatible address of one's own, and an alias at a vendor.
pub fn pin(model: &ModelId, provider: &ProviderConfig) -> Pin {
    let own_server = provider.api == Api::OpenAi && provider.base_url.is_some();
    if names_latest(model) {
        return Pin::Alias;
    }
    match provider.api {
        Api::Builtin => Pin::Snapshot,
        Api::Exec | Api::Http => Pin::Unverifiable,
        Api::Anthropic | Api::OpenAi => match model::facts(model).map(|facts| facts.pin) {
            // Behind an address of one's own an id is the name of a deployment.
            Some(Pin::Alias) if own_server => Pin::Unverifiable,
            Some(pin) => pin,
            None if has_snapshot_shape(model) => Pin::Snapshot,
            None if own_server => Pin::Unverifiable,
            None => Pin::Alias,
        },
    }
}

fn names_latest(model: &ModelId) -> bool {
    model.as_str().to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word == "latest")
}

/// Whether an id ends with a date (`-20250514`, `-2024-08-06`, `@20250514`), a suffix of a cloud after the date
/// allowed (`-v1:0`), or holds a digest of 12 or more hexadecimal digits.
fn has_snapshot_shape(model: &ModelId) -> bool {
    static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        let year = r"[-@_](?:20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|20\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))";
        [format!(r"{year}(?:-v\d+(?::\d+)?)?$"), r"[@:_-](?:sha256[:-])?[0-9a-f]{12,64}$".to_owned()]
            .iter()
            .filter_map(|pattern| Regex::new(pattern).ok())
            .collect()
    });
    SHAPES.iter().any(|shape| shape.is_match(model.as_str()))
}

/// What is to be said of `model`, named at `place`: an error for an alias, a warning for what cannot be told
/// and, where `today` (ISO 8601) is known, for a model whose end has come.
pub fn check(
    model: &ModelId,
    provider: &ProviderConfig,
    today: Option<&str>,
    place: &Place,
) -> Vec<Diagnostic> {
    let facts = model::facts(model);
    let mut found = Vec::new();
    match pin(model, provider) {
        Pin::Snapshot => {}
        Pin::Alias => {
            let help = match facts.and_then(|facts| facts.snapshot.as_ref()) {
                Some(snapshot) => format!("pin it: `{snapshot}`"),
                None => "name a dated snapshot, such as `claude-sonnet-4-5-20250929` or `gpt-4o-2024-08-06`"
                    .to_owned(),
            };
            found.push(
                Diagnostic::error(
                    MODEL_NOT_PINNED,
                    format!("`{model}` is not pinned: what stands behind it can change"),
                )
                .help(help),
            );
        }
        Pin::Unverifiable => found.push(
            Diagnostic::warning(
                MODEL_UNVERIFIABLE,
                format!("nobody can tell whether `{model}` at `{}` is pinned", provider.name),
            )
            .help("change `version` whenever you change what is served under that name"),
        ),
    }
    if let (Some(end), Some(today)) = (facts.and_then(|facts| facts.deprecated.as_deref()), today)
        && end <= today
    {
        found.push(
            Diagnostic::warning(MODEL_DEPRECATED, format!("`{model}` is switched off since {end}"))
                .help("move to a current model"),
        );
    }
    found.into_iter().map(|finding| finding.at(place.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(api: Api, base_url: Option<&str>) -> ProviderConfig {
        ProviderConfig { base_url: base_url.map(str::to_owned), ..ProviderConfig::new("p".into(), api) }
    }

    #[test]
    fn the_shape_of_an_id_tells_where_the_table_is_silent() {
        let vendor = provider(Api::OpenAi, None);
        for snapshot in [
            "zeta-4-20250514",
            "zeta-4o-2024-08-06",
            "zeta-4@20250514",
            "eu.zeta-3-20250219-v1:0",
            "zeta@sha256:0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(pin(&snapshot.into(), &vendor), Pin::Snapshot, "{snapshot}");
        }
        for alias in ["zeta-4", "zeta-latest", "zeta-latest-20250514", "zeta-20251399", "zeta-4-0613x"] {
            assert_eq!(pin(&alias.into(), &vendor), Pin::Alias, "{alias}");
        }
    }

    #[test]
    fn programs_and_own_servers_cannot_be_told_and_the_binary_can() {
        assert_eq!(pin(&"app".into(), &provider(Api::Exec, None)), Pin::Unverifiable);
        assert_eq!(pin(&"app".into(), &provider(Api::Http, None)), Pin::Unverifiable);
        let own = provider(Api::OpenAi, Some("http://localhost:11434/v1"));
        assert_eq!(pin(&"zeta:8b".into(), &own), Pin::Unverifiable);
        assert_eq!(pin(&"zeta:latest".into(), &own), Pin::Alias);
        assert_eq!(pin(&"builtin/extractive".into(), &provider(Api::Builtin, None)), Pin::Snapshot);
    }

    #[test]
    fn the_table_goes_before_the_shape() {
        let vendor = provider(Api::OpenAi, None);
        for facts in model::all() {
            if !names_latest(&facts.id) {
                assert_eq!(pin(&facts.id, &vendor), facts.pin, "{}", facts.id);
            }
        }
    }

    #[test]
    fn an_alias_of_the_table_names_its_snapshot_and_an_ended_model_is_a_warning() {
        let vendor = provider(Api::OpenAi, None);
        let place = Place::file(&crate::domain::RelPath::root());
        for facts in model::all() {
            let found = check(&facts.id, &vendor, Some("9999-12-31"), &place);
            let has = |code| found.iter().find(|found| found.code == code);
            let not_pinned = has(MODEL_NOT_PINNED);
            assert_eq!(
                not_pinned.is_some(),
                facts.pin == Pin::Alias || names_latest(&facts.id),
                "{}",
                facts.id
            );
            if let (Some(found), Some(snapshot)) = (not_pinned, &facts.snapshot) {
                assert!(
                    found.is_error()
                        && found.help.as_ref().is_some_and(|help| help.contains(snapshot.as_str()))
                );
            }
            assert_eq!(
                has(MODEL_DEPRECATED).map(Diagnostic::is_error),
                facts.deprecated.as_ref().map(|_| false)
            );
            let early = check(&facts.id, &vendor, Some("1999-01-01"), &place);
            assert!(early.iter().all(|found| found.code != MODEL_DEPRECATED));
        }
    }
}
