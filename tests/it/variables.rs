//! Choices about registries that are made by variables, by settings, and by flags that override both.

use crate::support::Sandbox;
use crate::support::bare;
use crate::support::publishing::Filter;
use crate::support::registry::{PASSWORD, Registry, USER, With};
use crate::support::running::Said;

const USERNAME_VARIABLE: &str = "CARGO_WASMPLUGIN_USERNAME";
const PASSWORD_VARIABLE: &str = "CARGO_WASMPLUGIN_PASSWORD";
const CACERT: &str = "CARGO_WASMPLUGIN_CACERT";
const PLAIN_HTTP: &str = "CARGO_WASMPLUGIN_PLAIN_HTTP";

#[test]
fn a_login_comes_from_variables() {
    let registry = Registry::with(&[With::Password]);
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let publish = |args: &[&str], variables: &[(&str, &str)], input: &str| {
        let mut command = filter.command(&repository, args);
        Said::of_with_input(command.envs(variables.iter().copied()), input)
    };
    let [name, password] = [(USERNAME_VARIABLE, USER), (PASSWORD_VARIABLE, PASSWORD)];
    let said = publish(&["--verbose"], &[name, password], "").done();
    assert!(
        said.stderr.contains(&format!("Logging in as `robot` (from {USERNAME_VARIABLE})")),
        "{}",
        said.stderr
    );
    // As a file that ends in a line break.
    publish(&[], &[name, (PASSWORD_VARIABLE, &format!("{PASSWORD}\n"))], "").done();

    // Flags win, each by itself.
    let wrong = [(USERNAME_VARIABLE, "wrong"), (PASSWORD_VARIABLE, "wrong")];
    publish(&["--username", USER, "--password-stdin"], &wrong, PASSWORD).done();
    publish(&["--username", USER], &[wrong[0], password], "").done();
    publish(&["--password-stdin"], &[name, wrong[1]], PASSWORD).done();
    publish(&[], &wrong, "").failed(&["rejected `wrong`"]);

    // Half a login is a mistake, and not the same as none.
    for (args, variables, words) in [
        (&["--username", USER][..], &[][..], ["`--username` has no password", "pass `--password-stdin`"]),
        (&[], &[name], ["CARGO_WASMPLUGIN_USERNAME has no password", "set CARGO_WASMPLUGIN_PASSWORD"]),
        (&[], &[password], ["password from CARGO_WASMPLUGIN_PASSWORD has no name", "pass `--username NAME`"]),
        (
            &["--password-stdin"],
            &[],
            ["password from standard input has no name", "set CARGO_WASMPLUGIN_USERNAME"],
        ),
    ] {
        let said = publish(args, variables, PASSWORD);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(words.iter().all(|word| said.stderr.contains(word)), "{}", said.stderr);
    }
    // An image in a file needs no login.
    Said::of(
        filter
            .sandbox
            .process_in("bare", ["publish", "--to", "oci-layout:image"])
            .env(password.0, password.1),
    )
    .done();
}

#[test]
fn a_password_is_hidden_from_build_scripts() {
    let filter = Filter::new();
    let script = "fn main() {\n    assert!(std::env::var_os(\"CARGO_WASMPLUGIN_PASSWORD\").is_none());\n}\n";
    filter.sandbox.write("bare/build.rs", script);
    let registry = Registry::with(&[With::Password]);
    let mut command = filter.command(&registry.repository("acme/bare"), &[]);
    Said::of(command.env(USERNAME_VARIABLE, USER).env(PASSWORD_VARIABLE, PASSWORD)).done();
}

#[test]
fn a_protocol_is_a_variable_or_a_setting() {
    let filter = Filter::new();
    let settings = |text: &str| filter.sandbox.write("bare/Cargo.toml", bare::manifest("bare", text));
    // A proxy that accepts no connections keeps the test off the network.
    let requested = |image: &str, args: &[&str], variable: Option<&str>| {
        let mut command = filter.command(image, &[args, &["--retry-for", "0"]].concat());
        command.env("ALL_PROXY", "http://127.0.0.1:1");
        let said = Said::of(command.envs(variable.map(|value| (PLAIN_HTTP, value))));
        let url = said.stderr.split("`GET ").nth(1).unwrap_or_else(|| panic!("{}", said.stderr)).to_owned();
        url.split("://").next().unwrap().to_owned()
    };
    for (image, usual) in [("registry.invalid/acme/bare", "https"), ("localhost:1/acme/bare", "http")] {
        settings("");
        assert_eq!(requested(image, &[], None), usual);
        for (value, scheme) in
            [("true", "http"), ("1", "http"), ("false", "https"), ("0", "https"), ("", usual)]
        {
            assert_eq!(requested(image, &[], Some(value)), scheme, "{value}");
        }
        settings("plain-http = true\n");
        assert_eq!(requested(image, &[], None), "http");
        assert_eq!(requested(image, &["--tls"], None), "https");
        assert_eq!(requested(image, &[], Some("false")), "https");
        assert_eq!(requested(image, &["--plain-http"], Some("false")), "http");
        settings("plain-http = false\n");
        assert_eq!(requested(image, &[], None), "https");
        assert_eq!(requested(image, &["--plain-http"], None), "http");
    }
    let mut command = filter.command("registry.invalid/acme/bare", &[]);
    let said = Said::of(command.env(PLAIN_HTTP, "yes"));
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("invalid value `yes` of CARGO_WASMPLUGIN_PLAIN_HTTP"), "{}", said.stderr);

    settings("plain-http = \"yes\"\ncacert = \"\"\n");
    let words = ["expected a boolean, found a string", "`cacert` is empty"];
    let said = Said::of(&mut filter.sandbox.process_in("bare", ["build"]));
    assert_eq!(said.code, Some(101), "{}", said.stderr);
    assert!(words.iter().all(|word| said.stderr.contains(word)), "{}", said.stderr);
}

#[test]
fn a_trusted_certificate_is_a_variable_or_a_setting() {
    let registry = Registry::with(&[With::Tls]);
    let repository = registry.repository("acme/bare");
    let authority = registry.authority();
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"member\"]\n");
    sandbox.add_bare("member");
    let publish = |below: &str, variable: Option<&str>| {
        let mut command = sandbox.process_in(below, ["publish", "--optimize", "none", "--retry-for", "0"]);
        Said::of(command.envs(variable.map(|file| (CACERT, file))))
    };
    let settings = |text: &str| {
        sandbox.write(
            "member/Cargo.toml",
            bare::manifest("member", &format!("image = \"{repository}\"\n{text}")),
        );
    };
    settings("");
    publish("member", None).failed(&["`--tls`, or `--cacert FILE`"]);
    publish("member", Some(authority.as_str())).done();
    // The path is relative to the Cargo.toml, wherever the command runs.
    fs_err::create_dir(sandbox.path("member/certificates")).unwrap();
    fs_err::copy(&authority, sandbox.path("member/certificates/ca.pem")).unwrap();
    settings("cacert = \"certificates/ca.pem\"\n");
    for below in ["", "member", "member/src"] {
        publish(below, None).done();
    }
    publish("", Some("missing.pem")).failed(&["missing.pem"]);
    settings("");
    let workspace =
        "[workspace]\nmembers = [\"member\"]\n[workspace.metadata.wasmplugin]\ncacert = \"ca.pem\"\n";
    sandbox.write("Cargo.toml", workspace);
    fs_err::copy(&authority, sandbox.path("ca.pem")).unwrap();
    for below in ["", "member"] {
        publish(below, None).done();
    }
}
