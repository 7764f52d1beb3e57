//! What keeps a connection from coming about: certificates and proxies.

#[cfg(target_os = "linux")]
use super::tls;
use super::{answering, chat, completion, failure, providers_with, raw, sent};
use llmops::call::FailureKind;
use llmops::manifest::project::{Api, ProviderConfig};
use std::sync::atomic::Ordering;
use tokio::net::TcpListener;
use wiremock::matchers::{any, header};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_final_and_says_what_to_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.pem").display().to_string();
    std::fs::write(&authority, tls::pem(tls::AUTHORITY)).expect("written");
    let config =
        || ProviderConfig { timeout_s: Some(60), ..ProviderConfig::new("openai".into(), Api::OpenAi) };
    for (certificate, trusted, says) in [
        (tls::GOOD, false, "is signed by nobody who is trusted here"),
        (tls::EXPIRED, true, "has expired"),
        (tls::OTHER_NAME, true, "is for another name"),
    ] {
        let (address, seen) = tls::serve(certificate, completion("ok").to_string());
        let more: &[(&str, &str)] = if trusted { &[("SSL_CERT_FILE", &authority)] } else { &[] };
        let failed = failure(providers_with(config(), &address, more).call(&chat()).await);
        assert!(failed.detail.contains(says), "{}", failed.detail);
        assert!(failed.detail.contains("SSL_CERT_FILE or SSL_CERT_DIR"), "{}", failed.detail);
        assert_eq!((failed.kind, failed.attempts), (FailureKind::Setup, 1), "{}", failed.detail);
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    }
    let (address, _) = tls::serve(tls::GOOD, completion("ok").to_string());
    let providers = providers_with(config(), &address, &[("SSL_CERT_FILE", &authority)]);
    assert_eq!(providers.call(&chat()).await.result.expect("an answer").reply.text, "ok");
    // Plain text where TLS is expected: it may be somebody in between, so that it is tried again.
    let (plain, _) = raw(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let failed =
        failure(providers_with(config(), &plain.replace("http:", "https:"), &[]).call(&chat()).await);
    assert!(failed.detail.contains("does not speak TLS"), "{}", failed.detail);
}

#[tokio::test]
async fn a_proxy_is_used_and_named_without_its_password_when_it_fails() {
    let proxy = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(completion("through the proxy"));
    // A user and a password are sent to the proxy alone.
    let sent = header("proxy-authorization", "Basic bWU6aHVudGVyMmh1bnRlcjI=");
    Mock::given(any()).and(sent).respond_with(answer).mount(&proxy).await;
    let host = proxy.uri().replace("http://", "");
    let with = format!("http://me:hunter2hunter2@{host}");
    let config = || ProviderConfig::new("openai".into(), Api::OpenAi);
    let target = "http://api.nowhere.invalid/v1";
    let through = providers_with(config(), target, &[("HTTP_PROXY", &with)]);
    assert_eq!(through.call(&chat()).await.result.expect("an answer").reply.text, "through the proxy");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody = listener.local_addr().expect("an address");
    drop(listener);
    let away = format!("me:hunter2hunter2@{nobody}");
    let failed = failure(providers_with(config(), target, &[("http_proxy", &away)]).call(&chat()).await);
    let says = format!("no connection: through the proxy http://{nobody} (http_proxy): ");
    assert!(failed.detail.contains(&says), "{}", failed.detail);
    assert!(!failed.detail.contains("hunter2"), "{}", failed.detail);
    // The proxy wants a password for the tunnel: that is no matter of trying again.
    let (keeper, seen) =
        raw(Some(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")).await;
    let target = "https://api.nowhere.invalid/v1";
    let failed = failure(providers_with(config(), target, &[("HTTPS_PROXY", &keeper)]).call(&chat()).await);
    assert!(
        failed.detail.contains("(HTTPS_PROXY): tunnel error: proxy authorization required"),
        "{}",
        failed.detail
    );
    assert_eq!((failed.kind, failed.attempts, seen.load(Ordering::SeqCst)), (FailureKind::Setup, 1, 1));
}

#[tokio::test]
async fn a_proxy_that_is_none_is_an_input_error_and_not_a_call_around_it() {
    let server = answering(ResponseTemplate::new(200).set_body_json(completion("direct"))).await;
    for bad in ["http://", "socks5://me:hunter2hunter2@127.0.0.1:1080", "::::"] {
        let config = ProviderConfig::new("openai".into(), Api::OpenAi);
        let providers = providers_with(config, &server.uri(), &[("HTTP_PROXY", bad)]);
        let error = providers.ready(&"openai".into()).expect_err(bad);
        assert_eq!(error.kind(), llmops::domain::Kind::Input);
        assert!(error.to_string().starts_with("HTTP_PROXY holds no address of a proxy"), "{error}");
        assert_eq!(failure(providers.call(&chat()).await).kind, FailureKind::Setup);
    }
    assert_eq!(sent(&server).await, 0);
}
