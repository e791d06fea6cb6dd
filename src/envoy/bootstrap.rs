//! The bootstrap of an Envoy without a mesh. It has one listener, which runs the filter and then answers every request.

use camino::Utf8Path;

use crate::yaml::{Node, Value, mapping, sequence};

/// The address of the listener, which is reachable only from this machine.
const ADDRESS: (&str, u16) = ("127.0.0.1", 10000);
/// The cluster for downloading the module.
const DOWNLOAD: &str = "plugin_download";

/// A Proxy-Wasm filter, with the fields of `envoy.extensions.wasm.v3.PluginConfig`.
#[derive(Debug)]
pub struct Filter<'f> {
    /// The name, which is shown in the log.
    pub name: String,
    pub root_id: Option<&'f str>,
    /// The text that is passed to the filter.
    pub configuration: Option<String>,
    pub code: Code<'f>,
    /// The environment variables of the proxy that are passed to the filter.
    pub host_variables: Vec<&'f str>,
    /// Other environment variables and their values.
    pub variables: Vec<(&'f str, &'f str)>,
    /// What happens to traffic after the filter has failed: `FAIL_CLOSED`.
    pub failure_policy: Option<&'f str>,
    /// Whether it is a network filter and not an HTTP filter.
    pub is_network: bool,
}

/// Where the module of a filter is.
#[derive(Debug)]
pub enum Code<'f> {
    File(&'f Utf8Path),
    /// On an HTTP server.
    Download {
        url: &'f str,
        /// Whether to use TLS.
        tls: bool,
        /// The name or the address of the server. An IPv6 address has no brackets.
        host: String,
        port: u16,
        /// The SHA-256 of the module, in hex.
        sha256: &'f str,
    },
}

/// The bootstrap with `filter`.
pub fn bootstrap(filter: &Filter<'_>) -> Node {
    let mut resources = vec![("listeners", sequence([listener(filter)]))];
    if let Code::Download { tls, host, port, .. } = &filter.code {
        resources.push(("clusters", sequence([cluster(*tls, host, *port)])));
    }
    mapping([("static_resources", mapping(resources))])
}

/// `envoy.extensions.wasm.v3.PluginConfig`
fn plugin_config(filter: &Filter<'_>) -> Node {
    let mut config = vec![("name", filter.name.as_str().into())];
    config.extend(filter.root_id.map(|root_id| ("root_id", root_id.into())));
    if let Some(text) = &filter.configuration {
        let text = [("@type", type_url("google.protobuf.StringValue")), ("value", text.as_str().into())];
        config.push(("configuration", mapping(text)));
    }
    let code = match &filter.code {
        Code::File(file) => mapping([("local", mapping([("filename", file.as_str().into())]))]),
        Code::Download { url, sha256, .. } => download(url, sha256),
    };
    let mut vm_config = vec![("runtime", "envoy.wasm.runtime.v8".into()), ("code", code)];
    vm_config.extend(environment(filter).map(|variables| ("environment_variables", variables)));
    config.push(("vm_config", mapping(vm_config)));
    config.extend(filter.failure_policy.map(|policy| ("failure_policy", policy.into())));
    mapping(config)
}

/// `envoy.extensions.wasm.v3.EnvironmentVariables`
fn environment(filter: &Filter<'_>) -> Option<Node> {
    let mut environment = Vec::new();
    if !filter.host_variables.is_empty() {
        let names = filter.host_variables.iter().map(|name| Node::from(*name));
        environment.push(("host_env_keys", sequence(names)));
    }
    if !filter.variables.is_empty() {
        let values = filter.variables.iter().map(|(name, value)| (*name, Node::from(*value)));
        environment.push(("key_values", mapping(values)));
    }
    (!environment.is_empty()).then(|| mapping(environment))
}

/// `envoy.config.core.v3.AsyncDataSource` for a module on an HTTP server. Envoy requires the hash.
fn download(url: &str, sha256: &str) -> Node {
    // Istio uses the same timeout.
    let uri = [("uri", url.into()), ("cluster", DOWNLOAD.into()), ("timeout", "30s".into())];
    mapping([("remote", mapping([("http_uri", mapping(uri)), ("sha256", sha256.into())]))])
}

/// `envoy.config.cluster.v3.Cluster` for the server with the module.
fn cluster(tls: bool, host: &str, port: u16) -> Node {
    let endpoint = mapping([("endpoint", mapping([("address", address(host, port))]))]);
    let endpoints = sequence([mapping([("lb_endpoints", sequence([endpoint]))])]);
    let mut cluster = vec![
        ("name", DOWNLOAD.into()),
        ("type", "STRICT_DNS".into()),
        ("load_assignment", mapping([("cluster_name", DOWNLOAD.into()), ("endpoints", endpoints)])),
    ];
    if tls {
        let context = mapping([
            ("@type", type_url("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext")),
            ("sni", host.into()),
        ]);
        let socket = [("name", "envoy.transport_sockets.tls".into()), ("typed_config", context)];
        cluster.push(("transport_socket", mapping(socket)));
    }
    mapping(cluster)
}

/// The listener, which runs the filter and then answers every request.
fn listener(filter: &Filter<'_>) -> Node {
    let config = plugin_config(filter);
    let (name, is_network) = (filter.name.as_str(), filter.is_network);
    let wasm = |layer: &str| {
        let kind = type_url(&format!("envoy.extensions.filters.{layer}.wasm.v3.Wasm"));
        let typed_config = mapping([("@type", kind), ("config", config.clone())]);
        mapping([("name", name.into()), ("typed_config", typed_config)])
    };
    let router = mapping([
        ("name", "envoy.filters.http.router".into()),
        ("typed_config", mapping([("@type", type_url("envoy.extensions.filters.http.router.v3.Router"))])),
    ]);
    let http_filters = if is_network { vec![router] } else { vec![wasm("http"), router] };
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
    let filters = if is_network { vec![wasm("network"), manager] } else { vec![manager] };
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

/// The type url of a protobuf `Any`.
fn type_url(message: &str) -> Node {
    format!("type.googleapis.com/{message}").as_str().into()
}
