use std::sync::Arc;

use crate::check;
use crate::check::MOST;
use crate::diagnostics::source::SourceFile;
use crate::diagnostics::{Diagnostic, Place};
use crate::resource::Draft;

const API_VERSION: &str = "extensions.istio.io/v1alpha1";
const KIND: &str = "WasmPlugin";

fn found(source: &str) -> Vec<Diagnostic> {
    let file = SourceFile { path: "wasmplugin.yaml".into(), text: source.to_owned() };
    let draft = Draft::read(Arc::new(file), "hello").unwrap_or_else(|error| panic!("{source}: {error}"));
    check::resource(&draft)
}

/// The findings in a document, one line each: `SEVERITY PLACE: message; label; help`.
fn lines(source: &str) -> Vec<String> {
    let line = |finding: &Diagnostic| {
        let location = finding.places.iter().find_map(Place::location);
        let (place, label) =
            location.map_or(("", ""), |location| (&source[location.span.clone()], &location.label));
        format!(
            "{} {place}: {}; {label}; {}",
            finding.severity.name(),
            finding.message,
            finding.help.join("; ")
        )
    };
    found(source).iter().map(line).collect()
}

/// The same for a spec in flow style, `{...}`.
fn findings_of_spec(spec: &str) -> Vec<String> {
    lines(&format!("{{apiVersion: {API_VERSION}, kind: {KIND}, metadata: {{name: a}}, spec: {spec}}}"))
}

fn assert_finding(spec: &str, expected: &str) {
    let lines = findings_of_spec(spec);
    assert_eq!(lines.len(), 1, "{spec}: {lines:#?}");
    assert_eq!(lines[0], expected, "{spec}");
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let items: Vec<String> = (0..count).map(item).collect();
    format!("[{}]", items.join(", "))
}

const FULL: &str = "\
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: header-append
  namespace: istio-system
  labels: {app: demo}
  annotations: {note: \"1\"}
  finalizers: [x]
spec:
  selector:
    matchLabels: {app: demo}
  url: oci://quay.io/acme/header-append
  sha256: \"\"
  imagePullPolicy: IfNotPresent
  imagePullSecret: pull
  pluginConfig:
    big: 9007199254740992
    list: [1, {a: 1}, null]
  pluginName: root
  phase: AUTHN
  priority: -2147483648
  failStrategy: FAIL_RELOAD
  vmConfig:
    env:
    - {name: A, valueFrom: INLINE, value: x}
    - {name: B, valueFrom: HOST}
  match:
  - mode: CLIENT_AND_SERVER
    ports: [{number: 1}, {number: 65535}]
  type: HTTP
";

#[test]
fn a_full_plugin_is_accepted() {
    assert_eq!(lines(FULL), [""; 0]);
    assert_eq!(findings_of_spec("{}"), [""; 0]);
    assert_eq!(findings_of_spec("null"), [""; 0]);
    assert_eq!(
        findings_of_spec("{selector: null, priority: null, targetRefs: [{kind: Service, name: a}]}"),
        [""; 0]
    );
}

#[test]
fn another_kind_is_the_only_finding() {
    for (kind, help) in [
        ("TrafficExtension", "write a WasmPlugin, and convert it with `--kind TrafficExtension`"),
        ("EnvoyExtensionPolicy", "write a WasmPlugin, and convert it with `--kind EnvoyExtensionPolicy`"),
        ("ServiceMeshExtension", "write a WasmPlugin, and keep other resources in other files"),
        ("Gateway", "write a WasmPlugin, and keep other resources in other files"),
    ] {
        let spec = "{phaze: 1, url: \"a:5000/b\", selector: {matchLabels: {}}}";
        assert_eq!(
            lines(&format!("apiVersion: a/v1\nkind: {kind}\nmetadata: {{name: A}}\nspec: {spec}\n")),
            [format!("error {kind}: `kind` is `{kind}`; expected `WasmPlugin`; {help}")]
        );
    }
    assert_eq!(
        lines("apiVersion: extensions.istio.io/v1beta1\nkind: wasmplugin\n"),
        [
            "error extensions.istio.io/v1beta1: `apiVersion` is `extensions.istio.io/v1beta1`; expected \
             `extensions.istio.io/v1alpha1`; a similar value exists: `extensions.istio.io/v1alpha1`",
            "error wasmplugin: `kind` is `wasmplugin`; expected `WasmPlugin`; a similar value exists: `WasmPlugin`",
        ]
    );
    assert_eq!(
        lines("spec: {}"),
        [
            "error spec: the document has no `apiVersion`; `apiVersion` is required here; ",
            "error spec: the document has no `kind`; `kind` is required here; ",
        ]
    );
    assert_eq!(lines("[1]")[0], "error [: the document is a list; expected a mapping; ");
    assert_eq!(lines("text")[0], "error t: the document is a string; expected a mapping; ");
}

#[test]
fn a_near_field_is_a_typo_and_a_far_one_survives() {
    assert_finding(
        "{plugginConfig: {}}",
        "error plugginConfig: unknown field `plugginConfig`; not a known field of `spec`; \
         a field with a similar name exists: `pluginConfig`",
    );
    assert_finding(
        "{frobnicate: {}}",
        "warning frobnicate: unknown field `frobnicate`; not a known field of `spec`; \
         the field is kept; a cluster that doesn't know it drops or refuses it",
    );
    assert!(
        findings_of_spec("{vmConfig: {env: [{nmae: A, name: B}]}}")[0].contains("`spec.vmConfig.env[0]`")
    );
    let lines = lines(&format!("apiVersion: {API_VERSION}\nkind: {KIND}\nmetdata: {{}}\nfrobnicate: 1\n"));
    assert!(
        lines[0].starts_with("error metdata: unknown field `metdata`; not a known field of the document"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("warning frobnicate"), "{lines:?}");
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_file() {
    let lines =
        findings_of_spec("{type: TCP, phase: authn, priority: x, pluginName: 8, match: {}, vmConfig: [1]}");
    let expected = [
        "error TCP: `spec.type` is `TCP`; expected one of `UNSPECIFIED_PLUGIN_TYPE`, `HTTP`, `NETWORK`; ",
        "error authn: `spec.phase` is `authn`; expected one of `UNSPECIFIED_PHASE`, `AUTHN`, `AUTHZ`, `STATS`; \
         a similar value exists: `AUTHN`",
        "error x: `spec.priority` is a string; expected an integer; ",
        "error 8: `spec.pluginName` is a number; expected a string; quote it",
        "error match: `spec.match` is a mapping; expected a list; ",
        "error vmConfig: `spec.vmConfig` is a list; expected a mapping; ",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn an_ambiguous_scalar_in_a_string_field_is_reported_once() {
    let lines = findings_of_spec("{pluginName: yes, imagePullSecret: true, priority: off}");
    let messages: Vec<&str> = lines.iter().map(|line| line.split(';').next().unwrap()).collect();
    assert_eq!(
        messages,
        [
            "error yes: `yes` is ambiguous: some YAML readers read it as the boolean true, others as text",
            "error true: `spec.imagePullSecret` is a boolean",
            "error off: `off` is ambiguous: some YAML readers read it as the boolean false, others as text",
            "error off: `spec.priority` is a boolean",
        ]
    );
}

#[test]
fn choices_are_closed() {
    for (field, value) in
        [("imagePullPolicy", "Never"), ("phase", "STATISTICS"), ("failStrategy", "FAIL"), ("type", "http3")]
    {
        let lines = findings_of_spec(&format!("{{{field}: {value}}}"));
        assert!(
            lines[0].starts_with(&format!("error {value}: `spec.{field}` is `{value}`; expected one of ")),
            "{lines:?}"
        );
    }
    let lines = findings_of_spec("{match: [{mode: BOTH}]}");
    assert!(lines[0].starts_with("error BOTH: `spec.match[0].mode` is `BOTH`"), "{lines:?}");
    let lines = findings_of_spec("{vmConfig: {env: [{name: A, valueFrom: SECRET}]}}");
    assert!(lines[0].contains("`spec.vmConfig.env[0].valueFrom` is `SECRET`"), "{lines:?}");
}

#[test]
fn lengths_and_counts_have_the_limits_of_the_mesh() {
    let letters = |count: usize| "a".repeat(count);
    let target = |field: &str, length: usize| {
        let others = if field == "name" { "kind: Service" } else { "kind: Service, name: a" };
        format!("{{targetRefs: [{{{others}, {field}: {}}}]}}", letters(length))
    };
    let env = |name: usize, value: usize| {
        format!("{{vmConfig: {{env: [{{name: {}, value: \"{}\"}}]}}}}", letters(name), letters(value))
    };
    let label = |value: &str| format!("{{selector: {{matchLabels: {{a: {value}}}}}}}");
    let labels = |count: usize| {
        let labels: Vec<String> = (0..count).map(|number| format!("k{number}: v")).collect();
        format!("{{selector: {{matchLabels: {{{}}}}}}}", labels.join(", "))
    };
    let port = |number: i64| format!("{{match: [{{ports: [{{number: {number}}}]}}]}}");
    for (fits, too_much) in [
        (format!("{{pluginName: {}}}", letters(256)), format!("{{pluginName: {}}}", letters(257))),
        ("{pluginName: é}".to_owned(), "{pluginName: \"\"}".to_owned()),
        (format!("{{imagePullSecret: {}}}", letters(253)), format!("{{imagePullSecret: {}}}", letters(254))),
        ("{imagePullSecret: a}".to_owned(), "{imagePullSecret: \"\"}".to_owned()),
        ("{url: \"oci://a/b\"}".to_owned(), "{url: \"\"}".to_owned()),
        ("{priority: 2147483647}".to_owned(), "{priority: 2147483648}".to_owned()),
        ("{priority: -2147483648}".to_owned(), "{priority: -2147483649}".to_owned()),
        (target("group", 253), target("group", 254)),
        (target("name", 253), target("name", 254)),
        ("{targetRef: {kind: Service, name: a, namespace: \"\"}}".to_owned(), target("namespace", 1)),
        (env(256, 2048), env(257, 2048)),
        (env(1, 2048), env(1, 2049)),
        (label(&letters(63)), label(&letters(64))),
        (label("a"), label("\"a*\"")),
        (labels(4096), labels(4097)),
        (port(1), port(0)),
        (port(65535), port(65536)),
        (
            format!("{{targetRefs: {}}}", list(16, |_| "{kind: Gateway, name: a}".to_owned())),
            format!("{{targetRefs: {}}}", list(17, |_| "{kind: Gateway, name: a}".to_owned())),
        ),
        (
            format!("{{vmConfig: {{env: {}}}}}", list(256, |number| format!("{{name: N{number}}}"))),
            format!("{{vmConfig: {{env: {}}}}}", list(257, |number| format!("{{name: N{number}}}"))),
        ),
        ("{sha256: \"\"}".to_owned(), "{sha256: \"0\"}".to_owned()),
        (format!("{{sha256: \"{}\"}}", "0a".repeat(32)), format!("{{sha256: \"{}\"}}", "0g".repeat(32))),
    ] {
        assert_eq!(findings_of_spec(&fits), [""; 0], "{fits}");
        let lines = findings_of_spec(&too_much);
        assert!(lines.len() == 1 && lines[0].starts_with("error "), "{too_much}: {lines:#?}");
    }
}

#[test]
fn missing_fields_are_found() {
    for (spec, problem) in [
        ("{targetRef: {kind: Service}}", "targetRef: `spec.targetRef` has no `name`"),
        ("{targetRefs: [{name: a}]}", "name: `spec.targetRefs[0]` has no `kind`"),
        ("{vmConfig: {env: [{value: a}]}}", "value: `spec.vmConfig.env[0]` has no `name`"),
        ("{match: [{ports: [{number: null}]}]}", "ports: `spec.match[0].ports[0]` has no `number`"),
    ] {
        assert!(
            findings_of_spec(spec)[0].starts_with(&format!("error {problem}; ")),
            "{spec}: {:?}",
            findings_of_spec(spec)
        );
    }
}

#[test]
fn hostile_documents_are_handled() {
    let long = "k".repeat(900);
    let deep = (0..50).fold(String::new(), |text, _| format!("{text}{{{long}: "));
    let numbers = "9007199254740993,".repeat(20_000);
    let lines = findings_of_spec(&format!("{{pluginConfig: {deep}[{numbers}]{}}}", "}".repeat(50)));
    assert_eq!(lines.len(), MOST);
    let unknown: Vec<String> = (0..20_000).map(|number| format!("u{number}: 1")).collect();
    assert_eq!(findings_of_spec(&format!("{{{}}}", unknown.join(", "))).len(), MOST);
    assert_eq!(findings_of_spec(&format!("{{? {} : 1}}", "k".repeat(900_000))).len(), 1);
}

#[test]
fn mutually_exclusive_fields_are_found() {
    let label = "only one of `selector`, `targetRef` and `targetRefs` can be set";
    assert_eq!(
        findings_of_spec(
            "{targetRefs: [], selector: {matchLabels: {a: b}}, targetRef: {kind: Service, name: a}}"
        ),
        [
            format!("error selector: `spec.selector` conflicts with `targetRefs`; {label}; "),
            format!("error targetRef: `spec.targetRef` conflicts with `targetRefs`; {label}; "),
        ]
    );
    assert_finding(
        "{vmConfig: {env: [{name: A, valueFrom: HOST, value: x}]}}",
        "error x: `spec.vmConfig.env[0].value` conflicts with `valueFrom`; with `valueFrom: HOST` the value comes from the environment of the proxy; ",
    );
    assert_finding(
        "{vmConfig: {env: [{name: A}, {name: A}]}}",
        "error A: `spec.vmConfig.env[1].name` is a duplicate of `A`; each variable can be listed only once; ",
    );
    let lines = findings_of_spec("{match: [{ports: [{number: 80}, {number: 80}]}, {ports: [{number: 80}]}]}");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("`spec.match[0].ports[1].number` is a duplicate of 80"), "{lines:?}");
}

#[test]
fn the_configuration_is_a_mapping_and_keeps_what_it_can() {
    for config in ["text", "[1]", "8", "true"] {
        let lines = findings_of_spec(&format!("{{pluginConfig: {config}}}"));
        assert!(lines[0].ends_with("; expected a mapping; "), "{lines:?}");
    }
    let lines = findings_of_spec("{pluginConfig: {verificationKey: x}, verificationKey: z}");
    assert!(
        lines[0].starts_with("warning x: `spec.pluginConfig.verificationKey` is only passed to the plugin"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("warning z: `spec.verificationKey` has no effect"), "{lines:?}");
    let lines = findings_of_spec("{pluginConfig: {a: [{b: -9007199254740993}]}}");
    assert!(
        lines[0].starts_with("warning -9007199254740993: `spec.pluginConfig.a[0].b` loses digits"),
        "{lines:?}"
    );
}

#[test]
fn doubtful_fields_are_warnings() {
    let lines = findings_of_spec("{selector: {matchLabels: {}}}");
    assert!(lines.len() == 1 && lines[0].starts_with("warning matchLabels: "), "{lines:?}");
    let lines = findings_of_spec("{vmConfig: {env: [{name: ISTIO_META_X, value: a}]}}");
    assert!(lines.len() == 1 && lines[0].starts_with("warning ISTIO_META_X: "), "{lines:?}");
}

#[test]
fn hashes_urls_and_names_have_a_help() {
    let hash = "0a".repeat(32);
    let lines = findings_of_spec(&format!("{{sha256: \"sha256:{hash}\"}}"));
    assert!(
        lines[0].ends_with(&format!("; write `{hash}`, or remove `sha256`: it is filled in")),
        "{lines:?}"
    );
    let lines = findings_of_spec(&format!("{{sha256: {}}}", hash.to_uppercase().replace('0', "A")));
    assert!(
        lines[0]
            .ends_with(&format!("; write `{}`, or remove `sha256`: it is filled in", hash.replace('0', "a"))),
        "{lines:?}"
    );
    let lines = findings_of_spec("{url: \"reg:5000/a\"}");
    assert!(lines[0].ends_with("; write `oci://reg:5000/a`"), "{lines:?}");
    let metadata = |metadata: &str| findings_of_metadata(metadata);
    assert!(metadata("{name: a_b}")[0].starts_with("error a_b: `metadata.name` contains `_`"));
    assert!(metadata("{namespace: a.b}")[0].starts_with("error a.b: `metadata.namespace` contains `.`"));
    assert!(
        metadata("{labels: {a: 1}}")[0]
            .ends_with("`metadata.labels.a` is a number; expected a string; quote it")
    );
    assert!(metadata("{annotations: [a]}")[0].contains("expected a mapping of strings to strings"));
    assert_eq!(metadata("{ownerReferences: [{anything: 1}], finalizers: [x]}"), [""; 0]);
}

#[test]
fn what_selects_everything_once_it_is_dropped_is_an_error() {
    assert_finding(
        "{selector: {app: web}}",
        "error app: unknown field `app`; not a known field of `spec.selector`; \
         write the labels of the pods below `matchLabels`",
    );
    assert_finding(
        "{selector: {matchExpressions: []}}",
        "error matchExpressions: unknown field `matchExpressions`; not a known field of `spec.selector`; \
         write the labels of the pods below `matchLabels`",
    );
    let lines = findings_of_spec("{selector: {}}");
    assert!(
        lines.len() == 1 && lines[0].starts_with("warning selector: `spec.selector` is empty"),
        "{lines:?}"
    );
    assert!(findings_of_spec("{selector: {matchLabels: {app: \"a b\"}}}")[0].contains("no pod can have"));
    assert!(findings_of_spec("{selector: {matchLabels: {\"a/b/c\": d}}}")[0].contains("no pod can have"));
}

#[test]
fn a_field_of_another_kind_has_another_name() {
    for (field, name) in [
        ("config", "spec.pluginConfig"),
        ("workloadSelector", "spec.selector.matchLabels"),
        ("image", "spec.url"),
        ("imagePullSecrets", "spec.imagePullSecret"),
        ("rootID", "spec.pluginName"),
        ("failOpen", "spec.failStrategy"),
        ("configuration", "spec.pluginConfig"),
    ] {
        assert_finding(
            &format!("{{{field}: {{}}}}"),
            &format!(
                "error {field}: unknown field `{field}`; not a known field of `spec`; \
                 a WasmPlugin has this field as `{name}`"
            ),
        );
    }
}

#[test]
fn a_null_in_the_configuration_may_get_lost() {
    let lines = findings_of_spec("{pluginConfig: {a: null, b: [null, {c: ~}]}, phase: null}");
    let expected = ["a", "b[1].c"].map(|path| {
        format!("`spec.pluginConfig.{path}` is null, which `kubectl apply` may drop; ; remove the field, or write another value")
    });
    let found: Vec<_> = lines.iter().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn names_of_other_resources_are_names_in_kubernetes() {
    assert_finding(
        "{imagePullSecret: shop/pull}",
        "error shop/pull: `spec.imagePullSecret` contains `/`; only `a-z`, `0-9`, `-` and `.` are allowed; expected \
         the name of a Secret; write `pull`: the Secret is in the namespace of the resource",
    );
    assert!(findings_of_spec("{imagePullSecret: Pull}")[0].contains("contains `P`"));
    assert!(
        findings_of_spec("{targetRefs: [{kind: Service, name: My_Service}]}")[0].contains("contains `M`")
    );
}

#[test]
fn metadata_is_as_kubernetes_takes_it() {
    for (metadata, expected) in [
        (
            "{lables: {}}",
            "error lables: unknown field `lables`; not a known field of `metadata`; a field with a similar name exists: `labels`",
        ),
        (
            "{team: shop}",
            "error team: unknown field `team`; not a known field of `metadata`; write other data as a label or an annotation",
        ),
        (
            "{labels: {\"a b\": c}}",
            "error c: `metadata.labels.a b` has a key that contains ` `; only letters, digits, `-`, `_` and `.` are allowed; ; ",
        ),
        (
            "{labels: {a: b c}}",
            "error b c: `metadata.labels.a` contains ` `; only letters, digits, `-`, `_` and `.` are allowed; expected the value of a label; other text can be an annotation",
        ),
        ("{annotations: {a/: b}}", "error b: `metadata.annotations.a/` has a key that has no name; ; "),
    ] {
        assert_eq!(findings_of_metadata(metadata), [expected]);
    }
    assert_eq!(
        findings_of_metadata("{annotations: {Example.COM/a: \"any text: ü\"}, labels: {a/b: \"\"}}"),
        [""; 0]
    );
    let large = format!("{{annotations: {{a: {}}}}}", "a".repeat(256 * 1024));
    assert!(findings_of_metadata(&large)[0].contains("has 262145 bytes; at most 262144 are allowed"));
}

fn findings_of_metadata(metadata: &str) -> Vec<String> {
    lines(&format!("{{apiVersion: {API_VERSION}, kind: {KIND}, metadata: {metadata}}}"))
}
