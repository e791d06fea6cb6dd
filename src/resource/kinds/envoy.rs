//! The bootstrap of an Envoy without a mesh, with the same filter that istiod would configure.

use camino::Utf8Path;

use crate::envoy::bootstrap::{Code, Filter, bootstrap};
use crate::resource::conversion::{Conversion, Losses, entries, selects_all};
use crate::resource::kinds::struct_json;
use crate::resource::url::{HttpUrl, Url};
use crate::yaml::Node;

pub(super) const CONVERSION: Conversion = Conversion {
    name: "envoy",
    api_version: None,
    file: "envoy.yaml",
    image_path: None,
    since: None,
    convert,
};

fn convert(plugin: &Node, module: &Utf8Path, losses: &mut Losses) -> Node {
    let spec = plugin.get("spec");
    let field = |name| spec.and_then(|spec| spec.get(name));
    let text = |name| field(name).and_then(Node::as_str);
    record_losses(plugin, losses);
    let code = match text("url").map(|url| (url, Url::parse(url))) {
        Some((url, Ok(Url::Http(HttpUrl { tls, has_login, host, port })))) => {
            if has_login {
                losses.error(
                    "spec.url",
                    "Envoy sends no credentials with a download, so it couldn't fetch the module.",
                    "Write a url without credentials.",
                );
            }
            Code::Download { url, tls, host, port, sha256: text("sha256").unwrap_or_default() }
        }
        // Envoy can't pull images, and other urls are replaced by the module that was just built.
        _ => Code::File(module),
    };
    let (host_variables, variables) = environment(field("vmConfig"), losses);
    bootstrap(&Filter {
        name: name(plugin),
        root_id: text("pluginName"),
        // For an empty mapping, Istio passes no configuration.
        configuration: field("pluginConfig")
            .filter(|config| !config.entries().is_empty())
            .map(struct_json::write),
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

/// Records what a bootstrap can't express of a plugin.
fn record_losses(plugin: &Node, losses: &mut Losses) {
    for (key, _) in entries(Some(plugin)) {
        match key.name.as_str() {
            "apiVersion" | "kind" | "metadata" | "spec" => {}
            "status" => losses.warn("status", "This is the status that Istio reported.", "Remove it."),
            unknown => losses.unknown(unknown),
        }
    }
    for (key, _) in entries(plugin.get("metadata")) {
        if !["name", "namespace"].contains(&key.name.as_str()) {
            losses.warn(
                &format!("metadata.{}", key.name),
                "It belongs to a Kubernetes resource, and a bootstrap isn't one.",
                "No change is needed unless something relies on it.",
            );
        }
    }
    for (key, node) in entries(plugin.get("spec")) {
        let text = node.as_str().unwrap_or_default();
        let place = format!("spec.{}", key.name);
        match key.name.as_str() {
            "selector" | "targetRef" | "targetRefs" => losses.warn(
                &place,
                "An Envoy without a mesh runs the plugin wherever it is started with this file.",
                "Start Envoy where the plugin should run.",
            ),
            "match" if !selects_all(node, &["UNDEFINED", "SERVER", "CLIENT_AND_SERVER"]) => losses.error(
                &place,
                "The bootstrap has one listener with a different port and direction than in the mesh, so the plugin would see other traffic.",
                "Remove it if the plugin can see all traffic.",
            ),
            "phase" if text != "UNSPECIFIED_PHASE" => losses.warn(
                &place,
                "The bootstrap has none of Istio's filters, so there are no phases.",
                "No change is needed to try the plugin. Otherwise, add it to the filters of your own configuration.",
            ),
            "priority" => {
                losses.warn(&place, "The bootstrap has no other plugins to order.", "No change is needed.");
            }
            "imagePullPolicy" if text != "UNSPECIFIED_POLICY" => {
                losses.warn(&place, "Envoy can't pull images.", "Remove it.");
            }
            "imagePullSecret" => losses.warn(&place, "Envoy can't pull images.", "Remove it."),
            "verificationKey" => {
                losses.warn(&place, "No version of Istio reads this field in a WasmPlugin either.", "Remove it.");
            }
            "match" | "phase" | "imagePullPolicy" | "url" | "sha256" | "pluginConfig" | "pluginName"
            | "failStrategy" | "vmConfig" | "type" => {}
            _ => losses.unknown(&place),
        }
    }
}

/// The name that istiod uses for the filter: `NAMESPACE.NAME`, or only the name if the namespace isn't set.
fn name(plugin: &Node) -> String {
    let metadata =
        |field| plugin.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Node::as_str);
    let parts = ["namespace", "name"].into_iter().filter_map(metadata);
    parts.collect::<Vec<_>>().join(".")
}

/// The names of the proxy's environment variables that are passed to the plugin, and other variables with their values.
/// Istio's agent doesn't pass variables with the prefix `ISTIO_META_`.
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
