//! A real registry: the CNCF's own implementation, from Debian.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use camino::Utf8PathBuf;
use fs_err::File;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;

use crate::support::tokens::Tokens;
use crate::support::{Sandbox, program, until};

/// The user who may log in to a registry with a password.
pub(crate) const USER: &str = "robot";
/// The user's password. It must not be in any output or file of the program, so it is unlike any other word.
pub(crate) const PASSWORD: &str = "correct-horse-7f3a";
/// The bcrypt hash of the password, with the lowest cost because it is computed for each request.
const PASSWORD_HASH: &str = "$2b$04$UYKZFUH/uO567.ipKaiAMeX4Jet4yWjo7NGGIVjnRTtMPP10z93Xq";

/// Options of a registry. Without any, it accepts everything from everyone over plain HTTP.
pub(crate) enum With<'a> {
    /// Requires [`USER`] and [`PASSWORD`].
    Password,
    /// HTTPS for 127.0.0.1 and localhost, with an untrusted authority: see [`Registry::authority`].
    Tls,
    /// HTTPS with this certificate, which its own key signs.
    SelfSigned(&'a CertificateParams),
    /// HTTPS for clients with a certificate: see [`Registry::certificate_of_client`].
    ClientCertificates,
    /// Listens at the IPv6 loopback address.
    Ipv6,
    /// Responds to all pushes with 405.
    ReadOnly,
    /// Requires a token from this server.
    Tokens(&'a Tokens),
}

/// An empty registry on a free port of loopback. It is stopped when this value is dropped.
pub(crate) struct Registry {
    child: Child,
    sandbox: Sandbox,
    address: String,
}

impl Registry {
    /// A registry that accepts everything from everyone over plain HTTP.
    pub(crate) fn open() -> Self {
        Registry::with(&[])
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn with(parts: &[With]) -> Self {
        let sandbox = Sandbox::new();
        let mut config = json!({
            "version": "0.1",
            "storage": { "filesystem": { "rootdirectory": sandbox.path("storage") } },
            "http": { "addr": "127.0.0.1:0" },
        });
        for part in parts {
            match part {
                With::Password => {
                    sandbox.write("htpasswd", format!("{USER}:{PASSWORD_HASH}\n"));
                    let htpasswd = json!({ "realm": "test", "path": sandbox.path("htpasswd") });
                    config["auth"] = json!({ "htpasswd": htpasswd });
                }
                With::Tls | With::SelfSigned(_) | With::ClientCertificates => {
                    match part {
                        With::SelfSigned(certificate) => write_self_signed(&sandbox, (*certificate).clone()),
                        _ => write_certificates(&sandbox, certificate_of_this_machine()),
                    }
                    let [certificate, key] = ["certificate.pem", "key.pem"].map(|file| sandbox.path(file));
                    config["http"]["tls"] = json!({ "certificate": certificate, "key": key });
                    if matches!(part, With::ClientCertificates) {
                        config["http"]["tls"]["clientcas"] = json!([sandbox.path("authority/ca.crt")]);
                    }
                }
                With::Ipv6 => config["http"]["addr"] = json!("[::1]:0"),
                With::ReadOnly => {
                    config["storage"]["maintenance"] = json!({ "readonly": { "enabled": true } });
                }
                With::Tokens(tokens) => {
                    sandbox.write("tokens.pem", tokens.certificate());
                    config["auth"] = json!({ "token": {
                        "realm": tokens.realm(),
                        "service": tokens.service(),
                        "issuer": tokens.issuer(),
                        "rootcertbundle": sandbox.path("tokens.pem"),
                    } });
                }
            }
        }
        // JSON is YAML.
        sandbox.write("config.yml", config.to_string());
        let log = File::create(sandbox.path("log")).unwrap().into_file();
        // Panics with advice if it is not installed.
        drop(program("docker-registry"));
        let mut command = Command::new("docker-registry");
        // Variables could override the file.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.arg("serve").arg(sandbox.path("config.yml"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let mut registry = Registry { child, sandbox, address: String::new() };
        registry.address = until(Duration::from_secs(60), "the registry to listen", || {
            let ended = registry.child.try_wait().unwrap();
            assert!(ended.is_none(), "the registry ended: {}", registry.log());
            listener(&registry.log())
        });
        registry
    }

    /// The address, as `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The name of a repository, with the address of this registry.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// The file with the certificate of the authority for [`With::Tls`].
    pub(crate) fn authority(&self) -> Utf8PathBuf {
        let path = self.sandbox.path("authority/ca.crt");
        assert!(path.exists(), "a registry without TLS has no authority");
        path
    }

    /// The files of a certificate that it accepts, and of its key.
    pub(crate) fn certificate_of_client(&self) -> [Utf8PathBuf; 2] {
        ["client.pem", "client-key.pem"].map(|name| self.sandbox.path(name))
    }

    /// Removes all blobs from its storage, except for the one with this digest.
    pub(crate) fn lose_blobs(&self, but: &str) {
        let blobs = self.sandbox.path("storage/docker/registry/v2/blobs/sha256");
        for directory in blobs.read_dir_utf8().unwrap() {
            for blob in directory.unwrap().path().read_dir_utf8().unwrap() {
                let blob = blob.unwrap();
                if !but.ends_with(blob.file_name()) {
                    fs_err::remove_dir_all(blob.path()).unwrap();
                }
            }
        }
    }

    /// The log of the registry, which contains a line for each request.
    pub(crate) fn log(&self) -> String {
        self.sandbox.read("log")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the log, if its line is complete.
fn listener(log: &str) -> Option<String> {
    let (_, rest) = log.split_once(r#"msg="listening on "#)?;
    let (address, _) = rest.split_once('"')?;
    Some(address.trim_end_matches(", tls").to_owned())
}

/// A certificate for the names of this machine, which an authority has yet to sign.
pub(crate) fn certificate_of_this_machine() -> CertificateParams {
    CertificateParams::new(["127.0.0.1", "localhost"].map(str::to_owned)).unwrap()
}

/// Creates an authority, and the certificate that it signs.
pub(super) fn write_certificates(sandbox: &Sandbox, certificate: CertificateParams) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "authority of a test");
    let key = KeyPair::generate().unwrap();
    sandbox.write("authority/ca.crt", params.self_signed(&key).unwrap().pem());
    let authority = Issuer::new(params, key);

    let key = KeyPair::generate().unwrap();
    sandbox.write("certificate.pem", certificate.signed_by(&key, &authority).unwrap().pem());
    sandbox.write("key.pem", key.serialize_pem());

    let key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(["client".to_owned()]).unwrap();
    sandbox.write("client.pem", client.signed_by(&key, &authority).unwrap().pem());
    sandbox.write("client-key.pem", key.serialize_pem());
}

/// Creates a certificate that is its own authority, as `openssl req -x509` does.
fn write_self_signed(sandbox: &Sandbox, mut certificate: CertificateParams) {
    certificate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let signed = certificate.self_signed(&key).unwrap().pem();
    sandbox.write("certificate.pem", &signed);
    sandbox.write("authority/ca.crt", &signed);
    sandbox.write("key.pem", key.serialize_pem());
}
