//! Which servers see which credentials, and which servers a registry can send the program to.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::mesh;
use crate::support::proxy::{Action, Proxy, Rule};
use crate::support::publishing::Filter;
use crate::support::registry::{PASSWORD, Registry, USER, With};
use crate::support::running::{Said, process};
use crate::support::tls::TlsServer;
use crate::support::tokens::{IDENTITY_TOKEN, May, Tokens};

const LOGIN: [&str; 2] = ["--username", USER];

/// Runs the command with the password of the tests.
fn with_login(command: &mut Command) -> Said {
    Said::of_with_input(command.args(LOGIN).arg("--password-stdin"), PASSWORD)
}

fn bearer(realm: &str, tokens: &Tokens) -> Action {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"{}\"", tokens.service());
    Action::answer(401, "").header("WWW-Authenticate", &challenge)
}

#[test]
fn a_registry_may_ask_for_a_login_only_when_something_is_written() {
    let tokens = Tokens::start(May::Push, May::Nothing);
    let basic = Action::answer(401, "").header("WWW-Authenticate", "Basic realm=\"x\"");
    for ask in [basic, bearer(&tokens.realm(), &tokens)] {
        for first in ["POST", "PUT"] {
            let registry = Registry::open();
            let proxy = Proxy::before(registry.address());
            let is_write = move |method: &str| method == first || method == "PUT";
            proxy.rule(Rule::when(
                move |request| is_write(&request.method) && request.header("authorization").is_none(),
                ask.clone(),
            ));
            let filter = Filter::new();
            with_login(&mut filter.command(&proxy.repository("acme/bare"), &[])).done();
            let url = format!("oci://{}/acme/bare:0.1.0", registry.address());
            assert_eq!(mesh::load(&url, None).unwrap(), filter.module());
        }
    }
    assert_eq!(tokens.asked().len(), 2, "one token for each push: {:#?}", tokens.asked());
}

#[test]
fn the_base_of_a_registry_need_not_accept_the_token_of_a_repository() {
    let tokens = Tokens::start(May::Push, May::Nothing);
    let registry = Registry::with(&[With::Tokens(&tokens)]);
    let proxy = Proxy::before(registry.address());
    let ask = bearer(&tokens.realm(), &tokens);
    proxy.rule(Rule::when(|request| request.target == "/v2/", ask));
    let filter = Filter::new();
    with_login(&mut filter.command(&proxy.repository("acme/bare"), &[])).done();
}

#[test]
fn a_token_has_one_of_two_names() {
    let tokens = Tokens::start(May::Push, May::Nothing);
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    for (answer, is_token) in [
        (json!({ "token": "", "access_token": "t" }), true),
        (json!({ "token": "t", "access_token": "" }), true),
        (json!({ "token": null, "access_token": "t" }), true),
        (json!({ "token": "", "access_token": "" }), false),
    ] {
        proxy.clear();
        proxy.rule(Rule::on("GET", "/token", Action::answer(200, &answer.to_string())));
        let ask = bearer(&format!("http://{}/token", proxy.address()), &tokens);
        proxy.rule(Rule::when(|request| request.header("authorization") != Some("Bearer t"), ask));
        let filter = Filter::new();
        let said = filter.publish(&proxy.repository("acme/bare"), &[]);
        if is_token {
            said.done()
        } else {
            said.failed(&["no token"])
        };
    }
}

#[test]
fn a_plain_registry_may_name_servers_with_tls() {
    let tokens = Tokens::start(May::Push, May::Nothing);
    let registry = Registry::open();
    let token_server =
        TlsServer::before(tokens.realm().trim_start_matches("http://").trim_end_matches("/token"));
    let storage = TlsServer::before(registry.address());
    let proxy = Proxy::before(registry.address());
    let realm = format!("https://{}/token", token_server.address());
    let base = format!("https://{}", storage.address());
    proxy.rule(Rule::when(|request| request.header("authorization").is_none(), bearer(&realm, &tokens)));
    proxy.rule(Rule::on("GET", "/blobs/", Action::Redirect { status: 307, base: base.clone() }));
    // The registry then returns a place for the upload with that host.
    proxy.rule(Rule::on("POST", "/blobs/", Action::Redirect { status: 307, base }));
    let filter = Filter::new();
    let repository = proxy.repository("acme/bare");
    with_login(&mut filter.command(&repository, &["--plain-http"])).failed(&["certificate", "--cacert FILE"]);

    let authorities =
        [&token_server, &storage].map(|server| fs_err::read_to_string(server.authority()).unwrap());
    filter.sandbox.write("authorities.pem", authorities.concat());
    let file = filter.sandbox.path("authorities.pem");
    with_login(&mut filter.command(&repository, &["--plain-http", "--cacert", file.as_str()])).done();
    let url = format!("oci://{}/acme/bare:0.1.0", registry.address());
    assert_eq!(mesh::load(&url, None).unwrap(), filter.module());
    assert!(!proxy.requests().iter().any(|request| request.target.contains("_state")));
}

#[test]
fn other_servers_of_a_registry_on_this_machine_are_accessed_through_a_proxy() {
    let registry = Registry::open();
    let front = Proxy::before(registry.address());
    let proxy = Proxy::before(registry.address());
    let base = "http://storage.invalid".to_owned();
    front.rule(Rule::on("POST", "/blobs/", Action::Redirect { status: 307, base }));
    let filter = Filter::new();
    let with = |exceptions: &str| {
        let mut command = filter.command(&front.repository("acme/bare"), &["--retry-for", "0"]);
        command.env("HTTP_PROXY", format!("http://{}", proxy.address()));
        Said::of(command.env("NO_PROXY", exceptions))
    };
    for exceptions in ["*.invalid", "storage.invalid:80", "other.example, .storage.invalid", "*"] {
        with(exceptions).failed(&["could not upload", "check that"]);
    }
    assert!(proxy.requests().is_empty(), "{:#?}", proxy.requests());
    with("storage.invalid:8080,*.storage.example").done();
    assert!(proxy.requests().iter().all(|request| request.target.starts_with("http://storage.invalid/")));
    assert!(!proxy.requests().is_empty());
}

#[test]
fn a_proxy_that_cannot_be_used_is_an_error() {
    let filter = Filter::new();
    for (name, value) in
        [("HTTPS_PROXY", "ftp://x:1"), ("https_proxy", "foo://x"), ("ALL_PROXY", "socks6://x")]
    {
        let mut command = filter.command("registry.invalid/acme/bare", &[]);
        let said = Said::of(command.env(name, value));
        said.failed(&[&format!("the proxy in {}", name.to_uppercase()), "http://HOST:PORT"]);
    }
}

#[test]
fn a_registry_cannot_send_requests_to_this_machine() {
    let own = Proxy::alone();
    let tokens = Tokens::start(May::Push, May::Nothing);
    let filter = Filter::new();
    for host in [
        own.address(),
        "localhost:1",
        "169.254.169.254",
        "[::1]:1",
        "[fe80::1]:1",
        "0.0.0.0:1",
        "2130706433:1",
    ] {
        let base = format!("http://{host}");
        let realm = bearer(&format!("{base}/token"), &tokens);
        let place = Action::answer(202, "").header("Location", &format!("{base}/v2/"));
        for rule in [
            Rule::on("GET", "/v2/", realm),
            Rule::on("POST", "/blobs/", place),
            Rule::on("GET", "/manifests/", Action::Redirect { status: 307, base: base.clone() }),
        ] {
            let registry = Registry::open();
            // As the proxy of an HTTP client, it is in front of a registry that isn't on this machine.
            let proxy = Proxy::before(registry.address());
            proxy.rule(rule);
            let mut command = filter.command("registry.invalid/acme/bare", &["--plain-http"]);
            let said = with_login(command.env("HTTP_PROXY", format!("http://{}", proxy.address())));
            said.failed(&["leads to `http://", "is local to this machine", "configure `registry.invalid`"]);
        }
    }
    assert!(own.requests().is_empty(), "{:#?}", own.requests());
}

/// The command on a machine where these names resolve to itself.
fn with_names(filter: &Filter, command: &Command, names: &str) -> Command {
    let hosts = filter.sandbox.path("hosts");
    filter.sandbox.write("hosts", format!("127.0.0.1 localhost {names}\n"));
    let mut inner = process("unshare");
    if !rustix::process::geteuid().is_root() {
        inner.arg("--map-root-user");
    }
    let script = "mount --bind \"$0\" /etc/hosts; exec \"$@\"";
    inner.args(["--mount", "sh", "-euc", script, hosts.as_str()]);
    inner.arg(command.get_program()).args(command.get_args());
    inner.current_dir(command.get_current_dir().unwrap());
    inner
}

#[test]
fn a_registry_cannot_name_this_machine_by_another_name() {
    let own = Proxy::alone();
    own.rule(Rule::on("GET", "/token", Action::answer(200, r#"{"token":"t"}"#)));
    let (_, port) = own.address().rsplit_once(':').unwrap();
    let tokens = Tokens::start(May::Push, May::Nothing);
    let registry = Registry::open();
    let filter = Filter::new();
    let proxy = Proxy::before(registry.address());
    proxy.rule(Rule::on("GET", "/v2/", bearer(&format!("http://token.test:{port}/token"), &tokens)).times(1));
    let publish = |repository: &str, names: &str, proxy: &str| {
        let mut command = with_names(&filter, &filter.command(repository, &["--plain-http"]), names);
        with_login(command.env("HTTP_PROXY", proxy).env("NO_PROXY", "token.test,here.test"))
    };
    // The registry is on another machine: its name doesn't resolve here, and the proxy is in front of it.
    let address = format!("http://{}", proxy.address());
    let said = publish("registry.invalid/acme/bare", "token.test", &address);
    said.failed(&["leads to `token.test`", "is local to this machine", "configure `registry.invalid`"]);
    assert!(own.requests().is_empty(), "{:#?}", own.requests());
    // The proxy itself can be here, and the registry too.
    let (_, proxy_port) = proxy.address().rsplit_once(':').unwrap();
    publish("registry.invalid/acme/bare", "proxy.test", &format!("http://proxy.test:{proxy_port}")).done();
    proxy.clear();
    proxy.rule(Rule::on("GET", "/v2/", bearer(&format!("http://token.test:{port}/token"), &tokens)).times(1));
    publish(&format!("here.test:{proxy_port}/acme/bare"), "token.test here.test", &address).done();
    assert_eq!(own.requests().len(), 1);
}

#[test]
fn credentials_for_a_token_follow_no_redirect_to_another_server() {
    let tokens = Tokens::start(May::Push, May::Nothing);
    let thief = Proxy::alone();
    let proxy = Proxy::alone();
    let token = Action::Redirect { status: 307, base: format!("http://{}", thief.address()) };
    proxy.rule(Rule::when(|request| request.target.starts_with("/token"), token));
    let realm = format!("http://{}/token", proxy.address());
    proxy.rule(Rule::on("GET", "/v2/", bearer(&realm, &tokens)));
    let repository = proxy.repository("acme/bare");
    let filter = Filter::new();
    let words = ["leads to `http://", "another server, which must not see the credentials"];
    with_login(&mut filter.command(&repository, &[])).failed(&words);

    let logins = json!({ "auths": { proxy.address(): { "identitytoken": IDENTITY_TOKEN } } });
    filter.sandbox.write("auth.json", logins.to_string());
    let mut command = filter.command(&repository, &[]);
    Said::of(command.env("REGISTRY_AUTH_FILE", filter.sandbox.path("auth.json"))).failed(&words);
    assert!(thief.requests().is_empty(), "{:#?}", thief.requests());

    // A redirect to the same server keeps them.
    let path = Action::answer(307, "").header("Location", "/token/2");
    proxy.clear();
    proxy.rule(Rule::when(|request| request.target.starts_with("/token?"), path));
    proxy.rule(Rule::on("GET", "/v2/", bearer(&realm, &tokens)));
    with_login(&mut filter.command(&repository, &[])).failed(&["404 Not Found", "/token/2"]);
    let last = proxy.requests().pop().unwrap();
    assert!(
        last.target == "/token/2" && last.method == "GET" && last.header("authorization").is_some(),
        "{last:#?}"
    );
}

#[test]
fn a_login_is_for_one_registry() {
    let sandbox = crate::support::Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n");
    let registries = [Proxy::alone(), Proxy::alone()];
    for (name, registry) in ["one", "two"].iter().zip(&registries) {
        sandbox.add_bare(name);
        let settings = format!("image = \"{}\"\n", registry.repository("acme/x"));
        sandbox.write(format!("{name}/Cargo.toml"), crate::support::bare::manifest(name, &settings));
    }
    let said = with_login(&mut sandbox.process_in("", ["publish", "--workspace"]));
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("the login from `--username` is for one registry"), "{}", said.stderr);
    assert!(registries.iter().all(|registry| said.stderr.contains(registry.address())), "{}", said.stderr);
    assert!(registries.iter().all(|registry| registry.requests().is_empty()));
    assert!(!said.stderr.contains("Compiling"), "{}", said.stderr);
    // With one of the packages, the registry is asked.
    with_login(&mut sandbox.process_in("", ["publish", "-p", "one"])).failed(&["404"]);
}

#[test]
fn a_secret_is_removed_in_every_encoding() {
    let secret = "p/ss \"w&rd";
    let header = STANDARD.encode(format!("{USER}:{secret}"));
    for (echo, shown) in [
        (
            json!({ "errors": [{ "code": "DENIED", "message": format!("no {secret}") }] }).to_string(),
            "DENIED: no ***",
        ),
        (json!({ "errors": [{ "detail": { "got": secret } }] }).to_string(), "got: ***"),
        (json!({ "details": format!("wrong {secret}") }).to_string(), "details: wrong ***"),
        (r#"got p\u002fss \u0022w\u0026rd"#.to_owned(), "got ***"),
        ("got p%2Fss%20%22w%26rd".to_owned(), "got ***"),
        ("got p%2fss+%22w%26rd".to_owned(), "got ***"),
        ("got p/ss &quot;w&amp;rd".to_owned(), "got ***"),
        (format!("got {header} {}", header.replace('=', "%3D")), "got *** ***"),
    ] {
        let proxy = Proxy::alone();
        let ask = Action::answer(401, "").header("WWW-Authenticate", "Basic realm=\"x\"");
        proxy.rule(Rule::when(|request| request.header("authorization").is_none(), ask));
        let answer = Action::answer(403, &echo).header("Warning", "299 - \"p%2Fss%20%22w%26rd\"");
        proxy.rule(Rule::on("GET", "/v2/", answer));
        let filter = Filter::new();
        let mut command = filter.command(&proxy.repository("acme/bare"), &["--verbose"]);
        let said = Said::of_with_input(command.args(LOGIN).arg("--password-stdin"), secret);
        let said = said.failed(&[&format!("403 Forbidden: {shown}\n")]);
        assert!(said.stderr.contains("warning: the registry warns: ***\n"), "{}", said.stderr);
    }
}
