//! Loads the modules of built images in Envoy.

use std::time::Duration;

use crate::support::built::{Built, built};
use crate::support::envoy::{Envoy, VERSIONS, validate};
use crate::support::layout::Layout;
use crate::support::module::plugin;
use crate::support::{Sandbox, until};

const CONFIGURATION: &str = r#"{"first-header": "some-value", "Second-Header": "42"}"#;

fn assert_adds_headers(build: &Built) {
    let module = build.image().module();
    for version in VERSIONS {
        let envoy = Envoy::start(version, &module, Some(CONFIGURATION))
            .unwrap_or_else(|log| panic!("Envoy {version} does not load it:\n{log}"));
        for _ in 0..2 {
            let response = envoy.get("/");
            assert_eq!((response.status, response.body.as_str()), (200, "from Envoy"));
            assert_eq!(response.values("first-header"), ["some-value"], "Envoy {version}: {response:?}");
            assert_eq!(response.values("second-header"), ["42"], "Envoy {version}: {response:?}");
        }
    }
}

/// Both variants have the same module, but it is read from each image separately.
fn both_variants(args: &[&str]) {
    for variant in ["oci", "compat"] {
        assert_adds_headers(&built(&[args, &["--variant", variant]].concat()));
    }
}

#[test]
fn for_wasi_optimized_for_speed() {
    both_variants(&["--target", "wasm32-wasip1", "--optimize", "speed"]);
}

#[test]
fn for_wasi_optimized_for_size() {
    both_variants(&["--target", "wasm32-wasip1", "--optimize", "size"]);
}

#[test]
fn for_no_system_optimized_for_speed() {
    both_variants(&["--target", "wasm32-unknown-unknown", "--optimize", "speed"]);
}

#[test]
fn for_no_system_optimized_for_size() {
    both_variants(&["--target", "wasm32-unknown-unknown", "--optimize", "size"]);
}

#[test]
fn not_optimized() {
    assert_adds_headers(&built(&["--optimize", "none"]));
}

#[test]
fn what_is_built_without_options_adds_the_headers() {
    assert_adds_headers(&built(&[]));
}

#[test]
fn backtraces_need_names() {
    let items = r#"(func $the_failing_function (result i32) unreachable)
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) call $the_failing_function)"#;
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin(items, &["callback"]));
    for (names, is_named) in [(&["--names"][..], true), (&[], false)] {
        let args = [&["build", "--module", "made.wasm", "--optimize", "none"], names].concat();
        sandbox.tool(args).assert().success();
        let module = Layout(sandbox.path("target/wasmplugin.d/made/image")).module();
        for version in VERSIONS {
            let envoy = Envoy::start(version, &module, None)
                .unwrap_or_else(|log| panic!("Envoy {version} does not load it:\n{log}"));
            envoy.get("/");
            until(Duration::from_secs(30), "the trap in the log", || {
                envoy.log().contains("unreachable").then_some(())
            });
            assert_eq!(envoy.log().contains("the_failing_function"), is_named, "{}", envoy.log());
        }
    }
}

#[test]
fn the_minimal_template_logs_each_request() {
    let sandbox = Sandbox::new();
    sandbox.tool(["new", "audit", "--template", "minimal"]).assert().success();
    sandbox.tool_in("audit", ["build"]).assert().success();
    let module = Layout(sandbox.path("audit/target/wasmplugin.d/audit/image")).module();
    for version in VERSIONS {
        let envoy = Envoy::start(version, &module, None)
            .unwrap_or_else(|log| panic!("Envoy {version} does not load it:\n{log}"));
        assert_eq!(envoy.get("/path?query").status, 200);
        until(Duration::from_secs(30), "the line in the log", || {
            envoy.log().contains("wasm log hello: GET /path?query").then_some(())
        });
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_its_key() {
    let module = built(&[]).image().module();
    let wrong = [
        (r#"{"second-header": 42}"#, r#"the value of "second-header" is not a string: quote it"#),
        (r#"{":status": "200"}"#, r#"":status" is a pseudo-header, which only the proxy can set"#),
        ("[]", "not a JSON object"),
    ];
    for version in VERSIONS {
        for (configuration, reason) in wrong {
            let Err(log) = Envoy::start(version, &module, Some(configuration)) else {
                panic!("Envoy {version} accepts {configuration}");
            };
            let line = format!("invalid configuration: {reason}");
            assert!(log.contains(&line), "Envoy {version} does not log {line:?}:\n{log}");
        }
    }
}

#[test]
fn no_configuration_adds_no_headers() {
    let module = built(&[]).image().module();
    for version in VERSIONS {
        for configuration in [None, Some(""), Some("{}")] {
            let envoy = Envoy::start(version, &module, configuration)
                .unwrap_or_else(|log| panic!("Envoy {version} refuses {configuration:?}:\n{log}"));
            let response = envoy.get("/");
            assert_eq!((response.status, response.body.as_str()), (200, "from Envoy"));
            assert!(response.values("first-header").is_empty(), "{response:?}");
            assert!(envoy.log().contains("headers to add to each response: 0"), "{}", envoy.log());
        }
    }
}

/// Logs when it is loaded, so that the proxy reads its memory.
const LOGGER: &str = r#"
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (func (export "_initialize") (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1))))"#;

/// Runs `build --module`, and returns the shipped module or the error messages. Doesn't optimize, because the optimizer
/// would remove the unused parts that make these modules invalid.
fn build(module: &[u8]) -> Result<Vec<u8>, String> {
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", module);
    let assert =
        sandbox.tool(["build", "--module", "made.wasm", "--optimize", "none"]).assert().stdout_eq("");
    let output = assert.get_output();
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    match output.status.code() {
        Some(0) => Ok(fs_err::read(sandbox.path("target/wasmplugin.d/made/plugin.wasm")).unwrap()),
        Some(1) => {
            assert!(!sandbox.path("target/wasmplugin.d/made").exists(), "packaged anyway:\n{stderr}");
            Err(stderr)
        }
        code => panic!("exit code {code:?}:\n{stderr}"),
    }
}

#[test]
fn what_proxies_refuse_is_refused_before() {
    let refused = [
        ("unknown-import", plugin(r#"(import "env" "nobody" (func))"#, &[])),
        ("import-signature", plugin(r#"(import "env" "proxy_log" (func (param i32) (result i32)))"#, &[])),
        ("abi-marker", plugin("", &["marker"])),
        ("abi-marker", plugin(r#"(func (export "proxy_abi_version_0_3_0"))"#, &["marker"])),
        ("allocator", plugin("", &["allocator"])),
        ("module-memory", plugin(LOGGER, &["memory"])),
        ("module-memory", plugin(r#"(memory (export "memory") 16385)"#, &["memory"])),
        (
            "export-signature",
            plugin(r#"(func (export "proxy_on_vm_start") (param i32) (result i32) i32.const 1)"#, &[]),
        ),
        ("import-kind", plugin(r#"(import "env" "g" (global i32))"#, &[])),
        ("table-size", plugin("(table 10000001 funcref)", &[])),
        ("segment-bounds", plugin(r#"(data (i32.const 65535) "ab")"#, &[])),
        ("segment-bounds", plugin(r#"(data (i32.const 65537) "")"#, &[])),
        (
            "segment-bounds",
            plugin(r#"(import "env" "m" (memory 1)) (data (i32.const 65536) "a")"#, &["memory"]),
        ),
        ("segment-bounds", plugin("(table 1 funcref) (func $f) (elem (i32.const 1) $f)", &[])),
        ("segment-bounds", plugin(r#"(global $g i32 (i32.const 65536)) (data (global.get $g) "a")"#, &[])),
    ];
    for (code, module) in refused {
        let stderr =
            build(&module).err().unwrap_or_else(|| panic!("`build` accepts a module that violates {code}"));
        assert!(stderr.contains(&format!("[{code}]")), "not refused for {code}:\n{stderr}");
        for version in VERSIONS {
            let verdict = validate(version, &module);
            assert!(verdict.is_err(), "Envoy {version} accepts a module that violates {code}");
        }
    }
}

#[test]
fn what_passes_is_what_proxies_load() {
    let passing = [
        plugin("", &[]),
        plugin(LOGGER, &[]),
        plugin(r#"(import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))"#, &[]),
        plugin(r#"(func (export "_initialize"))"#, &[]),
        plugin(r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)"#, &[]),
        plugin(r#"(func (export "proxy_abi_version_0_2_0"))"#, &["marker"]),
        plugin("(table 10000000 20000000 funcref)", &[]),
        plugin(r#"(data (i32.const 65535) "a") (data (i32.const 65536) "")"#, &[]),
        plugin("(table 1 funcref) (func $f) (elem (i32.const 0) $f)", &[]),
    ];
    for module in passing {
        let shipped = build(&module).unwrap_or_else(|stderr| panic!("refused:\n{stderr}"));
        for version in VERSIONS {
            validate(version, &shipped)
                .unwrap_or_else(|log| panic!("Envoy {version} does not load it:\n{log}"));
        }
    }
}
