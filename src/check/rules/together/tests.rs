use std::sync::Arc;

use crate::check;
use crate::check::rule::{ReferenceSubject, TogetherSubject};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::source::SourceFile;
use crate::digest::Digest;
use crate::resource::{Draft, Kind, PulledImage};

fn image(tag: Option<&str>) -> PulledImage {
    PulledImage {
        repository: "quay.io/acme/hello".parse().unwrap(),
        tag: tag.map(|tag| tag.parse().unwrap()),
        manifest: Digest::of(b"manifest"),
    }
}

fn found(spec: &str, image: &PulledImage) -> Vec<Diagnostic> {
    let text = format!("apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {spec}\n");
    let file = SourceFile { path: "wasmplugin.yaml".into(), text };
    let draft = Draft::read(Arc::new(file), "hello").expect(spec);
    let mut found = check::reference(&ReferenceSubject {
        draft: &draft,
        kind: Kind::WasmPlugin,
        repository: Some(&image.repository),
        tag: image.tag.as_ref(),
    });
    let subject = TogetherSubject { draft: &draft, image: Some(image), module: Digest::of(b"module") };
    found.extend(check::together(&subject));
    found
}

/// The findings for the image with the tag `1.0.0`, one line each: `message; label`.
fn refused(spec: &str) -> Vec<String> {
    let found = found(spec, &image(Some("1.0.0")));
    let line = |finding: &Diagnostic| {
        format!("{}; {}", finding.message, finding.places[0].location().unwrap().label)
    };
    found.iter().map(line).collect()
}

fn manifest() -> String {
    Digest::of(b"manifest").hex()
}

fn module() -> String {
    Digest::of(b"module").hex()
}

#[test]
fn a_resource_that_matches_the_image_passes() {
    let (manifest, module) = (manifest(), module());
    for spec in [
        "{}".to_owned(),
        "{url: 'oci://quay.io/acme/hello'}".to_owned(),
        format!("{{url: 'oci://quay.io/acme/hello:1.0.0@sha256:{manifest}', sha256: '{manifest}'}}"),
        format!("{{url: 'file:///plugin.wasm', sha256: '{module}'}}"),
        "{sha256: ''}".to_owned(),
    ] {
        assert_eq!(refused(&spec), [""; 0], "{spec}");
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
    let untagged = found("{url: 'oci://quay.io/acme/hello:1'}", &image(None));
    assert_eq!(untagged[0].places[0].location().unwrap().label, "the image has no tag");
}

#[test]
fn another_hash_is_refused_and_the_usual_mistake_is_named() {
    let expected = |hash: &str| format!("; expected `{hash}`");
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
        [format!("`spec.sha256` doesn't match what the url names{}", expected(&manifest))]
    );
}
