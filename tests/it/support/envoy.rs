//! A real Envoy with a module as its filter.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use camino::Utf8PathBuf;
use fs_err::File;
use serde_json::{Value, json};

use crate::support::{Sandbox, from_setup, until};

/// The Envoys that `script/setup` installs.
pub(crate) const VERSIONS: [&str; 2] = ["1.36.4", "1.40.0"];

/// An Envoy that answers each request itself, after the filter. It ends with this value.
pub(crate) struct Envoy {
    child: Child,
    folder: Sandbox,
    port: u16,
}

/// What came back for a request.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// The values of all headers of that name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
    }
}

impl Envoy {
    /// Starts an Envoy with the module, and waits until it listens. Without a configuration the filter gets
    /// none, as from Istio. Where Envoy does not start, its log comes back.
    pub(crate) fn start(version: &str, module: &[u8], configuration: Option<&str>) -> Result<Self, String> {
        let folder = Sandbox::new();
        let mut command = command(version, &folder, module, configuration);
        command.args(["--concurrency", "1", "--admin-address-path"]).arg(folder.path("admin"));
        let child = command.spawn().unwrap();
        let mut envoy = Envoy { child, folder, port: 0 };
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

    /// Asks for a path, and takes the whole response.
    pub(crate) fn get(&self, path: &str) -> Response {
        get(&format!("127.0.0.1:{}", self.port), path).unwrap()
    }

    /// All that Envoy has said.
    pub(crate) fn log(&self) -> String {
        self.folder.read("log")
    }

    /// The port of the listener, once there is one.
    fn listener(&self) -> Option<u16> {
        let admin = fs_err::read_to_string(self.folder.path("admin")).ok()?;
        let listeners = get(&admin, "/listeners?format=json").ok()?;
        let listeners: Value = serde_json::from_str(&listeners.body).ok()?;
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

/// Has an Envoy look at the module and end. Where it does not load it, or dies of it, its log comes back.
pub(crate) fn validate(version: &str, module: &[u8]) -> Result<(), String> {
    let folder = Sandbox::new();
    let status = command(version, &folder, module, None).args(["--mode", "validate"]).status().unwrap();
    if status.success() { Ok(()) } else { Err(format!("{status}\n{}", folder.read("log"))) }
}

fn command(version: &str, folder: &Sandbox, module: &[u8], configuration: Option<&str>) -> Command {
    let program: Utf8PathBuf = from_setup(&format!("envoy-{version}/envoy"));
    folder.write("plugin.wasm", module);
    let bootstrap = bootstrap(folder.path("plugin.wasm").as_str(), configuration);
    folder.write("bootstrap.json", bootstrap.to_string());
    let log = File::create(folder.path("log")).unwrap().into_file();
    let mut command = Command::new(program);
    // Without hot restart it shares no memory with others, and leaves none behind when it is killed.
    command.args(["--disable-hot-restart", "--log-level", "info", "-c"]).arg(folder.path("bootstrap.json"));
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

fn get(address: &str, path: &str) -> std::io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let cut_short = || std::io::Error::other(format!("not a response: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut_short)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(cut_short)?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.map(header).collect::<Option<Vec<_>>>().ok_or_else(cut_short)?;
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { joined(body).ok_or_else(cut_short)? } else { body.to_owned() };
    Ok(Response { status, headers, body })
}

/// The chunks of a body, put together.
fn joined(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..size)?);
        body = rest.get(size..)?.strip_prefix("\r\n")?;
    }
}
