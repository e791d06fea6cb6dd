//! The messages and the output of a build.

use serde_json::{Value, json};
use snapbox::{Redactions, file, str};

use crate::support::Sandbox;
use crate::support::built::{Built, built, built_again, built_as_json};
use crate::support::layout::{Layout, sha256};
use crate::support::module::plugin;
use crate::support::snapshot::{self, without_waits};
use crate::support::tree::tree;

/// Compares a summary, ignoring the parts that depend on the compiler.
fn summary(text: &str, expected: snapbox::Data) {
    let mut redactions = Redactions::new();
    let patterns = [
        ("[SIZE]", r"(?<redacted>\b[0-9.]+ [kM]?B\b)"),
        ("[DIGEST]", r"sha256:(?<redacted>[0-9a-f]{64})"),
        ("[TIME]", r"(?<redacted>\b[0-9.]+(ns|µs|ms|s)\b)"),
    ];
    for (name, pattern) in patterns {
        redactions.insert(name, regex::Regex::new(pattern).unwrap()).unwrap();
    }
    let assert = snapshot::assert().redact_with(redactions);
    assert.eq(without_waits(text), expected);
}

#[test]
fn a_summary_ends_on_standard_error() {
    for (args, expected) in [
        (&["--variant", "oci"], file!["output/summary-oci.txt"]),
        (&["--variant", "compat"], file!["output/summary-compat.txt"]),
        (&["--optimize", "none"], file!["output/summary-not-optimized.txt"]),
    ] {
        let (said, _) = built_again(args);
        assert_eq!(said.stdout, "");
        summary(&said.stderr, expected);
    }
}

#[test]
fn quiet_says_nothing() {
    let (said, _) = built_again(&["--quiet"]);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
}

#[test]
fn verbose_says_how_long_each_stage_took() {
    let (said, _) = built_again(&["--verbose"]);
    assert_eq!(said.stdout, "");
    let text = &said.stderr;
    let times = text.lines().find(|line| line.starts_with("             time      "));
    let times = times.unwrap_or_else(|| panic!("no times:\n{text}"));
    summary(
        times,
        str!["             time      compile [TIME], optimize [TIME], check [TIME], package [TIME]"].into(),
    );
}

/// The text of a blob, with names for the digests and sizes that depend on the compiler.
fn named(text: &str, names: &[(&str, &str)]) -> String {
    names.iter().fold(text.to_owned(), |text, (value, name)| text.replace(value, name))
}

fn digits(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap()
}

/// The digest and the size in a descriptor, as the manifest writes them.
fn digest_and_size(descriptor: &Value) -> (String, String) {
    let digest = descriptor["digest"].as_str().unwrap();
    (digits(digest).to_owned(), format!("\"size\":{}", descriptor["size"]))
}

/// The text of a JSON document in an image. Checks that its keys are sorted and that it has no whitespace, so that the
/// snapshot can be formatted.
fn canonical(blob: Vec<u8>) -> String {
    let text = String::from_utf8(blob).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap().to_string(), text);
    text
}

#[test]
fn the_manifest_of_the_oci_variant() {
    let build = built(&["--variant", "oci"]);
    let image = build.image();
    let (digest, size) = digest_and_size(&image.manifest()["layers"][1]);
    assert_eq!(digest, digits(&sha256(&build.bytes("plugin.wasm"))));
    // Compares everything else, including the digests that don't depend on the compiler.
    let text =
        named(&canonical(image.blob(&image.digest())), &[(&digest, "<plugin.wasm>"), (&size, "\"size\":0")]);
    snapbox::assert_data_eq!(text, file!["output/manifest-oci.json"].raw());
    snapbox::assert_data_eq!(
        canonical(build.bytes("runtime-config.json")),
        file!["output/runtime-config.json"].raw()
    );
}

#[test]
fn the_manifest_of_the_compat_variant() {
    let image = built(&["--variant", "compat"]).image();
    let manifest = image.manifest();
    let (layer, size) = digest_and_size(&manifest["layers"][0]);
    let (config, _) = digest_and_size(&manifest["config"]);
    let text = canonical(image.blob(&image.digest()));
    let text = named(&text, &[(&layer, "<layer>"), (&size, "\"size\":0"), (&config, "<config>")]);
    snapbox::assert_data_eq!(text, file!["output/manifest-compat.json"].raw());

    let mut archive = Vec::new();
    let layer = image.layers().remove(0);
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&layer[..]), &mut archive).unwrap();
    let config = canonical(image.blob(manifest["config"]["digest"].as_str().unwrap()));
    let text = named(&config, &[(digits(&sha256(&archive)), "<archive>")]);
    snapbox::assert_data_eq!(text, file!["output/config-compat.json"].raw());
}

#[test]
fn the_resource() {
    let build = built(&["--variant", "oci"]);
    let text = named(&build.text("wasmplugin.yaml"), &[(digits(&build.image().digest()), "<digest>")]);
    snapbox::assert_data_eq!(text, file!["output/wasmplugin.yaml"].raw());
}

#[test]
fn yaml_on_standard_output_is_the_file() {
    for variant in ["oci", "compat"] {
        let (said, build) = built_again(&["--variant", variant, "-o", "yaml"]);
        assert_eq!(said.stdout, build.text("wasmplugin.yaml"));
    }
}

/// The expected JSON report of an image, from the files in its directory.
fn image_of(build: &Built) -> Value {
    let image = build.image();
    let manifest = image.manifest();
    let layer = |(descriptor, bytes): (&Value, Vec<u8>)| {
        json!({
            "mediaType": descriptor["mediaType"],
            "digest": sha256(&bytes),
            "size": bytes.len(),
        })
    };
    let layers = manifest["layers"].as_array().unwrap().iter().zip(image.layers()).map(layer);
    json!({ "digest": image.digest(), "layers": layers.collect::<Vec<_>>() })
}

#[test]
fn json_on_standard_output_matches_the_files() {
    for variant in ["oci", "compat"] {
        let (document, build) = built_as_json(&["--variant", variant, "--optimize", "size"]);
        let module = build.bytes("plugin.wasm");
        let mut image = image_of(&build);
        let digest = image["digest"].as_str().unwrap().to_owned();
        image["repository"] = "registry.example:5000/acme/hello".into();
        image["tag"] = "0.1.0".into();
        image["variant"] = variant.into();
        image["reference"] = format!("registry.example:5000/acme/hello@{digest}").into();
        let compiled = &document["packages"][0]["module"]["compiledSize"];
        let debug = build.bytes("plugin.debug.wasm").len();
        assert!(compiled.as_u64().unwrap() > debug as u64 && debug > module.len(), "{document:#}");
        let expected = json!({
            "schema": 1,
            "packages": [{
                "name": "hello",
                "directory": build.was_in,
                "image": image,
                "module": {
                    "digest": sha256(&module),
                    "size": module.len(),
                    "compiledSize": compiled,
                    "optimizedSize": debug,
                    "optimize": "size",
                },
                "resource": {
                    "apiVersion": "extensions.istio.io/v1alpha1",
                    "kind": "WasmPlugin",
                    "metadata": { "name": "hello" },
                    "spec": {
                        "url": format!("oci://registry.example:5000/acme/hello:0.1.0@{digest}"),
                        "sha256": digits(&digest),
                        "failStrategy": "FAIL_CLOSE",
                        "pluginConfig": { "first-header": "some-value", "second-header": "42" },
                    },
                },
                "findings": [],
            }],
        });
        assert_eq!(document, expected);
    }
}

#[test]
fn json_of_a_module_of_another_toolchain() {
    let sandbox = Sandbox::new();
    let module = plugin("", &["callback"]);
    sandbox.write("made.wasm", &module);
    let args = ["build", "--module", "made.wasm", "--optimize", "none", "-o", "json"];
    let assert = sandbox.tool(args).assert().success();
    let document: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let directory = sandbox.path("target/wasmplugin.d/made");
    let build = Built::in_directory(directory.clone());
    let mut image = image_of(&build);
    for name in ["repository", "tag", "reference"] {
        image[name] = Value::Null;
    }
    image["variant"] = "oci".into();
    let package = &document["packages"][0];
    assert_eq!(package["name"], "made");
    assert_eq!(package["directory"], directory.as_str());
    assert_eq!(package["image"], image);
    assert_eq!(package["resource"], Value::Null);
    assert_eq!(package["module"]["compiledSize"], module.len());
    assert_eq!(package["module"]["optimizedSize"], module.len());
    assert_eq!(package["module"]["optimize"], "none");
    let findings = package["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    let finding = findings[0].as_object().unwrap();
    assert_eq!((&finding["code"], &finding["severity"]), (&json!("no-callback"), &json!("warning")));
    let keys: Vec<&str> = finding.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "help", "meshes", "message", "places", "reason", "severity"]);
}

/// A workspace with two plugins without dependencies, which compile quickly.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n\n\
         [workspace.metadata.wasmplugin]\nimage = \"quay.io/acme/{name}\"\n",
    );
    for name in ["one", "two"] {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"1.2.3+build\"\nedition = \"2024\"\n\n\
             [lib]\ncrate-type = [\"cdylib\"]\n\n[package.metadata.wasmplugin]\n"
        );
        sandbox.write(format!("{name}/Cargo.toml"), manifest);
        let code = r#"
            #[unsafe(no_mangle)]
            extern "C" fn proxy_abi_version_0_2_1() {}

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
                Vec::with_capacity(size).leak().as_mut_ptr()
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_headers(_: u32, _: u32, _: u32) -> u32 {
                0
            }
        "#;
        sandbox.write(format!("{name}/src/lib.rs"), code);
    }
    sandbox
}

#[test]
fn two_packages_are_two_documents() {
    let sandbox = workspace();
    let yaml = sandbox.tool(["build", "--workspace", "-o", "yaml"]).assert().success();
    let directory = |name: &str| format!("target/wasmplugin.d/{name}");
    let [one, two] = ["one", "two"].map(|name| sandbox.read(format!("{}/wasmplugin.yaml", directory(name))));
    assert_eq!(String::from_utf8_lossy(&yaml.get_output().stdout), format!("{one}---\n{two}"));
    let digest = sandbox.read("target/wasmplugin.d/one/digest");
    // A tag can't contain `+`.
    assert!(one.contains(&format!("\n  url: oci://quay.io/acme/one:1.2.3_build@{digest}")), "{one}");
    assert!(one.contains("\nmetadata:\n  name: one\n"), "{one}");

    let assert = sandbox.tool(["build", "--workspace", "-o", "json"]).assert().success();
    let document: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let packages = document["packages"].as_array().unwrap();
    assert_eq!(packages.iter().map(|package| &package["name"]).collect::<Vec<_>>(), ["one", "two"]);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        assert_eq!(package["directory"], sandbox.path(directory(name)).as_str());
        assert_eq!(package["image"]["repository"], format!("quay.io/acme/{name}"));
        assert_eq!(format!("{}\n", package["image"]["digest"].as_str().unwrap()), {
            sandbox.read(format!("{}/digest", directory(name)))
        });
    }

    let one = sandbox.tool(["build", "-p", "two", "-o", "yaml"]).assert().success();
    assert_eq!(String::from_utf8_lossy(&one.get_output().stdout), two);
}

#[test]
fn without_an_image_only_the_resource_is_missing() {
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin("", &[]));
    let assert = sandbox.tool(["build", "--module", "made.wasm"]).assert().success().stdout_eq("");
    summary(&String::from_utf8_lossy(&assert.get_output().stderr), file!["output/summary-without-image.txt"]);
    let files: Vec<String> = tree(&sandbox.path("target/wasmplugin.d/made")).into_keys().collect();
    let files: Vec<&str> = files.iter().map(String::as_str).filter(|file| !file.contains("blobs")).collect();
    assert_eq!(
        files,
        [
            "digest",
            "image/index.json",
            "image/oci-layout",
            "plugin.debug.wasm",
            "plugin.wasm",
            "runtime-config.json"
        ]
    );
}

#[test]
fn the_url_of_a_file_gets_the_hash_of_the_module() {
    for url in
        ["file:///opt/plugins/made.wasm", "https://example.com/made.wasm", "http://example.com/made.wasm"]
    {
        for image in [&[][..], &["--image", "quay.io/acme/made"]] {
            let sandbox = Sandbox::new();
            sandbox.write("made.wasm", plugin("", &[]));
            let template = format!(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: made\n\
                 spec:\n  url: {url}\n  phase: AUTHN\n"
            );
            sandbox.write("wasmplugin.yaml", template);
            let command = sandbox.tool(["build", "--module", "made.wasm", "-o", "yaml"]).args(image);
            let yaml = command.assert().success().get_output().stdout.clone();
            let module = fs_err::read(sandbox.path("target/wasmplugin.d/made/plugin.wasm")).unwrap();
            let hash = sha256(&module);
            let expected = format!(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: made\n\
                 spec:\n  url: {url}\n  sha256: {}\n  phase: AUTHN\n",
                digits(&hash)
            );
            assert_eq!(String::from_utf8(yaml).unwrap(), expected);
        }
    }
}

#[test]
fn flags_say_more_of_the_image() {
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin("", &[]));
    let flags = ["--image", "quay.io/acme/made", "--pull-image", "mirror.local/acme/made", "--tag", "v2"];
    let more = ["--annotation", "b=2", "--annotation", "a=x=y", "-o", "json"];
    let assert = sandbox.tool(["build", "--module", "made.wasm"]).args(flags).args(more).assert().success();
    let document: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let package = &document["packages"][0];
    let image = Layout(sandbox.path("target/wasmplugin.d/made/image"));
    let digest = image.digest();
    assert_eq!(package["image"]["reference"], format!("quay.io/acme/made@{digest}"));
    assert_eq!(package["resource"]["spec"]["url"], format!("oci://mirror.local/acme/made:v2@{digest}"));
    let annotations = &image.manifest()["annotations"];
    assert_eq!((&annotations["a"], &annotations["b"]), (&json!("x=y"), &json!("2")));
    let index = image.index();
    assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "v2");
}
