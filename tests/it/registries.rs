//! Tests of the test support itself: the registries, the proxy and the mesh that other tests rely on.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::GzEncoder;
use serde_json::{Value, json};
use snapbox::cmd::OutputAssert;

use crate::support::layout::{Layout, sha256};
use crate::support::proxy::{Action, Fault, Point, Proxy, Rule};
use crate::support::registry::{PASSWORD, Registry, USER, With};
use crate::support::tokens::{By, IDENTITY_TOKEN, May, TokenRequest, Tokens};
use crate::support::{Sandbox, bare, http, mesh, program, until};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONTENT: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
const CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The image that `build` creates from a module.
fn image(sandbox: &Sandbox, variant: &str) -> Layout {
    sandbox.write("filter.wasm", wat::parse_str(bare::TEXT).unwrap());
    let args =
        ["build", "--module", "filter.wasm", "--image", "registry.example:5000/acme/filter", "--tag", "1"];
    sandbox.tool(args).args(["--optimize", "none", "--variant", variant]).assert().success();
    Layout(sandbox.path("target/wasmplugin.d/filter/image"))
}

/// Copies an image into a registry with skopeo.
fn copy(image: &Layout, to: &str, options: &[&str]) -> OutputAssert {
    let command = program("skopeo").args(["copy", "--insecure-policy", "--quiet"]).args(options);
    command.args([format!("oci:{}:1", image.0), format!("docker://{to}")]).assert()
}

fn said(assert: &OutputAssert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// Sends a request. The response must be text.
fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> http::Response<String> {
    http::send(address, method, target, headers, body).and_then(http::Response::text).unwrap()
}

/// Pushes a blob to `acme/made`, and returns its descriptor.
fn push_blob(registry: &Registry, kind: &str, bytes: &[u8]) -> Value {
    let digest = sha256(bytes);
    let started = send(registry.address(), "POST", "/v2/acme/made/blobs/uploads/", &[], b"");
    assert_eq!(started.status, 202, "{started:?}");
    let location = started.values("location")[0];
    let target = location.split_once(registry.address()).unwrap().1;
    let target = format!("{target}&digest={digest}");
    let ended = send(registry.address(), "PUT", &target, &[], bytes);
    assert_eq!(ended.status, 201, "{ended:?}");
    json!({ "mediaType": kind, "digest": digest, "size": bytes.len() })
}

/// Pushes a manifest to `acme/made` under a tag, and returns its descriptor.
fn push_manifest(registry: &Registry, tag: &str, manifest: &Value) -> Value {
    let kind = manifest["mediaType"].as_str().unwrap();
    let bytes = manifest.to_string();
    let target = format!("/v2/acme/made/manifests/{tag}");
    let put = send(registry.address(), "PUT", &target, &[("Content-Type", kind)], bytes.as_bytes());
    assert_eq!(put.status, 201, "{tag}: {put:?}");
    json!({ "mediaType": kind, "digest": sha256(bytes.as_bytes()), "size": bytes.len() })
}

fn hex(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

#[test]
fn the_mesh_loads_both_variants_from_a_registry() {
    let registry = Registry::open();
    for variant in ["oci", "compat"] {
        let sandbox = Sandbox::new();
        let image = image(&sandbox, variant);
        let repository = registry.repository(&format!("acme/{variant}"));
        copy(&image, &format!("{repository}:1"), &["--dest-tls-verify=false"]).success();
        let digest = image.digest();
        let hex = digest.strip_prefix("sha256:");
        let module = image.module();
        for url in [format!("{repository}:1@{digest}"), format!("{repository}:1")] {
            assert_eq!(mesh::load(&format!("oci://{url}"), hex).as_ref(), Ok(&module), "{url}");
        }
        let wrong = "0".repeat(64);
        let refusal = mesh::load(&format!("oci://{repository}:1"), Some(&wrong)).unwrap_err();
        assert!(refusal.contains(&format!("which does not match: {wrong}")), "{refusal}");
    }
    assert!(registry.log().contains("/v2/acme/compat/manifests/1"), "{}", registry.log());
}

#[test]
fn a_url_is_read_as_the_mesh_reads_it() {
    let parts = |url| mesh::Url::parse(url).map(|url| (url.address, url.repository, url.reference));
    let address = "127.0.0.1:5000";
    assert_eq!(parts("oci://127.0.0.1:5000/a/b:1@sha256:2"), Ok((address, "a/b", "sha256:2")));
    assert_eq!(parts("oci://127.0.0.1:5000/a/b:1?c=d"), Ok((address, "a/b", "1")));
    assert_eq!(parts("oci://127.0.0.1:5000/b"), Ok((address, "b", "latest")));
    assert!(parts("https://127.0.0.1:5000/b").is_err());
}

#[test]
fn the_mesh_judges_images_by_its_rules() {
    let registry = Registry::open();
    let module = wat::parse_str(bare::TEXT).unwrap();
    let blob = |kind: &str, bytes: &[u8]| push_blob(&registry, kind, bytes);
    let content = blob(CONTENT, &module);
    let config = blob(CONFIG, b"{}");
    let archive = tar(&[("a/plugin.wasm", &module), ("plugin.wasm", b"the second")]);
    let packed = gzip(&archive);
    let other = gzip(&tar(&[("a", b"")]));
    let push = |tag: &str, kind: &str, layers: &[&Value]| {
        let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
        push_manifest(&registry, tag, &manifest)
    };
    let pull = |tag: &str, expected: Option<&str>| mesh::pull(registry.address(), "acme/made", tag, expected);

    let image = push("two", OCI_MANIFEST, &[&config, &content]);
    push("reversed", OCI_MANIFEST, &[&content, &config]);
    push("last", OCI_MANIFEST, &[&blob(OCI_LAYER, &other), &blob(OCI_LAYER, &packed)]);
    push("docker", DOCKER_MANIFEST, &[&blob(DOCKER_LAYER, &packed)]);
    for tag in ["two", "reversed", "last", "docker"] {
        assert_eq!(pull(tag, None).as_ref(), Ok(&module), "{tag}");
    }

    push("one", OCI_MANIFEST, &[&content]);
    push("three", OCI_MANIFEST, &[&config, &content, &config]);
    push("first", OCI_MANIFEST, &[&blob(OCI_LAYER, &packed), &blob(OCI_LAYER, &other)]);
    push("plain", OCI_MANIFEST, &[&blob(OCI_LAYER, &archive)]);
    push("short", OCI_MANIFEST, &[&blob(OCI_LAYER, &gzip(&archive[..520]))]);
    push("mixed", DOCKER_MANIFEST, &[&config, &content]);
    push("text", OCI_MANIFEST, &[&config, &blob(CONTENT, b"(module)")]);
    for (tag, reason) in [
        ("one", "number of layers must be 2 but got 1"),
        ("three", "number of layers must be 2 but got 3"),
        ("first", "plugin.wasm not found"),
        ("plain", "not a gzipped archive"),
        ("short", "unexpected EOF"),
        ("mixed", "could not fetch Docker image: invalid media type"),
        ("text", "fetched Wasm binary is invalid"),
        ("nothing", "unexpected status code 404"),
    ] {
        let refusal = pull(tag, None).unwrap_err();
        assert!(refusal.contains(reason), "{tag}: {refusal}");
    }

    let with_platform = |architecture: &str| {
        let mut child = image.clone();
        child["platform"] = json!({ "os": "linux", "architecture": architecture });
        child
    };
    let push = |tag: &str, child: &Value| {
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child] });
        push_manifest(&registry, tag, &index)
    };
    let index = push("index", &with_platform("amd64"));
    assert_eq!(pull("index", Some(hex(&image))).as_ref(), Ok(&module));
    let refusal = pull("index", Some(hex(&index))).unwrap_err();
    assert!(refusal.contains(&format!("has checksum {}, which does not match", hex(&image))), "{refusal}");
    push("anywhere", &image);
    assert_eq!(pull("anywhere", None).as_ref(), Ok(&module));
    push("elsewhere", &with_platform("arm64"));
    let refusal = pull("elsewhere", None).unwrap_err();
    assert!(refusal.contains("no child with platform linux/amd64"), "{refusal}");
}

#[test]
fn a_registry_requires_the_password_and_uses_its_certificate() {
    let sandbox = Sandbox::new();
    let image = image(&sandbox, "compat");
    let registry = Registry::with(&[With::Password, With::Tls]);
    let to = format!("{}:1", registry.repository("acme/filter"));
    let authority = registry.authority();
    let certificates = format!("--dest-cert-dir={}", authority.parent().unwrap());
    let login = |password| format!("--dest-creds={USER}:{password}");

    let stranger = said(&copy(&image, &to, &[&login(PASSWORD)]).failure());
    assert!(stranger.contains("certificate signed by unknown authority"), "{stranger}");
    let anonymous = said(&copy(&image, &to, &[&certificates, "--dest-no-creds"]).failure());
    assert!(anonymous.contains("authentication required"), "{anonymous}");
    let wrong = said(&copy(&image, &to, &[&certificates, &login("wrong")]).failure());
    assert!(wrong.contains("authentication required"), "{wrong}");
    copy(&image, &to, &[&certificates, &login(PASSWORD)]).success();
    assert!(!registry.log().contains(PASSWORD));
}

#[test]
fn a_read_only_registry_accepts_no_push() {
    let registry = Registry::with(&[With::ReadOnly]);
    let address = registry.address();
    assert_eq!(send(address, "GET", "/v2/", &[], b"").status, 200);
    assert_eq!(send(address, "POST", "/v2/acme/made/blobs/uploads/", &[], b"").status, 405);
}

#[test]
fn tokens_contain_the_right_to_push() {
    let sandbox = Sandbox::new();
    let image = image(&sandbox, "compat");
    let tokens = Tokens::start(May::Push, May::Pull);
    let registry = Registry::with(&[With::Tokens(&tokens)]);
    let to = format!("{}:1", registry.repository("acme/filter"));
    let plain = "--dest-tls-verify=false";
    let login = format!("--dest-creds={USER}:{PASSWORD}");

    let anonymous = said(&copy(&image, &to, &[plain, "--dest-no-creds"]).failure());
    assert!(anonymous.contains("requested access to the resource is denied"), "{anonymous}");
    copy(&image, &to, &[plain, &login]).success();
    let last = TokenRequest {
        method: "GET".to_owned(),
        scopes: vec!["repository:acme/filter:pull,push".to_owned()],
        by: By::Password,
        issued: true,
    };
    assert_eq!(tokens.asked().last(), Some(&last));
    let before = tokens.asked().len();

    // The registry accepts a token that was requested with an identity token, as in OAuth 2.
    let post = |identity: &str| {
        let form = format!(
            "grant_type=refresh_token&service={}&client_id=test&scope=repository%3Aacme%2Ffilter%3Apull\
             &refresh_token={identity}",
            tokens.service().replace(' ', "+")
        );
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let realm = tokens.realm();
        let (address, path) = realm.strip_prefix("http://").unwrap().split_once('/').unwrap();
        send(address, "POST", &format!("/{path}"), &[kind], form.as_bytes())
    };
    let answer: Value = serde_json::from_str(&post(IDENTITY_TOKEN).body).unwrap();
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let target = "/v2/acme/filter/tags/list";
    assert_eq!(send(registry.address(), "GET", target, &[("Authorization", &bearer)], b"").status, 200);
    assert_eq!(send(registry.address(), "GET", target, &[], b"").status, 401);
    assert_eq!(post("wrong").status, 401);
    let by: Vec<_> = tokens.asked()[before..].iter().map(|asked| (asked.by, asked.issued)).collect();
    assert_eq!(by, [(By::IdentityToken, true), (By::Stranger, false)]);
}

#[test]
fn a_reader_gets_no_token_for_a_push_and_a_stranger_gets_none() {
    let tokens = Tokens::start(May::Pull, May::Nothing);
    let registry = Registry::with(&[With::Tokens(&tokens)]);
    let sandbox = Sandbox::new();
    let image = image(&sandbox, "compat");
    let to = format!("{}:1", registry.repository("acme/filter"));
    let login = format!("--dest-creds={USER}:{PASSWORD}");
    let reader = said(&copy(&image, &to, &["--dest-tls-verify=false", &login]).failure());
    assert!(reader.contains("requested access to the resource is denied"), "{reader}");
    let stranger = said(&copy(&image, &to, &["--dest-tls-verify=false", "--dest-no-creds"]).failure());
    assert!(stranger.contains("unauthorized"), "{stranger}");
}

#[test]
fn the_proxy_counts_and_forwards() {
    let sandbox = Sandbox::new();
    let image = image(&sandbox, "oci");
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let repository = proxy.repository("acme/filter");
    let login = format!("--dest-creds={USER}:{PASSWORD}");
    copy(&image, &format!("{repository}:1"), &["--dest-tls-verify=false", &login]).success();
    let put = proxy.requests().into_iter().find(|request| request.target == "/v2/acme/filter/manifests/1");
    let size = image.blob(&image.digest()).len();
    assert_eq!(put.map(|put| (put.method, put.body)), Some(("PUT".to_owned(), size)));
    let sent: usize = proxy.requests().iter().map(|request| request.body).sum();
    assert!(sent > image.layers().iter().map(Vec::len).sum(), "{:?}", proxy.requests());
    proxy.clear();
    assert_eq!(mesh::load(&format!("oci://{repository}:1"), None), Ok(image.module()));
    let asked: Vec<_> = proxy.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(asked, ["GET", "GET"]);

    // As the HTTP proxy of a client.
    proxy.clear();
    let basic = format!("Basic {}", BASE64_STANDARD.encode("a:b"));
    let target = "http://registry.test/v2/acme/filter/tags/list";
    let headers = [("Host", "registry.test"), ("Authorization", basic.as_str())];
    let tags = send(proxy.address(), "GET", target, &headers, b"");
    assert_eq!((tags.status, tags.body.contains(r#""tags":["1"]"#)), (200, true), "{tags:?}");
    let request = &proxy.requests()[0];
    assert_eq!(request.target, target);
    assert_eq!(
        [request.header("host"), request.header("authorization")],
        [Some("registry.test"), Some(&*basic)]
    );
}

#[test]
fn the_proxy_does_what_registries_and_networks_do() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let start = || http::send(proxy.address(), "POST", "/v2/acme/made/blobs/uploads/", &[], &[0; 1000]);
    let status = || start().unwrap().status;

    proxy.rule(
        Rule::on("POST", "/blobs/uploads/", Action::answer(503, "busy").header("Retry-After", "1")).times(2),
    );
    let busy = start().unwrap().text().unwrap();
    assert_eq!((busy.status, busy.body.as_str(), &*busy.values("retry-after")), (503, "busy", &["1"][..]));
    assert_eq!([status(), status()], [503, 202]);

    proxy.clear();
    proxy.rule(Rule::on("POST", "", Action::Cut { after: 100 }).times(1));
    assert!(start().is_err());
    assert_eq!(proxy.requests()[0].body, 100);

    let uploads = || registry.log().matches("POST /v2/acme/made/blobs/uploads/").count();
    let before = uploads();
    proxy.rule(Rule::on("POST", "", Action::At(Point::Sent(0), Fault::Close)).times(1));
    assert!(start().is_err());
    until(Duration::from_secs(30), "the registry to log the upload", || (uploads() > before).then_some(()));

    proxy.clear();
    let base = format!("http://{}", registry.address());
    proxy.rule(Rule::when(|request| request.body == 0, Action::Redirect { status: 307, base: base.clone() }));
    let moved = start().unwrap();
    let location = format!("{base}/v2/acme/made/blobs/uploads/");
    assert_eq!((moved.status, &*moved.values("location")), (307, &[location.as_str()][..]));

    proxy.clear();
    proxy.rule(Rule::on("POST", "", Action::Hold { after: 10 }));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(status);
        until(Duration::from_secs(30), "the request to be held", || (proxy.held() == 1).then_some(()));
        assert!(!waiting.is_finished());
        proxy.release();
        assert_eq!(waiting.join().unwrap(), 202);
    });
}

#[test]
fn a_proxy_without_a_registry_answers_by_its_rules() {
    let proxy = Proxy::alone();
    let page = Action::answer(200, "<html>").header("Content-Type", "text/html");
    proxy.rule(Rule::on("GET", "/v2/", page));
    let response = send(proxy.address(), "GET", "/v2/", &[], b"");
    assert_eq!((response.body.as_str(), &*response.values("content-type")), ("<html>", &["text/html"][..]));
    assert_eq!(send(proxy.address(), "GET", "/", &[], b"").status, 404);
}

#[test]
fn chunks_are_forwarded() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let started = send(proxy.address(), "POST", "/v2/acme/made/blobs/uploads/", &[], b"");
    let target = started.values("location")[0].split_once(proxy.address()).unwrap().1.to_owned();
    let target = format!("{target}&digest={}", sha256(b"seven and six"));
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    let head = format!("PUT {target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let body = "9\r\nseven and\r\n4\r\n six\r\n0\r\n\r\n";
    std::io::Write::write_all(&mut stream, format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(proxy.requests()[1].body, 13);
}
