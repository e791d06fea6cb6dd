//! Converts resources to every kind: the converted fields, the losses, and how real proxies load the result.

use std::io::BufReader;
use std::net::TcpStream;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};
use snapbox::{Data, file, str};

use crate::support::built::built;
use crate::support::envoy::{Envoy, VERSIONS, validate_bootstrap};
use crate::support::http::{Head, Server, answer};
use crate::support::layout::sha256;
use crate::support::module::plugin;
use crate::support::{Sandbox, snapshot};

const KINDS: [(&str, &str); 4] = [
    ("WasmPlugin", "wasmplugin.yaml"),
    ("TrafficExtension", "trafficextension.yaml"),
    ("EnvoyExtensionPolicy", "envoyextensionpolicy.yaml"),
    ("envoy", "envoy.yaml"),
];

/// A directory with the module `made.wasm` and a resource.
struct Made {
    sandbox: Sandbox,
}

impl Made {
    fn with(resource: &str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("made.wasm", plugin("", &[]));
        sandbox.write("wasmplugin.yaml", resource);
        Made { sandbox }
    }

    /// A directory whose resource has this `spec`.
    fn with_spec(spec: &str) -> Self {
        Made::with(&format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: made}}\nspec: {spec}\n"
        ))
    }

    fn build(&self, args: &[&str]) -> std::process::Output {
        let fixed = ["build", "--module", "made.wasm", "--image", "quay.io/acme/made", "--tag", "1"];
        self.sandbox.tool(fixed).args(args).output().unwrap()
    }

    /// The document on standard output. The build must succeed.
    fn yaml(&self, args: &[&str]) -> String {
        let output = self.build(&[args, &["--quiet", "-o", "yaml"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The exit code, and the package in the output of `-o json`.
    fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let output = self.build(&[args, &["--quiet", "-o", "json"]].concat());
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), document["packages"][0].clone())
    }

    /// The findings, one per line.
    fn findings(&self, args: &[&str]) -> String {
        let (_, package) = self.json(args);
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let line = |finding: &Value| {
            let [severity, code, message] = ["severity", "code", "message"].map(|key| text(finding, key));
            format!("{severity}[{code}] `{}`: {message}\n", text(&finding["places"][0], "name"))
        };
        package["findings"].as_array().unwrap().iter().map(line).collect()
    }

    /// The standard error of a build that must fail with this exit code and write nothing.
    fn refused(&self, code: i32, args: &[&str]) -> String {
        let output = self.build(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
        assert!(!self.output().exists(), "{args:?}: something was written");
        stderr
    }

    fn output(&self) -> Utf8PathBuf {
        self.sandbox.path("target/wasmplugin.d/made")
    }

    /// Replaces the parts of a document that depend on the compiler and the directory with names.
    fn named(&self, document: &str) -> String {
        let hex = |digest: String| digest.trim_start_matches("sha256:").to_owned();
        let read = |file: &str| fs_err::read(self.output().join(file)).unwrap();
        let manifest = hex(String::from_utf8(read("digest")).unwrap().trim().to_owned());
        document
            .replace(&manifest, "<manifest>")
            .replace(&hex(sha256(&read("plugin.wasm"))), "<module>")
            .replace(self.output().as_str(), "<folder>")
    }
}

/// Compares a text with a file, which `SNAPSHOTS=overwrite` replaces.
fn assert_kept(actual: String, file: &Utf8Path) {
    let expected = Data::read_from(file.as_std_path(), Some(snapbox::data::DataFormat::Text)).raw();
    snapshot::assert().eq(actual, expected);
}

/// The directories in `tests/it/kinds`. Each has a resource and its conversions to every kind.
pub(crate) fn kept() -> Vec<Utf8PathBuf> {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/kinds");
    let mut directories: Vec<Utf8PathBuf> = root
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_dir())
        .collect();
    directories.sort();
    assert!(!directories.is_empty(), "no resources are kept under {root}");
    directories
}

#[test]
fn every_field_is_converted_or_reported_as_lost() {
    for directory in kept() {
        let made = Made::with(&fs_err::read_to_string(directory.join("in.yaml")).unwrap());
        let mut findings_of_all = String::new();
        for (kind, file) in KINDS {
            let findings = made.findings(&["--kind", kind]);
            let is_lost = findings.contains("error[");
            findings_of_all += &format!("{kind}{}\n{findings}\n", if is_lost { " is refused" } else { "" });
            if is_lost {
                continue;
            }
            let yaml = made.yaml(&["--kind", kind]);
            let written = fs_err::read_to_string(made.output().join(file)).unwrap();
            assert_eq!(yaml, written, "{directory}: {kind}");
            assert_kept(made.named(&yaml), &directory.join(file));
        }
        assert_kept(findings_of_all, &directory.join("findings.txt"));
    }
}

#[test]
fn envoys_take_every_bootstrap() {
    let mut taken = 0;
    for directory in kept() {
        let resource = fs_err::read_to_string(directory.join("in.yaml")).unwrap();
        let made = Made::with(&resource);
        if made.findings(&["--kind", "envoy"]).contains("error[") {
            continue;
        }
        let bootstrap = made.yaml(&["--kind", "envoy"]);
        for version in VERSIONS {
            validate_bootstrap(version, &bootstrap)
                .unwrap_or_else(|log| panic!("{directory}: Envoy {version} refuses\n{bootstrap}\n{log}"));
        }
        taken += 1;
    }
    assert!(taken >= 6, "only {taken} bootstraps were made");
}

/// Serves these bytes at every path.
fn serve(bytes: Vec<u8>) -> Server {
    Server::start(move |stream: TcpStream| {
        let request = Head::read(&mut BufReader::new(&stream)).ok().flatten();
        // The client may have closed the connection.
        let _ = request.map(|request| answer(&stream, &request, 200, &[], &bytes));
    })
}

#[test]
fn the_header_shows_in_the_response() {
    // Packages the shipped module again, with urls of every scheme.
    let module = built(&[]).image().module();
    let server = serve(module.clone());
    let remote = format!("http://{}/some/plugin.wasm?x=1", server.address());
    for url in [&[][..], &["--url", "file:///not/there.wasm"], &["--url", &remote]] {
        let made = Made::with_spec(
            "{failStrategy: FAIL_OPEN, pluginConfig: {first-header: grüß, second-header: \"42\"}}",
        );
        made.sandbox.write("made.wasm", &module);
        let bootstrap = made.yaml(&[&["--kind", "envoy", "--optimize", "none"], url].concat());
        for version in VERSIONS {
            validate_bootstrap(version, &bootstrap)
                .unwrap_or_else(|log| panic!("Envoy {version} refuses {url:?}\n{log}"));
            let envoy = Envoy::start_with(version, &bootstrap)
                .unwrap_or_else(|log| panic!("Envoy {version} does not run {url:?}\n{log}"));
            let response = envoy.get("/");
            assert_eq!((response.status, response.body.as_str()), (200, "from Envoy\n"), "{url:?}");
            assert_eq!(response.values("first-header"), ["grüß"], "Envoy {version}, {url:?}: {response:?}");
            assert_eq!(response.values("second-header"), ["42"], "Envoy {version}, {url:?}: {response:?}");
        }
    }
}

#[test]
fn a_download_with_another_hash_is_not_run() {
    let server = serve(plugin(r#"(func (export "another"))"#, &[]));
    let made = Made::with_spec("{}");
    let url = format!("http://{}/plugin.wasm", server.address());
    let bootstrap = made.yaml(&["--kind", "envoy", "--url", &url]);
    for version in VERSIONS {
        let envoy = Envoy::start_with(version, &bootstrap).unwrap_or_else(|log| panic!("{version}: {log}"));
        assert_ne!(envoy.get("/").status, 200, "Envoy {version} runs another module");
    }
}

#[test]
fn a_network_filter_runs_before_the_answer() {
    let module = r#"
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (data (i32.const 0) "a connection")
        (func (export "proxy_on_new_connection") (param i32) (result i32)
            (drop (call $log (i32.const 2) (i32.const 0) (i32.const 12)))
            i32.const 0)"#;
    let made = Made::with_spec("{type: NETWORK}");
    made.sandbox.write("made.wasm", plugin(module, &["callback"]));
    let bootstrap = made.yaml(&["--kind", "envoy", "--optimize", "none"]);
    for version in VERSIONS {
        let envoy = Envoy::start_with(version, &bootstrap).unwrap_or_else(|log| panic!("{version}: {log}"));
        assert_eq!(envoy.get("/").body, "from Envoy\n");
        assert!(envoy.log().contains("a connection"), "Envoy {version}: {}", envoy.log());
    }
}

#[test]
fn the_variables_are_those_that_the_mesh_would_give() {
    let made = Made::with_spec(
        "{vmConfig: {env: [{name: A, value: b}, {name: PATH, valueFrom: HOST}, {name: ISTIO_META_X, value: c}]}}",
    );
    let (_, package) = made.json(&["--kind", "envoy"]);
    let manager = &package["resource"]["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
    let config = &manager["typed_config"]["http_filters"][0]["typed_config"]["config"];
    let expected = json!({ "host_env_keys": ["PATH"], "key_values": { "A": "b" } });
    assert_eq!(config["vm_config"]["environment_variables"], expected);
}

#[test]
fn a_loss_stops_the_build_before_anything_is_written() {
    let made = Made::with_spec("{selector: {matchLabels: {app: web}}, phase: AUTHN}");
    let stderr = made.refused(1, &["--kind", "EnvoyExtensionPolicy"]);
    made.sandbox.says(&stderr, file!["kinds/refusal.txt"]);
    // The output of another kind doesn't count as fresh, and isn't replaced.
    made.yaml(&[]);
    assert_eq!(made.build(&["--kind", "EnvoyExtensionPolicy"]).status.code(), Some(1));
    assert!(made.output().join("wasmplugin.yaml").exists());
}

#[test]
fn a_loss_with_a_warning_can_be_denied() {
    let made = Made::with_spec("{phase: AUTHN}");
    let stderr = made.refused(1, &["--kind", "envoy", "--deny-warnings"]);
    assert!(stderr.ends_with("error: the checks found 1 warning, and `deny-warnings` is set\n"), "{stderr}");
    let (code, package) = made.json(&["--kind", "envoy", "--deny-warnings"]);
    assert_eq!((code, &package["resource"]), (Some(1), &Value::Null));
    let (code, package) = made.json(&["--kind", "envoy"]);
    assert_eq!((code, package["resource"].is_object()), (Some(0), true));
    let finding = &package["findings"][0];
    assert_eq!((&finding["code"], &finding["severity"]), (&json!("lost-field"), &json!("warning")));
    assert_eq!(finding["places"][0]["name"], "spec.phase");
    let location = &finding["places"][0]["location"];
    assert_eq!((&location["file"], &location["line"]), (&json!("wasmplugin.yaml"), &json!(4)));
}

#[test]
fn the_meshes_have_to_know_the_kind() {
    let made = Made::with_spec("{}");
    let args =
        ["--kind", "TrafficExtension", "--mesh", "istio-1.30", "--mesh", "istio-1.29", "--mesh", "ossm-3.2"];
    assert_eq!(
        made.findings(&args),
        "error[unknown-kind] `kind`: the kind TrafficExtension is not known to istio-1.29 and ossm-3.2\n"
    );
    made.refused(1, &args);
    // By default, only the meshes that support the kind count.
    made.yaml(&["--kind", "TrafficExtension", "--deny-warnings"]);
    made.yaml(&["--kind", "TrafficExtension", "--mesh", "istio-1.30", "--mesh", "envoy-1.36"]);
    assert_eq!(made.findings(&["--mesh", "istio-1.29"]), "");
}

#[test]
fn a_rebuild_writes_the_requested_kind() {
    let made = Made::with_spec("{}");
    let resources = || {
        let names = made.output().read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned());
        names.filter(|name| name.ends_with(".yaml")).collect::<Vec<_>>()
    };
    for (kind, file) in KINDS.into_iter().filter(|(kind, _)| *kind != "EnvoyExtensionPolicy") {
        for _ in 0..2 {
            let output = made.build(&["--kind", kind]);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(stderr.contains(&format!("resource  target/wasmplugin.d/made/{file}\n")), "{stderr}");
            assert!(resources().iter().any(|name| name == file), "{:?}", resources());
        }
    }
}

#[test]
fn a_bootstrap_needs_no_image_and_names_its_own_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("here/made.wasm", plugin("", &[]));
    let build = |below: &str| {
        let command =
            sandbox.tool_in(below, ["build", "--module", "made.wasm", "--kind", "envoy", "-o", "yaml"]);
        let yaml = command.arg("--quiet").assert().success().stderr_eq("").get_output().stdout.clone();
        String::from_utf8(yaml).unwrap()
    };
    let module = |below: &str| sandbox.path(below).join("target/wasmplugin.d/made/plugin.wasm");
    let filename = |below: &str| format!("\n                      filename: {}\n", module(below));
    assert!(build("here").contains(&filename("here")));
    fs_err::rename(sandbox.path("here"), sandbox.path("there")).unwrap();
    assert!(build("there").contains(&filename("there")), "the old directory is named");
    assert!(sandbox.read("there/target/wasmplugin.d/made/envoy.yaml").contains(&filename("there")));
    sandbox
        .tool_in("there", ["build", "--module", "made.wasm", "--kind", "TrafficExtension", "-o", "yaml"])
        .assert()
        .code(101);
}

#[test]
fn flags_override_the_file() {
    let made = Made::with(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: made, namespace: old}\n\
         spec: {pluginName: root, phase: STATS, selector: {matchLabels: {old: label}}, imagePullSecret: old}\n",
    );
    let flags = [
        "--namespace",
        "shop",
        "--phase",
        "AUTHN",
        "--priority",
        "-7",
        "--selector",
        "app=web",
        "--selector",
        "version=on",
        "--image-pull-secret",
        "regcred",
        "--image-pull-policy",
        "Always",
    ];
    let yaml = made.named(&made.yaml(&flags));
    snapbox::assert_data_eq!(yaml.clone(), file!["kinds/flags.yaml"].raw());
    // The output of a build with flags isn't fresh for a build without flags, and vice versa.
    let without = made.yaml(&[]);
    assert!(without.contains("phase: STATS") && !without.contains("priority"), "{without}");
    assert_eq!(made.named(&made.yaml(&flags)), yaml);
}

#[test]
fn a_url_on_the_command_line_overrides_the_file() {
    let made = Made::with_spec("{url: 'https://example.com/old.wasm', phase: AUTHN}");
    for (url, hash) in [
        ("oci://quay.io/acme/made:1", "manifest"),
        ("file:///opt/plugin.wasm", "module"),
        ("http://example.com/plugin.wasm", "module"),
        ("https://example.com/plugin.wasm", "module"),
    ] {
        let yaml = made.named(&made.yaml(&["--url", url]));
        let pinned = if hash == "manifest" { "oci://quay.io/acme/made:1@sha256:<manifest>" } else { url };
        assert!(
            yaml.ends_with(&format!("spec:\n  url: {pinned}\n  sha256: <{hash}>\n  phase: AUTHN\n")),
            "{yaml}"
        );
    }
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin("", &[]));
    let args = ["build", "--module", "made.wasm", "-o", "yaml", "--url", "https://example.com/plugin.wasm"];
    let assert = sandbox.tool(args).assert().success();
    let yaml = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(yaml.contains("\n  url: https://example.com/plugin.wasm\n"), "no image was needed: {yaml}");
}

#[test]
fn an_invalid_value_of_a_flag_is_a_usage_error() {
    let refused = [
        (
            &["--selector", "app=*"][..],
            str![[r#"
error: invalid value for `--selector`: `spec.selector.matchLabels.app` contains `*`; wildcards aren't allowed in a selector

"#]],
        ),
        (
            &["--selector", "app=a", "--selector", "app=b"],
            str![[r#"
error: duplicate label `app` in `--selector`

help: a pod has one value for each label: pass one

"#]],
        ),
        (
            &["--priority", "99999999999"],
            str![[r#"
error: invalid value for `--priority`: `spec.priority` is 99999999999; expected a number from -2147483648 to 2147483647

"#]],
        ),
        (
            &["--namespace", "My_Shop"],
            str![[r#"
error: invalid value for `--namespace`: `metadata.namespace` contains `M`; only `a-z`, `0-9` and `-` are allowed; expected the name of a namespace

help: write `my-shop`

"#]],
        ),
        (
            &["--image-pull-secret", ""],
            str![[r#"
error: invalid value for `--image-pull-secret`: `spec.imagePullSecret` is empty; expected a value

"#]],
        ),
        (
            &["--url", "reg:5000/a"],
            str![[r#"
error: invalid value for `--url`: `spec.url` has no scheme: Istio would treat the host of a registry with a port as a scheme

help: write `oci://reg:5000/a`

"#]],
        ),
        (
            &["--url", "https://example.com:port/a.wasm"],
            str![[r#"
error: invalid value for `--url`: `spec.url` has an invalid port

help: write `https://HOST/PATH/plugin.wasm`, or `https://HOST:PORT/PATH/plugin.wasm`

"#]],
        ),
    ];
    for (args, expected) in refused {
        let made = Made::with_spec("{}");
        made.sandbox.says(&made.refused(2, args), expected.clone());
        let assert = made.sandbox.tool(["new", "hello"]).args(args).assert().code(2).stdout_eq("");
        assert.stderr_eq(expected);
        assert!(!made.sandbox.path("hello").exists(), "{args:?}");
    }
    for args in
        [&["--phase", "LAST"][..], &["--priority", "high"], &["--selector", "app"], &["--kind", "Lua"]]
    {
        assert!(Made::with_spec("{}").refused(2, args).starts_with("error: invalid value"), "{args:?}");
    }
    // These are refused because of other fields.
    let made = Made::with_spec("{targetRefs: [{kind: Service, name: reviews}]}");
    made.sandbox.says(
        &made.refused(2, &["--selector", "app=web"]),
        str![[r#"
error: invalid value for `--selector`: `spec.targetRefs` conflicts with `selector`; only one of `selector`, `targetRef` and `targetRefs` can be set

"#]],
    );
    let made = Made::with_spec("{}");
    made.sandbox.says(
        &made.refused(1, &["--url", "oci://quay.io/acme/other"]),
        str![[r#"
error[other-image]: `spec.url` names the repository `quay.io/acme/other`; the image has the repository `quay.io/acme/made`
 |
 = place: made: `spec.url`
 = help: remove `url`: it is filled in

error: the checks found 1 error

"#]],
    );
}

#[test]
fn one_url_is_for_one_package() {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n");
    sandbox.add_bare("one");
    sandbox.add_bare("two");
    let command = sandbox.tool(["build", "--workspace", "--url", "https://example.com/plugin.wasm"]);
    command.assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: `--url` can only be used with one package, but several are selected: `one`, `two`

help: select one with `-p`, and use a different `--url` for each

"#]]);
}
