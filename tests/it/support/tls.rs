//! TLS servers that redirect or forward every request.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use camino::Utf8PathBuf;
use rcgen::CertificateParams;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::support::Sandbox;
use crate::support::http::{Head, Length, Server};
use crate::support::registry::{certificate_of_this_machine, write_certificates};

/// It is stopped when this value is dropped.
pub(crate) struct TlsServer {
    server: Server,
    sandbox: Sandbox,
}

impl TlsServer {
    /// A server that redirects every request to the same path below `base`.
    pub(crate) fn redirecting(base: &str) -> Self {
        let base = base.to_owned();
        TlsServer::start(certificate_of_this_machine(), false, move |head, _| redirect(&base, &head))
    }

    /// A server that forwards every request to the server at `127.0.0.1:PORT`.
    pub(crate) fn before(address: &str) -> Self {
        let address = address.to_owned();
        TlsServer::start(certificate_of_this_machine(), false, move |head, body| {
            forward(&address, head, &body)
        })
    }

    /// A server with this certificate. No request is expected to get to it.
    pub(crate) fn with_certificate(certificate: CertificateParams) -> Self {
        TlsServer::start(certificate, false, |_, _| Vec::new())
    }

    /// A server that requires a certificate of the client.
    pub(crate) fn with_client_certificates() -> Self {
        TlsServer::start(certificate_of_this_machine(), true, |_, _| Vec::new())
    }

    fn start(
        certificate: CertificateParams,
        asks_client: bool,
        answer: impl Fn(Head, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let sandbox = Sandbox::new();
        write_certificates(&sandbox, certificate);
        let certificate = CertificateDer::from_pem_file(sandbox.path("certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(sandbox.path("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone());
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = if asks_client {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(sandbox.path("authority/ca.crt")).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
        let server = Server::start(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            // A client that refuses the certificate closes the connection.
            let Ok(Some(head)) = Head::read(&mut reader) else { return };
            let mut body = Vec::new();
            let read = head.body(&mut reader, Length::Known).unwrap().read_to_end(&mut body);
            if read.is_ok() {
                let _ = reader.get_mut().write_all(&answer(head, body));
                reader.get_mut().conn.send_close_notify();
                let _ = reader.get_mut().flush();
            }
        });
        TlsServer { server, sandbox }
    }

    /// The address, as `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.server.address()
    }

    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.server.address())
    }

    /// The file with the certificate of its authority.
    pub(crate) fn authority(&self) -> Utf8PathBuf {
        self.sandbox.path("authority/ca.crt")
    }
}

fn redirect(base: &str, head: &Head) -> Vec<u8> {
    let path = head.first.split(' ').nth(1).unwrap();
    format!("HTTP/1.1 307 Go\r\nLocation: {base}{path}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// The response of the server at that address.
fn forward(address: &str, mut head: Head, body: &[u8]) -> Vec<u8> {
    head.remove("Connection");
    head.push("Connection", "close");
    // Registries then use it in the URLs that they return.
    head.push("X-Forwarded-Proto", "https");
    let mut stream = TcpStream::connect(address).unwrap();
    head.write(&mut stream).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}
