//! The proxies in the environment.

use std::net::IpAddr;

use reqwest::Url;

use crate::context::Env;
use crate::error::Explain;

/// A proxy is not a URL that can be used. The value is not shown because it may contain a password.
#[derive(Debug, thiserror::Error)]
#[error("the proxy in {0} is not a valid URL")]
pub struct ProxyError(&'static str);

impl Explain for ProxyError {
    fn help(&self) -> Vec<String> {
        vec!["write it as `http://HOST:PORT`, `https://HOST:PORT` or `socks5://HOST:PORT`".to_owned()]
    }
}

/// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
#[derive(Debug)]
pub(super) struct Proxies {
    https: Option<Url>,
    http: Option<Url>,
    exceptions: Vec<String>,
}

impl Proxies {
    pub(super) fn of(env: &Env) -> Result<Self, ProxyError> {
        let proxy = |name: &'static str| {
            let parsed = env.either(name).map(|value| parse(value).ok_or(ProxyError(name)));
            parsed.transpose()
        };
        let all = proxy("ALL_PROXY")?;
        let exceptions = env.either("NO_PROXY").unwrap_or_default().split([',', ' ']);
        Ok(Proxies {
            https: proxy("HTTPS_PROXY")?.or_else(|| all.clone()),
            http: proxy("HTTP_PROXY")?.or(all),
            exceptions: exceptions.filter(|entry| !entry.is_empty()).map(str::to_ascii_lowercase).collect(),
        })
    }

    /// The hosts of the proxies.
    pub(super) fn hosts(&self) -> Vec<String> {
        [&self.https, &self.http].into_iter().flatten().map(|url| host(url).to_owned()).collect()
    }

    /// The proxy for requests to `url`. This machine is accessed without one.
    pub(super) fn of_url(&self, url: &Url) -> Option<Url> {
        let host = host(url);
        let is_exception = |entry: &String| is_covered(host, url.port_or_known_default(), entry);
        if is_this_machine(host) || self.exceptions.iter().any(is_exception) {
            return None;
        }
        if url.scheme() == "https" { self.https.clone() } else { self.http.clone() }
    }
}

/// Without a scheme, it is an HTTP proxy.
fn parse(value: &str) -> Option<Url> {
    let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let schemes = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    Url::parse(&whole).ok().filter(|url| schemes.contains(&url.scheme()) && url.host().is_some())
}

/// The host of a URL, without the brackets of an IPv6 address and without the dot at the end of an absolute name.
pub(super) fn host(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.')
}

/// Whether a host is this machine by name. What `a.localhost` resolves to depends on the resolver.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an entry of NO_PROXY covers a host: `*`, an address, a network such as `10.0.0.0/8`, or a domain with its
/// subdomains, as `example.com`, `.example.com` or `*.example.com`. An entry can have a port.
fn is_covered(host: &str, port: Option<u16>, entry: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>()
        && let Some((network, length)) = entry.split_once('/')
    {
        return in_network(address, network, length).unwrap_or(false);
    }
    let entry = match entry.rsplit_once(':') {
        // More than one colon without brackets is an IPv6 address.
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
            if digits.parse() != Ok(port.unwrap_or_default()) {
                return false;
            }
            name
        }
        _ => entry,
    };
    let entry = entry.trim_start_matches('[').trim_end_matches(']');
    let domain = entry.strip_prefix('*').unwrap_or(entry);
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let before = host.strip_suffix(domain);
    !domain.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// `None` if the network is invalid.
fn in_network(address: IpAddr, network: &str, length: &str) -> Option<bool> {
    let (address, network, bits): (u128, u128, u32) = match (address, network.parse().ok()?) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u32::from(address).into(), u32::from(network).into(), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.into(), network.into(), 128),
        _ => return Some(false),
    };
    let rest = bits.checked_sub(length.parse().ok()?)?;
    Some(address.checked_shr(rest) == network.checked_shr(rest))
}

#[cfg(test)]
mod tests {
    use super::{is_covered, is_this_machine};

    #[test]
    fn this_machine_is_recognized() {
        for host in ["localhost", "127.0.0.1", "127.8.0.1", "::1"] {
            assert!(is_this_machine(host), "{host}");
        }
        // What the last one resolves to depends on the resolver.
        for host in ["quay.io", "10.0.0.1", "localhost.example", "128.0.0.1", "a.localhost"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn exceptions_are_read_as_other_programs_read_them() {
        let covers = |entry: &str, host: &str| is_covered(host, Some(443), entry);
        for entry in ["*", "quay.io", ".quay.io", "*.quay.io", "quay.io:443", "*.quay.io:443", "io"] {
            assert!(covers(entry, "cdn.quay.io"), "{entry}");
            assert!(covers(entry, "quay.io"), "{entry}");
        }
        for entry in ["ay.io", "quay.io:8443", "quay.io:", "cdn.quay.io", "", ".", "10.0.0.0/8"] {
            assert!(!covers(entry, "quay.io"), "{entry}");
        }
        for entry in ["10.0.0.0/8", "10.1.2.3", "10.1.2.3:443", "0.0.0.0/0", "10.1.2.3/32"] {
            assert!(covers(entry, "10.1.2.3"), "{entry}");
        }
        for entry in ["10.0.0.0/33", "11.0.0.0/8", "10.1.2.3/x", "fe80::/10", "10.1.2.3:80"] {
            assert!(!covers(entry, "10.1.2.3"), "{entry}");
        }
        for entry in ["fe80::/10", "::/0", "fe80::1", "[fe80::1]:443"] {
            assert!(covers(entry, "fe80::1"), "{entry}");
        }
    }
}
