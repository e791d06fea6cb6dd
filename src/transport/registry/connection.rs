//! How a registry is reached: TLS or not, whose certificates count, and through which proxy.

use std::net::Ipv4Addr;
use std::time::Duration;

use camino::Utf8PathBuf;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::context::{Context, Env};
use crate::error::{Explain, Result};

const USER_AGENT: &str = concat!("cargo-wasmplugin/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Also the time that a registry may take to store a whole blob before it answers.
const READ_TIMEOUT: Duration = Duration::from_secs(180);

/// What is spoken with a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// Plain HTTP with this machine, TLS with every other one.
    Usual,
    /// Plain HTTP.
    Plain,
    /// TLS; the certificates in the file count beside those of the system.
    Tls {
        /// Certificates in PEM.
        cacert: Option<Utf8PathBuf>,
    },
}

/// The two clients of one registry: that of oci-client, and one for what that does not do.
pub(super) struct Connection {
    pub(super) oci: oci_client::Client,
    pub(super) http: reqwest::Client,
    /// `https://quay.io`
    pub(super) base: String,
}

/// What was said of the connection cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// No certificates.
    #[error("`{file}` holds no certificates in PEM")]
    NoCertificate {
        /// What was given.
        file: Utf8PathBuf,
    },
    /// The clients cannot be made of it.
    #[error("the connection to `{registry}` cannot be set up")]
    Client {
        /// The registry.
        registry: String,
        /// Why. A proxy is not named in it, for its url may hold a password.
        source: reqwest::Error,
    },
    /// The same, told by the client of registries.
    #[error("the connection to `{registry}` cannot be set up")]
    OciClient {
        /// The registry.
        registry: String,
        /// Why.
        source: oci_client::errors::OciDistributionError,
    },
}

impl Explain for ConnectionError {
    fn help(&self) -> Vec<String> {
        match self {
            ConnectionError::NoCertificate { .. } => {
                vec!["give the file that begins with `-----BEGIN CERTIFICATE-----`".to_owned()]
            }
            _ => vec!["look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY: each has to be a url".to_owned()],
        }
    }
}

impl Connection {
    /// Prepares the way to `registry`, such as `quay.io`; nothing is sent.
    pub(super) fn prepare(ctx: &Context, registry: &str, protocol: &Protocol) -> Result<Self> {
        // One of the crates that use rustls may have chosen already; any choice does.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificates = match protocol {
            Protocol::Tls { cacert: Some(file) } => certificates(ctx, file)?,
            _ => Vec::new(),
        };
        let proxies = Proxies::of(&ctx.env);
        let plain = match protocol {
            Protocol::Usual => is_this_machine(registry),
            Protocol::Plain => true,
            Protocol::Tls { .. } => false,
        };
        let scheme = if plain { "http" } else { "https" };
        let http = client(&certificates, &proxies)
            .map_err(|source| ConnectionError::Client { registry: registry.to_owned(), source })?;
        let config = ClientConfig {
            protocol: if plain { ClientProtocol::Http } else { ClientProtocol::Https },
            use_monolithic_push: true,
            extra_root_certificates: certificates
                .iter()
                .map(|der| Certificate { encoding: CertificateEncoding::Der, data: der.to_vec() })
                .collect(),
            read_timeout: Some(READ_TIMEOUT),
            connect_timeout: Some(CONNECT_TIMEOUT),
            user_agent: USER_AGENT,
            https_proxy: proxies.https,
            http_proxy: proxies.http,
            no_proxy: Some(proxies.none),
            ..ClientConfig::default()
        };
        let oci = oci_client::Client::try_from(config)
            .map_err(|source| ConnectionError::OciClient { registry: registry.to_owned(), source })?;
        Ok(Connection { oci, http, base: format!("{scheme}://{registry}") })
    }
}

fn certificates(ctx: &Context, file: &Utf8PathBuf) -> Result<Vec<CertificateDer<'static>>> {
    let pem = fs_err::read(ctx.cwd.join(file))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ConnectionError::NoCertificate { file: file.clone() }.into()),
    }
}

fn client(certificates: &[CertificateDer<'_>], proxies: &Proxies) -> reqwest::Result<reqwest::Client> {
    let certificates = certificates.iter().map(|der| reqwest::Certificate::from_der(der));
    let mut builder = reqwest::Client::builder()
        .tls_certs_merge(certificates.collect::<reqwest::Result<Vec<_>>>()?)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT);
    let none = || reqwest::NoProxy::from_string(&proxies.none);
    if let Some(proxy) = &proxies.https {
        builder = builder.proxy(reqwest::Proxy::https(proxy)?.no_proxy(none()));
    }
    if let Some(proxy) = &proxies.http {
        builder = builder.proxy(reqwest::Proxy::http(proxy)?.no_proxy(none()));
    }
    builder.build()
}

/// The proxies of the environment. They are read here, and not by the clients, for no proxy shall be asked for
/// a registry on this machine.
struct Proxies {
    https: Option<String>,
    http: Option<String>,
    none: String,
}

impl Proxies {
    fn of(env: &Env) -> Self {
        let either = |name: &str| {
            let value = env.get(name).or_else(|| env.get(&name.to_lowercase()))?;
            value.to_str().map(str::to_owned)
        };
        let all = either("ALL_PROXY");
        let none: Vec<String> = either("NO_PROXY").into_iter().chain([THIS_MACHINE.to_owned()]).collect();
        Proxies {
            https: either("HTTPS_PROXY").or_else(|| all.clone()),
            http: either("HTTP_PROXY").or(all),
            none: none.join(","),
        }
    }
}

const THIS_MACHINE: &str = "localhost,.localhost,127.0.0.0/8";

fn is_this_machine(registry: &str) -> bool {
    let host = registry.split(':').next().unwrap_or_default();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn this_machine_is_known_by_its_names() {
        for registry in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.0.1", "registry.localhost:1"]
        {
            assert!(is_this_machine(registry), "{registry}");
        }
        for registry in ["quay.io", "10.0.0.1:5000", "localhost.example:5000", "128.0.0.1"] {
            assert!(!is_this_machine(registry), "{registry}");
        }
    }
}
