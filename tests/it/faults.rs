//! Registries that are down, refuse requests, drop connections, or send wrong responses.

use std::os::unix::process::CommandExt as _;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::http::send;
use crate::support::mesh;
use crate::support::proxy::{Action, Fault, Point, Proxy, Rule};
use crate::support::publishing::Filter;
use crate::support::registry::{Registry, With};
use crate::support::running::{Said, start, wait_until};

/// A filter, and a registry behind a proxy. The filter was pushed once, to the tag `v`.
struct Scene {
    filter: Filter,
    proxy: Proxy,
    repository: String,
    registry: Registry,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::open();
        let proxy = Proxy::before(registry.address());
        let (filter, repository) = (Filter::new(), proxy.repository("acme/bare"));
        filter.published(&repository, &["--tag", "v"]);
        proxy.clear();
        filter.change("changed");
        Scene { filter, proxy, repository, registry }
    }

    /// Pushes to the tag again. Doesn't retry for long, because many faults here never end.
    fn publish(&self, args: &[&str]) -> Said {
        self.filter.publish(&self.repository, &[&["--tag", "v", "--retry-for", "2"], args].concat())
    }

    fn fault(&self, rule: Rule) -> &Self {
        self.proxy.rule(rule);
        self
    }

    /// The module in the image that the tag names.
    fn module(&self) -> Vec<u8> {
        mesh::load(&format!("oci://{}/acme/bare:v", self.registry.address()), None).unwrap()
    }
}

const UPLOADS: &str = "/blobs/uploads/";
const MANIFEST: &str = "/manifests/v";

#[test]
fn a_registry_that_is_down_is_named() {
    let filter = Filter::new();
    // Nothing listens on port 1, and connecting to it needs no privileges.
    let said = filter.publish("localhost:1/acme/bare", &[]);
    let said =
        said.failed(&["`GET http://localhost:1/v2/`", "Connection refused", "check that `localhost:1`"]);
    assert!(!said.stderr.contains("Retrying"), "{}", said.stderr);
}

#[test]
fn a_server_that_is_not_a_registry_is_recognized() {
    let filter = Filter::new();
    let page = |status| {
        let page = "<html><title>Welcome</title></html>";
        Action::answer(status, page).header("Content-Type", "text/html; charset=utf-8")
    };
    for (answer, words) in [
        (page(200), "an HTML page"),
        (page(404), "404 Not Found"),
        (Action::answer(401, ""), "401 without a supported way to log in"),
    ] {
        let proxy = Proxy::alone();
        proxy.rule(Rule::on("GET", "/v2/", answer));
        let said = filter.publish(&proxy.repository("acme/bare"), &[]);
        let said = said.failed(&[words, "must be a container registry"]);
        assert!(!said.stderr.contains("html"), "{}", said.stderr);
    }
    let proxy = Proxy::alone();
    proxy.rule(Rule::on("GET", "/v2/", Action::Cut { after: 0 }));
    let said = filter.publish(&proxy.repository("acme/bare"), &["--retry-for", "1"]);
    said.failed(&["got no response", "pass `--tls`"]);
}

#[test]
fn a_registry_that_accepts_no_pushes_is_recognized() {
    let registry = Registry::with(&[With::ReadOnly]);
    let said = Filter::new().publish(&registry.repository("acme/bare"), &[]);
    said.failed(&["405 Method Not Allowed", "POST http://127", "--pull-image"]);
}

#[test]
fn each_refusal_has_its_help() {
    let json = |code: &str, message: &str| {
        format!(r#"{{"errors":[{{"code":"{code}","message":"{message}","detail":null}}]}}"#)
    };
    let denied = json("DENIED", "requested access to the resource is denied");
    let unknown = json("NAME_UNKNOWN", "The repository with name 'acme/bare' does not exist");
    for (method, part, status, body, words) in [
        (
            "POST",
            UPLOADS,
            403,
            &*denied,
            &["403 Forbidden: DENIED: requested", "docker login", "create the repository"][..],
        ),
        (
            "POST",
            UPLOADS,
            404,
            &unknown,
            &["404 Not Found: NAME_UNKNOWN", "create the repository `acme/bare`"],
        ),
        ("POST", UPLOADS, 405, "", &["405", "mirrors, caches"]),
        ("PUT", UPLOADS, 413, "<html>too large", &["413 Payload Too Large", "limit for the size"]),
        ("GET", MANIFEST, 403, &denied, &["`GET http://", "403", "docker login"]),
        ("PUT", MANIFEST, 403, &denied, &["could not write the manifest", "403"]),
        ("PUT", MANIFEST, 409, "tag is immutable", &["409 Conflict: tag is immutable"]),
    ] {
        let scene = Scene::new();
        let before = scene.module();
        scene.fault(Rule::on(method, part, Action::answer(status, body)));
        let said = scene.publish(&[]).failed(words).failed(&["/v2/acme/bare/"]);
        assert!(!said.stderr.contains("_state"), "a signature is shown:\n{}", said.stderr);
        assert_eq!(scene.module(), before);
    }
}

#[test]
fn a_registry_that_refuses_the_media_types_is_offered_the_other_variant() {
    let invalid = r#"{"errors":[{"code":"MANIFEST_INVALID","message":"manifest schema unsupported"}]}"#;
    for (status, body) in [(415, ""), (400, invalid)] {
        let scene = Scene::new();
        scene.fault(Rule::on("PUT", MANIFEST, Action::answer(status, body)));
        let cures = ["--variant compat", "application/vnd.oci.empty.v1+json", "ALLOWED_OCI_ARTIFACT_TYPES"];
        scene.publish(&[]).failed(&cures);
        let compat = scene.publish(&["--variant", "compat"]).failed(&[&status.to_string()]);
        assert!(!compat.stderr.contains("--variant compat"), "{}", compat.stderr);
    }
}

#[test]
fn temporary_failures_are_retried() {
    for action in [
        Action::answer(503, "overloaded"),
        Action::answer(429, "").header("Retry-After", "1"),
        Action::Cut { after: 100 },
        Action::Cut { after: usize::MAX },
    ] {
        let scene = Scene::new();
        scene.fault(Rule::on("PUT", UPLOADS, action.clone()).times(1));
        scene.fault(Rule::on("PUT", MANIFEST, action).times(1));
        let said = scene.publish(&[]).done();
        assert_eq!(said.stderr.matches("    Retrying ").count(), 2, "{}", said.stderr);
        assert_eq!(scene.module(), scene.filter.module());
    }
}

#[test]
fn a_long_wait_is_an_error() {
    let scene = Scene::new();
    let busy = Action::answer(429, "slow down").header("Retry-After", "3600");
    scene.fault(Rule::on("GET", MANIFEST, busy));
    let said = scene.publish(&[]).failed(&["429 Too Many Requests: slow down", "wait a while"]);
    assert!(!said.stderr.contains("Retrying"), "{}", said.stderr);
}

#[test]
fn a_tag_that_was_written_but_not_confirmed_is_accepted() {
    let scene = Scene::new();
    let immutable = r#"{"errors":[{"code":"TAG_INVALID","message":"the tag v exists and is immutable"}]}"#;
    scene.fault(Rule::on("PUT", MANIFEST, Action::At(Point::Sent(0), Fault::Close)).times(1));
    scene.fault(Rule::on("PUT", MANIFEST, Action::answer(400, immutable)));
    scene.publish(&[]).done();
    assert_eq!(scene.module(), scene.filter.module());
    scene.filter.change("again");
    let said = scene.publish(&[]).failed(&["doesn't allow this tag to change", "--tag"]);
    assert!(!said.stderr.contains("--variant"), "{}", said.stderr);
}

#[test]
fn the_url_of_an_upload_may_be_relative() {
    let scene = Scene::new();
    let begun = send(scene.registry.address(), "POST", "/v2/acme/bare/blobs/uploads/", &[], b"").unwrap();
    let location = begun.values("location")[0].to_owned();
    let (_, part) = location.split_once("/uploads/").unwrap();
    scene.fault(Rule::on("POST", UPLOADS, Action::answer(202, "").header("Location", part)));
    scene.publish(&[]).done();
    assert_eq!(scene.module(), scene.filter.module());
}

#[test]
fn a_failed_push_leaves_the_tag_as_it_was() {
    for (part, action, words) in [
        (UPLOADS, Action::Cut { after: 100 }, "run the command again"),
        (UPLOADS, Action::answer(500, "disk full"), "500 Internal Server Error: disk full"),
        (MANIFEST, Action::answer(502, "<html>"), "502 Bad Gateway"),
    ] {
        let scene = Scene::new();
        let before = scene.module();
        scene.fault(Rule::on("PUT", part, action));
        scene.publish(&[]).failed(&[words, "PUT http://"]);
        assert_eq!(scene.module(), before);
        scene.proxy.clear();
        scene.publish(&[]).done();
        assert_eq!(scene.module(), scene.filter.module());
    }
}

#[test]
fn an_interrupted_push_leaves_the_tag_as_it_was() {
    for part in [UPLOADS, MANIFEST] {
        let scene = Scene::new();
        let before = scene.module();
        scene.fault(Rule::on("PUT", part, Action::Hold { after: usize::MAX }));
        let mut command = scene.filter.command(&scene.repository, &["--tag", "v"]);
        let child: Child = start(command.process_group(0));
        wait_until("the push is under way", || scene.proxy.held() > 0);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let said = Said::of_output(child.wait_with_output().unwrap());
        assert_eq!(said.code, Some(130), "{}", said.stderr);
        assert!(
            said.stderr.ends_with("error: interrupted; no partial output was left behind\n"),
            "{}",
            said.stderr
        );
        assert_eq!(scene.module(), before);
    }
}

#[test]
fn a_manifest_that_comes_back_changed_is_an_error() {
    let scene = Scene::new();
    let old = scene.filter.digest();
    scene.publish(&["--dry-run"]).done();
    let manifest = send(
        scene.registry.address(),
        "GET",
        "/v2/acme/bare/manifests/v",
        &[("Accept", "application/vnd.oci.image.manifest.v1+json")],
        b"",
    );
    let manifest = String::from_utf8(manifest.unwrap().body).unwrap();
    scene.fault(Rule::on(
        "PUT",
        MANIFEST,
        Action::answer(201, "").header("Location", "/v2/acme/bare/manifests/v"),
    ));
    let said =
        scene.publish(&[]).failed(&["but sha256:", "was pushed", "pushed to that tag at the same time"]);
    assert!(said.stderr.contains(&old) && said.stderr.contains(&scene.filter.digest()), "{}", said.stderr);
    scene.fault(Rule::on("GET", MANIFEST, Action::answer(200, &format!("{manifest}\n"))));
    scene.publish(&[]).failed(&["was pushed"]);
}

#[test]
fn hostile_answers_do_no_harm() {
    let large = "x".repeat(5 << 20);
    let red = "\u{1b}[31mred\u{7}\r\nerror: forged";
    for (rule, words) in [
        (Rule::on("GET", MANIFEST, Action::answer(200, &large)), "more than 4194304 bytes"),
        (Rule::on("GET", MANIFEST, Action::answer(403, &large)), "xxx..."),
        (Rule::on("GET", MANIFEST, Action::answer(403, red)), "403 Forbidden: [31mred error: forged\n"),
        (Rule::on("POST", UPLOADS, Action::answer(202, "").header("Location", "http://[")), "POST http://"),
        (Rule::on("POST", UPLOADS, Action::answer(202, "")), "POST http://"),
        (Rule::on("POST", UPLOADS, Action::answer(200, "")), "POST http://"),
        (
            Rule::on("GET", MANIFEST, Action::Redirect { status: 301, base: "http://127.0.0.1:1".into() }),
            "refused",
        ),
    ] {
        let scene = Scene::new();
        scene.fault(rule);
        let said = scene.publish(&[]).failed(&[words]);
        assert!(!said.stderr.contains(['\u{1b}', '\u{7}']), "{:?}", said.stderr);
        assert!(said.stderr.len() < 2000, "{}", said.stderr);
    }
}

#[test]
fn a_token_that_is_hard_to_find_in_a_message_is_removed_from_it() {
    let proxy = Proxy::alone();
    let realm = format!("Bearer realm=\"http://{}/token\"", proxy.address());
    for repeated in ["a", "\\", "&#97;"] {
        proxy.clear();
        let [token, body] = [repeated.repeat(60_000), repeated.repeat(10_000)];
        let token = serde_json::json!({ "token": token + "b" }).to_string();
        proxy.rule(Rule::on("GET", "/token", Action::answer(200, &token)));
        let challenge = Action::answer(401, "").header("WWW-Authenticate", &realm);
        proxy.rule(Rule::on("GET", "/v2/", challenge).times(1));
        proxy.rule(Rule::on("GET", "/v2/", Action::answer(400, &body)));
        let said = Filter::new().publish(&proxy.repository("acme/bare"), &[]);
        said.failed(&["400 Bad Request: ***"]);
    }
}

#[test]
fn a_registry_that_hides_its_blobs_gets_everything() {
    let scene = Scene::new();
    // The three questions which blobs exist.
    scene.fault(Rule::on("GET", "/blobs/", Action::answer(403, "")).times(3));
    scene.publish(&[]).done();
    assert_eq!(scene.module(), scene.filter.module());
    let uploads = scene.proxy.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!(uploads, 3);
}
