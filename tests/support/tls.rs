//! A server on loopback that speaks TLS, with certificates of an authority that nobody trusts.
//!
//! Made once with `openssl`, for a hundred years, and the key is no secret: nothing trusts that authority unless a test
//! says so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The authority.
pub const AUTHORITY: &str = "\
    MIIBpjCCAU2gAwIBAgIUQBavOKKqHkeouRsaVQ/ulHZqMicwCgYIKoZIzj0EAwIwIDEeMBwGA1UEAwwVbGxtb3BzIHRlc3QgYXV0\
    aG9yaXR5MCAXDTI2MTEyODE5MjMyN1oYDzIxMjYxMTA0MTkyMzI3WjAgMR4wHAYDVQQDDBVsbG1vcHMgdGVzdCBhdXRob3JpdHkw\
    WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATDIBV4PDtCvS15YqghBJT/fHpas4ioHK389GdYIi+7LyIAe1geo+jVvIJNE6cQ7+Te\
    Ym+9T6/rJ5m+iNxNmYixo2MwYTAdBgNVHQ4EFgQUefLzWqCIJfiOEIVFOHOAqawsFT4wHwYDVR0jBBgwFoAUefLzWqCIJfiOEIVF\
    OHOAqawsFT4wDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwCgYIKoZIzj0EAwIDRwAwRAIgO3xgtEgDbcJISL4Fhgem\
    T4TBUCUIF0JwO4e8jJfFqGoCIAD2/Lm6QV7C47jL7pTj/OR4kEvM57a2/1gjJiRddzTM\
    ";

/// Of `localhost` and 127.0.0.1.
pub const GOOD: &str = "\
    MIIBtjCCAVugAwIBAgIUa9ZRC7Gttjl2IHIRJB7z5eft6tIwCgYIKoZIzj0EAwIwIDEeMBwGA1UEAwwVbGxtb3BzIHRlc3QgYXV0\
    aG9yaXR5MCAXDTI2MTEyODE5MjMyN1oYDzIxMjYxMTA0MTkyMzI3WjAPMQ0wCwYDVQQDDARnb29kMFkwEwYHKoZIzj0CAQYIKoZI\
    zj0DAQcDQgAEaHtiI2IazAzw8BIFwULmyrWFyD7VOiQfLY2uarYDTt+vyl0+is/or+OY6EukjWUIFGxY30SdGapz3FiNwolvOaOB\
    gTB/MAwGA1UdEwEB/wQCMAAwEwYDVR0lBAwwCgYIKwYBBQUHAwEwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMB0GA1UdDgQW\
    BBSqc+01RGPz0je928086PZuwcQR8TAfBgNVHSMEGDAWgBR58vNaoIgl+I4QhUU4c4CprCwVPjAKBggqhkjOPQQDAgNJADBGAiEA\
    r3zHBZptR5TJJdMLoSJloSplZonz5EezKS1QAn/nKI4CIQDYxMs0aFJkLsTom18DQ7a2PVwUaw/3FzfoghS0ImfRBw==\
    ";

/// Of another name.
pub const OTHER_NAME: &str = "\
    MIIBszCCAVmgAwIBAgIUa9ZRC7Gttjl2IHIRJB7z5eft6tMwCgYIKoZIzj0EAwIwIDEeMBwGA1UEAwwVbGxtb3BzIHRlc3QgYXV0\
    aG9yaXR5MCAXDTI2MTEyODE5MjMyN1oYDzIxMjYxMTA0MTkyMzI3WjAQMQ4wDAYDVQQDDAVvdGhlcjBZMBMGByqGSM49AgEGCCqG\
    SM49AwEHA0IABGh7YiNiGswM8PASBcFC5sq1hcg+1TokHy2Nrmq2A07fr8pdPorP6K/jmOhLpI1lCBRsWN9EnRmqc9xYjcKJbzmj\
    fzB9MAwGA1UdEwEB/wQCMAAwEwYDVR0lBAwwCgYIKwYBBQUHAwEwGAYDVR0RBBEwD4INb3RoZXIuZXhhbXBsZTAdBgNVHQ4EFgQU\
    qnPtNURj89I3vdvNPOj2bsHEEfEwHwYDVR0jBBgwFoAUefLzWqCIJfiOEIVFOHOAqawsFT4wCgYIKoZIzj0EAwIDSAAwRQIhAMMr\
    ljsA9sH3TJLfXNMuOI7tGe4Wgw78bm35EiJzDQDYAiAvERDMisLTfBBpxjl7mp4igWkOPONpt6+mYQJvC/X/2g==\
    ";

/// Of `localhost` and 127.0.0.1, until 2021.
pub const EXPIRED: &str = "\
    MIIBtTCCAVygAwIBAgIUa9ZRC7Gttjl2IHIRJB7z5eft6tMwCgYIKoZIzj0EAwIwIDEeMBwGA1UEAwwVbGxtb3BzIHRlc3QgYXV0\
    aG9yaXR5MB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowEjEQMA4GA1UEAwwHZXhwaXJlZDBZMBMGByqGSM49AgEGCCqG\
    SM49AwEHA0IABGh7YiNiGswM8PASBcFC5sq1hcg+1TokHy2Nrmq2A07fr8pdPorP6K/jmOhLpI1lCBRsWN9EnRmqc9xYjcKJbzmj\
    gYEwfzAMBgNVHRMBAf8EAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAdBgNVHQ4E\
    FgQUqnPtNURj89I3vdvNPOj2bsHEEfEwHwYDVR0jBBgwFoAUefLzWqCIJfiOEIVFOHOAqawsFT4wCgYIKoZIzj0EAwIDRwAwRAIg\
    QWuTeMLxn3oFsIxM+I7ISfcZM1p6y+xucaZTHVp8JhICIEbA4X5834mo7uSImZA6z8l4JGlHzwTHKss941x2zKqA\
    ";

/// The key of them all.
const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXhoABSyjEmeyqZlav2rDWS/CDMUkV9feH2xfRBFaBXKhRANCAARo\
    e2IjYhrMDPDwEgXBQubKtYXIPtU6JB8tja5qtgNO36/KXT6Kz+iv45joS6SNZQgUbFjfRJ0ZqnPcWI3CiW85\
    ";

/// A certificate as a PEM file has it.
pub fn pem(certificate: &str) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n")
}

/// Starts a server that shows `certificate` and answers every request with `body`. Gives its address, and counts the
/// connections that it took.
pub fn serve(certificate: &str, body: String) -> (String, Arc<AtomicUsize>) {
    let der = |text: &str| STANDARD.decode(text).expect("base64");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = vec![CertificateDer::from(der(certificate))];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(der(KEY)));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("a server");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut stream = StreamOwned::new(connection, stream);
            if drain(&mut stream).is_some() {
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (url, count)
}

/// Reads a whole request.
fn drain(stream: &mut impl Read) -> Option<()> {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        seen.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.split("content-length:").nth(1)?.lines().next()?.trim().parse::<usize>().ok()?;
            if body.len() >= length {
                return Some(());
            }
        }
    }
}
