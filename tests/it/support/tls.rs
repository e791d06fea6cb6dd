//! A TLS server that redirects every request.

use std::io::{BufReader, Write as _};
use std::sync::Arc;

use camino::Utf8PathBuf;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::Sandbox;
use crate::support::http::{Head, Server};
use crate::support::registry::write_certificates;

/// It is stopped when this value is dropped.
pub(crate) struct TlsServer {
    server: Server,
    sandbox: Sandbox,
}

impl TlsServer {
    /// A server that redirects every request to the same path below `base`.
    pub(crate) fn redirecting(base: &str) -> Self {
        let sandbox = Sandbox::new();
        write_certificates(&sandbox);
        let certificate = CertificateDer::from_pem_file(sandbox.path("certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(sandbox.path("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
        let base = base.to_owned();
        let server = Server::start(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            // A client that refuses the certificate closes the connection.
            let Ok(Some(head)) = Head::read(&mut reader) else { return };
            let path = head.first.split(' ').nth(1).unwrap();
            let answer = format!("HTTP/1.1 307 Go\r\nLocation: {base}{path}\r\nContent-Length: 0\r\n\r\n");
            let _ = reader.get_mut().write_all(answer.as_bytes());
        });
        TlsServer { server, sandbox }
    }

    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.server.address())
    }

    /// The file with the certificate of its authority.
    pub(crate) fn authority(&self) -> Utf8PathBuf {
        self.sandbox.path("authority/ca.crt")
    }
}
