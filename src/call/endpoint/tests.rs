use super::*;

fn config(name: &str, api: Api) -> ProviderConfig {
    ProviderConfig::new(name.into(), api)
}

fn header<'a>(endpoint: &'a Endpoint, name: &str) -> Option<&'a str> {
    endpoint.headers.get(name)?.to_str().ok()
}

const KEYS: [(&str, &str); 2] = [("ANTHROPIC_API_KEY", "sk-ant-1\n"), ("OPENAI_API_KEY", "sk-oai-1")];

#[test]
fn the_two_vendors_have_their_own_addresses_and_keys() {
    let environment = Environment::from_pairs(KEYS);
    let anthropic = Endpoint::resolve(&config("anthropic", Api::Anthropic), &environment).expect("ready");
    assert_eq!(anthropic.at("/v1/messages").as_str(), "https://api.anthropic.com/v1/messages");
    assert_eq!(header(&anthropic, "x-api-key"), Some("sk-ant-1"));
    assert_eq!(header(&anthropic, "anthropic-version"), Some("2023-06-01"));
    assert_eq!(header(&anthropic, "authorization"), None);
    let openai = Endpoint::resolve(&config("openai", Api::OpenAi), &environment).expect("ready");
    assert_eq!(openai.at("/chat/completions").as_str(), "https://api.openai.com/v1/chat/completions");
    assert_eq!(header(&openai, "authorization"), Some("Bearer sk-oai-1"));
    assert!(openai.official && !format!("{openai:?} {anthropic:?}").contains("sk-"));
}

#[test]
fn the_environment_moves_only_the_two_vendors() {
    let moved = Environment::from_pairs(
        KEYS.into_iter()
            .chain([("OPENAI_BASE_URL", "http://stub:1/v1/"), ("ANTHROPIC_BASE_URL", "http://stub:2/v1")]),
    );
    let openai = Endpoint::resolve(&config("openai", Api::OpenAi), &moved).expect("ready");
    assert_eq!(openai.at("/chat/completions").as_str(), "http://stub:1/v1/chat/completions");
    assert!(!openai.official);
    let anthropic = Endpoint::resolve(&config("anthropic", Api::Anthropic), &moved).expect("ready");
    assert_eq!(anthropic.at("/v1/messages").as_str(), "http://stub:2/v1/messages");
    let mut local = config("local", Api::OpenAi);
    let other = Endpoint::resolve(&local, &moved).expect("ready");
    assert_eq!(other.url().host_str(), Some("api.openai.com"));
    assert_eq!(header(&other, "authorization"), None, "a provider of the project names its key itself");
    local.base_url = Some("https://me.azure.com/openai/deployments/x?api-version=1".to_owned());
    let azure = Endpoint::resolve(&local, &moved).expect("ready");
    assert_eq!(
        azure.at("/chat/completions").as_str(),
        "https://me.azure.com/openai/deployments/x/chat/completions?api-version=1"
    );
    let mut overridden = config("openai", Api::OpenAi);
    overridden.base_url = Some("http://mine".to_owned());
    assert_eq!(Endpoint::resolve(&overridden, &moved).expect("ready").url().as_str(), "http://mine/");
}

#[test]
fn a_variable_that_is_not_set_blocks_with_what_to_type() {
    let error = Endpoint::resolve(
        &config("anthropic", Api::Anthropic),
        &Environment::from_pairs([("ANTHROPIC_API_KEY", " ")]),
    )
    .expect_err("unready");
    assert_eq!(error.message, "ANTHROPIC_API_KEY is not set, and provider `anthropic` needs it");
    assert_eq!(error.lack, Lack::Key);
    let error = Error::from(error);
    assert_eq!(error.kind(), crate::domain::Kind::NoVerdict);
    assert_eq!(error.hint_text(), Some("export ANTHROPIC_API_KEY=…"));
    let mut named = config("mine", Api::OpenAi);
    named.headers.insert("x-team".to_owned(), "a ${TEAM_KEY}".to_owned());
    let error = Endpoint::resolve(&named, &Environment::default()).expect_err("unready");
    assert_eq!(error.hint, "export TEAM_KEY=…");
}

#[test]
fn headers_of_the_project_are_filled_and_replace_the_defaults() {
    let mut named = config("openai", Api::OpenAi);
    named.headers.insert("Authorization".to_owned(), "Basic ${BASIC}".to_owned());
    named.headers.insert("x-plain".to_owned(), "pl${ain".to_owned());
    let environment = Environment::from_pairs([("OPENAI_API_KEY", "unused-key"), ("BASIC", "dXNlcjpwYXNz")]);
    let endpoint = Endpoint::resolve(&named, &environment).expect("ready");
    assert_eq!(header(&endpoint, "authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(header(&endpoint, "x-plain"), Some("pl${ain"));
    let names: Vec<String> = secrets(&named, &environment).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["OPENAI_API_KEY", "BASIC"]);
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_without_showing_it() {
    let environment = Environment::from_pairs([("OPENAI_API_KEY", "sk-a\nsk-b")]);
    let error = Endpoint::resolve(&config("openai", Api::OpenAi), &environment).expect_err("unready");
    assert!(!error.to_string().contains("sk-") && error.message.contains("OPENAI_API_KEY"));
}

#[test]
fn an_address_that_is_none_is_refused_without_showing_it() {
    for bad in ["localhost:8000", "ftp://x/", "not an address", "https://"] {
        let mut named = config("mine", Api::OpenAi);
        named.base_url = Some(bad.to_owned());
        let error = Endpoint::resolve(&named, &Environment::default()).expect_err(bad);
        assert_eq!(error.message, "provider `mine` has no usable address");
    }
}

#[test]
fn the_token_limit_has_the_name_that_the_model_knows() {
    let environment = Environment::from_pairs(KEYS);
    let openai = Endpoint::resolve(&config("openai", Api::OpenAi), &environment).expect("ready");
    assert!(openai.limits_completion(&"anything".into()));
    let mut local = config("local", Api::OpenAi);
    local.base_url = Some("http://localhost:11434/v1".to_owned());
    let local = Endpoint::resolve(&local, &environment).expect("ready");
    assert!(local.limits_completion(&"gpt-5-2025-08-07".into()));
    assert!(!local.limits_completion(&"gpt-oss-120b".into()));
    assert!(!local.limits_completion(&"llama3.2".into()));
}
