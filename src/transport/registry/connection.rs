//! The connection to a registry, and to the other servers that it names: whether they use TLS, which certificates are
//! trusted, and which proxy is used.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Proxy, Url};

use crate::context::Context;
use crate::error::{Explain, Result};
use crate::transport::registry::access::{Access, Protocol, Security};
use crate::transport::registry::certificates::Certificates;
use crate::transport::registry::proxies::{self, Proxies, is_this_machine};
use crate::transport::registry::resolver::{self, Resolver};
use crate::transport::registry::tls;

const USER_AGENT: &str = concat!("cargo-wasmplugin/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// The HTTP client can't be created.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up the HTTP client")]
pub struct ConnectionError(#[from] reqwest::Error);

impl Explain for ConnectionError {}

/// The HTTP client for a registry, and the URL of the registry.
pub(super) struct Connection {
    pub(super) http: reqwest::Client,
    /// `https://quay.io/`
    pub(super) base: Url,
}

impl Connection {
    /// Doesn't send anything yet. The client doesn't follow redirects, because only the caller knows which servers may
    /// see what.
    pub(super) fn to(ctx: &Context, registry: &str, access: &Access, security: &Security) -> Result<Self> {
        let certificates = Certificates::of(ctx, registry, access, security)?;
        // Docker Hub's host differs from its name.
        let host = if registry == "docker.io" { "index.docker.io" } else { registry };
        let url = |scheme| {
            let url = Url::parse(&format!("{scheme}://{host}/"));
            url.expect("a registry is a host with an optional port")
        };
        let is_tls = match security.protocol {
            Protocol::Plain => false,
            Protocol::Tls => true,
            Protocol::Usual => {
                !is_this_machine(proxies::host(&url("http")))
                    || !certificates.is_empty()
                    || access.skips_verification
            }
        };
        let proxies = Proxies::of(&ctx.env)?;
        let registry_host = proxies::host(&url("http")).to_owned();
        let resolver = Resolver { registry: registry_host, proxies: proxies.hosts() };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(certificates, access.skips_verification)?)
            .https_only(is_tls)
            .redirect(Policy::none())
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .dns_resolver(Arc::new(resolver))
            .proxy(Proxy::custom(move |url| proxies.of_url(url)));
        Ok(Connection {
            http: http.build().map_err(ConnectionError)?,
            base: url(if is_tls { "https" } else { "http" }),
        })
    }
}

/// Whether a URL names this machine or a service of its own network link. What other names resolve to is only known when
/// a request is sent.
pub(super) fn is_local(url: &Url) -> bool {
    let host = proxies::host(url);
    match host.parse() {
        Ok(address) => resolver::is_local(address),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn local_urls_are_recognized() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0.0.0.0",
            "169.254.169.254",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_local(&format!("http://{host}:1/token").parse().unwrap()), "{host}");
        }
        for host in ["quay.io", "localhost.example", "10.0.0.1", "[fd00::1]", "169.253.0.1"] {
            assert!(!is_local(&format!("https://{host}/token").parse().unwrap()), "{host}");
        }
    }
}
