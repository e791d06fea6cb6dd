//! Where logins are found, in which formats, and what is said about them.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::program;
use crate::support::proxy::{Action, Proxy, Rule};
use crate::support::publishing::Filter;
use crate::support::registry::{PASSWORD, Registry, USER, With};
use crate::support::running::{Said, wait_until};
use crate::support::tokens::{By, IDENTITY_TOKEN, May, Tokens};

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
    Said::of(&mut with_home(&filter, &registry.repository("acme/bare"))).done();
}

/// `publish` with a home directory of its own.
fn with_home(filter: &Filter, repository: &str) -> Command {
    // The homes of cargo and rustup are below the real home directory.
    let home = |name: &str, below: &str| {
        std::env::var(name).unwrap_or_else(|_| format!("{}/{below}", std::env::var("HOME").unwrap()))
    };
    let mut command = filter.command(repository, &[]);
    command
        .env("CARGO_HOME", home("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", home("RUSTUP_HOME", ".rustup"));
    command.env_remove("DOCKER_CONFIG").env("HOME", filter.sandbox.path("home"));
    command
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
    let failing = "read server; echo the keychain; echo is locked >&2; exit 1";
    // JSON may contain a secret.
    let telling = format!(r#"read server; echo '{{"Secret":"{PASSWORD}"}}'; exit 3"#);
    let wrong = format!(r#"read server; echo '{{"Secret":"{PASSWORD}"'"#);
    for (script, words) in [
        (failing, &["`docker-credential-test`", "the keychain is locked", "docker-credential-test list"][..]),
        (&*telling, &["`docker-credential-test`", "exit status: 3"]),
        (&*wrong, &["`docker-credential-test`", "not the JSON of a credential helper"]),
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

#[test]
fn a_helper_that_fails_is_only_a_warning_if_there_is_an_entry() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let mut command = filter.command(&registry.repository("acme/bare"), &[]);
    let auths = json!({ registry.address(): login(USER, PASSWORD) });
    with_logins(&filter, &mut command, "DOCKER_CONFIG", json!({ "credsStore": "test", "auths": auths }));
    with_helper(&filter, &mut command, "read server; echo the keychain is locked; exit 1");
    let said = Said::of(&mut command).done();
    assert!(
        said.stderr.contains("warning: the credential helper `docker-credential-test`"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("the keychain is locked"), "{}", said.stderr);
}

#[test]
fn the_names_in_the_output_of_a_helper_have_any_case() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    for (username, secret) in [("username", "secret"), ("USERNAME", "SECRET"), ("userName", "Secret")] {
        let mut command = filter.command(&registry.repository("acme/bare"), &[]);
        with_logins(&filter, &mut command, "DOCKER_CONFIG", json!({ "credsStore": "test" }));
        let answer = json!({ username: USER, secret: PASSWORD, "ServerURL": "x" });
        with_helper(&filter, &mut command, &format!("read server; echo '{answer}'"));
        Said::of(&mut command).done();
    }
}

#[test]
fn a_variable_contains_logins() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let publish = |value: String| {
        let mut command = filter.command(&registry.repository("acme/bare"), &[]);
        let wrong = json!({ "auths": { registry.address(): login(USER, "wrong") } });
        with_logins(&filter, &mut command, "REGISTRY_AUTH_FILE", wrong);
        Said::of(command.env("DOCKER_AUTH_CONFIG", value))
    };
    publish(json!({ "auths": { registry.address(): login(USER, PASSWORD) } }).to_string()).done();
    // Without an entry in it, the file is used.
    for other in [json!({ "auths": { "other.example": login(USER, PASSWORD) } }).to_string(), String::new()] {
        publish(other).failed(&["401", "(from `", "auth.json`"]);
    }
    publish(format!("{{ {PASSWORD}"))
        .failed(&["can't read the credentials in `DOCKER_AUTH_CONFIG`", "config.json"]);
}

#[test]
fn a_key_names_the_registry_in_any_spelling() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let (_, port) = registry.address().split_once(':').unwrap();
    let repository = format!("localhost:{port}/acme/bare");
    for key in [
        "localhost:PORT/v2/",
        "localhost:PORT/acme/",
        "LOCALHOST:PORT",
        "http://Localhost:PORT/v2/",
        "localhost:PORT/",
    ] {
        let mut command = filter.command(&repository, &[]);
        let logins = json!({ "auths": { key.replace("PORT", port): login(USER, PASSWORD) } });
        with_logins(&filter, &mut command, "DOCKER_CONFIG", logins);
        Said::of(&mut command).done();
    }
}

#[test]
fn a_registry_token_is_sent_as_it_is() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let ask = Action::answer(401, "").header("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:1/token\"");
    let expected = format!("Bearer {PASSWORD}");
    let is_expected = move |header: Option<&str>| header == Some(&expected);
    proxy.rule(Rule::when(move |request| !is_expected(request.header("authorization")), ask));
    let filter = Filter::new();
    let publish = |token: &str| {
        let mut command = filter.command(&proxy.repository("acme/bare"), &["--verbose"]);
        let logins = json!({ "auths": { proxy.address(): { "registrytoken": token } } });
        with_logins(&filter, &mut command, "DOCKER_CONFIG", logins);
        Said::of(&mut command)
    };
    publish(PASSWORD).done();
    publish("stale").failed(&["401", "a registry token (from `", "config.json`"]);
}

#[test]
fn the_file_of_old_versions_of_docker_is_read() {
    let registry = Registry::with(&[With::Password]);
    let filter = Filter::new();
    let logins = json!({ registry.address(): login(USER, PASSWORD) });
    filter.sandbox.write("home/.dockercfg", logins.to_string());
    Said::of(&mut with_home(&filter, &registry.repository("acme/bare"))).done();
}
