//! A real Envoy with a module as its filter.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use camino::Utf8PathBuf;
use fs_err::File;
use serde_json::{Value, json};

use crate::support::http::{self, Response};
use crate::support::{Sandbox, from_setup, until};

/// The Envoys that `script/setup` installs.
pub(crate) const VERSIONS: [&str; 2] = ["1.36.4", "1.40.0"];

/// An Envoy that responds to each request itself, after the filter. It is stopped when this value is dropped.
pub(crate) struct Envoy {
    child: Child,
    sandbox: Sandbox,
    port: u16,
}

impl Envoy {
    /// Starts an Envoy with the module, and waits until it listens. If there is no configuration, the filter gets none, as
    /// in Istio. If Envoy doesn't start, returns its log.
    pub(crate) fn start(version: &str, module: &[u8], configuration: Option<&str>) -> Result<Self, String> {
        let sandbox = Sandbox::new();
        let bootstrap = with_module(&sandbox, module, configuration);
        Envoy::run(version, sandbox, &bootstrap)
    }

    /// The same with a bootstrap from `build --kind envoy`, but with a free port for the listener.
    pub(crate) fn start_with(version: &str, bootstrap: &str) -> Result<Self, String> {
        let sandbox = Sandbox::new();
        let port = "port_value: 10000\n";
        assert_eq!(bootstrap.matches(port).count(), 1, "{bootstrap}");
        let admin = "admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }\n";
        sandbox.write("bootstrap.yaml", bootstrap.replace(port, "port_value: 0\n") + admin);
        Envoy::run(version, sandbox, "bootstrap.yaml")
    }

    fn run(version: &str, sandbox: Sandbox, bootstrap: &str) -> Result<Self, String> {
        let mut command = command(version, &sandbox, bootstrap);
        command.args(["--concurrency", "1", "--admin-address-path"]).arg(sandbox.path("admin"));
        let child = command.spawn().unwrap();
        let mut envoy = Envoy { child, sandbox, port: 0 };
        let port = until(Duration::from_secs(120), "Envoy to listen", || {
            if envoy.child.try_wait().unwrap().is_some() {
                return Some(None);
            }
            envoy.listener().map(Some)
        });
        match port {
            Some(port) => envoy.port = port,
            None => return Err(envoy.log()),
        }
        Ok(envoy)
    }

    /// Requests a path, and reads the whole response.
    pub(crate) fn get(&self, path: &str) -> Response<String> {
        http::get(&format!("127.0.0.1:{}", self.port), path).and_then(Response::text).unwrap()
    }

    /// The log of Envoy.
    pub(crate) fn log(&self) -> String {
        self.sandbox.read("log")
    }

    /// The port of the listener, if it listens already. Envoy fetches a remote module before that.
    fn listener(&self) -> Option<u16> {
        let admin = fs_err::read_to_string(self.sandbox.path("admin")).ok()?;
        http::get(&admin, "/ready").ok().filter(|answer| answer.status == 200)?;
        let listeners = http::get(&admin, "/listeners?format=json").ok()?;
        let listeners: Value = serde_json::from_slice(&listeners.body).ok()?;
        let port = &listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
        u16::try_from(port.as_u64()?).ok()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs Envoy in validation mode with the module. If Envoy refuses the module or crashes, returns its log.
pub(crate) fn validate(version: &str, module: &[u8]) -> Result<(), String> {
    let sandbox = Sandbox::new();
    let bootstrap = with_module(&sandbox, module, None);
    validate_in(version, &sandbox, &bootstrap)
}

/// The same with a bootstrap from `build --kind envoy`.
pub(crate) fn validate_bootstrap(version: &str, bootstrap: &str) -> Result<(), String> {
    let sandbox = Sandbox::new();
    sandbox.write("bootstrap.yaml", bootstrap);
    validate_in(version, &sandbox, "bootstrap.yaml")
}

fn validate_in(version: &str, sandbox: &Sandbox, bootstrap: &str) -> Result<(), String> {
    let status = command(version, sandbox, bootstrap).args(["--mode", "validate"]).status().unwrap();
    if status.success() { Ok(()) } else { Err(format!("{status}\n{}", sandbox.read("log"))) }
}

/// Writes the module and a bootstrap for it. Returns the file name of the bootstrap.
fn with_module(sandbox: &Sandbox, module: &[u8], configuration: Option<&str>) -> String {
    sandbox.write("plugin.wasm", module);
    let bootstrap = bootstrap(sandbox.path("plugin.wasm").as_str(), configuration);
    sandbox.write("bootstrap.json", bootstrap.to_string());
    "bootstrap.json".to_owned()
}

fn command(version: &str, sandbox: &Sandbox, bootstrap: &str) -> Command {
    let program: Utf8PathBuf = from_setup(&format!("envoy-{version}/envoy"));
    let log = File::create(sandbox.path("log")).unwrap().into_file();
    let mut command = Command::new(program);
    // Without hot restart, it shares no memory with other Envoys, and leaves none behind when it is killed.
    command.args(["--disable-hot-restart", "--log-level", "info", "-c"]).arg(sandbox.path(bootstrap));
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command
}

fn bootstrap(module: &str, configuration: Option<&str>) -> Value {
    let any_port = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let mut plugin = json!({
        "name": "hello",
        "vm_config": { "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": module } } },
    });
    if let Some(configuration) = configuration {
        let kind = "type.googleapis.com/google.protobuf.StringValue";
        plugin["configuration"] = json!({ "@type": kind, "value": configuration });
    }
    let filters = "type.googleapis.com/envoy.extensions.filters";
    let manager = json!({
        "@type": format!("{filters}.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "http",
        "http_filters": [
            {
                "name": "wasm",
                "typed_config": { "@type": format!("{filters}.http.wasm.v3.Wasm"), "config": plugin },
            },
            {
                "name": "router",
                "typed_config": { "@type": format!("{filters}.http.router.v3.Router") },
            },
        ],
        "route_config": { "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{
                "match": { "prefix": "/" },
                "direct_response": { "status": 200, "body": { "inline_string": "from Envoy" } },
            }],
        }] },
    });
    let manager = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager });
    let listener =
        json!({ "name": "http", "address": any_port, "filter_chains": [{ "filters": [manager] }] });
    json!({ "admin": { "address": any_port }, "static_resources": { "listeners": [listener] } })
}
