//! Envoy Gateway's EnvoyExtensionPolicy of `gateway.envoyproxy.io/v1alpha1`.
//!
//! The limits are those of its CRD. Envoy Gateway's controller fetches images like Istio's agent, so the hash of an image
//! is that of the manifest here too.

use camino::Utf8Path;

use crate::resource::conversion::{Conversion, Losses, entries, selects_all};
use crate::resource::kinds::target::TargetKind;
use crate::resource::url::Url;
use crate::yaml::{Node, Value, mapping, sequence};

const API_VERSION: &str = "gateway.envoyproxy.io/v1alpha1";

pub(super) const CONVERSION: Conversion = Conversion {
    name: "EnvoyExtensionPolicy",
    api_version: Some(API_VERSION),
    file: "envoyextensionpolicy.yaml",
    image_path: Some(&["spec", "wasm[]", "code", "image"]),
    since: None,
    convert,
};

fn convert(plugin: &Node, _: &Utf8Path, losses: &mut Losses) -> Node {
    let spec = plugin.get("spec");
    for (key, _) in entries(Some(plugin)) {
        match key.name.as_str() {
            "apiVersion" | "kind" | "metadata" | "spec" => {}
            unknown => losses.unknown(unknown),
        }
    }
    for (key, node) in entries(spec) {
        record_losses(&key.name, node, losses);
    }
    let targets = targets(spec, losses);
    let metadata = plugin.get("metadata").cloned().unwrap_or_else(|| mapping([]));
    let name = metadata.get("name").cloned().unwrap_or_else(|| "".into());
    mapping([
        ("apiVersion", API_VERSION.into()),
        ("kind", "EnvoyExtensionPolicy".into()),
        ("metadata", metadata),
        (
            "spec",
            mapping([("targetRefs", sequence(targets)), ("wasm", sequence([wasm(name, spec, losses)]))]),
        ),
    ])
}

/// Records what a policy can't express of a field of `spec`.
fn record_losses(field: &str, node: &Node, losses: &mut Losses) {
    let text = node.as_str().unwrap_or_default();
    let place = format!("spec.{field}");
    match field {
        "selector" => losses.error(
            &place,
            "A policy is attached by name and can't select pods, so the plugin would run elsewhere.",
            "Add the Gateway or the HTTPRoute to `spec.targetRefs` instead.",
        ),
        "match" if !selects_all(node, &["UNDEFINED", "CLIENT", "CLIENT_AND_SERVER"]) => losses.error(
            &place,
            "A policy applies to all HTTP traffic of its target and can't select ports, so the plugin would see more traffic.",
            "Remove it if the plugin can see all traffic.",
        ),
        "type" if text == "NETWORK" => losses.error_of_value(
            &place,
            text,
            "Envoy Gateway loads only HTTP filters, so a network filter gets no callbacks.",
            "Build a WasmPlugin or a TrafficExtension instead.",
        ),
        "url" if matches!(Url::parse(text), Ok(Url::File)) => losses.error_of_value(
            &place,
            text,
            "The controller of Envoy Gateway fetches the module, and can't read files of the proxy.",
            "Write an `oci://`, `https://` or `http://` url.",
        ),
        "verificationKey" => {
            losses.warn(&place, "No version of Istio reads this field in a WasmPlugin either.", "Remove it.");
        }
        "phase" if text != "UNSPECIFIED_PHASE" => losses.warn(
            &place,
            "The position of the filter is fixed: after authentication and external authorization, before RBAC and rate limits.",
            "Make sure that the filter doesn't rely on the phase, and remove it.",
        ),
        "priority" => losses.warn(
            &place,
            "The filters of a policy run in the order of its list, which contains only this one.",
            "Remove it, or write a policy that lists all filters.",
        ),
        "failStrategy" if text == "FAIL_RELOAD" => losses.warn_of_value(
            &place,
            text,
            "A crashed filter isn't reloaded: requests fail with an error, as with `FAIL_CLOSE`.",
            "Write `FAIL_CLOSE` if that is acceptable.",
        ),
        "targetRef" | "targetRefs" | "match" | "type" | "url" | "sha256" | "imagePullPolicy"
        | "imagePullSecret" | "pluginConfig" | "pluginName" | "phase" | "failStrategy" | "vmConfig" => {}
        _ => losses.unknown(&place),
    }
}

/// The Gateways and routes that the policy is attached to.
fn targets(spec: Option<&Node>, losses: &mut Losses) -> Vec<Node> {
    let field = |name| spec.and_then(|spec| spec.get(name));
    let stated: Vec<(String, &Node)> = match (field("targetRefs"), field("targetRef")) {
        (Some(list), _) => {
            let items = list.items().iter().enumerate();
            items.map(|(index, item)| (format!("spec.targetRefs[{index}]"), item)).collect()
        }
        (None, Some(target)) => vec![("spec.targetRef".to_owned(), target)],
        (None, None) => Vec::new(),
    };
    if stated.is_empty() {
        losses.missing(
            "spec.targetRefs",
            "The API server refuses a policy without a target.",
            "Add the Gateway or the route: `targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: NAME}]`.",
        );
    }
    stated.into_iter().map(|(place, target)| attach(&place, target, losses)).collect()
}

/// A target. The rule `bad-target` judges its group.
fn attach(place: &str, target: &Node, losses: &mut Losses) -> Node {
    let text = |field| target.get(field).and_then(Node::as_str).unwrap_or_default();
    let kind = text("kind");
    if TargetKind::named(kind).is_some_and(|kind| !kind.is_of_envoy_gateway()) {
        losses.error_of_value(
            &format!("{place}.kind"),
            kind,
            "A policy is attached to a Gateway or to a route of the Gateway API.",
            "Name the Gateway or the HTTPRoute as the target.",
        );
    }
    for (key, _) in entries(Some(target)) {
        // If there is a namespace, it is empty.
        if !["group", "kind", "name", "namespace", "sectionName"].contains(&key.name.as_str()) {
            losses.unknown(&format!("{place}.{}", key.name));
        }
    }
    let mut attached =
        vec![("group", text("group").into()), ("kind", kind.into()), ("name", text("name").into())];
    attached.extend(target.get("sectionName").map(|section| ("sectionName", section.clone())));
    mapping(attached)
}

/// The only entry of the list `wasm`.
fn wasm(name: Node, spec: Option<&Node>, losses: &mut Losses) -> Node {
    let field = |name| spec.and_then(|spec| spec.get(name));
    let mut wasm = vec![("name", name)];
    wasm.extend(field("pluginName").map(|root_id| ("rootID", root_id.clone())));
    wasm.push(("code", code(spec, losses)));
    // For an empty mapping, Istio passes no configuration, but Envoy Gateway would pass `{}`.
    let config = field("pluginConfig").filter(|config| !config.entries().is_empty());
    wasm.extend(config.map(|config| ("config", config.clone())));
    let is_open = field("failStrategy").and_then(Node::as_str).map(|strategy| strategy == "FAIL_OPEN");
    wasm.extend(is_open.map(|is_open| ("failOpen", Value::Bool(is_open).into())));
    let keys = host_keys(field("vmConfig"), losses);
    if !keys.is_empty() {
        wasm.push(("env", mapping([("hostKeys", sequence(keys))])));
    }
    mapping(wasm)
}

fn code(spec: Option<&Node>, losses: &mut Losses) -> Node {
    let field = |name| spec.and_then(|spec| spec.get(name));
    let stated = |name| Some((name, field(name)?.clone()));
    let mut source: Vec<(&str, Node)> = stated("url").into_iter().chain(stated("sha256")).collect();
    let is_http = matches!(field("url").and_then(Node::as_str).map(Url::parse), Some(Ok(Url::Http(_))));
    let secret = field("imagePullSecret").cloned();
    let mut code = if is_http {
        if secret.is_some() {
            losses.warn(
                "spec.imagePullSecret",
                "The module is downloaded from an `http(s)` url without credentials, with Istio too.",
                "Remove it.",
            );
        }
        vec![("type", "HTTP".into()), ("http", mapping(source))]
    } else {
        let reference = secret.map(|name| mapping([("kind", "Secret".into()), ("name", name)]));
        source.extend(reference.map(|reference| ("pullSecretRef", reference)));
        vec![("type", "Image".into()), ("image", mapping(source))]
    };
    let policy = field("imagePullPolicy").filter(|policy| policy.as_str() != Some("UNSPECIFIED_POLICY"));
    code.extend(policy.map(|policy| ("pullPolicy", policy.clone())));
    mapping(code)
}

/// The names of the environment variables that the proxy passes on.
fn host_keys(vm_config: Option<&Node>, losses: &mut Losses) -> Vec<Node> {
    for (key, _) in entries(vm_config).filter(|(key, _)| key.name != "env") {
        losses.unknown(&format!("spec.vmConfig.{}", key.name));
    }
    let variables = vm_config.and_then(|vm_config| vm_config.get("env")).map_or(&[][..], Node::items);
    let mut keys = Vec::new();
    for (index, variable) in variables.iter().enumerate() {
        let place = format!("spec.vmConfig.env[{index}]");
        let text = |field| variable.get(field).and_then(Node::as_str).unwrap_or_default();
        match (text("name"), text("valueFrom")) {
            // Istio doesn't pass these to the plugin.
            (name, _) if name.starts_with("ISTIO_META_") => {}
            (name, "HOST") => keys.push(name.into()),
            (name, _) => losses.error(
                &place,
                &format!("Envoy Gateway only passes on environment variables of the proxy, so `{name}` would not be set."),
                "Set it in the environment of the proxy and write `valueFrom: HOST`, or use `pluginConfig`.",
            ),
        }
        for (key, _) in entries(Some(variable)) {
            if !["name", "valueFrom", "value"].contains(&key.name.as_str()) {
                losses.unknown(&format!("{place}.{}", key.name));
            }
        }
    }
    keys
}
