//! A server behind TLS that says one thing.

use std::io::{BufReader, Write as _};
use std::sync::Arc;

use camino::Utf8PathBuf;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::Sandbox;
use crate::support::http::{Head, Server};
use crate::support::registry::write_certificates;

/// It ends with this value.
pub(crate) struct TlsServer {
    server: Server,
    folder: Sandbox,
}

impl TlsServer {
    /// A server that leads every request to the same path below `base`.
    pub(crate) fn redirecting(base: &str) -> Self {
        let folder = Sandbox::new();
        write_certificates(&folder);
        let certificate = CertificateDer::from_pem_file(folder.path("certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.path("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
        let base = base.to_owned();
        let server = Server::start(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            // A client that does not like the certificate just goes.
            let Ok(Some(head)) = Head::read(&mut reader) else { return };
            let path = head.first.split(' ').nth(1).unwrap();
            let answer = format!("HTTP/1.1 307 Go\r\nLocation: {base}{path}\r\nContent-Length: 0\r\n\r\n");
            let _ = reader.get_mut().write_all(answer.as_bytes());
        });
        TlsServer { server, folder }
    }

    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.server.address())
    }

    /// The certificate of its authority, as a file.
    pub(crate) fn authority(&self) -> Utf8PathBuf {
        self.folder.path("authority/ca.crt")
    }
}
