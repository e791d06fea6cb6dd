//! What a registry says is shown, and the help fits it.

use std::io::{Read as _, Write as _};

use rcgen::date_time_ymd;

use crate::support::http::Server;
use crate::support::proxy::{Action, Proxy, Rule};
use crate::support::publishing::Filter;
use crate::support::registry::{PASSWORD, Registry, USER, certificate_of_this_machine};
use crate::support::running::Said;
use crate::support::tls::TlsServer;

const UPLOADS: &str = "/blobs/uploads/";
const MANIFEST: &str = "/manifests/0.1.0";

fn json(code: &str, message: &str) -> String {
    serde_json::json!({ "errors": [{ "code": code, "message": message }] }).to_string()
}

/// Publishes to a registry that follows the rule.
fn publish(rule: Rule) -> Said {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    proxy.rule(rule);
    Filter::new().publish(&proxy.repository("acme/bare"), &["--retry-for", "1"])
}

#[test]
fn the_help_fits_what_the_registry_says() {
    const IMMUTABLE: &str = "doesn't allow this tag to change";
    const QUOTA: &str = "raise the quota";
    const MEDIA_TYPES: &str = "--variant compat";
    const AGAIN: &str = "run the command again";
    let exceeded = "adding 1 MiB of storage resource will exceed the configured upper limit of 5 MiB";
    for (method, part, status, code, message, help) in [
        ("PUT", MANIFEST, 405, "UNSUPPORTED", "Invalid parameter: media type", MEDIA_TYPES),
        ("PUT", MANIFEST, 403, "DENIED", "the tag is IMMUTABLE", IMMUTABLE),
        ("PUT", MANIFEST, 412, "PRECONDITION", "configured as immutable, cannot be updated", IMMUTABLE),
        ("PUT", MANIFEST, 400, "TAG_INVALID", "The image tag already exists", IMMUTABLE),
        ("PUT", MANIFEST, 409, "CONFLICT", "try again", AGAIN),
        ("PUT", MANIFEST, 412, "PRECONDITION", "vulnerable", AGAIN),
        ("PUT", MANIFEST, 412, "DENIED", exceeded, QUOTA),
        ("POST", UPLOADS, 403, "DENIED", "Quota has been exceeded", QUOTA),
        ("PUT", UPLOADS, 507, "", "no", QUOTA),
        ("PUT", UPLOADS, 405, "UNSUPPORTED", "read only", "--pull-image"),
        ("POST", UPLOADS, 403, "DENIED", "not yours", "docker login"),
    ] {
        let said = publish(Rule::on(method, part, Action::answer(status, &json(code, message))));
        let said = said.failed(&[message, help]);
        for other in [IMMUTABLE, QUOTA, MEDIA_TYPES, AGAIN, "--pull-image", "docker login"] {
            assert!(other == help || !said.stderr.contains(other), "{other}:\n{}", said.stderr);
        }
    }
}

#[test]
fn details_and_warnings_are_shown() {
    for (detail, shown) in [
        (r#""sha256:1 is missing""#, "DENIED: no (sha256:1 is missing)\n"),
        (r#"{"limit":5,"unit":"images","more":null}"#, "DENIED: no (limit: 5, unit: images)\n"),
        (
            r#"[{"Name":"acme/bare","Action":"push","Class":""}]"#,
            "DENIED: no (Action: push, Name: acme/bare)\n",
        ),
        ("null", "DENIED: no\n"),
        (r#""\u001b[31m\u202ered""#, "DENIED: no ( [31mred)\n"),
    ] {
        let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"no","detail":{detail}}}]}}"#);
        let warning = "299 - \"the token\t expires soon\"";
        let answer = Action::answer(403, &body).header("Warning", warning);
        let said = publish(Rule::on("POST", UPLOADS, answer)).failed(&[shown]);
        let warned = said.stderr.matches("warning: the registry warns: the token expires soon\n").count();
        assert_eq!(warned, 1, "{}", said.stderr);
    }
}

#[test]
fn each_wrong_certificate_has_its_help() {
    let mut expired = certificate_of_this_machine();
    (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    let mut early = certificate_of_this_machine();
    early.not_before = date_time_ymd(2100, 1, 1);
    let other = rcgen::CertificateParams::new(["other.example".to_owned()]).unwrap();
    for (server, help) in [
        (TlsServer::with_certificate(expired), "renew the certificate"),
        (TlsServer::with_certificate(early), "clock of this machine"),
        (TlsServer::with_certificate(other), "a host name that the certificate"),
        (TlsServer::with_client_certificates(), "pass a client certificate"),
    ] {
        let authority = server.authority();
        let filter = Filter::new();
        let args = ["--retry-for", "1", "--cacert", authority.as_str()];
        let said = filter.publish(&server.repository("acme/bare"), &args).failed(&[help]);
        assert!(!said.stderr.contains("with `--cacert") && !said.stderr.contains("again"), "{}", said.stderr);
    }
}

#[test]
fn a_server_that_speaks_something_else_is_recognized() {
    let filter = Filter::new();
    // An SSH server, and TLS servers that were asked in plain text.
    for answer in [&b"SSH-2.0-OpenSSH_9.6\r\n"[..], b"\x15\x03\x03\x00\x02\x02\x46", b""] {
        let server = Server::start(move |mut stream| {
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(answer);
        });
        let said = filter.publish(&format!("{}/acme/bare", server.address()), &["--retry-for", "0"]);
        let said = said.failed(&["pass `--tls`", "is a container registry"]);
        assert!(!said.stderr.contains("again"), "{}", said.stderr);
    }
}

#[test]
fn a_token_service_that_refuses_a_request_needs_no_tls() {
    let proxy = Proxy::alone();
    proxy.rule(Rule::on("GET", "/token", Action::answer(400, r#"{"error":"invalid_request"}"#)));
    let challenge = format!("Bearer realm=\"http://{}/token\"", proxy.address());
    proxy.rule(Rule::on("GET", "/v2/", Action::answer(401, "").header("WWW-Authenticate", &challenge)));
    let filter = Filter::new();
    let mut command =
        filter.command(&proxy.repository("acme/bare"), &["--username", USER, "--password-stdin"]);
    let said = Said::of_with_input(&mut command, PASSWORD);
    let said = said.failed(&["400 Bad Request: error: invalid_request", "the token service", "docker login"]);
    assert!(!said.stderr.contains("--tls"), "{}", said.stderr);
}

#[test]
fn a_proxy_that_asks_for_a_login_is_recognized() {
    let proxy = Proxy::alone();
    proxy.rule(Rule::when(|_| true, Action::answer(407, "")));
    let filter = Filter::new();
    for args in [&[][..], &["--plain-http"]] {
        let mut command = filter.command("registry.invalid/acme/bare", args);
        let said = Said::of(command.env("ALL_PROXY", format!("http://{}", proxy.address())));
        said.failed(&["add the login of the proxy to its URL"]);
    }
}
