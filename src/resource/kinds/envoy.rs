//! The bootstrap of an Envoy without a mesh, with the filter that istiod would make of the plugin.

use camino::Utf8Path;

use crate::envoy::bootstrap::{Code, Filter, bootstrap};
use crate::resource::conversion::{Conversion, Losses, entries, takes_all};
use crate::resource::url::{HttpUrl, Url};
use crate::yaml::{Node, Value};

pub(super) const CONVERSION: Conversion =
    Conversion { name: "envoy", api_version: None, file: "envoy.yaml", image_path: None, convert };

fn convert(plugin: &Node, module: &Utf8Path, losses: &mut Losses) -> Node {
    let spec = plugin.get("spec");
    let field = |name| spec.and_then(|spec| spec.get(name));
    let text = |name| field(name).and_then(Node::as_str);
    lose(plugin, losses);
    let code = match text("url").map(|url| (url, Url::parse(url))) {
        Some((url, Ok(Url::Http(HttpUrl { tls, has_login, host, port })))) => {
            if has_login {
                losses.error(
                    "spec.url",
                    "Envoy sends no login with a download, so it couldn't fetch the module.",
                    "Give a url without a login.",
                );
            }
            Code::Download { url, tls, host, port, sha256: text("sha256").unwrap_or_default() }
        }
        // Envoy pulls no images, and the file of another url is the one that was just built.
        _ => Code::File(module),
    };
    let (host_variables, variables) = environment(field("vmConfig"), losses);
    bootstrap(&Filter {
        name: name(plugin),
        root_id: text("pluginName"),
        // Istio passes nothing for a mapping without entries.
        configuration: field("pluginConfig")
            .filter(|config| !config.entries().is_empty())
            .map(|config| in_a_struct(config).to_string()),
        code,
        host_variables,
        variables,
        failure_policy: text("failStrategy").map(|strategy| match strategy {
            "FAIL_CLOSE" => "FAIL_CLOSED",
            same => same,
        }),
        is_network: text("type") == Some("NETWORK"),
    })
}

/// Notes what of a plugin has no place in a bootstrap.
fn lose(plugin: &Node, losses: &mut Losses) {
    for (key, _) in entries(Some(plugin)) {
        match key.name.as_str() {
            "apiVersion" | "kind" | "metadata" | "spec" => {}
            "status" => losses.warn("status", "It is what Istio reported.", "Leave it out."),
            unknown => losses.unknown(unknown),
        }
    }
    for (key, _) in entries(plugin.get("metadata")) {
        if !["name", "namespace"].contains(&key.name.as_str()) {
            losses.warn(
                &format!("metadata.{}", key.name),
                "It describes a resource of Kubernetes, and a bootstrap is none.",
                "There is nothing to do, unless something relies on it.",
            );
        }
    }
    for (key, node) in entries(plugin.get("spec")) {
        let text = node.as_str().unwrap_or_default();
        let place = format!("spec.{}", key.name);
        match key.name.as_str() {
            "selector" | "targetRef" | "targetRefs" => losses.warn(
                &place,
                "An Envoy that stands alone runs the plugin wherever it is started with this file.",
                "Start it where the plugin is to run.",
            ),
            "match" if !takes_all(node, &["UNDEFINED", "CLIENT_AND_SERVER"]) => losses.error(
                &place,
                "The bootstrap has one listener, whose port and direction are not those of the mesh: the plugin would see other traffic.",
                "Leave it out where the plugin may see all traffic.",
            ),
            "phase" if text != "UNSPECIFIED_PHASE" => losses.warn(
                &place,
                "There are none of Istio's filters to stand among.",
                "There is nothing to do to try the plugin; else put it among the filters of your own configuration.",
            ),
            "priority" => {
                losses.warn(&place, "There are no other plugins to stand among.", "There is nothing to do.");
            }
            "imagePullPolicy" if text != "UNSPECIFIED_POLICY" => {
                losses.warn(&place, "Envoy pulls no images.", "Leave it out.");
            }
            "imagePullSecret" => losses.warn(&place, "Envoy pulls no images.", "Leave it out."),
            "verificationKey" => {
                losses.warn(&place, "No version of Istio reads it in a WasmPlugin either.", "Leave it out.");
            }
            "match" | "phase" | "imagePullPolicy" | "url" | "sha256" | "pluginConfig" | "pluginName"
            | "failStrategy" | "vmConfig" | "type" => {}
            _ => losses.unknown(&place),
        }
    }
}

/// The name that istiod gives the plugin: `NAMESPACE.NAME`, as far as the namespace is known.
fn name(plugin: &Node) -> String {
    let metadata =
        |field| plugin.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Node::as_str);
    let parts = ["namespace", "name"].into_iter().filter_map(metadata);
    parts.collect::<Vec<_>>().join(".")
}

/// The JSON that istiod makes of a configuration: a protobuf Struct, which holds all numbers as 64-bit floats,
/// and writes those that are whole without a fraction.
fn in_a_struct(node: &Node) -> serde_json::Value {
    match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "what is lost here is lost in the mesh")]
        Value::Int(number) => whole(*number as f64),
        Value::Float(number) => whole(*number),
        Value::Seq(items) => items.iter().map(in_a_struct).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, node)| (key.name.clone(), in_a_struct(node))).collect()
        }
        _ => node.to_json(),
    }
}

fn whole(number: f64) -> serde_json::Value {
    // Below 2^63, which no float between is nearer to.
    if number.fract() == 0.0 && number.abs() < 9.2e18 {
        #[expect(clippy::cast_possible_truncation, reason = "the bounds were compared")]
        let whole = number as i64;
        return whole.into();
    }
    number.into()
}

/// The names of the proxy's variables that the plugin may read, and further variables with their values. Istio's agent
/// keeps those that begin with `ISTIO_META_`.
type Environment<'d> = (Vec<&'d str>, Vec<(&'d str, &'d str)>);

fn environment<'d>(vm_config: Option<&'d Node>, losses: &mut Losses) -> Environment<'d> {
    for (key, _) in entries(vm_config).filter(|(key, _)| key.name != "env") {
        losses.unknown(&format!("spec.vmConfig.{}", key.name));
    }
    let variables = vm_config.and_then(|vm_config| vm_config.get("env")).map_or(&[][..], Node::items);
    let (mut host_variables, mut values) = (Vec::new(), Vec::new());
    for (index, variable) in variables.iter().enumerate() {
        let text = |field| variable.get(field).and_then(Node::as_str).unwrap_or_default();
        for (key, _) in entries(Some(variable)) {
            if !["name", "valueFrom", "value"].contains(&key.name.as_str()) {
                losses.unknown(&format!("spec.vmConfig.env[{index}].{}", key.name));
            }
        }
        match (text("name"), text("valueFrom")) {
            (name, _) if name.starts_with("ISTIO_META_") => {}
            (name, "HOST") => host_variables.push(name),
            (name, _) => values.push((name, text("value"))),
        }
    }
    (host_variables, values)
}
