use std::sync::Arc;

use super::*;
use crate::diagnostics::source::SourceFile;
use crate::digest::Digest;
use crate::yaml;

fn image(tag: Option<&str>) -> PulledImage {
    PulledImage {
        repository: "quay.io/acme/hello".parse().unwrap(),
        tag: tag.map(|tag| tag.parse().unwrap()),
        manifest: Digest::of(b"manifest"),
    }
}

fn artifact(image: Option<PulledImage>) -> Artifact {
    Artifact { image, module: Digest::of(b"module"), file: "/out/plugin.wasm".into() }
}

fn pin(draft: &Draft, tag: Option<&str>) -> Resource {
    draft.pin(Kind::WasmPlugin, &artifact(Some(image(tag)))).expect("the image is known")
}

fn manifest() -> String {
    Digest::of(b"manifest").hex()
}

fn module() -> String {
    Digest::of(b"module").hex()
}

fn read(text: &str) -> Draft {
    let file = SourceFile { path: "wasmplugin.yaml".into(), text: text.to_owned() };
    Draft::read(Arc::new(file), "hello_world").expect(text)
}

fn with_spec(spec: &str) -> Draft {
    read(&format!("apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {spec}\n"))
}

/// `spec` after pinning.
fn pinned(spec: &str) -> serde_json::Value {
    pin(&with_spec(spec), Some("1.0.0")).to_json()["spec"].clone()
}

#[test]
fn a_minimal_resource_has_what_is_needed() {
    let resource = pin(&Draft::minimal("hello_world"), Some("1.0.0"));
    let (manifest, yaml) = (manifest(), resource.to_yaml());
    assert_eq!(
        yaml,
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: hello-world\nspec:\n  \
             url: oci://quay.io/acme/hello:1.0.0@sha256:{manifest}\n  sha256: {manifest}\n"
        )
    );
    assert_eq!(yaml::read_document(&yaml).unwrap().0.to_json(), resource.to_json());
    // What is written is a valid template again, and pins to itself.
    assert_eq!(pin(&read(&yaml), Some("1.0.0")).to_yaml(), yaml);
    let untagged = pin(&Draft::minimal("a"), None).to_json();
    assert_eq!(untagged["spec"]["url"], format!("oci://quay.io/acme/hello@sha256:{manifest}"));
}

#[test]
fn a_document_keeps_its_order_and_what_is_not_known() {
    let text = "\
# My plugin.
kind: WasmPlugin
apiVersion: extensions.istio.io/v1alpha1
metadata:
  labels:
    version: \"1.0\"
spec:
  phase: AUTHN
  pluginConfig:
    zeta: [1, 2.5, \"on\", null]
    alpha:
      - text: |
          one
          two
      - {}
  frobnicate: true
";
    let draft = read(text);
    assert_eq!(draft.source().unwrap().path, "wasmplugin.yaml");
    let manifest = manifest();
    let expected = format!(
        "\
kind: WasmPlugin
apiVersion: extensions.istio.io/v1alpha1
metadata:
  name: hello-world
  labels:
    version: \"1.0\"
spec:
  url: oci://quay.io/acme/hello:v1@sha256:{manifest}
  sha256: {manifest}
  phase: AUTHN
  pluginConfig:
    zeta:
    - 1
    - 2.5
    - \"on\"
    - null
    alpha:
    - text: |
        one
        two
    - {{}}
  frobnicate: true
"
    );
    assert_eq!(pin(&draft, Some("v1")).to_yaml(), expected);
}

#[test]
fn url_and_hash_stand_where_the_user_has_them() {
    let url = format!("oci://quay.io/acme/hello:1.0.0@sha256:{}", manifest());
    let keys = |spec: &str| {
        let resource = pin(&with_spec(spec), Some("1.0.0"));
        let (document, _) = yaml::read_document(&resource.to_yaml()).unwrap();
        let spec = document.get("spec").expect("a resource has a spec");
        let keys: Vec<String> = spec.entries().iter().map(|(key, _)| key.name.clone()).collect();
        assert_eq!(spec.get("url").and_then(|url| url.as_str()), Some(url.as_str()));
        assert_eq!(spec.get("sha256").and_then(|hash| hash.as_str()), Some(manifest().as_str()));
        keys.join(" ")
    };
    assert_eq!(keys("null"), "url sha256");
    assert_eq!(keys("{}"), "url sha256");
    assert_eq!(keys("{phase: STATS}"), "url sha256 phase");
    assert_eq!(keys("{phase: STATS, url: 'oci://quay.io/acme/hello'}"), "phase url sha256");
    assert_eq!(keys("{phase: STATS, sha256: ''}"), "url phase sha256");
    assert_eq!(keys("{sha256: null, url: null}"), "sha256 url");
    assert_eq!(
        keys(&format!("{{url: '{url}', phase: STATS, sha256: '{}'}}", manifest())),
        "url phase sha256"
    );
    let metadata = read(
        "apiVersion: extensions.istio.io/v1alpha1\nmetadata: {labels: {a: b}, name: x}\nkind: WasmPlugin",
    );
    assert_eq!(pin(&metadata, None).to_json()["metadata"]["name"], "x");
}

#[test]
fn a_module_url_stays_and_gets_the_hash_of_the_module() {
    for url in ["https://example.com/plugin.wasm?x=1", "http://example.com/p", "file:///opt/plugin.wasm"] {
        assert_eq!(pinned(&format!("{{url: '{url}'}}")), serde_json::json!({"url": url, "sha256": module()}));
    }
}

#[test]
fn a_short_name_is_one_of_docker_hub() {
    let image = PulledImage { repository: "acme/hello".parse().unwrap(), ..image(None) };
    for url in ["oci://acme/hello", "oci://docker.io/acme/hello"] {
        let draft = with_spec(&format!("{{url: '{url}'}}"));
        let resource = draft.pin(Kind::WasmPlugin, &artifact(Some(image.clone()))).unwrap();
        let expected = format!("oci://docker.io/acme/hello@{}", Digest::of(b"manifest"));
        assert_eq!(resource.to_json()["spec"]["url"], expected);
    }
}
