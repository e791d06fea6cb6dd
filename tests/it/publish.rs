//! The published image is the one that was built, and a mesh loads it.

use crate::support::envoy::{Envoy, VERSIONS};
use crate::support::http::send;
use crate::support::mesh;
use crate::support::proxy::{Action, Proxy, Rule};
use crate::support::publishing::Filter;
use crate::support::registry::{Registry, With};
use crate::support::running::{Said, start, wait_until};
use crate::support::terminal::Terminal;
use crate::support::{Sandbox, program};

/// The value of a field of the spec, as written in the YAML.
fn field<'y>(yaml: &'y str, name: &str) -> &'y str {
    let start = format!("  {name}: ");
    yaml.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("no {name}:\n{yaml}"))
}

/// The digest that the tag names, according to the registry.
fn digest_of(registry: &Registry, name: &str, tag: &str) -> Option<String> {
    let accept = [("Accept", "application/vnd.oci.image.manifest.v1+json")];
    let path = format!("/v2/{name}/manifests/{tag}");
    let response = send(registry.address(), "HEAD", &path, &accept, b"").unwrap();
    response.values("docker-content-digest").first().map(|digest| (*digest).to_owned())
}

#[test]
fn a_published_filter_runs_in_proxies() {
    let registry = Registry::open();
    let repository = registry.repository("acme/hello");
    let sandbox = Sandbox::with_hello();
    for variant in ["oci", "compat"] {
        let publish = ["publish", "--image", &repository, "--variant", variant, "--tag", variant];
        let reference = Said::of(&mut sandbox.process_in("hello", publish)).done();
        let digest = sandbox.read("hello/target/wasmplugin.d/hello/digest");
        assert_eq!(reference.stdout, format!("{repository}@{digest}"));

        let yaml = Said::of(sandbox.process_in("hello", publish).args(["-o", "yaml"])).done().stdout;
        assert_eq!(yaml, sandbox.read("hello/target/wasmplugin.d/hello/wasmplugin.yaml"));
        let (url, sha256) = (field(&yaml, "url"), field(&yaml, "sha256"));
        assert_eq!(url, format!("oci://{repository}:{variant}@{}", digest.trim_end()));
        let module = mesh::load(url, Some(sha256)).unwrap();
        assert_eq!(
            module,
            fs_err::read(sandbox.path("hello/target/wasmplugin.d/hello/plugin.wasm")).unwrap()
        );
        for version in VERSIONS {
            let envoy = Envoy::start(version, &module, Some(r#"{"first-header": "some-value"}"#));
            let envoy = envoy.unwrap_or_else(|log| panic!("Envoy {version} does not load it:\n{log}"));
            assert_eq!(envoy.get("/").values("first-header"), ["some-value"], "Envoy {version}");
        }

        let image = format!("docker://{repository}@{}", digest.trim_end());
        let raw =
            program("skopeo").args(["inspect", "--tls-verify=false", "--raw", &image]).assert().success();
        let manifest =
            format!("hello/target/wasmplugin.d/hello/image/blobs/sha256/{}", &digest.trim_end()[7..]);
        assert_eq!(raw.get_output().stdout, fs_err::read(sandbox.path(manifest)).unwrap());
    }
}

#[test]
fn an_unchanged_image_is_not_pushed_again() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let repository = proxy.repository("acme/bare");
    let filter = Filter::new();
    let first = filter.published(&repository, &["-o", "json"]).json();
    let published = &first["packages"][0]["published"];
    assert!(published["uploadedBytes"].as_u64().unwrap() > 1000, "{published}");

    proxy.clear();
    let again = filter.published(&repository, &["-o", "json"]);
    assert!(again.stderr.contains("   Unchanged "), "{}", again.stderr);
    let published = again.json()["packages"][0]["published"].clone();
    assert_eq!(published["uploadedBytes"], 0);
    assert_eq!(published["tags"][0]["digestBefore"], filter.digest());
    let requests = proxy.requests();
    assert!(requests.len() <= 5, "{requests:#?}");
    assert!(requests.iter().all(|request| request.method == "GET"), "{requests:#?}");
}

#[test]
fn a_change_uploads_what_changed() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let repository = proxy.repository("acme/bare");
    let filter = Filter::new();
    let uploads = || proxy.requests().iter().filter(|request| request.method == "POST").count();
    filter.published(&repository, &[]);
    assert_eq!(uploads(), 3);
    proxy.clear();
    filter.change("changed");
    filter.published(&repository, &["--tag", "next"]);
    assert_eq!(uploads(), 1);
}

#[test]
fn several_tags_need_one_upload_and_show_what_they_named() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let repository = proxy.repository("acme/bare");
    let filter = Filter::new();
    let tags = ["--tag", "1.0", "--tag", "latest", "--tag", "1.0"];
    let said = filter.published(&repository, &tags);
    assert!(!said.stderr.contains("Moved"), "{}", said.stderr);
    let count = |method: &str| proxy.requests().iter().filter(|request| request.method == method).count();
    assert_eq!((count("POST"), count("PUT")), (3, 3 + 2));
    let old = filter.digest();

    filter.change("changed");
    let yaml = filter.published(&repository, &["--tag", "latest", "--tag", "2.0", "-o", "yaml"]);
    let moved = format!("       Moved {repository}:latest from {old}\n");
    assert!(yaml.stderr.contains(&moved), "{}", yaml.stderr);
    assert!(field(&yaml.stdout, "url").contains(":latest@sha256:"), "{}", yaml.stdout);
    let now = Some(filter.digest());
    assert_eq!(digest_of(&registry, "acme/bare", "latest"), now);
    assert_eq!(digest_of(&registry, "acme/bare", "2.0"), now);
    assert_eq!(digest_of(&registry, "acme/bare", "1.0"), Some(old));
}

#[test]
fn the_tag_of_a_version_keeps_its_image() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let repository = proxy.repository("acme/bare");
    let filter = Filter::new();
    filter.published(&repository, &[]);
    let old = filter.digest();
    for variant in ["oci", "compat"] {
        proxy.clear();
        let packaging = filter.publish(&repository, &["--variant", variant, "--annotation", "a=b"]);
        let new = filter.digest();
        let words = [
            &format!("`{repository}:0.1.0`"),
            &*old,
            &*new,
            "points to a different image",
            "the module is the same",
            "--tag",
            "--force",
        ];
        packaging.failed(&words);
        filter.change("changed");
        let module =
            filter.publish(&repository, &["--variant", variant, "--tag", "latest", "--tag", "0.1.0"]);
        module.failed(&["the module differs"]);
        let wrote = |method: &str| method == "POST" || method == "PUT";
        assert!(!proxy.requests().iter().any(|request| wrote(&request.method)), "{:#?}", proxy.requests());
        assert_eq!(digest_of(&registry, "acme/bare", "latest"), None);

        let said = filter.published(&repository, &["--variant", variant, "--force"]);
        assert!(said.stderr.contains(&format!("from {old}")), "{}", said.stderr);
        assert_eq!(digest_of(&registry, "acme/bare", "0.1.0"), Some(filter.digest()));
        filter.sandbox.write("bare/src/lib.rs", crate::support::bare::SOURCE);
        filter.published(&repository, &["--variant", variant, "--force"]);
    }
}

#[test]
fn a_damaged_blob_is_not_pushed() {
    let registry = Registry::open();
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    filter.published(&repository, &["--dry-run"]);
    let module = fs_err::read(filter.sandbox.path("bare/target/wasmplugin.d/bare/plugin.wasm")).unwrap();
    let digest = crate::support::layout::sha256(&module);
    let blobs = filter.sandbox.path("bare/target/wasmplugin.d/bare/image/blobs/sha256");
    let blob = blobs.join(&digest["sha256:".len()..]);
    let mut damaged = module.clone();
    *damaged.last_mut().unwrap() ^= 1;
    // A package counts as unchanged if its files have the same sizes and times.
    let modified = fs_err::metadata(&blob).unwrap().modified().unwrap();
    fs_err::write(&blob, damaged).unwrap();
    fs_err::OpenOptions::new().write(true).open(&blob).unwrap().file().set_modified(modified).unwrap();

    filter.publish(&repository, &[]).failed(&[&format!("`{blob}` is damaged"), "remove it"]);
    assert_eq!(digest_of(&registry, "acme/bare", "0.1.0"), None);
    let path = format!("/v2/acme/bare/blobs/{digest}");
    assert_eq!(send(registry.address(), "HEAD", &path, &[], b"").unwrap().status, 404);
    // Following the advice helps.
    fs_err::remove_file(&blob).unwrap();
    filter.published(&repository, &[]);
    assert_eq!(digest_of(&registry, "acme/bare", "0.1.0"), Some(filter.digest()));
}

#[test]
fn all_packages_of_a_workspace_are_checked_before_any_is_pushed() {
    let registry = Registry::open();
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n");
    let settings = |name: &str| {
        format!("image = \"{}\"\noptimize = \"none\"\n", registry.repository(&format!("acme/{name}")))
    };
    for name in ["one", "two"] {
        sandbox.add_bare(name);
        sandbox.write(format!("{name}/Cargo.toml"), crate::support::bare::manifest(name, &settings(name)));
    }
    let publish = |args: &[&str]| Said::of(sandbox.process_in("", ["publish", "--workspace"]).args(args));
    Said::of(&mut sandbox.process_in("two", ["publish"])).done();
    publish(&["--annotation", "a=b"]).failed(&["acme/two:0.1.0"]);
    assert_eq!(digest_of(&registry, "acme/one", "0.1.0"), None);
    Said::of(&mut sandbox.process_in("one", ["publish"])).done();
    publish(&["--annotation", "a=b"]).failed(&["acme/one:0.1.0", "acme/two:0.1.0"]);

    let said = publish(&[]).done();
    let digest = |name: &str| sandbox.read(format!("target/wasmplugin.d/{name}/digest"));
    let line = |name: &str| format!("{}@{}", registry.repository(&format!("acme/{name}")), digest(name));
    assert_eq!(said.stdout, [line("one"), line("two")].concat());
    let documents = publish(&["-o", "yaml"]).done().stdout;
    assert_eq!(documents.matches("\n---\n").count(), 1, "{documents}");
}

#[test]
fn two_packages_cannot_have_the_same_image() {
    let registry = Registry::open();
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n");
    sandbox.add_bare("one");
    sandbox.add_bare("two");
    let image = registry.repository("acme/both");
    let said = Said::of(&mut sandbox.process_in("", ["publish", "--workspace", "--image", &image]));
    let said = said.failed(&["`one` and `two`", &format!("`{image}:0.1.0`"), "{name}"]);
    assert!(!said.stderr.contains("Compiling"), "{}", said.stderr);
}

#[test]
fn a_dry_run_writes_nothing() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let repository = proxy.repository("acme/bare");
    let filter = Filter::new();
    let said = filter.published(&repository, &["--dry-run"]);
    assert_eq!(said.stdout, format!("{repository}@{}\n", filter.digest()));
    assert!(said.stderr.contains("warning: nothing was pushed: this is a dry run\n"), "{}", said.stderr);
    assert!(said.stderr.contains(&format!("  Would push {repository}:0.1.0 (")), "{}", said.stderr);
    assert!(proxy.requests().iter().all(|request| matches!(&*request.method, "GET" | "HEAD")));
    assert_eq!(digest_of(&registry, "acme/bare", "0.1.0"), None);

    filter.published(&repository, &[]);
    filter.publish(&repository, &["--dry-run", "--annotation", "a=b"]).failed(&["--force"]);
    filter.change("changed");
    let said = filter.published(&repository, &["--dry-run", "--force"]);
    assert!(said.stderr.contains(&format!("  Would move {repository}:0.1.0 from ")), "{}", said.stderr);
    let json = filter.published(&repository, &["--dry-run", "-o", "json", "--tag", "next"]).json();
    assert!(json["packages"][0]["published"]["uploadedBytes"].as_u64().unwrap() > 1000, "{json:#}");
    assert_eq!(json["packages"][0]["published"]["dryRun"], true);
}

#[test]
fn the_resource_names_what_the_mesh_pulls() {
    let registry = Registry::open();
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let said = filter.published(&repository, &["--pull-image", "mirror.example/acme/bare", "-o", "yaml"]);
    let url = format!("oci://mirror.example/acme/bare:0.1.0@{}", filter.digest());
    assert_eq!(field(&said.stdout, "url"), url);
    assert_eq!(digest_of(&registry, "acme/bare", "0.1.0"), Some(filter.digest()));
}

#[test]
fn a_resource_without_the_image_is_reported() {
    let registry = Registry::open();
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let said = filter.published(&repository, &["--url", "https://example.com/plugin.wasm", "-o", "yaml"]);
    assert!(
        said.stderr.contains("warning[unused-image]: `spec.url` doesn't begin with `oci://`"),
        "{}",
        said.stderr
    );
    assert_eq!(field(&said.stdout, "url"), "https://example.com/plugin.wasm");
    let said = filter.published(&repository, &[]);
    assert!(!said.stderr.contains("unused-image"), "{}", said.stderr);
}

#[test]
fn a_url_that_a_cluster_cannot_use_is_reported() {
    let registry = Registry::open();
    let repository = registry.repository("acme/bare");
    let filter = Filter::new();
    let warning = format!("warning[url-host]: `spec.url` names `{}`", registry.address());
    let said = filter.published(&repository, &[]);
    assert!(said.stderr.contains(&warning) && said.stderr.contains("set `pull-image`"), "{}", said.stderr);
    filter.publish(&repository, &["--deny-warnings"]).refused(&["url-host"]);

    let said = filter.published(&repository, &["--pull-image", "registry.internal/acme/bare", "-o", "yaml"]);
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    assert!(field(&said.stdout, "url").starts_with("oci://registry.internal/acme/bare:0.1.0@sha256:"));
    // A standalone Envoy loads a file.
    let said = filter.published(&repository, &["--kind", "envoy"]);
    assert!(!said.stderr.contains("url-host"), "{}", said.stderr);
    for kind in ["TrafficExtension", "WasmPlugin"] {
        let args = ["--url", "http://localhost:8080/plugin.wasm", "--kind", kind];
        let said = filter.published(&repository, &args);
        assert!(said.stderr.contains("names `localhost`, which is the pod itself"), "{}", said.stderr);
        assert!(said.stderr.contains("write the host name"), "{}", said.stderr);
    }
}

#[test]
fn an_ipv6_registry_is_pushed_to() {
    let registry = Registry::with(&[With::Ipv6]);
    let repository = registry.repository("acme/bare");
    assert!(repository.starts_with("[::1]:"));
    let filter = Filter::new();
    let said = filter.published(&repository, &["--pull-image", "registry.internal/acme/bare", "-o", "yaml"]);
    assert!(said.stderr.contains(&format!("Verified {repository}:0.1.0 is {}", filter.digest())));
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    filter.published(&repository, &["--verbose"]);
    let build = |image: &str| filter.sandbox.process_in("bare", ["build", "--image", image]);
    let said = Said::of(&mut build("[fd00::1]:5000/acme/bare")).done();
    assert!(said.stderr.contains("`[fd00::1]:5000`, which is an IPv6 address"), "{}", said.stderr);
    for wrong in ["[fd00::0:1]/acme/bare", "[fd00::1/acme/bare", "[::1]5000/acme/bare"] {
        let said = Said::of(&mut build(wrong));
        assert_eq!(said.code, Some(2), "{}", said.stderr);
    }
}

#[test]
fn what_cannot_be_published_is_not_compiled() {
    let filter = Filter::new();
    let manifest = crate::support::bare::manifest("bare", "");
    filter.sandbox.write("bare/Cargo.toml", manifest);
    let said = Said::of(&mut filter.sandbox.process_in("bare", ["publish"]));
    let said = said.failed(&["`bare` can't be published", "image = ", "--image"]);
    assert!(!said.stderr.contains("Compiling"), "{}", said.stderr);

    filter.sandbox.write("bare.wasm", wat::parse_str(crate::support::bare::TEXT).unwrap());
    let publish = ["publish", "--module", "bare.wasm", "--image", "registry.example:5000/acme/bare"];
    let said = Said::of(&mut filter.sandbox.process_in("", publish));
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("no version to use as a tag"), "{}", said.stderr);
}

#[test]
fn what_the_mesh_would_refuse_is_not_pushed() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    let filter = Filter::new();
    let source = crate::support::bare::SOURCE.replace("proxy_abi_version_0_2_1", "proxy_abi_version_0_3_0");
    filter.sandbox.write("bare/src/lib.rs", source);
    let said = filter.publish(&proxy.repository("acme/bare"), &["-o", "json"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let findings = said.json()["packages"][0]["findings"].clone();
    let codes: Vec<_> = findings.as_array().unwrap().iter().map(|finding| finding["code"].clone()).collect();
    // The registry is on this machine, which is known before the module.
    assert_eq!(codes, ["url-host", "abi-marker"]);
    assert!(proxy.requests().is_empty());
}

/// Before and after the build of the published image.
#[test]
fn another_build_does_not_change_what_is_pushed() {
    for is_built_before in [false, true] {
        let registry = Registry::open();
        let proxy = Proxy::before(registry.address());
        let repository = proxy.repository("acme/bare");
        let filter = Filter::new();
        let build = |args: &[&str]| {
            let mut command = filter.sandbox.process_in("bare", ["build", "--optimize", "none", "--image"]);
            Said::of(command.arg(&repository).args(args)).done();
        };
        if is_built_before {
            build(&[]);
        }
        proxy.rule(
            Rule::when(|request| request.target.contains("/manifests/"), Action::Hold { after: 0 }).times(1),
        );
        let publish = start(&mut filter.command(&repository, &[]));
        wait_until("the push is under way", || proxy.held() > 0);
        let published = filter.digest();
        for variant in ["oci", "compat"] {
            build(&["--variant", variant, "--annotation", "by=another build"]);
            assert_ne!(filter.digest(), published);
        }
        proxy.release();
        let said = Said::of_output(publish.wait_with_output().unwrap()).done();
        assert_eq!(said.stdout, format!("{repository}@{published}\n"));
        assert_eq!(digest_of(&registry, "acme/bare", "0.1.0"), Some(published));
    }
}

#[test]
fn a_terminal_shows_the_progress_of_a_push() {
    let registry = Registry::open();
    let proxy = Proxy::before(registry.address());
    proxy.rule(Rule::on("PUT", "/blobs/uploads/", Action::Hold { after: usize::MAX }));
    let filter = Filter::new();
    let args = ["publish", "--optimize", "none", "--image", &proxy.repository("acme/bare")];
    let mut terminal = Terminal::run(&filter.sandbox.path("bare"), &args);
    terminal.expect("     Pushing [").expect("] ");
    proxy.release();
    let (status, screen) = terminal.end();
    assert!(status.success(), "{screen}");
    assert!(screen.contains("    Verified "), "{screen}");
}
