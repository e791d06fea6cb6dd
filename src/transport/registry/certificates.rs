//! The certificates for a registry: from the command line, from Cargo.toml, and from `certs.d`, where docker and podman
//! look for them.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::context::Context;
use crate::error::{Explain, Result};
use crate::fs::{self, TEXT_LIMIT};
use crate::transport::registry::access::{Access, CertificateFiles, Security};

/// What TLS needs to know about one registry.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// They are trusted in addition to the system's.
    pub(super) trusted: Vec<CertificateDer<'static>>,
    pub(super) client: Option<ClientCertificate>,
}

/// The certificate that a client sends if the server asks for one.
#[derive(Debug)]
pub(super) struct ClientCertificate {
    /// For messages.
    pub(super) file: Utf8PathBuf,
    /// The certificate itself comes first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// A file doesn't contain what it should.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("`{0}` contains no certificates in PEM format")]
    NoCertificate(Utf8PathBuf),
    #[error("`{0}` contains no private key in PEM format, or the key is encrypted")]
    NoKey(Utf8PathBuf),
    /// A certificate of a client without its key, or the other way round.
    #[error("`{found}` can't be used without `{missing}`")]
    Incomplete { found: Utf8PathBuf, missing: Utf8PathBuf },
}

impl Explain for CertificateError {
    fn help(&self) -> Vec<String> {
        vec![match self {
            CertificateError::NoCertificate(_) => {
                "pass a file that begins with `-----BEGIN CERTIFICATE-----`".to_owned()
            }
            CertificateError::NoKey(file) => format!("decrypt an encrypted key: `openssl pkey -in {file}`"),
            CertificateError::Incomplete { found, missing } => {
                format!("add `{missing}`, or remove `{found}`")
            }
        }]
    }
}

impl Certificates {
    /// The certificates for the registry `host`, which has its port if that isn't the usual one.
    pub(super) fn of(ctx: &Context, host: &str, access: &Access, security: &Security) -> Result<Self> {
        let mut files = match directory(ctx, host) {
            Some(directory) => {
                ctx.shell.verbose("Using", format_args!("the certificates in {directory}"));
                Files::of(&directory)?
            }
            None => Files::default(),
        };
        files.trusted.extend(security.cacert.clone());
        let client = access.certificate.clone().or(files.client);
        let trusted: Vec<_> =
            files.trusted.iter().map(|file| certificates(ctx, file)).collect::<Result<_>>()?;
        Ok(Certificates {
            trusted: trusted.concat(),
            client: client.map(|files| ClientCertificate::read(ctx, files)).transpose()?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.trusted.is_empty() && self.client.is_none()
    }
}

impl ClientCertificate {
    fn read(ctx: &Context, files: CertificateFiles) -> Result<Self> {
        let CertificateFiles { certificate: file, key } = files;
        let chain = certificates(ctx, &file)?;
        let pem = fs::read(ctx.cwd.join(&key), TEXT_LIMIT)?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| CertificateError::NoKey(key))?;
        Ok(ClientCertificate { file, chain, key })
    }
}

fn certificates(ctx: &Context, file: &Utf8Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = fs::read(ctx.cwd.join(file), TEXT_LIMIT)?;
    let missing = || CertificateError::NoCertificate(file.to_owned());
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| missing())?;
    if certificates.is_empty() { Err(missing().into()) } else { Ok(certificates) }
}

/// The directory with the certificates for a registry, the first that exists.
fn directory(ctx: &Context, host: &str) -> Option<Utf8PathBuf> {
    let env = |name| Some(ctx.cwd.join(ctx.env.get(name)?.to_str()?));
    let home = env("HOME");
    let config = env("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let below = |directory: &Option<Utf8PathBuf>, path: &str| Some(directory.as_ref()?.join(path));
    let all = [
        below(&config, "containers/certs.d"),
        // Docker without root, and Docker Desktop.
        below(&config, "docker/certs.d"),
        below(&home, ".docker/certs.d"),
        Some("/etc/containers/certs.d".into()),
        Some("/etc/docker/certs.d".into()),
    ];
    all.into_iter().flatten().map(|directory| directory.join(host)).find(|directory| directory.is_dir())
}

/// The files in a directory, by their purpose.
#[derive(Default)]
struct Files {
    trusted: Vec<Utf8PathBuf>,
    client: Option<CertificateFiles>,
}

impl Files {
    /// `*.crt` are certificates of authorities. `NAME.cert` and `NAME.key` are for the client; the first name is used.
    fn of(directory: &Utf8Path) -> Result<Self> {
        let entries = match fs_err::read_dir(directory) {
            // It is for another user, such as the one that runs docker.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(Files::default()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            files.extend(Utf8PathBuf::try_from(entry?.path()).ok());
        }
        files.sort();
        let with =
            |extension: &'static str| files.iter().filter(move |file| file.extension() == Some(extension));
        let pair = |certificate: &Utf8PathBuf| {
            let files =
                CertificateFiles { certificate: certificate.clone(), key: certificate.with_extension("key") };
            complete(&files.certificate, &files.key).map(|()| files)
        };
        for key in with("key") {
            complete(key, &key.with_extension("cert"))?;
        }
        let clients = with("cert").map(pair).collect::<Result<Vec<_>, _>>()?;
        Ok(Files { trusted: with("crt").cloned().collect(), client: clients.into_iter().next() })
    }
}

fn complete(found: &Utf8Path, other: &Utf8Path) -> Result<(), CertificateError> {
    match other.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(CertificateError::Incomplete { found: found.to_owned(), missing: other.to_owned() })
        }
        // Any other error shows when the file is read.
        _ => Ok(()),
    }
}
