use std::ops::Range;

use proptest::prelude::*;

use super::tree::{MAX_BYTES, MAX_DEPTH};
use super::*;

/// The value of a document without faults.
fn read(text: &str) -> Node {
    let (document, faults) = read_document(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
    assert_eq!(faults, [], "{text:?}");
    document
}

/// The faults in a text: the messages, and the text that they point at.
fn faults(text: &str) -> Vec<(String, &str)> {
    let (_, faults) = read_document(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
    faults.into_iter().map(|fault| (fault.kind.message(), &text[fault.span])).collect()
}

/// Why a text can't be read, and the text that the error points at.
fn error(text: &str) -> (String, &str) {
    let error = read_document(text).expect_err(text);
    (error.message, &text[error.span])
}

fn text(value: &str) -> Node {
    Value::String(value.to_owned()).into()
}

/// The value without its spans.
fn bare(node: &Node) -> Node {
    match &node.value {
        Value::Seq(items) => Value::Seq(items.iter().map(bare).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, node)| (Key::from(key.name.as_str()), bare(node))).collect())
        }
        other => other.clone(),
    }
    .into()
}

#[test]
fn values_are_read_with_their_places() {
    let source =
        "# Grüße\r\nπ: [1, 'é']\r\nb:\r\n  c: \u{1f600} x  # note\r\n  d:\r\n\r\ne: |\r\n  line\r\n\r\n";
    let document = read(source);
    let at = |node: &Node| &source[node.span.clone()];
    let keys: Vec<&str> = document.entries().iter().map(|(key, _)| &source[key.span.clone()]).collect();
    assert_eq!(keys, ["π", "b", "e"]);
    assert_eq!(at(document.get("π").unwrap()), "[1, 'é']");
    assert_eq!(at(&document.get("π").unwrap().items()[1]), "'é'");
    let b = document.get("b").unwrap();
    assert_eq!(at(b), "c: \u{1f600} x  # note\r\n  d");
    assert_eq!(at(b.get("c").unwrap()), "\u{1f600} x");
    assert_eq!(b.get("d"), None);
    assert_eq!(b.entries()[1].1.value, Value::Null);
    assert_eq!(document.get("e").unwrap().as_str(), Some("line\n"));
    assert_eq!(at(document.get("e").unwrap()), "line");
    let marked = "\u{feff}a: é b\n";
    assert_eq!(&marked[read(marked).get("a").unwrap().span.clone()], "é b");
}

#[test]
fn faults_come_with_the_value_that_kubectl_reads() {
    let source = "a: yes\nb: [012, 0x10]\nn: &x ok\n8: *x\na: .inf\n";
    let (document, _) = read_document(source).unwrap();
    assert_eq!(document.to_json(), serde_json::json!({"a": ".inf", "b": [10, 16], "false": "ok", "8": "ok"}));
    assert_eq!(
        faults(source),
        [
            ("`yes` is ambiguous: some YAML readers read it as the boolean true, others as text", "yes"),
            (
                "`012` is ambiguous: some YAML readers read it as the number 10, others as the number 12",
                "012"
            ),
            ("`n` is ambiguous: some YAML readers read it as the boolean false, others as text", "n"),
            ("the key `8` is not text", "8"),
            ("duplicate key `a`", "a"),
            ("`.inf` is not a number that JSON can hold", ".inf"),
        ]
        .map(|(message, place)| (message.to_owned(), place))
    );
    let quoted = read("a: 'yes'\nb: !!str 012\n\"n\": >-\n  12\n");
    assert_eq!(quoted.to_json(), serde_json::json!({"a": "yes", "b": "012", "n": "12"}));
}

#[test]
fn what_cannot_be_read_is_refused_at_its_place() {
    for (source, message, place) in [
        ("a: 1\n---\nb: 2\n", "a second document begins here, but only one is expected", "---"),
        ("a: x\u{2028}y\n", "the character U+2028 must be escaped in YAML", "\u{2028}"),
        ("a: x\0y\n", "the character U+0000 must be escaped in YAML", "\0"),
        ("a: 'x\u{7f}'\n", "the character U+007F must be escaped in YAML", "\u{7f}"),
        ("", "there is no YAML document", ""),
        ("# nothing\n", "there is no YAML document", ""),
        ("\u{feff}", "there is no YAML document", ""),
        ("é: [1\n", "this is not valid YAML: unclosed bracket '['", "["),
        ("é: 'x\n", "this is not valid YAML: unclosed quote", "'"),
        ("é: b: c\n", "this is not valid YAML: mapping values are not allowed in this context", ":"),
        ("é: *b\n", "the alias refers to an anchor that isn't defined before it", "*"),
    ] {
        assert_eq!(error(source), (message.to_owned(), place), "{source:?}");
    }
    for source in ["a:\n\tb: 1\n", "a\nb: 1\n", "%YAML 9\n", "- a\nb: c\n", "a: 'b'c\n", "a: @b\n"] {
        assert!(error(source).0.starts_with("this is not valid YAML: "), "{source:?}");
    }
}

#[test]
fn escapes_of_half_a_character_are_refused() {
    for escape in [
        r"\ud83d",
        r"\ud83dx",
        r"\ud83d\u0041",
        r"\ude00",
        r"\U00110000",
        r"\U0000d800",
        r"\uZZZZ",
        r"\x",
        r"\z",
    ] {
        let source = format!("a: \"{escape}\"");
        assert!(error(&source).0.starts_with("this is not valid YAML: "), "{source}");
    }
    // JSON, which kubectl reads too, has no other way to escape this.
    assert_eq!(read(r#"{"a": "\ud83d\ude00"}"#).get("a").unwrap().as_str(), Some("\u{1f600}"));
}

#[test]
fn hostile_texts_are_refused() {
    let mut sources = vec!["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)];
    sources.push((0..2000).map(|level| " ".repeat(level.min(400)) + "a:\n").collect());
    sources.push("? ".repeat(100_000));
    sources.push("a: ".repeat(100_000));
    sources.push("x".repeat(MAX_BYTES + 1));
    sources.push(format!("a: \"{}", "\\".repeat(MAX_BYTES - 10)));
    sources.push(format!("a: {}", "*".repeat(MAX_BYTES - 10)));
    sources.push(format!("%TAG ! {}\n---\na", "x".repeat(MAX_BYTES - 20)));
    for source in sources {
        read_document(&source).expect_err(&source[..40]);
    }
}

#[test]
fn large_texts_are_read() {
    let line = format!("a: {}\n", "x".repeat(MAX_BYTES - 10));
    let flow = format!("a: [{}]\n", "x,".repeat(MAX_BYTES / 2 - 10));
    let keys: String = (0..60_000).map(|number| format!("k{number}: v\n")).collect();
    let quoted = format!("a: \"{}\"\n", "é ".repeat(300_000));
    let comments = "# x\n".repeat(MAX_BYTES / 4 - 10) + "a: b\n" + &"# x\n".repeat(5);
    let blank = format!("a: |\n  x{}", "\n".repeat(MAX_BYTES - 10));
    let broken = format!("a: \"{}\"", "x\n ".repeat(MAX_BYTES / 3 - 10));
    let anchors = (0..20_000).map(|number| format!("a{number}: &a{number} v\n")).collect();
    let aliases =
        "a: &a v\n".to_owned() + &(0..20_000).map(|number| format!("a{number}: *a\n")).collect::<String>();
    for source in [line, flow, keys, quoted, comments, blank, broken, anchors, aliases] {
        read(&source);
    }
    let faulty = ["- y\n".repeat(20_000), "- !a b\n".repeat(20_000), "a: 1\n".repeat(20_000)];
    for source in faulty {
        assert!(!read_document(&source).unwrap().1.is_empty());
    }
}

#[test]
fn the_limit_of_depth_is_exact() {
    let flow = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let block = |depth: usize| "- ".repeat(depth) + "x";
    let mixed = |depth: usize| "- ".repeat(depth / 2) + &flow(depth - depth / 2);
    for nested in [&flow as &dyn Fn(usize) -> String, &block, &mixed] {
        let deepest = read(&nested(MAX_DEPTH));
        assert_eq!(bare(&read(&write(&deepest))), bare(&deepest));
        assert_eq!(error(&nested(MAX_DEPTH + 1)).0, "the values are nested more than 64 levels deep");
    }
}

/// Strings that some YAML readers don't read as text.
pub(super) const NASTY: &[&str] = &[
    "",
    " ",
    "on",
    "On",
    "yes",
    "y",
    "n",
    "No",
    "~",
    "null",
    "true",
    "012",
    "0o17",
    "0x1F",
    "0X1F",
    "0b11",
    "1e3",
    "1.5e3",
    "1_000",
    "_1",
    "1__0",
    "12:30:45",
    "22:22",
    "190:20:30.15",
    "2026-01-01",
    "2026-1-1 1:1:1",
    ".inf",
    "-.INF",
    ".NaN",
    "<<",
    "=",
    "@a",
    "`a",
    "*a",
    "&a",
    "%a",
    "!a",
    "|",
    ">",
    "#a",
    "a #b",
    "a: b",
    "a:",
    ":a",
    "-",
    "- a",
    "--- a",
    "---",
    "...",
    "?",
    "? a",
    "[a",
    "a]",
    "{a",
    "a}",
    ",a",
    "'a",
    "\"a",
    "a\tb",
    "\ta",
    "a\t",
    "a ",
    " a",
    "a\n",
    "\na",
    "a\n\n",
    "a\n b\n",
    " a\nb",
    "\n",
    "\n\n",
    " \n",
    "a\r\nb",
    "\r",
    "a\\b",
    "\u{1f600}",
    "\u{7f}",
    "\u{0}",
    "\u{85}",
    "a\u{2028}b",
    "\u{feff}a",
    "a\u{feff}",
    "\u{fffe}",
    "\u{a0}",
    "\u{1b}[0m",
    "+1",
    "-.5",
    ".5",
    "1.",
    "+.5",
    "0",
    "-0",
    "08",
    "9223372036854775808",
    "a\n\tb",
    "\ta\nb",
    "a \nb",
    "a\n \nb",
    "# a\nb",
    "--- \nb",
    "%a\nb",
    "a\n---\nb",
    "...\nb",
    "a\n...\n",
    "\u{e000}",
    "\u{10ffff}",
    "key: [a, b]",
    "{{ .Values.x }}",
    "'",
    "\"",
    "''",
    "\u{200b}",
    "e\u{301}",
];

#[test]
fn nasty_strings_come_back_as_keys_and_values() {
    for nasty in NASTY {
        for document in [
            text(nasty),
            Value::Seq(vec![text(nasty), text(nasty)]).into(),
            Value::Map(vec![((*nasty).into(), text(nasty)), ("last key".into(), text(nasty))]).into(),
        ] {
            let written = write(&document);
            assert!(written.ends_with('\n') && !written.ends_with("\n\n"), "{written:?}");
            assert!(!written.starts_with("---") && !written.starts_with('%'), "{written:?}");
            assert_eq!(bare(&read(&written)), document, "{written:?}");
        }
    }
}

#[test]
fn numbers_come_back_as_numbers() {
    for value in [
        Value::Int(0),
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::Float(0.0),
        Value::Float(-0.0),
        Value::Float(1.0),
        Value::Float(0.1),
        Value::Float(1e300),
        Value::Float(1.5e-7),
        Value::Float(-2.5e21),
        Value::Float(f64::MAX),
        Value::Float(f64::MIN_POSITIVE),
        Value::Float(1e16),
        Value::Null,
        Value::Bool(true),
        Value::Seq(vec![]),
        Value::Map(vec![]),
    ] {
        let document = Value::Map(vec![("a".into(), value.into())]).into();
        let written = write(&document);
        assert_eq!(bare(&read(&written)), document, "{written}");
    }
}

/// Checks that the span of each unquoted scalar contains its text.
fn assert_places(node: &Node, source: &str) {
    let check = |span: &Range<usize>, text: &str| {
        let found = &source[span.clone()];
        assert!(
            text.contains('\n') || found.starts_with(['"', '\'']) || found == text,
            "{found:?} is not {text:?} in {source:?}"
        );
    };
    node.as_str().into_iter().for_each(|text| check(&node.span, text));
    node.items().iter().for_each(|item| assert_places(item, source));
    for (key, node) in node.entries() {
        check(&key.span, &key.name);
        assert_places(node, source);
    }
}

fn any_string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(NASTY).prop_map(str::to_owned),
        "[ \t\r\n:#,\\-?&*!|>'\"%@`{}\\[\\]a0_.~\\\\=<\u{85}\u{feff}é]{0,6}",
        ".{0,8}",
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        4 => any_string().prop_map(Value::String),
        1 => any::<i64>().prop_map(Value::Int),
        1 => any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::Float),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ]
    .prop_map(Node::from);
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| Value::Seq(items).into()),
            proptest::collection::hash_map(any_string(), inner, 0..4).prop_map(|entries| {
                Value::Map(entries.into_iter().map(|(key, node)| (key.as_str().into(), node)).collect())
                    .into()
            }),
        ]
    })
}

/// Texts, some of which are valid YAML.
fn any_source() -> impl Strategy<Value = String> {
    let tokens = &[
        "a", ": ", "- ", "? ", "\n", "\n  ", "\r\n", "{", "}", "[", "]", ", ", "&a ", "*a ", "<<: ",
        "<<: *a", "!x ", "!!int ", "12", "yes", "'", "\"", "|\n", ">-\n ", " #", "---\n", "\t", "é",
        "\u{feff}", "\\", "~",
    ];
    prop_oneof![
        "\u{feff}?([ \t\r\n:#,?&*!|>'\"%@{}\\[\\]a0_.~\\\\=<-]|\\PC){0,60}",
        proptest::collection::vec(proptest::sample::select(tokens), 0..30).prop_map(|tokens| tokens.concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_the_same(document in any_node()) {
        let written = format!("# \u{1f600}\n{}", write(&document));
        let again = read(&written);
        assert_places(&again, &written);
        prop_assert_eq!(bare(&again), document, "{:?}", written);
    }

    #[test]
    fn any_text_is_read_or_refused(source in any_source()) {
        match read_document(&source) {
            Ok((document, faults)) => {
                prop_assert!(source.get(document.span.clone()).is_some());
                for fault in faults {
                    prop_assert!(source.get(fault.span.clone()).is_some(), "{:?}", fault);
                }
                prop_assert_eq!(bare(&read(&write(&document))), bare(&document), "{:?}", source);
            }
            Err(error) => prop_assert!(source.get(error.span.clone()).is_some(), "{:?}", error),
        }
    }
}
