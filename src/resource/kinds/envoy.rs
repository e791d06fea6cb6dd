//! The bootstrap of an Envoy that stands alone, with the filter that istiod would make of the plugin.
//!
//! It has one listener, which answers every request itself after the filter.

use camino::Utf8Path;

use crate::resource::kind::Row;
use crate::resource::losses::{Losses, entries, takes_all};
use crate::resource::url::{HttpUrl, Url};
use crate::yaml::{Node, Value, mapping, sequence};

pub(in crate::resource) const ROW: Row = Row { api_version: None, file: "envoy.yaml", sources: &[], convert };

/// Where the listener listens: on this machine alone.
const ADDRESS: (&str, u16) = ("127.0.0.1", 10000);
/// The cluster that a module is fetched through.
const DOWNLOAD: &str = "plugin_download";

fn convert(plugin: &Node, module: &Utf8Path, losses: &mut Losses) -> Node {
    let spec = plugin.get("spec");
    lose(plugin, losses);
    let url = spec.and_then(|spec| spec.get("url")).and_then(Node::as_str);
    let remote = match url.map(|url| (url, Url::parse(url))) {
        Some((url, Ok(Url::Http(parts)))) => Some((url, parts)),
        _ => None,
    };
    let name = name(plugin);
    let code = match &remote {
        // Envoy pulls no images, and the file of another url is the one that was just built.
        None => mapping([("local", mapping([("filename", module.as_str().into())]))]),
        Some((url, parts)) => {
            if parts.has_login {
                losses.error(
                    "spec.url",
                    "Envoy sends no login with a download, so the module could not be fetched.",
                    "Give a url without a login.",
                );
            }
            let sha256 = spec.and_then(|spec| spec.get("sha256")).cloned();
            download(url, sha256.unwrap_or_else(|| "".into()))
        }
    };
    let filter = plugin_config(&name, spec, code, losses);
    let is_network = spec.and_then(|spec| spec.get("type")).and_then(Node::as_str) == Some("NETWORK");
    let mut resources = vec![("listeners", sequence([listener(&name, filter, is_network)]))];
    resources.extend(remote.map(|(_, parts)| ("clusters", sequence([cluster(&parts)]))));
    mapping([("static_resources", mapping(resources))])
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

/// `envoy.extensions.wasm.v3.PluginConfig`
fn plugin_config(name: &str, spec: Option<&Node>, code: Node, losses: &mut Losses) -> Node {
    let field = |name| spec.and_then(|spec| spec.get(name));
    let mut config = vec![("name", name.into())];
    config.extend(field("pluginName").map(|root_id| ("root_id", root_id.clone())));
    // Istio passes nothing for a mapping without entries.
    if let Some(json) = field("pluginConfig").filter(|config| !config.entries().is_empty()) {
        let text = [
            ("@type", type_url("google.protobuf.StringValue")),
            ("value", in_a_struct(json).to_string().as_str().into()),
        ];
        config.push(("configuration", mapping(text)));
    }
    let mut vm_config = vec![("runtime", "envoy.wasm.runtime.v8".into()), ("code", code)];
    vm_config
        .extend(environment(field("vmConfig"), losses).map(|variables| ("environment_variables", variables)));
    config.push(("vm_config", mapping(vm_config)));
    let policy = field("failStrategy").and_then(Node::as_str).map(|strategy| match strategy {
        "FAIL_CLOSE" => "FAIL_CLOSED",
        same => same,
    });
    config.extend(policy.map(|policy| ("failure_policy", policy.into())));
    mapping(config)
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

/// The variables that the proxy gives to the plugin. Istio's agent keeps those that begin with `ISTIO_META_`.
fn environment(vm_config: Option<&Node>, losses: &mut Losses) -> Option<Node> {
    for (key, _) in entries(vm_config).filter(|(key, _)| key.name != "env") {
        losses.unknown(&format!("spec.vmConfig.{}", key.name));
    }
    let variables = vm_config?.get("env").map_or(&[][..], Node::items);
    let (mut host_keys, mut values) = (Vec::new(), Vec::new());
    for (index, variable) in variables.iter().enumerate() {
        let text = |field| variable.get(field).and_then(Node::as_str).unwrap_or_default();
        for (key, _) in entries(Some(variable)) {
            if !["name", "valueFrom", "value"].contains(&key.name.as_str()) {
                losses.unknown(&format!("spec.vmConfig.env[{index}].{}", key.name));
            }
        }
        match (text("name"), text("valueFrom")) {
            (name, _) if name.starts_with("ISTIO_META_") => {}
            (name, "HOST") => host_keys.push(name.into()),
            (name, _) => values.push((name, text("value").into())),
        }
    }
    let mut environment = Vec::new();
    if !host_keys.is_empty() {
        environment.push(("host_env_keys", sequence(host_keys)));
    }
    if !values.is_empty() {
        environment.push(("key_values", mapping(values)));
    }
    (!environment.is_empty()).then(|| mapping(environment))
}

/// `envoy.config.core.v3.AsyncDataSource` of a module on an HTTP server. The hash is a must: it is what makes
/// sure of the module, whoever answers.
fn download(url: &str, sha256: Node) -> Node {
    // Istio gives a download that long.
    let uri = [("uri", url.into()), ("cluster", DOWNLOAD.into()), ("timeout", "30s".into())];
    mapping([("remote", mapping([("http_uri", mapping(uri)), ("sha256", sha256)]))])
}

/// `envoy.config.cluster.v3.Cluster` of the server that has the module.
fn cluster(url: &HttpUrl) -> Node {
    let endpoint = mapping([("endpoint", mapping([("address", address(&url.host, url.port))]))]);
    let endpoints = sequence([mapping([("lb_endpoints", sequence([endpoint]))])]);
    let mut cluster = vec![
        ("name", DOWNLOAD.into()),
        ("type", "STRICT_DNS".into()),
        ("load_assignment", mapping([("cluster_name", DOWNLOAD.into()), ("endpoints", endpoints)])),
    ];
    if url.tls {
        let context = mapping([
            ("@type", type_url("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext")),
            ("sni", url.host.as_str().into()),
        ]);
        let socket = [("name", "envoy.transport_sockets.tls".into()), ("typed_config", context)];
        cluster.push(("transport_socket", mapping(socket)));
    }
    mapping(cluster)
}

/// The listener that answers every request itself, after the filter `name` has seen it.
fn listener(name: &str, config: Node, is_network: bool) -> Node {
    let filter = |layer: &str| {
        let kind = type_url(&format!("envoy.extensions.filters.{layer}.wasm.v3.Wasm"));
        let typed_config = mapping([("@type", kind), ("config", config.clone())]);
        mapping([("name", name.into()), ("typed_config", typed_config)])
    };
    let router = mapping([
        ("name", "envoy.filters.http.router".into()),
        ("typed_config", mapping([("@type", type_url("envoy.extensions.filters.http.router.v3.Router"))])),
    ]);
    let http_filters = if is_network { vec![router] } else { vec![filter("http"), router] };
    let answer = mapping([
        ("status", Value::Int(200).into()),
        ("body", mapping([("inline_string", "from Envoy\n".into())])),
    ]);
    let route = mapping([("match", mapping([("prefix", "/".into())])), ("direct_response", answer)]);
    let host =
        mapping([("name", "all".into()), ("domains", sequence(["*".into()])), ("routes", sequence([route]))]);
    let manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let manager = mapping([
        ("@type", type_url(manager)),
        ("stat_prefix", "ingress".into()),
        ("route_config", mapping([("virtual_hosts", sequence([host]))])),
        ("http_filters", sequence(http_filters)),
    ]);
    let manager = mapping([
        ("name", "envoy.filters.network.http_connection_manager".into()),
        ("typed_config", manager),
    ]);
    let filters = if is_network { vec![filter("network"), manager] } else { vec![manager] };
    let (host, port) = ADDRESS;
    mapping([
        ("address", address(host, port)),
        ("filter_chains", sequence([mapping([("filters", sequence(filters))])])),
    ])
}

fn address(host: &str, port: u16) -> Node {
    let socket = [("address", host.into()), ("port_value", Value::Int(port.into()).into())];
    mapping([("socket_address", mapping(socket))])
}

/// What tells Envoy the type of an `Any`.
fn type_url(message: &str) -> Node {
    format!("type.googleapis.com/{message}").as_str().into()
}
