//! A real registry: the CNCF's own program, as Debian packages it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use camino::Utf8PathBuf;
use fs_err::File;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;

use crate::support::tokens::Tokens;
use crate::support::{Sandbox, program, until};

/// Who may log in where a password is asked for.
pub(crate) const USER: &str = "robot";
/// Their password. No output and no file of the program may have it, so it is like no other word.
pub(crate) const PASSWORD: &str = "correct-horse-7f3a";
/// Made by bcrypt of the password, at the least cost: each request is judged anew.
const PASSWORD_HASH: &str = "$2b$04$UYKZFUH/uO567.ipKaiAMeX4Jet4yWjo7NGGIVjnRTtMPP10z93Xq";

/// What a registry has beyond taking everything from everybody over plain HTTP.
pub(crate) enum With<'a> {
    /// Nobody gets in without [`USER`] and [`PASSWORD`].
    Password,
    /// HTTPS for 127.0.0.1 and localhost, by an authority that nobody knows: see [`Registry::authority`].
    Tls,
    /// All pushes are answered with 405.
    ReadOnly,
    /// What a bearer may do stands in a token of this server.
    Tokens(&'a Tokens),
}

/// An empty registry on a free port of loopback. It ends with this value.
pub(crate) struct Registry {
    child: Child,
    folder: Sandbox,
    address: String,
}

impl Registry {
    /// One that takes everything from everybody over plain HTTP.
    pub(crate) fn open() -> Self {
        Registry::with(&[])
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn with(parts: &[With]) -> Self {
        let folder = Sandbox::new();
        let mut config = json!({
            "version": "0.1",
            "storage": { "filesystem": { "rootdirectory": folder.path("storage") } },
            "http": { "addr": "127.0.0.1:0" },
        });
        for part in parts {
            match part {
                With::Password => {
                    folder.write("htpasswd", format!("{USER}:{PASSWORD_HASH}\n"));
                    let htpasswd = json!({ "realm": "test", "path": folder.path("htpasswd") });
                    config["auth"] = json!({ "htpasswd": htpasswd });
                }
                With::Tls => {
                    write_certificates(&folder);
                    let [certificate, key] = ["certificate.pem", "key.pem"].map(|file| folder.path(file));
                    config["http"]["tls"] = json!({ "certificate": certificate, "key": key });
                }
                With::ReadOnly => {
                    config["storage"]["maintenance"] = json!({ "readonly": { "enabled": true } });
                }
                With::Tokens(tokens) => {
                    folder.write("tokens.pem", tokens.certificate());
                    config["auth"] = json!({ "token": {
                        "realm": tokens.realm(),
                        "service": tokens.service(),
                        "issuer": tokens.issuer(),
                        "rootcertbundle": folder.path("tokens.pem"),
                    } });
                }
            }
        }
        // JSON is YAML.
        folder.write("config.yml", config.to_string());
        let log = File::create(folder.path("log")).unwrap().into_file();
        // It says what to do where there is none.
        drop(program("docker-registry"));
        let mut command = Command::new("docker-registry");
        // Variables may overrule the file.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.arg("serve").arg(folder.path("config.yml"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let mut registry = Registry { child, folder, address: String::new() };
        registry.address = until(Duration::from_secs(60), "the registry to listen", || {
            let ended = registry.child.try_wait().unwrap();
            assert!(ended.is_none(), "the registry ended: {}", registry.log());
            listener(&registry.log())
        });
        registry
    }

    /// Where it listens, as `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The name of a repository in it, as images are named.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// The certificate of the authority behind [`With::Tls`], as a file.
    pub(crate) fn authority(&self) -> Utf8PathBuf {
        let path = self.folder.path("authority/ca.crt");
        assert!(path.exists(), "a registry without TLS has no authority");
        path
    }

    /// All that the registry has said: a line each request among it.
    pub(crate) fn log(&self) -> String {
        self.folder.read("log")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that the log tells, once its line is whole.
fn listener(log: &str) -> Option<String> {
    let (_, rest) = log.split_once(r#"msg="listening on "#)?;
    let (address, _) = rest.split_once('"')?;
    Some(address.trim_end_matches(", tls").to_owned())
}

/// Makes an authority, and has it sign a certificate for the names of this machine.
pub(super) fn write_certificates(folder: &Sandbox) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "authority of a test");
    let key = KeyPair::generate().unwrap();
    folder.write("authority/ca.crt", params.self_signed(&key).unwrap().pem());
    let authority = Issuer::new(params, key);

    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    folder.write("certificate.pem", certificate.pem());
    folder.write("key.pem", key.serialize_pem());
}
