//! Other YAML readers read what the program writes, and the program reads what others write.

use std::collections::BTreeMap;

use cargo_wasmplugin::internals::{Key, Node, Value, mapping, read_document, sequence, write};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::support::Sandbox;
use crate::support::module::plugin;
use crate::support::readers::{READERS, is_same};
use crate::support::running::Said;

/// Texts that some YAML readers read as something else, or that YAML can't contain without escapes.
#[rustfmt::skip]
const NASTY: &[&str] = &[
    "", " ", "  ", "on", "On", "yes", "YES", "n", "y", "N", "Y", "off", "no", "~", "null", "Null", "true",
    "FALSE", "012", "-012", "08", "0o12", "0x1F", "0b1", "1e3", "1E3", "1e+3", "1.5e3", "1_000", "_1", "1__0",
    "0.1_5", "1.", ".5", "-.5", "+1", "+.5", "12:30:45", "22:22", "190:20:30.15", "-1:30", "2026-01-01",
    "2026-1-1 1:1:1", "2026-01-01T10:00:00Z", ".inf", "-.INF", "+.inf", ".nan", ".NaN", "<<", "=", "@a", "*a",
    "&a", "%a", "!a", "!", "!!str a", "|", "|a", ">", ">-", "-", "- a", "--", "--- a", "---", "...", "?",
    "? a", ":", ": a", ":a", "a:", "a: b", "#", "#a", "a #b", "[", "[a", "]", "a]", "{", "{}", "{a", "a}",
    ",", ",a", "a, b", "'", "'a", "''", "\"", "\"a", "\"\"", "`", "`a", "\\", "a\\b", "\\n", "\t", "\ta",
    "a\t", "a\tb", "a ", " a", "a\n", "\na", "\n", "\n\n", "a\n\n", "a\n\n\n", "a\n b\n", " a\nb",
    "a\n  b\n c", "a \nb", "a\n \nb", "a\n\tb", "\ta\nb", " \n", "\n a", "# a\nb", "a\n# b\n", "a\n---\nb",
    "--- \nb", "...\nb", "a\n...\n", "%a\nb", "a: b\nc: d\n", "- a\n- b", "\r", "a\rb", "a\r\nb", "a\r\n",
    "a\r", "\u{1f600}", "e\u{301}", "\u{200b}", "\u{a0}", "\u{a0}a", "\u{85}", "a\u{85}b", "a\n\u{85}b",
    "\u{2028}", "a\u{2028}b", "a\u{2029}b", "a\nb\u{2028}c\n", "\u{feff}", "\u{feff}a", "a\u{feff}",
    "a\n\u{feff}b", "\u{fffd}", "\u{fffe}", "\u{ffff}", "\u{e000}", "\u{10ffff}", "\u{1ffff}", "\0", "\u{1}",
    "\u{7}", "\u{8}", "\u{b}", "\u{c}", "\u{1b}[0m", "\u{7f}", "\u{80}", "\u{9f}", "a\n\u{0}", "0", "-0", "1",
    "1.0", "9007199254740993", "9223372036854775808", "{{ .Values.x }}", "key: [a, b]", "aGk=", "a\u{3000}",
];

/// One of the texts above, several of them in a row or on lines, or a long text.
fn any_text() -> impl Strategy<Value = String> {
    let nasty = || proptest::sample::select(NASTY);
    let line = "[ ]{0,4}[a-z:#\\-\u{1f600}'\"]{0,6}( [a-z#&:]{1,4}){0,3}[ \t]{0,1}";
    prop_oneof![
        8 => nasty().prop_map(str::to_owned),
        4 => proptest::collection::vec(nasty(), 2..4).prop_map(|pieces| pieces.concat()),
        2 => proptest::collection::vec(nasty(), 2..5).prop_map(|pieces| pieces.join("\n")),
        3 => proptest::collection::vec(line, 1..6).prop_map(|lines| lines.join("\n")),
        2 => "[ \t\r\n:#,\\-?&*!|>'\"%@`{}\\[\\]a0_.~\\\\=<\u{85}\u{feff}é]{0,8}",
        2 => ".{0,8}",
        1 => (nasty(), 60..600_usize).prop_map(|(text, times)| format!("{text} ").repeat(times)),
        1 => (nasty(), 900..1200_usize).prop_map(|(text, length)| text.to_owned() + &"x".repeat(length)),
    ]
}

fn any_number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Int),
        (-1000..1000_i64).prop_map(Value::Int),
        proptest::sample::select(&[0, -1, i64::MIN, i64::MAX, (1 << 53) + 1, -(1 << 53) - 1])
            .prop_map(Value::Int),
        any::<f64>().prop_filter("JSON has no other", |number| number.is_finite()).prop_map(Value::Float),
        proptest::sample::select(&[
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.1,
            1e300,
            -1e-300,
            1e16,
            1e21,
            1.5e-7,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324
        ])
        .prop_map(Value::Float),
    ]
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        6 => any_text().prop_map(Value::String),
        2 => any_number(),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ];
    leaf.prop_map(Node::from).prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            2 => proptest::collection::vec(inner.clone(), 0..4).prop_map(sequence),
            3 => proptest::collection::btree_map(any_text(), inner, 0..4).prop_map(of_map),
        ]
    })
}

fn of_map(entries: BTreeMap<String, Node>) -> Node {
    Value::Map(entries.into_iter().map(|(key, node)| (Key::from(key.as_str()), node)).collect()).into()
}

/// Checks that every reader reads the same documents as were written. Shows the shortest one that differs.
fn assert_read_by_all(documents: &[Node]) {
    let written: Vec<String> = documents.iter().map(write).collect();
    for (document, text) in documents.iter().zip(&written) {
        let (again, faults) = read_document(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        assert_eq!((again.to_json(), faults), (document.to_json(), Vec::new()), "{text:?}");
    }
    for reader in READERS {
        let read = reader.read(&written);
        let cases = documents.iter().zip(&written).zip(read);
        let wrong = cases.filter(|((document, _), read)| {
            !read.as_ref().is_ok_and(|read| is_same(&document.to_json(), read))
        });
        let mut wrong: Vec<_> = wrong.collect();
        wrong.sort_by_key(|((_, text), _)| text.len());
        if let Some(((document, text), read)) = wrong.first() {
            let count = wrong.len();
            panic!(
                "{count} are not read by {reader:?}, such as\n{text:?}\nof {}\nas {read:?}",
                document.to_json()
            );
        }
    }
}

#[test]
fn the_readers_are_of_different_versions() {
    let texts = ["a: on", "a: 012", "a: 0o12", "a: 12:30:45", "a: 1.5e3", "a: 2026-01-01", "on: 1"];
    let [old, new] = READERS.map(|reader| reader.read(&texts));
    let read = |value: serde_json::Value| Ok(json!({ "a": value }));
    assert_eq!(old[..5], [json!(true), json!(10), json!("0o12"), json!(45045), json!("1.5e3")].map(read));
    assert_eq!(old[5..].iter().filter(|read| read.is_err()).count(), 2, "{old:?}");
    let float = json!({ "float": "1500" });
    let texts = [json!("on"), json!(12), json!(10), json!("12:30:45"), float, json!("2026-01-01")];
    assert_eq!(new[..6], texts.map(read));
    assert_eq!(new[6], Ok(json!({ "on": 1 })));
}

#[test]
fn every_reader_takes_the_same_from_any_document() {
    let mut runner = TestRunner::default();
    let any = any_node();
    let documents: Vec<Node> = (0..300).map(|_| any.new_tree(&mut runner).unwrap().current()).collect();
    assert_read_by_all(&documents);
}

#[test]
fn every_reader_takes_the_same_from_a_nasty_text() {
    let places = |text: &str| {
        let text = || Node::from(text);
        let nested = mapping([(text().as_str().unwrap(), sequence([text(), text()]))]);
        [text(), sequence([text(), nested.clone()]), mapping([("first", nested.clone()), ("last", nested)])]
    };
    let documents: Vec<Node> = NASTY.iter().flat_map(|text| places(text)).collect();
    assert_read_by_all(&documents);
}

/// A key can't be longer than 1024 characters, unless a `?` comes before it.
#[test]
fn every_reader_takes_the_same_from_a_long_key() {
    let values = || {
        let nested = mapping([("a", Node::from("b"))]);
        [Node::from("text"), Node::from("two\nlines\n"), sequence([nested.clone()]), nested, sequence([])]
    };
    let keys = ["", "é", "\u{1f600}", "\u{85}", "\n", "\"", "'", ": ", "on "].iter().flat_map(|start| {
        (1008..1028).map(move |length| start.to_string() + &"x".repeat(length - start.chars().count()))
    });
    let documents = keys.enumerate().map(|(index, key)| {
        let entry =
            mapping([(key.as_str(), values()[index % values().len()].clone()), ("last", Value::Null.into())]);
        sequence([entry.clone(), mapping([("outer", entry)])])
    });
    assert_read_by_all(&documents.collect::<Vec<_>>());
}

/// A JSON value as YAML that wasn't written by our own writer: JSON is YAML, and everything beyond ASCII is escaped.
fn foreign_yaml(value: &serde_json::Value) -> String {
    let escaped = |character: char| match character {
        ' '..='~' => character.to_string(),
        other => format!("\\U{:08x}", u32::from(other)),
    };
    value.to_string().chars().map(escaped).collect()
}

#[test]
fn every_reader_takes_the_same_from_what_the_program_prints() {
    let texts: serde_json::Map<_, _> = NASTY.iter().map(|text| ((*text).to_owned(), json!(text))).collect();
    let configuration = json!({
        "texts": texts,
        "lists": [NASTY, [NASTY, [texts]]],
        "numbers": [0, -1, i64::MIN, i64::MAX, 9_007_199_254_740_993_i64, -0.0, 1.0, 1.5, 0.1],
        "others": [null, true, false, {}, [], ""],
        "long": ["é ".repeat(3000), "x".repeat(3000), "a line\n".repeat(300)],
    });
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin("", &[]));
    sandbox.write(
        "wasmplugin.yaml",
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: made}}\n\
             spec:\n  pluginConfig: {}\n",
            foreign_yaml(&configuration)
        ),
    );
    let build = |kind: &str, format: &str| {
        let module = ["build", "--module", "made.wasm", "--optimize", "none", "--image", "quay.io/acme/made"];
        let command = sandbox.tool(module).args(["--quiet", "--kind", kind, "-o", format]);
        String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
    };
    for kind in ["WasmPlugin", "TrafficExtension", "envoy"] {
        let printed: serde_json::Value = serde_json::from_str(&build(kind, "json")).unwrap();
        let expected = &printed["packages"][0]["resource"];
        if kind == "WasmPlugin" {
            assert_eq!(expected["spec"]["pluginConfig"], configuration);
        }
        let written = build(kind, "yaml");
        for reader in READERS {
            let read = reader.read(&[&written]).remove(0);
            let read = read.unwrap_or_else(|error| panic!("{reader:?}: {error}\n{written}"));
            assert!(is_same(expected, &read), "{reader:?} reads {kind} as {read}\nand not as {expected}");
        }
    }
}

/// Runs the program with a resource, in a shell that limits its memory and its CPU time.
fn build_within_limits(sandbox: &Sandbox, resource: &[u8]) -> Said {
    sandbox.write("made.wasm", plugin("", &[]));
    sandbox.write("wasmplugin.yaml", resource);
    let wrapper = ["sh", "-c", "ulimit -v 1000000; ulimit -t 10; exec \"$@\"", "sh"];
    Said::of(&mut sandbox.process_by("", &wrapper, ["build", "--module", "made.wasm", "--optimize", "none"]))
}

const HEAD: &str =
    "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: made}\nspec:\n";

#[test]
fn a_hostile_resource_is_refused_at_its_line() {
    let laughs = (1..16).fold("  a0: &a0 [x, x]\n".to_owned(), |text, level| {
        let below = level - 1;
        text + &format!("  a{level}: &a{level} [*a{below}, *a{below}, *a{below}]\n")
    });
    let long = |end: &str| format!("  pluginConfig: {{a: \"{}\"{end}\n", "x".repeat(1_000_000));
    let deep = |start: &str, open: &str| format!("  pluginConfig: {start}{}\n", open.repeat(100_000));
    let cases = [
        (laughs, "error: the aliases of this document expand to more than 1048576 bytes", "16:20"),
        ("  a: &a [*a]\n".to_owned(), "error: the value of the anchor `&a` contains itself", "5:10"),
        (deep("", "["), "error: the values are nested more than 64 levels deep", "5:81"),
        (deep("", "{a: "), "error: the values are nested more than 64 levels deep", "5:265"),
        (deep("\n  ", "- "), "error: the values are nested more than 64 levels deep", "6:127"),
        ("  phase: AUTHN\n  phase: STATS\n".to_owned(), "error[duplicate-key]: duplicate key `phase`", "6:3"),
        ("  pluginConfig: {on: 1}\n".to_owned(), "error[ambiguous-scalar]: `on` is ambiguous: ", "5:18"),
        ("  pluginConfig:\n\ta: 1\n".to_owned(), "error: this is not valid YAML: tabs disallowed", "6:2"),
        (
            "  pluginConfig:\n    a:\n\t- 1\n".to_owned(),
            "error: this is not valid YAML: tabs disallowed",
            "7:2",
        ),
        (long(", a: 1}"), "error[duplicate-key]: duplicate key `a`", "5:1000025"),
        (long(""), "error: this is not valid YAML: unclosed bracket '{'", "5:17"),
        ("  a: b\0\n".to_owned(), "error: the character U+0000 must be escaped in YAML", "5:7"),
    ];
    for (spec, message, place) in cases {
        let sandbox = Sandbox::new();
        let start: String = spec.chars().take(60).collect();
        let said = build_within_limits(&sandbox, format!("{HEAD}{spec}").as_bytes());
        let stderr = said.stderr;
        // What kubectl can read is a finding, and what it can't read is an error.
        let code = if message.starts_with("error[") { 1 } else { 101 };
        assert_eq!(said.code, Some(code), "{start}: {}", short(&stderr));
        assert!(stderr.contains(message), "{start}: {}", short(&stderr));
        assert!(stderr.contains(&format!(" wasmplugin.yaml:{place}\n")), "{start}: {}", short(&stderr));
        assert!(stderr.len() < 20_000, "{start}: {} bytes are printed", stderr.len());
        assert!(!sandbox.path("target/wasmplugin.d/made").exists(), "{start}");
    }
}

#[test]
fn all_faults_of_a_resource_are_shown_at_once() {
    let sandbox = Sandbox::new();
    let spec = "  phase: &p AUTHN\n  phase: *p\n  pluginConfig:\n    <<: {a: yes}\n    8: !!int 1\n    b: [.inf, 012]\n";
    let said = build_within_limits(&sandbox, format!("{HEAD}{spec}").as_bytes());
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let found: Vec<_> = said.stderr.split("error[").skip(1).collect();
    let expected = [
        ("duplicate-key]: duplicate key `phase`", "6:3"),
        (
            "ambiguous-scalar]: `yes` is ambiguous: some YAML readers read it as the boolean true, others as text",
            "8:13",
        ),
        ("non-text-key]: the key `8` is not text", "9:5"),
        ("yaml-tag]: a resource can't have the tag `!!int`", "9:8"),
        ("unsupported-number]: `.inf` is not a number that JSON can hold", "10:9"),
        (
            "ambiguous-scalar]: `012` is ambiguous: some YAML readers read it as the number 10, others as the number 12",
            "10:15",
        ),
    ];
    assert_eq!(found.len(), expected.len(), "{}", said.stderr);
    for (found, (message, place)) in found.iter().zip(expected) {
        assert!(found.starts_with(&format!("{message}\n")), "{found}");
        assert!(found.contains(&format!(" wasmplugin.yaml:{place}\n")), "{found}");
        assert!(found.contains("= help: "), "{found}");
    }
}

fn short(text: &str) -> String {
    text.chars().take(3000).collect()
}

#[test]
fn a_resource_that_is_too_long_is_refused() {
    let sandbox = Sandbox::new();
    let said = build_within_limits(&sandbox, format!("{HEAD}  a: {}\n", "x".repeat(1 << 20)).as_bytes());
    assert_eq!(said.code, Some(101));
    sandbox.says(
        &said.stderr,
        snapbox::str![[r#"
error: the document has 1048669 bytes, but the limit is 1048576
 --> wasmplugin.yaml:1:1
  |
1 | apiVersion: extensions.istio.io/v1alpha1
  | ^
  |
  = help: make it smaller: a cluster doesn't store larger resources

"#]],
    );
}

#[test]
fn a_resource_that_is_not_utf_8_is_refused_at_its_byte() {
    let sandbox = Sandbox::new();
    let bytes = [HEAD.as_bytes(), b"  pluginName: gr\xfc\xdfe # \xff\n"].concat();
    let said = build_within_limits(&sandbox, &bytes);
    assert_eq!(said.code, Some(101));
    sandbox.says(
        &said.stderr,
        snapbox::str![[r#"
error: invalid UTF-8
 --> wasmplugin.yaml:5:17
  |
5 |   pluginName: gr��e # �
  |                 ^ invalid byte 0xFC
  |
  = help: save the file as UTF-8

"#]],
    );
}
