//! TLS: which certificates are trusted.

use std::sync::{Arc, OnceLock};

use camino::Utf8PathBuf;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

use crate::error::Explain;
use crate::transport::registry::certificates::{Certificates, ClientCertificate};

/// A certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("failed to set up TLS with the trusted certificates")]
    Trusted(#[source] Error),
    #[error("failed to set up TLS with the client certificate in `{file}`")]
    Client { file: Utf8PathBuf, source: Error },
}

impl Explain for TlsError {
    fn help(&self) -> Vec<String> {
        vec![match self {
            TlsError::Trusted(_) => {
                "pass the certificate of the registry's authority with `--cacert FILE`".to_owned()
            }
            TlsError::Client { .. } => "pass a certificate and its own private key".to_owned(),
        }]
    }
}

/// The configuration that trusts the system's certificates and those in `certificates`. If `accepts_all`, it accepts
/// every certificate.
pub(super) fn config(certificates: Certificates, accepts_all: bool) -> Result<ClientConfig, TlsError> {
    let Certificates { trusted, client } = certificates;
    let mut store = RootCertStore::empty();
    trusted.iter().try_for_each(|certificate| store.add(certificate.clone())).map_err(TlsError::Trusted)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Trust { accepts_all, trusted, provider: Arc::clone(&provider), verifier: OnceLock::new() };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Trusted)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match client {
        Some(ClientCertificate { file, chain, key }) => {
            config.with_client_auth_cert(chain, key).map_err(|source| TlsError::Client { file, source })?
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Which certificates of servers are accepted.
#[derive(Debug)]
struct Trust {
    accepts_all: bool,
    trusted: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    /// The platform's verifier. The system's certificates are read when the first certificate is verified, because that
    /// takes longer than pushing a filter to this machine over plain HTTP.
    verifier: OnceLock<Result<Verifier, Error>>,
}

/// Verifies a certificate that is itself trusted. The verifier would accept it only as the issuer of another one if
/// it may issue others, and `openssl req -x509` always creates such a certificate.
fn verify_pinned(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    let (_, parsed) = parse_x509_certificate(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
    let (validity, now) = (parsed.validity(), now.ok_or(Error::FailedToGetCurrentTime)?);
    if now < validity.not_before {
        Err(CertificateError::NotValidYet.into())
    } else if now > validity.not_after {
        Err(CertificateError::Expired.into())
    } else {
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.accepts_all {
            return Ok(ServerCertVerified::assertion());
        }
        if self.trusted.contains(end_entity) {
            return verify_pinned(end_entity, server_name, now);
        }
        let verifier = self.verifier.get_or_init(|| {
            Verifier::new_with_extra_roots(self.trusted.iter().cloned(), Arc::clone(&self.provider))
        });
        let verifier = verifier.as_ref().map_err(Clone::clone)?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
