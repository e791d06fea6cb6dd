//! Certificates of servers and clients, and where they are found.

use camino::Utf8Path;
use rcgen::{CertificateParams, date_time_ymd};

use crate::support::publishing::Filter;
use crate::support::registry::{Registry, With, certificate_of_this_machine};
use crate::support::running::{Said, process};

/// A directory for certificates that docker or podman would look into.
fn certs_d(filter: &Filter, registry: &Registry) -> camino::Utf8PathBuf {
    let directory = filter.sandbox.path("config/containers/certs.d").join(registry.address());
    fs_err::create_dir_all(&directory).unwrap();
    directory
}

fn with_config(filter: &Filter, registry: &Registry, args: &[&str]) -> Said {
    let mut command = filter.command(&registry.repository("acme/bare"), args);
    Said::of(command.env("XDG_CONFIG_HOME", filter.sandbox.path("config")))
}

/// Pushes the image that was built last with skopeo, which reads certificates from `directory`.
fn skopeo(filter: &Filter, registry: &Registry, directory: &Utf8Path) -> Said {
    let image = format!("oci:{}", filter.sandbox.path("bare/target/wasmplugin.d/bare/image"));
    let mut command = process("skopeo");
    command.args(["copy", "--dest-cert-dir", directory.as_str(), &image]);
    Said::of(command.arg(format!("docker://{}:skopeo", registry.repository("acme/bare"))))
}

#[test]
fn a_certificate_of_the_client_is_sent() {
    let registry = Registry::with(&[With::ClientCertificates]);
    let repository = registry.repository("acme/bare");
    let (authority, [certificate, key]) = (registry.authority(), registry.certificate_of_client());
    let filter = Filter::new();
    let publish =
        |args: &[&str]| filter.publish(&repository, &[&["--cacert", authority.as_str()], args].concat());
    publish(&["--retry-for", "0"]).failed(&["pass a client certificate", "--cert FILE --key FILE"]);
    publish(&["--cert", certificate.as_str(), "--key", key.as_str()]).done();

    let both = [&certificate, &key].map(|file| fs_err::read_to_string(file).unwrap()).concat();
    filter.sandbox.write("both.pem", both);
    let both = filter.sandbox.path("both.pem");
    publish(&["--cert", both.as_str(), "--tag", "both"]).done();

    publish(&["--cert", certificate.as_str()])
        .failed(&["client.pem` contains no private key", "openssl pkey"]);
    publish(&["--cert", key.as_str()]).failed(&["client-key.pem` contains no certificates"]);
    publish(&["--cert", "missing.pem"]).failed(&["missing.pem"]);
    let other = Registry::with(&[With::Tls]);
    let other = other.authority().with_file_name("../key.pem");
    publish(&["--cert", certificate.as_str(), "--key", other.as_str()])
        .failed(&["client.pem", "its own private key"]);
    assert_eq!(publish(&["--key", key.as_str()]).code, Some(2));
}

#[test]
fn certificates_are_found_where_docker_and_podman_look() {
    let registry = Registry::with(&[With::ClientCertificates]);
    let filter = Filter::new();
    let [certificate, key] = registry.certificate_of_client();
    let directory = certs_d(&filter, &registry);
    fs_err::copy(registry.authority(), directory.join("ca.crt")).unwrap();
    fs_err::copy(certificate, directory.join("client.cert")).unwrap();
    with_config(&filter, &registry, &[]).failed(&["client.cert` can't be used without `", "client.key`"]);
    fs_err::copy(key, directory.join("client.key")).unwrap();
    with_config(&filter, &registry, &[]).done();
    skopeo(&filter, &registry, &directory).done();

    // Of the directories, the first that exists is used.
    let home = filter.sandbox.path("home");
    for below in [".docker/certs.d", ".config/docker/certs.d", ".config/containers/certs.d"] {
        let directory = home.join(below).join(registry.address());
        fs_err::create_dir_all(&directory).unwrap();
        let mut command =
            filter.command(&registry.repository("acme/bare"), &["--tag", "home", "--retry-for", "0"]);
        command.env("HOME", &home).env_remove("XDG_CONFIG_HOME");
        for variable in ["CARGO_HOME", "RUSTUP_HOME"] {
            command.env(variable, home_of_tools(variable));
        }
        Said::of(&mut command).failed(&["pass `--tls`"]);
        for file in ["ca.crt", "client.cert", "client.key"] {
            fs_err::copy(certs_d(&filter, &registry).join(file), directory.join(file)).unwrap();
        }
        Said::of(&mut command).done();
    }
}

/// Where cargo and rustup are if HOME is changed.
fn home_of_tools(variable: &str) -> std::ffi::OsString {
    let default = if variable == "CARGO_HOME" { ".cargo" } else { ".rustup" };
    std::env::var_os(variable)
        .unwrap_or_else(|| std::path::Path::new(&std::env::var_os("HOME").unwrap()).join(default).into())
}

#[test]
fn a_self_signed_certificate_is_trusted_as_its_own_authority() {
    let expired = || {
        let mut certificate = certificate_of_this_machine();
        (certificate.not_before, certificate.not_after) =
            (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        certificate
    };
    let mut early = certificate_of_this_machine();
    early.not_before = date_time_ymd(2100, 1, 1);
    let other = CertificateParams::new(["other.example".to_owned()]).unwrap();
    for (certificate, refusal) in [
        (certificate_of_this_machine(), None),
        (expired(), Some("renew the certificate")),
        (early, Some("clock of this machine")),
        (other, Some("a host name that the certificate")),
    ] {
        let registry = Registry::with(&[With::SelfSigned(&certificate)]);
        let filter = Filter::new();
        let stranger = filter.publish(&registry.repository("acme/bare"), &["--tls", "--retry-for", "0"]);
        if refusal.is_none() {
            stranger.failed(&["or its own if it is self-signed, with `--cacert FILE`"]);
        }
        let directory = certs_d(&filter, &registry);
        fs_err::copy(registry.authority(), directory.join("ca.crt")).unwrap();
        let said = with_config(&filter, &registry, &["--retry-for", "0"]);
        let reference = skopeo(&filter, &registry, &directory);
        match refusal {
            None => {
                said.done();
                reference.done();
            }
            Some(help) => {
                said.failed(&[help]);
                assert_ne!(reference.code, Some(0));
            }
        }
        let skipped = filter
            .published(&registry.repository("acme/bare"), &["--insecure-skip-verify", "--tag", "skipped"]);
        assert!(skipped.stderr.contains("warning: certificates are not verified"), "{}", skipped.stderr);
    }
}
