//! Access to registries: logins of every kind, TLS, and proxies.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::proxy::{Action, Proxy, Rule};
use crate::support::publishing::Filter;
use crate::support::registry::{PASSWORD, Registry, USER, With};
use crate::support::running::{Said, wait_until};
use crate::support::tls::TlsServer;
use crate::support::tokens::{By, IDENTITY_TOKEN, May, Tokens};
use crate::support::{mesh, program};

/// An entry as written by `docker login` and `podman login`.
fn login(username: &str, password: &str) -> serde_json::Value {
    json!({ "auth": STANDARD.encode(format!("{username}:{password}")) })
}

/// Gives the command a file of logins of its own, in the place that `variable` selects.
fn with_logins(filter: &Filter, command: &mut Command, variable: &str, logins: serde_json::Value) {
    let (value, file) = match variable {
        "DOCKER_CONFIG" => ("docker", "docker/config.json"),
        "REGISTRY_AUTH_FILE" => ("auth.json", "auth.json"),
        _ => ("xdg", "xdg/containers/auth.json"),
    };
    filter.sandbox.write(file, logins.to_string());
    command.env(variable, filter.sandbox.path(value));
}

#[test]
fn logins_of_docker_and_podman_are_found() {
    let registry = Registry::with(&[With::Password]);
    let repository = registry.repository("acme/bare");
    for variable in ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
        let filter = Filter::new();
        let mut command = filter.command(&repository, &["--verbose", "--tag", "a"]);
        let logins = json!({ "auths": { registry.address(): login(USER, PASSWORD) } });
        with_logins(&filter, &mut command, variable, logins);
        Said::of(&mut command).done();
        let kept = filter.sandbox.path("bare/target");
        let found = Command::new("grep").args(["-rlF", PASSWORD]).arg(kept).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "a password was written down");
    }
}

#[test]
fn the_login_in_the_home_directory_is_found() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let logins = json!({ "auths": { format!("https://{}/v1/", registry.address()): login(USER, PASSWORD) } });
    filter.sandbox.write("home/.docker/config.json", logins.to_string());
    // The homes of cargo and rustup are below the real home directory.
    let home = |name: &str, below: &str| {
        std::env::var(name).unwrap_or_else(|_| format!("{}/{below}", std::env::var("HOME").unwrap()))
    };
    let mut command = filter.command(&registry.repository("acme/bare"), &[]);
    command
        .env("CARGO_HOME", home("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", home("RUSTUP_HOME", ".rustup"));
    command.env_remove("DOCKER_CONFIG").env("HOME", filter.sandbox.path("home"));
    Said::of(&mut command).done();
}

#[test]
fn a_login_by_skopeo_without_a_runtime_directory_is_found() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    drop(program("skopeo"));
    // Keeps what skopeo writes to /run out of the system.
    let script = "mount -t tmpfs tmpfs /run; \
        skopeo login --tls-verify=false --username \"$1\" --password-stdin \"$2\" >/dev/null; shift 2; exec \"$@\"";
    let is_root = rustix::process::geteuid().is_root();
    let unshare: &[&str] = if is_root { &["unshare"] } else { &["unshare", "--map-root-user"] };
    let wrapper = [unshare, &["--mount", "sh", "-euc", script, "sh", USER, registry.address()]].concat();
    let publish = ["publish", "--optimize", "none", "--image", &registry.repository("acme/bare")];
    let mut command = filter.sandbox.process_by("bare", &wrapper, publish);
    command.env_remove("XDG_RUNTIME_DIR").env_remove("REGISTRY_AUTH_FILE");
    Said::of_with_input(&mut command, PASSWORD).done();
}

#[test]
fn the_longest_entry_is_the_login() {
    let registry = Registry::with(&[With::Password]);
    let address = registry.address();
    let filter = Filter::new();
    let logins = json!({ "auths": {
        address: login(USER, "wrong"),
        format!("{address}/acme"): login(USER, PASSWORD),
        format!("{address}/acme/bare-not"): login(USER, "wrong"),
    } });
    let mut command = filter.command(&registry.repository("acme/bare"), &[]);
    with_logins(&filter, &mut command, "REGISTRY_AUTH_FILE", logins.clone());
    Said::of(&mut command).done();
    let mut command = filter.command(&registry.repository("other/bare"), &[]);
    with_logins(&filter, &mut command, "REGISTRY_AUTH_FILE", logins);
    Said::of(&mut command).failed(&[
        "401 Unauthorized",
        "rejected `robot` (from `",
        "auth.json`",
        "docker login",
    ]);
}

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

/// Puts a credential helper on the PATH of the command.
fn with_helper(filter: &Filter, command: &mut Command, script: &str) {
    let program = filter.sandbox.path("bin/docker-credential-test");
    filter.sandbox.write("bin/docker-credential-test", format!("#!/bin/sh\n{script}\n"));
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", program.parent().unwrap()));
}

#[test]
fn credential_helpers_are_asked() {
    let registry = Registry::with(&[With::Password]);
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let address = registry.address();
    let answer = format!(
        r#"read server; test "$server" = {address} || exit 1; echo '{{"Username":"{USER}","Secret":"{PASSWORD}"}}'"#
    );
    for logins in [json!({ "credHelpers": { address: "test" } }), json!({ "credsStore": "test" })] {
        let mut command = filter.command(&repository, &[]);
        with_logins(&filter, &mut command, "DOCKER_CONFIG", logins);
        with_helper(&filter, &mut command, &answer);
        Said::of(&mut command).done();
    }
    // The output of a helper may contain a secret.
    let failing = format!("read server; echo {PASSWORD}; echo {PASSWORD} >&2; exit 1");
    for (script, words) in [
        (&*failing, &["`docker-credential-test`", "docker-credential-test list"][..]),
        ("read server; echo '{'", &["`docker-credential-test`"]),
        ("read server; echo credentials not found in native keychain; exit 1", &["401", "docker login"]),
    ] {
        let mut command = filter.command(&repository, &[]);
        with_logins(&filter, &mut command, "DOCKER_CONFIG", json!({ "credsStore": "test" }));
        with_helper(&filter, &mut command, script);
        Said::of(&mut command).failed(words);
    }
}

#[test]
fn a_missing_helper_is_only_a_warning() {
    let registry = Registry::open();
    let filter = Filter::new();
    let logins = json!({ "credsStore": "nowhere" });
    let mut command = filter.command(&registry.repository("acme/bare"), &[]);
    with_logins(&filter, &mut command, "DOCKER_CONFIG", logins.clone());
    Said::of(&mut command).done();
    let registry = Registry::with(&[With::Password]);
    let mut command = filter.command(&registry.repository("acme/bare"), &[]);
    with_logins(&filter, &mut command, "DOCKER_CONFIG", logins);
    let said = Said::of(&mut command).failed(&["401", "docker login"]);
    assert!(said.stderr.contains("warning: the credential helper `docker-credential-nowhere`"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let mut command = filter.command(&registry.repository("acme/bare"), &[]);
    command.env("REGISTRY_AUTH_FILE", "missing.json");
    Said::of(&mut command).failed(&["REGISTRY_AUTH_FILE", "missing.json"]);
    filter.sandbox.write("auth.json", format!("{{ \"auths\": \"{PASSWORD}\" }}"));
    command.env("REGISTRY_AUTH_FILE", filter.sandbox.path("auth.json"));
    Said::of(&mut command).failed(&["can't read the credentials in `"]);
    let logins = json!({ "auths": { registry.address(): { "auth": "%" } } });
    with_logins(&filter, &mut command, "REGISTRY_AUTH_FILE", logins);
    Said::of(&mut command).failed(&["can't read the credentials in `"]);
    let others =
        json!({ "auths": { "other.io": { "auth": "%" }, registry.address(): login(USER, PASSWORD) } });
    with_logins(&filter, &mut command, "REGISTRY_AUTH_FILE", others);
    Said::of(&mut command).done();
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
fn identity_tokens_are_exchanged() {
    let tokens = Tokens::start(May::Push, May::Nothing);
    let registry = Registry::with(&[With::Tokens(&tokens)]);
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let in_file = json!({ "auths": { registry.address(): { "auth": "", "identitytoken": IDENTITY_TOKEN } } });
    let helper = json!({ "credHelpers": { registry.address(): "test" } });
    for logins in [in_file, helper] {
        let mut command = filter.command(&repository, &["--verbose"]);
        with_logins(&filter, &mut command, "DOCKER_CONFIG", logins);
        let answer = format!(r#"read server; echo '{{"Username":"<token>","Secret":"{IDENTITY_TOKEN}"}}'"#);
        with_helper(&filter, &mut command, &answer);
        Said::of(&mut command).done();
        assert!(matches!(tokens.asked().last().unwrap().by, By::IdentityToken));
    }
    let mut command = filter.command(&repository, &[]);
    let logins = json!({ "auths": { registry.address(): { "identitytoken": "stale" } } });
    with_logins(&filter, &mut command, "DOCKER_CONFIG", logins);
    Said::of(&mut command).failed(&["401", "an identity token (from `", "docker login"]);
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

#[test]
fn waiting_for_input_can_be_interrupted() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let began = filter.sandbox.path("began");
    let mut helper = filter.command(&registry.repository("acme/bare"), &[]);
    with_logins(&filter, &mut helper, "DOCKER_CONFIG", json!({ "credsStore": "test" }));
    with_helper(&filter, &mut helper, &format!("touch {began}; exec sleep 120"));
    let mut typed =
        filter.command(&registry.repository("acme/bare"), &["--username", USER, "--password-stdin"]);
    for (command, has_begun) in [(&mut helper, true), (&mut typed, false)] {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // No input comes.
        let keyboard = child.stdin.take();
        if has_begun {
            wait_until("the helper has begun", || began.exists());
        }
        wait_until("the signal is caught", || catches_interrupts(child.id()));
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let said = Said::of_output(child.wait_with_output().unwrap());
        assert_eq!(said.code, Some(130), "{}", said.stderr);
        drop(keyboard);
    }
}

/// Whether a process has a handler for SIGINT, according to the system.
fn catches_interrupts(pid: u32) -> bool {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (Signal::INT.as_raw() - 1) != 0
}
