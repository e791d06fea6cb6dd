//! Access to registries: logins of every kind, TLS, and proxies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::mesh;
use crate::support::proxy::{Action, Proxy, Rule};
use crate::support::publishing::Filter;
use crate::support::registry::{PASSWORD, Registry, USER, With};
use crate::support::running::Said;
use crate::support::tls::TlsServer;
use crate::support::tokens::{By, May, Tokens};

#[test]
fn a_password_comes_from_standard_input() {
    let registry = Registry::with(&[With::Password]);
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let args = ["--username", USER, "--password-stdin", "--verbose"];
    let with = |input: &str| Said::of_with_input(&mut filter.command(&repository, &args), input);
    let said = with(&format!("{PASSWORD}\n")).done();
    assert!(said.stderr.contains("  Logging in as `robot` (from `--username`)\n"), "{}", said.stderr);
    with("wrong").failed(&["401", "rejected `robot` (from `--username`)"]);
    assert_eq!(with("").code, Some(2));
    assert_eq!(filter.publish(&repository, &["--username", USER]).code, Some(2));
}

#[test]
fn without_a_login_the_help_says_how_to_log_in() {
    let filter = Filter::new();
    let registry = Registry::with(&[With::Password]);
    let log_in = format!("docker login {}", registry.address());
    let said = filter.publish(&registry.repository("acme/bare"), &[]);
    said.failed(&["401 Unauthorized", "/v2/", &log_in, "--username NAME --password-stdin"]);

    let tokens = Tokens::start(May::Push, May::Nothing);
    let registry = Registry::with(&[With::Tokens(&tokens)]);
    filter.publish(&registry.repository("acme/bare"), &[]).failed(&["401 Unauthorized", "docker login"]);
}

#[test]
fn a_token_is_requested_once() {
    let tokens = Tokens::start(May::Push, May::Nothing);
    let registry = Registry::with(&[With::Tokens(&tokens)]);
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let args = ["--username", USER, "--password-stdin", "--verbose"];
    Said::of_with_input(&mut filter.command(&repository, &args), PASSWORD).done();
    let asked = tokens.asked();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert_eq!(asked[0].scopes, ["repository:acme/bare:pull,push"]);
    assert!(matches!(asked[0].by, By::Password));
    let wrong = Said::of_with_input(&mut filter.command(&repository, &args), "wrong");
    wrong.failed(&["401 Unauthorized", "`robot`", &tokens.realm()]);
}

#[test]
fn a_missing_right_to_push_is_named() {
    let filter = Filter::new();
    for (user, anonymous) in [(May::Pull, May::Nothing), (May::Push, May::Pull)] {
        let has_login = matches!(anonymous, May::Nothing);
        let tokens = Tokens::start(user, anonymous);
        let registry = Registry::with(&[With::Tokens(&tokens)]);
        let repository = registry.repository("acme/bare");
        if has_login {
            let args = ["--username", USER, "--password-stdin"];
            let said = Said::of_with_input(&mut filter.command(&repository, &args), PASSWORD);
            said.failed(&["401 Unauthorized", "blobs/uploads/", "the right to push to `acme/bare`"]);
        } else {
            filter.publish(&repository, &[]).failed(&["401 Unauthorized", "docker login"]);
        }
    }
}

#[test]
fn a_dry_run_needs_no_right_to_push() {
    let tokens = Tokens::start(May::PullOnly, May::Nothing);
    let registry = Registry::with(&[With::Tokens(&tokens)]);
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let with = |args: &[&str]| {
        let args = [&["--username", USER, "--password-stdin"], args].concat();
        Said::of_with_input(&mut filter.command(&repository, &args), PASSWORD)
    };
    with(&["--dry-run"]).done();
    let asked = tokens.asked();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert_eq!(asked[0].scopes, ["repository:acme/bare:pull"]);
    with(&[]).failed(&["401 Unauthorized", &tokens.realm()]);
}

#[test]
fn tls_needs_a_trusted_authority() {
    let registry = Registry::with(&[With::Password, With::Tls]);
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let authority = registry.authority();
    let args = ["--username", USER, "--password-stdin", "--cacert", authority.as_str()];
    Said::of_with_input(&mut filter.command(&repository, &args), PASSWORD).done();

    filter.publish(&repository, &["--tls"]).failed(&["certificate", "--cacert FILE"]);
    filter.publish(&repository, &[]).failed(&["400 Bad Request", "--tls", "--cacert FILE"]);
    let no_certificate = ["--cacert", "Cargo.toml"];
    filter.publish(&repository, &no_certificate).failed(&["`Cargo.toml` contains no certificates"]);
    filter.publish(&repository, &["--cacert", "missing.pem"]).failed(&["missing.pem"]);
    assert_eq!(filter.publish(&repository, &["--tls", "--plain-http"]).code, Some(2));
    let plain = Registry::open();
    filter.publish(&plain.repository("acme/bare"), &["--tls"]).failed(&["--plain-http"]);
}

#[test]
fn proxies_are_used_except_for_this_machine() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let filter = Filter::new();
    let through = |repository: &str, args: &[&str]| {
        let mut command = filter.command(repository, args);
        command.env("http_proxy", format!("http://{}", proxy.address()));
        command
    };
    Said::of(&mut through(&registry.repository("acme/bare"), &[])).done();
    assert!(proxy.requests().is_empty(), "a proxy was asked for a registry on this machine");

    Said::of(&mut through("registry.invalid/acme/bare", &["--plain-http"])).done();
    let requests = proxy.requests();
    assert_eq!(requests[0].target, "http://registry.invalid/v2/");
    let url = format!("oci://{}/acme/bare:0.1.0", registry.address());
    assert_eq!(mesh::load(&url, None).unwrap(), filter.module());

    let mut command = through("registry.invalid/acme/bare", &["--plain-http"]);
    Said::of(command.env("NO_PROXY", "registry.invalid")).failed(&["`GET http://registry.invalid/v2/`"]);
    let mut command = filter.command("registry.invalid/acme/bare", &[]);
    command.env("HTTPS_PROXY", format!("http://{USER}:{PASSWORD}@127.0.0.1:x"));
    Said::of(&mut command).failed(&["HTTPS_PROXY"]);
}

#[test]
fn a_registry_on_another_machine_is_not_accessed_without_tls() {
    let filter = Filter::new();
    // A proxy that accepts no connections keeps the test off the network.
    let asked = |repository: &str, args: &[&str]| {
        let mut command = filter.command(repository, args);
        Said::of(command.env("ALL_PROXY", "http://127.0.0.1:1"))
    };
    asked("registry.invalid/acme/bare", &[]).failed(&["`GET https://registry.invalid/v2/`"]);
    asked("registry.invalid/acme/bare", &["--plain-http"]).failed(&["`GET http://registry.invalid/v2/`"]);
    asked("acme/bare", &[]).failed(&["`GET https://index.docker.io/v2/`"]);
}

#[test]
fn credentials_are_not_sent_to_a_service_without_tls() {
    let proxy = Proxy::alone();
    let challenge = format!("Bearer realm=\"ftp://{}/token\",service=\"x\"", proxy.address());
    let answer = Action::answer(401, "").header("WWW-Authenticate", &challenge);
    proxy.rule(Rule::on("GET", "/v2/", answer));
    let filter = Filter::new();
    let args = ["--username", USER, "--password-stdin"];
    let mut command = filter.command(&proxy.repository("acme/bare"), &args);
    Said::of_with_input(&mut command, PASSWORD).failed(&["doesn't provide a valid URL to get a token from"]);
    assert!(proxy.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn credentials_do_not_follow_a_redirect_out_of_tls() {
    let plain = Proxy::alone();
    let challenge = Action::answer(401, "").header("WWW-Authenticate", "Basic realm=\"x\"");
    plain.rule(Rule::on("GET", "/v2/", challenge));
    let server = TlsServer::redirecting(&format!("http://{}", plain.address()));
    let filter = Filter::new();
    let authority = server.authority();
    let args = ["--username", USER, "--password-stdin", "--cacert", authority.as_str()];
    let mut command = filter.command(&server.repository("acme/bare"), &args);
    Said::of_with_input(&mut command, PASSWORD).failed(&["`GET https://", "the URLs that its clients use"]);
    assert!(plain.requests().is_empty(), "{:#?}", plain.requests());
}

#[test]
fn an_upload_to_another_host_has_no_credentials() {
    let registry = Registry::with(&[With::Password]);
    let elsewhere = Proxy::alone();
    elsewhere.rule(Rule::on("PUT", "/store", Action::answer(201, "")));
    let proxy = Proxy::before(registry.address());
    let place = format!("http://{}/store?signature=x", elsewhere.address());
    proxy.rule(Rule::on("POST", "/blobs/uploads/", Action::answer(202, "").header("Location", &place)));
    let filter = Filter::new();
    let args = ["--username", USER, "--password-stdin", "--retry-for", "0"];
    let mut command = filter.command(&proxy.repository("acme/bare"), &args);
    // The registry has none of the blobs, so the manifest isn't written.
    let said = Said::of_with_input(&mut command, PASSWORD).failed(&["BLOB_UNKNOWN", "lost a blob"]);
    assert!(!said.stderr.contains("create the repository"), "{}", said.stderr);
    assert!(
        proxy
            .requests()
            .iter()
            .all(|request| !request.target.contains("/manifests/") || request.method == "GET")
    );
    let stored = elsewhere.requests();
    assert_eq!(stored.len(), 3);
    assert!(stored.iter().all(|request| request.header("authorization").is_none() && request.body > 0));
    assert!(stored.iter().all(|request| request.target.contains("signature=x&digest=sha256%3A")));
}

#[test]
fn an_expired_token_is_requested_again() {
    let tokens = Tokens::start(May::Push, May::Nothing);
    let registry = Registry::with(&[With::Tokens(&tokens)]);
    let proxy = Proxy::before(registry.address());
    let challenge = format!("Bearer realm=\"{}\",service=\"{}\"", tokens.realm(), tokens.service());
    let expired = Action::answer(401, "expired").header("WWW-Authenticate", &challenge);
    proxy.rule(Rule::on("PUT", "/manifests/", expired).times(1));
    let filter = Filter::new();
    let args = ["--username", USER, "--password-stdin"];
    let mut command = filter.command(&proxy.repository("acme/bare"), &args);
    Said::of_with_input(&mut command, PASSWORD).done();
    assert_eq!(tokens.asked().len(), 2);
}

#[test]
fn a_password_that_a_registry_sends_back_is_not_shown() {
    let header = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    // The second one would be truncated in the middle of the password.
    for before in ["", &"x".repeat(290)] {
        let proxy = Proxy::alone();
        let asks = Action::answer(401, "").header("WWW-Authenticate", "Basic realm=\"x\"");
        proxy.rule(Rule::when(|request| request.header("authorization").is_none(), asks));
        let echo = Action::answer(403, &format!("{before}{header} is {PASSWORD}"));
        proxy.rule(Rule::on("GET", "/manifests/", echo));
        proxy.rule(Rule::on("GET", "/v2/", Action::answer(200, "{}")));
        let filter = Filter::new();
        let args = ["--username", USER, "--password-stdin", "--verbose"];
        let mut command = filter.command(&proxy.repository("acme/bare"), &args);
        let said = Said::of_with_input(&mut command, PASSWORD).failed(&["403 Forbidden", "*** is ***"]);
        assert!(!said.stderr.contains(&header[..6]), "{}", said.stderr);
    }
}
