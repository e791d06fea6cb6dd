//! The module isn't larger than what a mesh reads of its layer.

use crate::check::rule::{Docs, ImageSubject, Judge, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::image::LAYER_LIMIT;

pub(in crate::check) const RULE: Rule = Rule {
    code: "image-size",
    severity: Severity::Error,
    judge: Judge::Image(judge),
    docs: Docs {
        what: "The module ends within the first 256 MiB of its layer. In the `compat` variant, the layer is an \
               archive, and its first header has 512 bytes.",
        why: "Istio's agent reads at most 256 MiB of a layer, and reports a truncated module as damaged.",
        cure: "Make the module smaller: load large data at run time instead of compiling it in.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ImageSubject<'_>) -> Vec<Diagnostic> {
    let Some((index, start)) = subject.manifest.module_position() else { return Vec::new() };
    let end = start + subject.module_size;
    if end <= LAYER_LIMIT {
        return Vec::new();
    }
    let media_type = subject.manifest.layers[index].media_type.to_string();
    let finding = RULE
        .finding(
            format!("the module ends after {end} bytes of its layer; a mesh reads at most {LAYER_LIMIT}"),
            [Place::Layer { index, media_type }],
        )
        .reason(RULE.docs.why)
        .help(RULE.docs.cure);
    vec![finding]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Digest;
    use crate::image::Manifest;

    /// The places of the findings in an image with these layers.
    fn places(layers: &[&str], module_size: u64) -> Vec<String> {
        let blob =
            |media_type: &&str| json!({ "mediaType": media_type, "digest": Digest::of(b""), "size": 0 });
        let layers: Vec<_> = layers.iter().map(blob).collect();
        let manifest = json!({ "schemaVersion": 2, "config": blob(&"a/b"), "layers": layers });
        let manifest = Manifest::read(manifest.to_string().as_bytes()).unwrap();
        let findings = judge(&ImageSubject { manifest: &manifest, module_size });
        findings.iter().map(|finding| finding.places[0].to_string()).collect()
    }

    #[test]
    fn the_limit_is_exact() {
        let none: [&str; 0] = [];
        let artifact = ["a/b", "application/vnd.module.wasm.content.layer.v1+wasm"];
        assert_eq!(places(&artifact, LAYER_LIMIT), none);
        assert_eq!(places(&artifact, LAYER_LIMIT + 1), [format!("layer 2 (`{}`)", artifact[1])]);
        let container = ["application/vnd.oci.image.layer.v1.tar+gzip"];
        assert_eq!(places(&container, LAYER_LIMIT - 512), none);
        assert_eq!(places(&container, LAYER_LIMIT - 511), [format!("layer 1 (`{}`)", container[0])]);
    }
}
