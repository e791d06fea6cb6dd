//! The connection to a registry, and to the other servers that it names: whether they use TLS, which certificates are
//! trusted, and which proxy is used.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use camino::Utf8Path;
use reqwest::redirect::Policy;
use reqwest::{Proxy, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::context::Context;
use crate::error::{Explain, Result};
use crate::fs::{self, TEXT_LIMIT};
use crate::transport::registry::access::{Access, Protocol};
use crate::transport::registry::proxies::{Proxies, host, is_this_machine};
use crate::transport::registry::tls;

const USER_AGENT: &str = concat!("cargo-wasmplugin/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection setting is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// A file contains no certificates.
    #[error("`{0}` contains no certificates in PEM format")]
    NoCertificate(camino::Utf8PathBuf),
    /// The certificates from `--cacert` can't be used.
    #[error("failed to set up TLS")]
    Tls(#[from] rustls::Error),
    #[error("failed to set up the HTTP client")]
    Client(#[from] reqwest::Error),
}

impl Explain for ConnectionError {
    fn help(&self) -> Vec<String> {
        match self {
            ConnectionError::NoCertificate(_) => {
                vec!["pass a file that begins with `-----BEGIN CERTIFICATE-----`".to_owned()]
            }
            ConnectionError::Tls(_) => {
                vec!["pass the certificate of the registry's authority with `--cacert FILE`".to_owned()]
            }
            ConnectionError::Client(_) => Vec::new(),
        }
    }
}

/// `http` or `https`, for a host with an optional port.
pub(super) fn scheme(registry: &str, protocol: Protocol) -> &'static str {
    let host = registry.split(':').next().unwrap_or_default();
    match protocol {
        Protocol::Plain => "http",
        Protocol::Usual if is_this_machine(host) => "http",
        Protocol::Usual | Protocol::Tls => "https",
    }
}

/// The HTTP client for a registry. Doesn't send anything yet. It doesn't follow redirects, because only the caller
/// knows which servers may see what.
pub(super) fn client(ctx: &Context, registry: &str, access: &Access) -> Result<reqwest::Client> {
    let certificates = match &access.cacert {
        Some(file) => certificates(ctx, file)?,
        None => Vec::new(),
    };
    let proxies = Proxies::of(&ctx.env)?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(certificates).map_err(ConnectionError::Tls)?)
        .https_only(scheme(registry, access.protocol) == "https")
        .redirect(Policy::none())
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .proxy(Proxy::custom(move |url| proxies.of_url(url)));
    Ok(client.build().map_err(ConnectionError::Client)?)
}

fn certificates(ctx: &Context, file: &Utf8Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = fs::read(ctx.cwd.join(file), TEXT_LIMIT)?;
    let missing = || ConnectionError::NoCertificate(file.to_owned());
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| missing())?;
    if certificates.is_empty() { Err(missing().into()) } else { Ok(certificates) }
}

/// Whether a URL names this machine or a service of its own network link, such as the metadata service of a cloud.
pub(super) fn is_local(url: &Url) -> bool {
    let host = host(url);
    let v4 = |address: Ipv4Addr| address.is_loopback() || address.is_link_local() || address.is_unspecified();
    match host.parse() {
        Ok(IpAddr::V4(address)) => v4(address),
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => v4(address),
            None => address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local(),
        },
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
