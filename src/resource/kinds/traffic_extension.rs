//! TrafficExtension of `extensions.istio.io/v1alpha1`, which was added in Istio 1.30.
//!
//! Istio itself converts every WasmPlugin to one: the fields of the module move to `spec.wasm`.

use camino::Utf8Path;

use crate::resource::conversion::{Conversion, Losses};
use crate::yaml::{Key, Node, Value, sequence};

pub(super) const CONVERSION: Conversion = Conversion {
    name: "TrafficExtension",
    api_version: Some("extensions.istio.io/v1alpha1"),
    file: "trafficextension.yaml",
    image_path: Some(&["spec", "wasm"]),
    since: Some(30),
    convert,
};

fn convert(plugin: &Node, _: &Utf8Path, losses: &mut Losses) -> Node {
    let mut document = plugin.clone();
    *document.entry("kind", 0) = "TrafficExtension".into();
    if let Some(spec) = plugin.get("spec") {
        *document.entry("spec", usize::MAX) = split(spec, losses);
    }
    document
}

fn split(spec: &Node, losses: &mut Losses) -> Node {
    let (mut outer, mut wasm, mut place) = (Vec::new(), Vec::new(), None);
    for (key, node) in spec.entries() {
        let is_null = node.value == Value::Null;
        match key.name.as_str() {
            "targetRef" | "verificationKey" if is_null => {}
            "targetRef" => outer.push((Key::from("targetRefs"), sequence([node.clone()]))),
            "verificationKey" => losses.warn(
                "spec.verificationKey",
                "No version of Istio reads this field in a WasmPlugin either.",
                "Remove it.",
            ),
            "phase" if node.as_str() == Some("UNSPECIFIED_PHASE") => {
                outer.push((key.clone(), "UNSPECIFIED".into()))
            }
            "selector" | "targetRefs" | "phase" | "priority" | "match" => {
                outer.push((key.clone(), node.clone()))
            }
            // All other fields are about the module, and so are fields of newer versions, most likely.
            _ => {
                place.get_or_insert(outer.len());
                wasm.push((key.clone(), node.clone()));
            }
        }
    }
    if let Some(place) = place {
        outer.insert(place, (Key::from("wasm"), Value::Map(wasm).into()));
    }
    Value::Map(outer).into()
}
