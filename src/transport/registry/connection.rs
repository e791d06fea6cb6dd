//! The connection to a registry: whether it uses TLS, which certificates are trusted, and which proxy is used.

use std::net::Ipv4Addr;
use std::time::Duration;

use camino::Utf8Path;
use reqwest::{Certificate, NoProxy, Proxy};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::context::{Context, Env};
use crate::error::{Explain, Result};
use crate::fs::{self, TEXT_LIMIT};
use crate::transport::registry::access::Protocol;

const USER_AGENT: &str = concat!("cargo-wasmplugin/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection setting is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// A file contains no certificates.
    #[error("`{0}` contains no certificates in PEM format")]
    NoCertificate(camino::Utf8PathBuf),
    /// A proxy is not a URL. The value is not shown because it may contain a password.
    #[error("the proxy in {0} is not a valid URL")]
    InvalidProxy(&'static str),
    /// The system's certificates, or those from `--cacert`, can't be read.
    #[error("failed to set up TLS")]
    Tls(#[source] reqwest::Error),
}

impl Explain for ConnectionError {
    fn help(&self) -> Vec<String> {
        match self {
            ConnectionError::NoCertificate(_) => {
                vec!["pass a file that begins with `-----BEGIN CERTIFICATE-----`".to_owned()]
            }
            ConnectionError::InvalidProxy(_) => vec!["write it as `http://HOST:PORT`".to_owned()],
            ConnectionError::Tls(_) => {
                vec!["pass the certificate of the registry's authority with `--cacert FILE`".to_owned()]
            }
        }
    }
}

/// `http` or `https`.
pub(super) fn scheme(registry: &str, protocol: &Protocol) -> &'static str {
    match protocol {
        Protocol::Plain => "http",
        Protocol::Usual if is_this_machine(registry) => "http",
        Protocol::Usual | Protocol::Tls { .. } => "https",
    }
}

/// The HTTP client for a registry. Doesn't send anything yet.
pub(super) fn client(ctx: &Context, registry: &str, protocol: &Protocol) -> Result<reqwest::Client> {
    // This fails if a provider is already installed, and any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder();
    let builder = match protocol {
        Protocol::Tls { cacert: Some(file) } => builder.tls_certs_merge(certificates(ctx, file)?),
        // Reading the system's certificates takes longer than pushing a filter to this machine.
        _ if scheme(registry, protocol) == "http" => builder.tls_certs_only([]),
        _ => builder,
    };
    let builder = builder
        // Otherwise a redirect could send credentials without TLS.
        .https_only(scheme(registry, protocol) == "https")
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .no_proxy();
    let builder = proxies(&ctx.env, registry)?.into_iter().fold(builder, reqwest::ClientBuilder::proxy);
    Ok(builder.build().map_err(ConnectionError::Tls)?)
}

fn certificates(ctx: &Context, file: &Utf8Path) -> Result<Vec<Certificate>> {
    let pem = fs::read(ctx.cwd.join(file), TEXT_LIMIT)?;
    let missing = || ConnectionError::NoCertificate(file.to_owned());
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| missing())?;
    if certificates.is_empty() {
        return Err(missing().into());
    }
    let certificate = |der: &CertificateDer<'_>| Certificate::from_der(der).map_err(|_| missing().into());
    certificates.iter().map(certificate).collect()
}

/// The proxies from the environment. A registry on this machine is accessed without one.
fn proxies(env: &Env, registry: &str) -> Result<Vec<Proxy>, ConnectionError> {
    if is_this_machine(registry) {
        return Ok(Vec::new());
    }
    let no_proxy = env.either("NO_PROXY").and_then(NoProxy::from_string);
    let proxy = |name: &'static str, kind: fn(&str) -> reqwest::Result<Proxy>| {
        let proxy = env.either(name).map(|url| kind(url).map_err(|_| ConnectionError::InvalidProxy(name)));
        Ok::<_, ConnectionError>(proxy.transpose()?.map(|proxy| proxy.no_proxy(no_proxy.clone())))
    };
    let proxies = [
        proxy("HTTPS_PROXY", |url| Proxy::https(url))?,
        proxy("HTTP_PROXY", |url| Proxy::http(url))?,
        proxy("ALL_PROXY", |url| Proxy::all(url))?,
    ];
    Ok(proxies.into_iter().flatten().collect())
}

fn is_this_machine(registry: &str) -> bool {
    let host = registry.split(':').next().unwrap_or_default();
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn this_machine_is_recognized() {
        for registry in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.0.1"] {
            assert!(is_this_machine(registry), "{registry}");
        }
        // What the last one resolves to depends on the resolver.
        for registry in ["quay.io", "10.0.0.1:5000", "localhost.example:5000", "128.0.0.1", "a.localhost"] {
            assert!(!is_this_machine(registry), "{registry}");
        }
    }
}
