//! Failures that pass: what is retried, for how long, and what is sent in another way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::bare;
use crate::support::mesh;
use crate::support::proxy::{Action, Proxy, Rule};
use crate::support::publishing::Filter;
use crate::support::registry::Registry;
use crate::support::running::Said;

const UPLOADS: &str = "/blobs/uploads/";
const MANIFEST: &str = "/manifests/0.1.0";

/// A registry behind a proxy, and a filter that was not pushed yet.
struct Scene {
    filter: Filter,
    proxy: Proxy,
    registry: Registry,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::open();
        Scene { filter: Filter::new(), proxy: Proxy::before(registry.address()), registry }
    }

    fn with(rule: Rule) -> Self {
        let scene = Scene::new();
        scene.proxy.rule(rule);
        scene
    }

    fn publish(&self, args: &[&str]) -> Said {
        self.filter.publish(&self.proxy.repository("acme/bare"), args)
    }

    /// Publishes it, and checks that a mesh can pull it.
    fn published(&self) -> Said {
        let said = self.publish(&[]).done();
        self.loads();
        said
    }

    fn loads(&self) {
        let url = format!("oci://{}/acme/bare:0.1.0", self.registry.address());
        assert_eq!(mesh::load(&url, None).unwrap(), self.filter.module());
    }

    fn count(&self, method: &str) -> usize {
        self.proxy.requests().iter().filter(|request| request.method == method).count()
    }
}

#[test]
fn every_temporary_status_is_retried() {
    let statuses = [408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529];
    for status in statuses {
        let scene = Scene::with(Rule::on("PUT", MANIFEST, Action::answer(status, "")).times(1));
        let said = scene.published();
        assert_eq!(said.stderr.matches("    Retrying ").count(), 1, "{status}: {}", said.stderr);
    }
    for status in [400, 404, 501, 505] {
        let scene = Scene::with(Rule::on("PUT", MANIFEST, Action::answer(status, "")));
        let said = scene.publish(&[]).failed(&[&status.to_string()]);
        assert!(!said.stderr.contains("Retrying"), "{}", said.stderr);
    }
}

#[test]
fn a_registry_says_how_long_to_wait() {
    let busy = |after: &str| {
        let busy = Action::answer(429, "").header("Date", "Wed, 21 Oct 2015 07:28:00 GMT");
        Rule::on("PUT", MANIFEST, busy.header("Retry-After", after)).times(1)
    };
    for soon in ["1", "Wed, 21 Oct 2015 07:28:01 GMT", "Wed, 21 Oct 2015 07:00:00 GMT", "nonsense"] {
        Scene::with(busy(soon)).published();
    }
    for late in ["61", "Wed, 21 Oct 2015 07:30:00 GMT", "Thursday, 22-Oct-15 07:28:00 GMT"] {
        let said = Scene::with(busy(late)).publish(&[]).failed(&["429", "wait a while"]);
        assert!(!said.stderr.contains("Retrying"), "{late}: {}", said.stderr);
    }
}

#[test]
fn an_error_that_never_ends_is_shown() {
    for (method, part) in [("GET", "/v2/"), ("PUT", UPLOADS)] {
        let said = Scene::with(Rule::on(method, part, Action::Endless { status: 403 })).publish(&[]);
        said.failed(&["403 Forbidden: never never", "log in"]);
    }
}

/// A rule for requests after the manifest was written.
fn afterwards(part: &'static str, action: Action) -> Rule {
    let is_written = Arc::new(AtomicBool::new(false));
    Rule::when(
        move |request| {
            if request.method == "PUT" && request.target.contains(MANIFEST) {
                is_written.store(true, Ordering::SeqCst);
            }
            let is_read = request.method == "GET" && request.target.contains(part);
            is_read && is_written.load(Ordering::SeqCst)
        },
        action,
    )
}

#[test]
fn what_becomes_readable_late_is_waited_for() {
    let scene = Scene::with(afterwards(MANIFEST, Action::answer(404, "")).times(2));
    scene.published();
    let scene = Scene::new();
    scene.published();
    // The three questions which blobs exist, and one after the upload.
    scene.filter.change("changed");
    scene.proxy.rule(Rule::on("GET", "/blobs/", Action::answer(404, "")).times(4));
    scene.publish(&["--force"]).done();
    scene.loads();
}

#[test]
fn blobs_that_a_registry_lost_are_uploaded_again() {
    for args in [&[][..], &["--force"], &["--tag", "0.1.0", "--tag", "other"]] {
        let scene = Scene::new();
        scene.published();
        scene.registry.lose_blobs(&scene.filter.digest());
        let dry = scene.publish(&["--dry-run"]).done();
        assert!(
            dry.stderr.contains("  Would push ") && dry.stderr.contains("(3 of 3 blobs)"),
            "{}",
            dry.stderr
        );
        let said = scene.publish(args).done();
        assert!(!said.stderr.contains("Unchanged") && said.stderr.contains("Verified"), "{}", said.stderr);
        scene.loads();
        assert!(scene.publish(args).done().stderr.contains("Unchanged"));
    }
}

#[test]
fn a_registry_that_has_everything_is_not_believed() {
    let everything = |body: &str| {
        Rule::when(
            |request| ["GET", "HEAD"].contains(&&*request.method) && request.target.contains("/blobs/"),
            Action::answer(200, body),
        )
    };
    // Only the questions before the upload: it is uploaded because the sizes differ.
    let scene = Scene::with(everything("").times(3));
    scene.published();
    assert_eq!(scene.count("POST"), 3);
    for body in ["", "x"] {
        let scene = Scene::with(everything(body));
        let said = scene.publish(&["--retry-for", "1"]).failed(&["could not read", "/blobs/sha256:"]);
        assert!(!said.stderr.contains("Verified"), "{}", said.stderr);
        assert!(
            !scene
                .proxy
                .requests()
                .iter()
                .any(|request| request.method == "PUT" && request.target.contains(MANIFEST))
        );
    }
    // All HEAD requests get 200, and the blobs are not there.
    let scene = Scene::with(Rule::on("HEAD", "/", Action::answer(200, "")));
    scene.published();
}

#[test]
fn a_manifest_without_its_blobs_is_sent_again_with_them() {
    let unknown = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#;
    for status in [400, 404] {
        let scene = Scene::with(Rule::on("PUT", MANIFEST, Action::answer(status, unknown)).times(1));
        scene.published();
        assert_eq!((scene.count("POST"), scene.count("PUT")), (6, 6 + 2));
        let scene = Scene::with(Rule::on("PUT", MANIFEST, Action::answer(status, unknown)));
        let said = scene.publish(&["--retry-for", "1"]).failed(&["MANIFEST_BLOB_UNKNOWN", "lost a blob"]);
        assert!(!said.stderr.contains("--variant"), "{}", said.stderr);
    }
}

#[test]
fn an_upload_that_a_registry_forgot_begins_again() {
    let unknown =
        r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry"}]}"#;
    let scene = Scene::with(Rule::on("PUT", UPLOADS, Action::answer(404, unknown)).times(1));
    scene.published();
    assert_eq!(scene.count("POST"), 4);
    let scene = Scene::with(Rule::on("PUT", UPLOADS, Action::answer(404, unknown)));
    let said =
        scene.publish(&["--retry-for", "1"]).failed(&["BLOB_UPLOAD_UNKNOWN", "don't share their storage"]);
    assert!(!said.stderr.contains("create the repository"), "{}", said.stderr);
}

#[test]
fn jobs_that_share_blobs_push_at_the_same_time() {
    let registry = Registry::open();
    let filters: Vec<_> = (0..8).map(|_| Filter::new()).collect();
    std::thread::scope(|scope| {
        for (index, filter) in filters.iter().enumerate() {
            let repository = registry.repository("acme/bare");
            scope.spawn(move || filter.published(&repository, &["--tag", &format!("job-{index}")]));
        }
    });
    for (index, filter) in filters.iter().enumerate() {
        let url = format!("oci://{}/acme/bare:job-{index}", registry.address());
        assert_eq!(mesh::load(&url, None).unwrap(), filter.module());
    }
}

#[test]
fn a_redirect_keeps_the_method_and_the_body() {
    for status in [301, 302, 307, 308] {
        let scene = Scene::new();
        let base = format!("http://{}", scene.registry.address());
        for part in [UPLOADS, MANIFEST] {
            let redirect = Action::Redirect { status, base: base.clone() };
            scene.proxy.rule(Rule::on("PUT", part, redirect));
        }
        scene.published();
    }
    let scene = Scene::new();
    let own = format!("http://{}", scene.proxy.address());
    scene.proxy.rule(Rule::on("PUT", UPLOADS, Action::Redirect { status: 307, base: own }));
    scene.publish(&[]).failed(&["more than 10 redirects"]);
}

#[test]
fn a_blob_that_is_too_much_for_one_request_is_sent_in_parts() {
    for (status, size) in [(413, 1), (416, 1), (413, 1_300_000)] {
        let scene = Scene::new();
        let data = format!("#[unsafe(no_mangle)]\npub static DATA: [u8; {size}] = [7; {size}];\n");
        scene.filter.sandbox.write("bare/src/lib.rs", [bare::SOURCE, &data].concat());
        let is_large = |length: &str| length.parse::<usize>().unwrap() > 0;
        scene.proxy.rule(Rule::when(
            move |request| {
                let is_upload = request.method == "PUT" && request.target.contains(UPLOADS);
                is_upload && request.header("content-length").is_some_and(is_large)
            },
            Action::answer(status, ""),
        ));
        scene.published();
        let requests = scene.proxy.requests();
        let parts = requests.iter().filter(|request| request.method == "PATCH");
        assert!(parts.clone().all(|part| part.body <= 512 << 10));
        assert_eq!(parts.count(), if size == 1 { 3 } else { 5 });
    }
}
