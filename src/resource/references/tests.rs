use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::check;
use crate::check::MOST;
use crate::diagnostics::Diagnostic;
use crate::diagnostics::source::SourceFile;
use crate::digest::Digest;
use crate::error::FileError;
use crate::resource::{Kind, PulledImage};
use crate::yaml::{self, Node};

const ISTIO: &str = "apiVersion: extensions.istio.io/v1alpha1\n";

fn read(text: &str) -> Result<ManifestFile, FileError> {
    ManifestFile::read(Arc::new(SourceFile { path: "manifests.yaml".into(), text: text.to_owned() }))
}

/// Reads a file that has no problems.
fn valid(text: &str) -> ManifestFile {
    let file = read(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let found = check::manifests(std::slice::from_ref(&file));
    assert_eq!(found, [], "{text}");
    file
}

/// The findings in a text that can be read.
fn found(text: &str) -> Vec<Diagnostic> {
    check::manifests(&[read(text).unwrap_or_else(|error| panic!("{text}\n{error}"))])
}

fn image(package: &str) -> PulledImage {
    PulledImage {
        repository: format!("quay.io/acme/{package}").parse().unwrap(),
        tag: Some("1.0.0".parse().unwrap()),
        manifest: Digest::of(package.as_bytes()),
    }
}

fn resolved(text: &str) -> String {
    let file = valid(text);
    let images = file.packages().map(|package| (package.to_owned(), image(package))).collect();
    file.resolve(&images)
}

/// A text in which `URL`, `HEX` and `OLD` stand for a url, a new sha256 and an old one: as it is before its
/// references to `hello` are resolved, and after. Lines and fields between `«` and `»` are added.
fn before_and_after(pattern: &str) -> (String, String) {
    let added = regex::Regex::new(r"(?s)«(.*?)»").unwrap();
    let before = added.replace_all(pattern, "").replace("URL", "wasmplugin://hello").replace("OLD", "abc123");
    let hex = image("hello").manifest.hex();
    let after = added.replace_all(pattern, "$1").replace("URL", &image("hello").url());
    (before, after.replace("HEX", &hex).replace("OLD", &hex))
}

/// The problems of a text: the messages, and the text that they point at.
fn problems(text: &str) -> Vec<(String, String)> {
    match read(text) {
        Ok(file) => {
            let found = check::manifests(&[file]);
            let place = |finding: &Diagnostic| finding.places[0].location().unwrap().span.clone();
            found.iter().map(|finding| (finding.message.clone(), text[place(finding)].to_owned())).collect()
        }
        Err(error) => vec![(error.to_string(), text[error.location().span.clone()].to_owned())],
    }
}

fn problem(text: &str) -> (String, String) {
    let mut problems = problems(text);
    assert_eq!(problems.len(), 1, "{text}\n{problems:#?}");
    problems.remove(0)
}

#[test]
fn each_way_to_write_a_reference_keeps_its_look() {
    let spec = |spec: &str| format!("{ISTIO}kind: WasmPlugin\nspec:\n{spec}");
    for pattern in [
        spec("  url: URL\n«  sha256: HEX\n»  phase: AUTHN\n"),
        spec("    url:   URL  \t # note\n«    sha256: HEX\n»    phase: AUTHN\n"),
        spec("  url: \"URL\"\n«  sha256: \"HEX\"\n»"),
        spec("  'url' : 'URL' \n«  'sha256': 'HEX'\n»"),
        spec("  url:\n      URL\n«  sha256: HEX\n»  phase: AUTHN\n"),
        spec("  url: URL«\n  sha256: HEX»"),
        spec("  url: 'URL'«\n  sha256: 'HEX'»"),
        spec("  url: URL\n  sha256: OLD # old\n"),
        spec("  sha256: OLD\n  url: URL\n"),
        spec("  sha256: \"OLD\"\n  url: URL\n"),
        spec("  sha256: ''\n  url: URL\n").replace("''", "'«HEX»'"),
        spec("  sha256:« HEX»\n  url: URL\n"),
        spec("  sha256 :« HEX»   # later\n  url: URL"),
        spec("  url: URL\n  sha256:« HEX»"),
        spec(" {url: URL«, sha256: HEX»}\n"),
        spec(" {\n  \"url\" : \"URL\"«, \"sha256\": \"HEX\"» ,\n  \"phase\": \"AUTHN\"}\n"),
        spec(" {sha256:« HEX», url: 'URL'}\n"),
        spec(" {url: URL,sha256: OLD}"),
        spec(" &spec !!map\n  url: URL\n«  sha256: HEX\n»"),
        "{\"kind\":\"WasmPlugin\",\"apiVersion\":\"extensions.istio.io/v1alpha1\",\"spec\":{\"url\":\"URL\"«, \"sha256\": \"HEX\"»}}"
            .to_owned(),
        format!("{ISTIO}kind: TrafficExtension\nspec:\n  wasm:\n    url: URL\n«    sha256: HEX\n»"),
    ] {
        for pattern in [pattern.replace('\n', "\r\n"), pattern.replace('\n', "\r"), pattern] {
            let (before, after) = before_and_after(&pattern);
            assert_eq!(resolved(&before), after, "{before}");
        }
    }
}

#[test]
fn lists_are_gone_through() {
    let pattern = "\
apiVersion: v1
items:
- apiVersion: extensions.istio.io/v1alpha1
  kind: WasmPlugin
  spec: {url: URL«, sha256: HEX»}
- {kind: Secret}
-
  kind: EnvoyExtensionPolicy
  apiVersion: gateway.envoyproxy.io/v1alpha1
  spec:
    wasm:
    - code:
        image:
          url: URL
«          sha256: HEX
»    -   code: {image: {url: oci://quay.io/other/one}}
    - code:
        http: {url: https://example.com/x.wasm, sha256: abc}
    - code: {type: Image, image: {url: \"URL\"«, sha256: \"HEX\"»}}
kind: List
";
    let (before, after) = before_and_after(pattern);
    assert_eq!(resolved(&before), after);
}

#[test]
fn resources_are_identified_as_kubectl_reads_them() {
    for pattern in [
        "x: &v extensions.istio.io/v1alpha1\napiVersion: *v\nkind: !!str WasmPlugin\nspec: {url: URL«, sha256: HEX»}\n",
        "x: &c\n  apiVersion: extensions.istio.io/v1alpha1\n  kind: WasmPlugin\n<<: *c\nspec:\n  url: URL\n«  sha256: HEX\n»",
        "kind: Other\n<<: [{kind: WasmPlugin}, {kind: Other}]\napiVersion: extensions.istio.io/v1alpha1\nspec: {<<: {url: a, sha256: b}, url: URL«, sha256: HEX»}\n",
        "v: &v v1\napiVersion: *v\nkind: List\nitems:\n- &a {kind: Secret}\n- *a\n- {<<: {apiVersion: extensions.istio.io/v1alpha1}, kind: WasmPlugin, spec: {url: URL«, sha256: HEX»}}\n",
    ] {
        let (before, after) = before_and_after(pattern);
        assert_eq!(resolved(&before), after, "{before}");
    }
    let named = |name: &str| {
        format!(
            "x: [&n {name}, &m {{namespace: y, name: *n}}]\n{ISTIO}kind: WasmPlugin\nmetadata: {{<<: *m}}\nspec: {{url: wasmplugin://hello}}\n"
        )
    };
    let files = |one: &str, two: &str| [read(&named(one)).unwrap(), read(&named(two)).unwrap()];
    let found = check::manifests(&files("a", "a"));
    let location = found[0].places[0].location().unwrap();
    assert_eq!((found[0].rule, &location.file.text[location.span.clone()]), ("duplicate-resource", "a"));
    assert_eq!(check::manifests(&files("a", "b")), []);
}

#[test]
fn what_comes_out_is_what_a_mesh_reads() {
    let hello = image("hello");
    for (kind, spec) in [
        (Kind::WasmPlugin, "spec: {sha256: , url: wasmplugin://hello}"),
        (Kind::TrafficExtension, "spec:\n  wasm:\n    'url': 'wasmplugin://hello'"),
        (
            Kind::EnvoyExtensionPolicy,
            "spec:\n  wasm:\n  - code:\n      image:\n        url: wasmplugin://hello",
        ),
    ] {
        let api_version = kind.api_version().unwrap();
        let document = resolved(&format!("apiVersion: {api_version}\nkind: {}\n{spec}", kind.name()));
        let (document, _) = yaml::read_document(&document).unwrap();
        assert_eq!(Kind::of(&document), Some(kind));
        let step = |node: Node, step: &&str| match step.strip_suffix("[]") {
            Some(list) => node.get(list).unwrap().items()[0].clone(),
            None => node.get(step).unwrap().clone(),
        };
        let image = kind.image_path().unwrap().iter().fold(document, step);
        let field = |name| image.get(name).and_then(Node::as_str).unwrap().to_owned();
        assert_eq!((field("url"), field("sha256")), (hello.url(), hello.manifest.hex()));
    }
}

#[test]
fn a_hash_that_looks_like_a_number_is_quoted() {
    let text = format!("{ISTIO}kind: WasmPlugin\nspec:\n  url: wasmplugin://hello\n");
    for digits in ["1".repeat(64), format!("12e{}", "3".repeat(61))] {
        let manifest = format!("sha256:{digits}").parse().unwrap();
        let images = [("hello".to_owned(), PulledImage { manifest, ..image("hello") })].into();
        let (document, _) = yaml::read_document(&read(&text).unwrap().resolve(&images)).unwrap();
        let sha256 = document.get("spec").unwrap().get("sha256").unwrap();
        assert_eq!(sha256.as_str(), Some(digits.as_str()));
    }
}

#[test]
fn what_is_not_looked_for_is_not_judged() {
    for text in [
        "",
        "\u{feff}",
        "# wasmplugin://hello\n",
        "a: 1 # wasmplugin://hello\n",
        "---\n---\n...\n...\n",
        "a: {{ .Values.a }}\n{{- if x }}\n---\n\t\u{1}\0",
        "a: &x !y 1\nb: *x\n<<: *x\na: 2\n",
        "wasmplugin: {enabled: {{ .Values.b }}}\n",
        "kind: WasmPlugin\nkind: WasmPlugin\nspec: [[[[\n",
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {url: [1], sha256: {}}\n",
        "%YAML 1.2\n%TAG ! tag:x,2000:\n---\n- !y x\n",
    ] {
        assert_eq!(resolved(text), text);
    }
    assert_eq!(resolved(&"[".repeat(1 << 20)), "[".repeat(1 << 20));
}

#[test]
fn only_the_document_with_the_reference_is_judged() {
    let broken = "a: [\n--- # {{ template }}\n";
    let pattern = format!("{ISTIO}kind: WasmPlugin\nspec:\n  url: URL\n«  sha256: HEX\n»");
    let (before, after) = before_and_after(&format!("{broken}{pattern}...\n\u{1}\n---\n{broken}"));
    assert_eq!(resolved(&before), after);
}

#[test]
fn a_reference_that_nothing_resolves_is_refused_at_its_place() {
    let istio = |rest: &str| format!("{ISTIO}kind: WasmPlugin\n{rest}");
    let scheme = "wasmplugin://hello";
    for (text, message, place) in [
        ("wasmplugin://hello".to_owned(), "the document contains a reference", scheme),
        ("- wasmplugin://hello".to_owned(), "`[0]` contains a reference", scheme),
        ("a: {b: [x, wasmplugin://hello]}".to_owned(), "`a.b[1]` contains a reference", scheme),
        ("data:\n  x: |\n    see wasmplugin://hello\n".to_owned(), "`data.x` contains", "see wasmplugin://hello"),
        ("a: {\"wasmplugin:\\/\\/x\": 1}".to_owned(), "`a.wasmplugin://x` contains", "\"wasmplugin:\\/\\/x\""),
        ("? [wasmplugin://hello]\n: 1".to_owned(), "`?[0]` contains a reference", scheme),
        (istio("spec: {url: \"\\\"wasmplugin://x\" }"), "`spec.url` doesn't name a", "\"\\\"wasmplugin://x\""),
        (istio("spec: {url: 'it''s wasmplugin://x' }"), "`spec.url` doesn't name a", "'it''s wasmplugin://x'"),
        (istio("spec: wasmplugin://hello"), "`spec` contains a reference", scheme),
        (istio("spec: {url: [wasmplugin://hello]}"), "`spec.url[0]` contains a reference", scheme),
        (istio("spec: [{url: wasmplugin://hello}]"), "`spec[0].url` contains a reference", scheme),
        (istio("spec: {image: wasmplugin://hello}"), "`spec.image` contains a reference", scheme),
        (istio("metadata: {url: wasmplugin://hello}"), "`metadata.url` contains a reference", scheme),
        (istio("spec: {url: wasmplugin://hello:1.0}"), "`spec.url` doesn't name a package", "wasmplugin://hello:1.0"),
        (istio("spec: {url: 'wasmplugin://'}"), "`spec.url` doesn't name a package", "'wasmplugin://'"),
        (istio("spec: {url: oci://wasmplugin://x}"), "`spec.url` doesn't name a package", "oci://wasmplugin://x"),
        (istio("spec: {url: &u wasmplugin://hello}"), "`spec.url` is written", "&u wasmplugin://hello"),
        (istio("spec: {url: !!str 'wasmplugin://hello'}"), "`spec.url` is written", "!!str 'wasmplugin://hello'"),
        (istio("spec:\n  url: |-\n    wasmplugin://hello\n"), "`spec.url` is written", scheme),
        (istio("spec:\n  ? url\n  : wasmplugin://hello\n"), "`spec.url` is written", scheme),
        (istio("spec: {url: wasmplugin://hello, sha256: [a]}"), "`spec.sha256` is a list", "sha256"),
        (istio("spec: {url: wasmplugin://hello, sha256: {a: b}}"), "`spec.sha256` is a mapping", "sha256"),
        (istio("spec: {url: wasmplugin://hello, <<: {}}"), "`spec.url` may be replaced by the merge key", scheme),
        (istio("spec: {sha256: a, <<: {}, url: wasmplugin://hello}"), "`spec.url` may be replaced", scheme),
        (istio("spec: {<<: {url: wasmplugin://hello}}"), "`spec.<<.url` contains a reference", scheme),
        (format!("x: &s {{url: wasmplugin://hello}}\n{}", istio("spec: *s")), "`x.url` contains a reference", scheme),
        (istio("spec: {url: wasmplugin://hello, sha256: *a, x: &a b}"), "the alias refers to", "*"),
        (istio("x: &a b\nspec: {url: wasmplugin://hello, sha256: *a}"), "`spec.sha256` is written", "*a"),
        (istio("x: &a [*a]\nspec: {url: wasmplugin://hello}"), "the value of the anchor `&a` contains", "*a"),
        (istio("spec: {url: wasmplugin://hello, sha256: &a b}"), "`spec.sha256` is written", "&a b"),
        (istio("spec:\n  url: wasmplugin://hello\n  sha256: &a\n"), "`spec.sha256` is written", "&a"),
        (istio("spec: {url: wasmplugin://hello, sha256}"), "`spec.sha256` is written", ""),
        (istio("spec:\n  url: wasmplugin://hello\n  sha256: |-\n"), "`spec.sha256` is written", "|-"),
        (istio("spec: {url: wasmplugin://hello, a: 1, a: 2}"), "duplicate key `a`", "a"),
        (istio("spec: {url: wasmplugin://hello"), "this is not valid YAML: unclosed bracket", "{"),
        (istio("spec: {{ }}: wasmplugin://hello"), "this is not valid YAML: mapping values", ":"),
        (istio("spec: {url: wasmplugin://hello, x: \"\0\"}"), "the character U+0000", "\0"),
        (istio("spec: {url: wasmplugin://hello}\n# \u{2028}"), "the character U+2028", "\u{2028}"),
        ("{apiVersion: v1, kind: List, wasmplugin://hello: 1}".to_owned(), "`wasmplugin://hello` contains", scheme),
        (
            "apiVersion: v1\nkind: List\nitems:\n- kind: List\n  items: [wasmplugin://hello]".to_owned(),
            "`items[0].items[0]` contains",
            scheme,
        ),
        (
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nspec: {wasm: {code: {image: {url: wasmplugin://hello}}}}".to_owned(),
            "`spec.wasm.code.image.url` contains",
            scheme,
        ),
        (
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nspec: {wasm: [{code: {http: {url: wasmplugin://hello}}}]}".to_owned(),
            "`spec.wasm[0].code.http.url` contains",
            scheme,
        ),
    ] {
        let (found, at) = problem(&text);
        assert!(found.starts_with(message), "{text}\n{found}");
        assert_eq!(at, place, "{text}");
    }
}

#[test]
fn all_problems_are_shown_with_what_to_write() {
    let text = format!(
        "{ISTIO}kind: WasmPlugin\nspec: {{image: wasmplugin://a}}\n---\nkind: X\na: wasmplugin://b\n"
    );
    let found = found(&text);
    assert_eq!(found[0].help, ["it belongs in `spec.url` of WasmPlugin (`extensions.istio.io/v1alpha1`)"]);
    for kind in ["WasmPlugin", "`spec.wasm.url` of TrafficExtension", "`spec.wasm[].code.image.url`"] {
        assert!(found[1].help[0].contains(kind), "{:?}", found[1].help);
    }
    let many = "- wasmplugin://a\n".repeat(10_000);
    assert_eq!(problems(&many).len(), MOST);
}

#[test]
fn bytes_that_are_not_text_are_refused_at_their_line() {
    let location = SourceFile::from_bytes("x".into(), b"a: b\nc: \xff\xfe\n".to_vec()).unwrap_err();
    assert_eq!(location.to_string(), "x:2:4");
    let error = FileError::not_utf8(location);
    assert_eq!(error.to_string(), "invalid UTF-8");
    assert_eq!(error.location().label, "invalid byte 0xFF");
}

#[test]
fn a_resolved_resource_must_be_unique() {
    let plugin = |name: &str, namespace: &str, url: &str| {
        format!(
            "{ISTIO}kind: WasmPlugin\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{url: {url}}}\n"
        )
    };
    let (own, other) = ("wasmplugin://hello", "oci://quay.io/acme/x");
    for (one, two, is_repeated) in [
        (plugin("a", "x", own), plugin("a", "x", own), true),
        (plugin("a", "x", own), plugin("a", "x", other), true),
        (plugin("a", "x", other), plugin("a", "x", own), true),
        (plugin("a", "x", other), plugin("a", "x", other), false),
        (plugin("a", "x", own), plugin("a", "y", own), false),
        (plugin("a", "x", own), plugin("b", "x", own), false),
        (
            plugin("a", "x", own),
            plugin("a", "x", own).replace("WasmPlugin", "Other").replace(own, other),
            false,
        ),
    ] {
        let in_two = [read(&one).unwrap(), read(&two).unwrap()];
        let in_one = [read(&format!("{one}---\n{two}")).unwrap()];
        assert_eq!(!check::manifests(&in_two).is_empty(), is_repeated, "{one}{two}");
        assert_eq!(!check::manifests(&in_one).is_empty(), is_repeated, "{one}{two}");
    }
    let files = [read(&plugin("a", "x", own)).unwrap(), read(&plugin("a", "x", own)).unwrap()];
    let finding = &check::manifests(&files)[0];
    assert_eq!((finding.rule, finding.message.as_str()), ("duplicate-resource", "duplicate WasmPlugin `a`"));
    let places: Vec<_> = finding.places.iter().map(|place| place.location().unwrap().to_string()).collect();
    assert_eq!(places, ["manifests.yaml:3:18", "manifests.yaml:3:18"]);
}

#[test]
fn hostile_texts_are_resolved_or_refused() {
    let head = format!("{ISTIO}kind: WasmPlugin\nspec: ");
    let laughs = (1..20).fold("{a0: &a0 [x, x]".to_owned(), |text, level| {
        text + &format!(", a{level}: &a{level} [*a{}, *a{}]", level - 1, level - 1)
    });
    let items =
        "- {apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, spec: {url: wasmplugin://hello}}\n";
    // `Ok` has the number of references. `Err` has the number of findings, or 1 if the text is not YAML.
    let cases = [
        (format!("{head}{laughs}, url: wasmplugin://hello}}"), Err(1)),
        (format!("{head}{{url: wasmplugin://hello, x: \"{}\"}}", "é ".repeat(300_000)), Ok(1)),
        (format!("{head}{{url: wasmplugin://hello, x: [{}]}}", "x,".repeat(500_000)), Ok(1)),
        (format!("{head}{{url: wasmplugin://hello, x: {}}}", "{a: ".repeat(100_000)), Err(1)),
        (format!("{head}{{url: wasmplugin://hello, x: {}", "[".repeat(1 << 20)), Err(1)),
        (format!("{head}{{{}: [{}]}}", "k".repeat(1000), "wasmplugin://hello,".repeat(50_000)), Err(MOST)),
        (format!("{head}{{url: wasmplugin://hello, x: {}}}", "x".repeat(1 << 20)), Err(1)),
        // As many duplicate keys as misplaced references.
        (format!("{head}{{{}}}", "url: wasmplugin://hello,".repeat(30_000)), Err(2 * MOST)),
        ("---\n".repeat(250_000) + "wasmplugin://hello", Err(1)),
        ("- wasmplugin://\n---\n".repeat(50_000), Err(MOST)),
        (format!("# wasmplugin://\r{}", "\r".repeat(1 << 20)), Err(1)),
        (format!("apiVersion: v1\nkind: List\nitems:\n{}", items.repeat(10_000)), Ok(10_000)),
    ];
    for (text, expected) in cases {
        let shown: String = text.chars().take(100).collect();
        let images = [("hello".to_owned(), image("hello"))].into();
        let counted = match read(&text) {
            Err(_) => Err(1),
            Ok(file) => match check::manifests(std::slice::from_ref(&file)).len() {
                0 => Ok(file.resolve(&images).matches("oci://").count()),
                problems => Err(problems),
            },
        };
        assert_eq!(counted, expected, "{shown}");
    }
}

/// Comments and blank lines, which are allowed in every document.
fn extra() -> impl Strategy<Value = String> {
    let lines = vec!["", "# note", "  # wasmplugin://note", "# -- \u{e9}\u{1f600}", "   "];
    prop::collection::vec(prop::sample::select(lines), 0..3)
        .prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}

/// A document without references.
fn other() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "kind: ConfigMap\napiVersion: v1\ndata:\n  url: oci://x\n  text: |\n    - [ {{ x }}\n\n",
        "a: &a !x [1, *a]\n<<: {b: 'it''s'}\n",
        "{{- if .Values.x }}\nkind: WasmPlugin\n{{ end }}\n",
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {url: 'oci://a/b', sha256: \"\"}\n",
        "- \t x:\n",
        "",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "[ -~é]{0,40}\n".prop_filter("no marker", is_harmless)]
}

#[expect(clippy::ptr_arg, reason = "`prop_filter` passes a reference to the value")]
fn is_harmless(text: &String) -> bool {
    let (starts, words) = (["---", "...", "%"], ["wasmplugin:", "URL", "HEX", "OLD"]);
    !starts.iter().any(|start| text.starts_with(start)) && !words.iter().any(|word| text.contains(word))
}

/// A resource with a reference, as a pattern for `before_and_after`.
fn resource() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        ("WasmPlugin", "extensions.istio.io/v1alpha1", "spec:\n"),
        ("TrafficExtension", "extensions.istio.io/v1alpha1", "spec:\n wasm:\n"),
        (
            "EnvoyExtensionPolicy",
            "gateway.envoyproxy.io/v1alpha1",
            "spec:\n wasm:\n - code: {type: Image}\n - name: x\n   code:\n    image:\n",
        ),
    ]);
    let quote = prop::sample::select(vec!["", "'", "\""]);
    let old = prop::sample::select(vec!["none", "before", "behind", "empty", "flow"]);
    (kind, quote, old, 5..9_usize, "[ ]{0,3}", prop::bool::ANY, extra()).prop_map(
        |((kind, api_version, path), quote, old, indent, spaces, has_note, extra)| {
            let indent = " ".repeat(indent);
            let note = if has_note { " # sha256: no" } else { "" };
            let url = format!("{indent}url:{spaces} {quote}URL{quote}{spaces}{note}\n");
            let fields = match old {
                "none" => format!("{url}«{indent}sha256: {quote}HEX{quote}\n»"),
                "before" => format!("{indent}sha256: {quote}OLD{quote}{note}\n{extra}{url}"),
                "behind" => format!("{url}{indent}other: [1,\n{indent}  2]\n{indent}sha256: OLD{spaces}\n"),
                "empty" => format!("{url}{indent}sha256:« HEX»{spaces}{note}\n"),
                _ => format!(
                    "{indent}{{ {quote}url{quote}:{spaces} {quote}URL{quote}«, {quote}sha256{quote}: {quote}HEX{quote}»{spaces}}}\n"
                ),
            };
            format!("{extra}apiVersion: {api_version}\nkind: {kind}\n{path}{fields}{extra}")
        },
    )
}

proptest! {
    #[test]
    fn all_but_the_references_stays(
        documents in prop::collection::vec(prop_oneof![other(), resource()], 0..6),
        separator in prop::sample::select(vec!["---\n", "--- # next\n", "...\n---\n", "--- \t\n# \u{fc}\n"]),
        line_break in prop::sample::select(vec!["\n", "\r\n"]),
        has_mark in prop::bool::ANY,
        is_cut in prop::bool::ANY,
    ) {
        let mark = if has_mark { "\u{feff}" } else { "" };
        let pattern = format!("{mark}{}", documents.join(separator)).replace('\n', line_break);
        let (mut before, mut after) = before_and_after(&pattern);
        if is_cut && before.ends_with(line_break) && after.ends_with(line_break) {
            before.truncate(before.len() - line_break.len());
            after.truncate(after.len() - line_break.len());
        }
        prop_assert_eq!(resolved(&before), after.clone());
        prop_assert_eq!(resolved(&after), after);
    }

    #[test]
    fn no_text_is_too_strange(text in "([ -~\n\r\t]|wasmplugin://|---\n|url: |kind: |\u{feff}|é|\0){0,60}") {
        match read(&text) {
            Ok(file) if !check::manifests(std::slice::from_ref(&file)).is_empty() => {
                prop_assert!(text.contains("wasmplugin:"));
            }
            Ok(file) if file.packages().next().is_none() => prop_assert_eq!(resolved(&text), text),
            Ok(_) => prop_assert!(read(&resolved(&text)).unwrap().packages().next().is_none()),
            Err(_) => prop_assert!(text.contains("wasmplugin:")),
        }
    }
}
