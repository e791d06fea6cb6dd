use annotate_snippets::Renderer;

use super::*;
use crate::error::Error;
use crate::findings::Findings;

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

fn passed() -> Passed {
    Findings::default().pass(true).unwrap()
}

fn pin(template: &Template, tag: Option<&str>) -> Result<Resource, InvalidFile> {
    match template.pin(Kind::WasmPlugin, &artifact(Some(image(tag))), &passed()) {
        Ok(resource) => Ok(resource.expect("the image is known")),
        Err(error) => {
            let InvalidFile { path, text, problems } = error.downcast_ref().expect("the file is wrong");
            Err(InvalidFile { path: path.clone(), text: text.clone(), problems: problems.clone() })
        }
    }
}

fn manifest() -> String {
    Digest::of(b"manifest").hex()
}

fn module() -> String {
    Digest::of(b"module").hex()
}

fn read(text: &str) -> Template {
    let (template, warnings) =
        Template::read(Utf8Path::new("wasmplugin.yaml"), text.to_owned(), "hello_world").expect(text);
    assert!(warnings.is_empty(), "{warnings:?}");
    template
}

fn with_spec(spec: &str) -> Template {
    read(&format!("apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {spec}\n"))
}

/// `spec` after pinning.
fn pinned(spec: &str) -> serde_json::Value {
    pin(&with_spec(spec), Some("1.0.0")).expect(spec).to_json()["spec"].clone()
}

fn refused(spec: &str) -> Vec<String> {
    let error = pin(&with_spec(spec), Some("1.0.0")).expect_err(spec);
    error.problems.iter().map(|problem| format!("{}; {}", problem.message, problem.label)).collect()
}

#[test]
fn a_minimal_resource_has_what_is_needed() {
    let resource = pin(&Template::minimal("hello_world"), Some("1.0.0")).unwrap();
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
    assert_eq!(pin(&read(&yaml), Some("1.0.0")).unwrap().to_yaml(), yaml);
    let untagged = pin(&Template::minimal("a"), None).unwrap().to_json();
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
status: {}
";
    let path = Utf8Path::new("wasmplugin.yaml");
    let (template, warnings) = Template::read(path, text.to_owned(), "hello_world").unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(&template.text()[warnings[0].span.clone()], "frobnicate");
    assert_eq!(template.path(), path);
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
status: {{}}
"
    );
    assert_eq!(pin(&template, Some("v1")).unwrap().to_yaml(), expected);
}

#[test]
fn url_and_hash_stand_where_the_user_has_them() {
    let url = format!("oci://quay.io/acme/hello:1.0.0@sha256:{}", manifest());
    let keys = |spec: &str| {
        let resource = pin(&with_spec(spec), Some("1.0.0")).expect(spec);
        let spec = resource.document.get("spec").expect("a resource has a spec").clone();
        let keys: Vec<String> = spec.entries().iter().map(|(key, _)| key.name.clone()).collect();
        assert_eq!(spec.get("url").and_then(Node::as_str), Some(url.as_str()));
        assert_eq!(spec.get("sha256").and_then(Node::as_str), Some(manifest().as_str()));
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
    assert_eq!(pin(&metadata, None).unwrap().to_json()["metadata"]["name"], "x");
}

#[test]
fn a_module_url_stays_and_gets_the_hash_of_the_module() {
    for url in ["https://example.com/plugin.wasm?x=1", "http://example.com/p", "file:///opt/plugin.wasm"] {
        assert_eq!(pinned(&format!("{{url: '{url}'}}")), serde_json::json!({"url": url, "sha256": module()}));
    }
}

#[test]
fn another_image_is_refused_with_both_names() {
    let zeros = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        refused("{url: 'oci://quay.io/acme/other'}"),
        [
            "`spec.url` names the repository `quay.io/acme/other`; the image has the repository `quay.io/acme/hello`"
        ]
    );
    assert_eq!(
        refused(&format!("{{url: 'oci://quay.io/acme/hello:1.0.1@{zeros}'}}")),
        [
            "`spec.url` names the tag `1.0.1`; the image has the tag `1.0.0`".to_owned(),
            format!(
                "`spec.url` names the digest `{zeros}`; the image has the digest `sha256:{}`",
                manifest()
            ),
        ]
    );
    let error = pin(&with_spec("{url: 'oci://quay.io/acme/hello:1'}"), None).unwrap_err();
    assert_eq!(error.problems[0].label, "the image has no tag");
}

#[test]
fn another_hash_is_refused_and_the_usual_mistake_is_named() {
    let expected = |hash: &str| format!("; `{hash}` is expected");
    let (manifest, module) = (manifest(), module());
    assert_eq!(
        refused(&format!("{{sha256: '{module}'}}")),
        [format!(
            "`spec.sha256` is the hash of the module, but the url names an image{}",
            expected(&manifest)
        )]
    );
    assert_eq!(
        refused(&format!("{{url: 'https://h/p', sha256: '{manifest}'}}")),
        [format!(
            "`spec.sha256` is the hash of the image's manifest, but the url names a module{}",
            expected(&module)
        )]
    );
    assert_eq!(
        refused(&format!("{{sha256: '{}'}}", "a".repeat(64))),
        [format!("`spec.sha256` is not the hash of what the url names{}", expected(&manifest))]
    );
}

#[test]
fn an_invalid_file_is_shown_with_its_lines() {
    let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec:\n  phaze: AUTHN\n  priority: high\n";
    let error = Template::read(Utf8Path::new("wasmplugin.yaml"), text.to_owned(), "a").unwrap_err();
    let shown = Error::from(error).render(&Renderer::plain());
    for part in
        ["unknown field `phaze`", "wasmplugin.yaml:4:3", "`phase`", "wasmplugin.yaml:5:13", "a whole number"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn problems_without_end_are_cut() {
    let text = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {{match: [{}]}}",
        "1,".repeat(9999)
    );
    let error = Template::read(Utf8Path::new("a"), text, "a").unwrap_err();
    assert_eq!(error.problems.len(), MAX_PROBLEMS);
    let error = Template::read(Utf8Path::new("a"), "[yes, no]\n".to_owned(), "a").unwrap_err();
    assert_eq!(error.problems.len(), 2);
}

#[test]
fn a_short_name_is_one_of_docker_hub() {
    let image = PulledImage { repository: "acme/hello".parse().unwrap(), ..image(None) };
    for url in ["oci://acme/hello", "oci://docker.io/acme/hello"] {
        let template = with_spec(&format!("{{url: '{url}'}}"));
        let resource = template.pin(Kind::WasmPlugin, &artifact(Some(image.clone())), &passed());
        let resource = resource.unwrap().unwrap();
        let expected = format!("oci://docker.io/acme/hello@{}", Digest::of(b"manifest"));
        assert_eq!(resource.to_json()["spec"]["url"], expected);
    }
}
