//! Which proxy a call goes through: the variables that every tool of this kind reads, read here, so that one that is
//! misspelt is an error instead of a call around the proxy, and a failure can say which proxy it was.

use super::endpoint::{Lack, Unready};
use super::environment::Environment;
use super::secret::Secret;
use reqwest::Url;
use std::net::IpAddr;

/// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case; the upper one holds where both are set.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    http: Option<(&'static str, Secret)>,
    https: Option<(&'static str, Secret)>,
    exempt: String,
}

/// The proxy of one call.
pub(super) struct Via {
    /// Its address, with user and password.
    pub url: Url,
    /// What to call it: its address without them, and its variable.
    pub shown: String,
}

impl Proxies {
    /// What the environment says. Nothing is checked yet.
    pub fn of(environment: &Environment) -> Self {
        let first = |names: [&'static str; 4]| {
            names.into_iter().find_map(|name| Some((name, environment.get(name)?)))
        };
        // In a CGI program `HTTP_PROXY` is a header of whoever calls it, and nothing to be trusted.
        if environment.get("REQUEST_METHOD").is_some() {
            return Self::default();
        }
        let exempt = environment.get("NO_PROXY").or_else(|| environment.get("no_proxy"));
        Self {
            http: first(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
            https: first(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            exempt: exempt.map(|list| list.expose().to_owned()).unwrap_or_default(),
        }
    }

    /// Whether the environment names any; the system's own settings hold where it does not.
    pub fn are_named(&self) -> bool {
        self.http.is_some() || self.https.is_some()
    }

    /// The proxy for a call to `url`; `None` where it goes there directly.
    ///
    /// # Errors
    /// The variable that applies holds no address of an http or https proxy.
    pub fn via(&self, url: &Url) -> Result<Option<Via>, Unready> {
        let named = if url.scheme() == "http" { &self.http } else { &self.https };
        let Some((variable, address)) = named else { return Ok(None) };
        if url.host_str().is_none_or(|host| self.exempts(host)) {
            return Ok(None);
        }
        let address = address.expose().trim();
        let whole = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let proxy = Url::parse(&whole)
            .ok()
            .filter(|proxy| matches!(proxy.scheme(), "http" | "https") && proxy.has_host())
            .ok_or_else(|| Unready {
                message: format!("{variable} holds no address of a proxy that can be used"),
                hint: format!("set {variable} to http://HOST:PORT or https://HOST:PORT, or unset it"),
                lack: Lack::Setup,
            })?;
        let port = proxy.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = proxy.host_str().unwrap_or_default();
        let shown = format!("the proxy {}://{host}{port} ({variable})", proxy.scheme());
        Ok(Some(Via { url: proxy, shown }))
    }

    /// Whether `NO_PROXY` names a host: itself, a domain above it, a network it is in, or everything (`*`).
    fn exempts(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        self.exempt.split(',').map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
            if entry == "*" {
                return true;
            }
            match address {
                Some(address) => contains(&entry, address),
                None => {
                    let domain = entry.trim_start_matches('.');
                    let above = host.strip_suffix(domain).unwrap_or("x");
                    !domain.is_empty() && (above.is_empty() || above.ends_with('.'))
                }
            }
        })
    }
}

/// Whether an address is another one, or in the network that `entry` (`10.0.0.0/8`) names.
fn contains(entry: &str, address: IpAddr) -> bool {
    let (base, length) = entry.split_once('/').map_or((entry, None), |(base, length)| (base, Some(length)));
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    let Some(length) = length else { return base == address };
    let (base, address, width) = match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            (u128::from(base.to_bits()), u128::from(address.to_bits()), 32)
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let Some(length) = length.parse::<u32>().ok().filter(|length| *length <= width) else { return false };
    (base ^ address).checked_shr(width - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(pairs: &[(&str, &str)], url: &str) -> Result<Option<String>, Unready> {
        let proxies = Proxies::of(&Environment::from_pairs(pairs.iter().copied()));
        Ok(proxies.via(&url.parse().expect("an address"))?.map(|via| format!("{} {}", via.shown, via.url)))
    }

    #[test]
    fn the_variable_of_the_scheme_holds_and_its_password_is_not_shown() {
        let pairs = [("HTTPS_PROXY", "me:hunter2@proxy:3128"), ("http_proxy", "https://other")];
        assert_eq!(
            via(&pairs, "https://api.example/v1").expect("read").as_deref(),
            Some("the proxy http://proxy:3128 (HTTPS_PROXY) http://me:hunter2@proxy:3128/")
        );
        assert_eq!(
            via(&pairs, "http://api.example/v1").expect("read").as_deref(),
            Some("the proxy https://other (http_proxy) https://other/")
        );
        let all = via(&[("all_proxy", "http://p")], "https://x").expect("read");
        assert!(all.is_some_and(|shown| shown.contains("(all_proxy)")));
        assert_eq!(via(&[("HTTPS_PROXY", " ")], "https://x").expect("read"), None);
        let cgi = [("HTTPS_PROXY", "http://p"), ("REQUEST_METHOD", "GET")];
        assert_eq!(via(&cgi, "https://x").expect("read"), None);
    }

    #[test]
    fn what_is_no_proxy_is_an_error_that_does_not_show_it() {
        for bad in
            ["http://", "http://secret@:80", "socks5://me:secret@p:1080", "not a proxy", "http://p:port"]
        {
            let error = via(&[("HTTPS_PROXY", bad)], "https://x").expect_err(bad);
            assert_eq!(error.message, "HTTPS_PROXY holds no address of a proxy that can be used");
            assert_eq!(error.lack, Lack::Setup);
            assert_eq!(via(&[("HTTPS_PROXY", bad)], "http://x").expect("another scheme"), None);
        }
    }

    #[test]
    fn no_proxy_names_hosts_domains_and_networks() {
        let direct = |list: &str, url: &str| {
            let pairs = [("ALL_PROXY", "http://p"), ("NO_PROXY", list)];
            via(&pairs, url).expect("read").is_none()
        };
        for (list, host, expected) in [
            ("*", "x.example", true),
            ("a.example, example.com", "api.example.com", true),
            (".example.com", "example.com", true),
            ("example.com", "notexample.com", false),
            ("example.com", "EXAMPLE.com", true),
            ("127.0.0.1", "127.0.0.1:8000", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("10.0.0.0/99", "10.0.0.0", false),
            ("::1", "[::1]:80", true),
            ("fd00::/8", "[fd12::1]", true),
            ("", "x.example", false),
            ("10.0.0.0/8", "x.example", false),
        ] {
            assert_eq!(direct(list, &format!("http://{host}/v1")), expected, "{list} {host}");
        }
    }
}
