use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::read::{MAX_BYTES, MAX_DEPTH};
use super::*;

fn messages(text: &str) -> Vec<String> {
    read_document(text).expect_err(text).into_iter().map(|problem| problem.message).collect()
}

/// The one problem of a text: what it says, and the text it points at.
fn problem_at(text: &str) -> (String, &str) {
    let problems = read_document(text).expect_err(text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    (problems[0].message.clone(), &text[problems[0].span.clone()])
}

fn text(value: &str) -> Node {
    Value::String(value.to_owned()).into()
}

/// The tree without its places.
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
    let document = read_document(source).unwrap();
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
    let marked = "\u{feff}a: é b\n";
    assert_eq!(&marked[read_document(marked).unwrap().get("a").unwrap().span.clone()], "é b");
}

#[test]
fn what_readers_dispute_is_refused_with_all_places() {
    assert_eq!(
        messages("a: yes\nb: [012, 0x10]\nn: ok\n8: x\n"),
        [
            "`yes` is ambiguous: some YAML readers take it for the boolean true, others for text",
            "`012` is ambiguous: some YAML readers take it for the number 10, others for the number 12",
            "`n` is ambiguous: some YAML readers take it for the boolean false, others for text",
            "the key `8` is not text",
        ]
    );
    let document = read_document("a: 'yes'\nb: !!str 012\n\"n\": >-\n  12\n").unwrap();
    assert_eq!(document.to_json(), serde_json::json!({"a": "yes", "b": "012", "n": "12"}));
}

#[test]
fn what_is_no_resource_is_refused_at_its_place() {
    for (source, message, place) in [
        ("a: 1\nb: 2\na: 3\n", "the key `a` stands twice", "a"),
        ("{a: 1, 'a': 2}", "the key `a` stands twice", "'a'"),
        ("a: 1\n---\nb: 2\n", "a second document begins here", "---"),
        ("a: &x 1\n", "anchors and aliases", "&x 1"),
        ("a: !custom 1\n", "the tag `!custom`", "!custom 1"),
        ("a: !!binary aGk=\n", "the tag", "!!binary aGk="),
        ("? [a]\n: 1\n", "cannot be a key", "["),
        ("a: x\u{2028}y\n", "U+2028", "\u{2028}"),
        ("a: x\0y\n", "U+0000", "\0"),
        ("a: 'x\u{7f}'\n", "U+007F", "\u{7f}"),
    ] {
        let (told, at) = problem_at(source);
        assert!(told.contains(message), "{source:?}: {told}");
        assert_eq!(at, place, "{source:?}");
    }
    for source in ["", "# nothing\n", "\u{feff}"] {
        assert_eq!(messages(source), ["the file holds no YAML document"], "{source:?}");
    }
    for source in ["a:\n\tb: 1\n", "a: [1\n", "a: 'x\n", "a: b: c\n", "a\nb: 1\n", "%YAML 9\n", "- a\nb: c\n"]
    {
        assert!(messages(source)[0].starts_with("this is not YAML: "), "{source:?}");
    }
}

#[test]
fn hostile_texts_are_refused_soon() {
    let laughs = (1..10).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        let below = level - 1;
        text + &format!("a{level}: &a{level} [*a{below}, *a{below}, *a{below}]\n")
    });
    let mut sources = vec![laughs, "[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)];
    sources.push((0..2000).map(|level| " ".repeat(level.min(400)) + "a:\n").collect());
    sources.push("? ".repeat(100_000));
    sources.push("a: ".repeat(100_000));
    sources.push("x".repeat(MAX_BYTES + 1));
    sources.push(format!("a: \"{}", "\\".repeat(MAX_BYTES - 10)));
    for source in sources {
        let start = Instant::now();
        read_document(&source).expect_err(&source[..40]);
        assert!(start.elapsed() < Duration::from_secs(5), "{}: {:?}", &source[..40], start.elapsed());
    }
}

#[test]
fn large_texts_are_read_soon() {
    let line = format!("a: {}\n", "x".repeat(MAX_BYTES - 10));
    let flow = format!("a: [{}]\n", "x,".repeat(MAX_BYTES / 2 - 10));
    let keys: String = (0..60_000).map(|number| format!("k{number}: v\n")).collect();
    let quoted = format!("a: \"{}\"\n", "é ".repeat(300_000));
    for source in [line, flow, keys, quoted] {
        let start = Instant::now();
        read_document(&source).expect(&source[..40]);
        assert!(start.elapsed() < Duration::from_secs(10), "{}: {:?}", &source[..40], start.elapsed());
    }
}

#[test]
fn the_limit_of_depth_is_exact() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read_document(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(problem_at(&nested(MAX_DEPTH + 1)).0, "the values are nested deeper than 64 levels");
    let deepest = read_document(&nested(MAX_DEPTH)).unwrap();
    assert_eq!(bare(&read_document(&write(&deepest)).unwrap()), bare(&deepest));
}

/// Strings that readers of some YAML take for something else.
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
            let again =
                read_document(&written).unwrap_or_else(|problems| panic!("{written:?}: {problems:?}"));
            assert_eq!(bare(&again), document, "{written:?}");
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
        assert_eq!(bare(&read_document(&written).expect(&written)), document, "{written}");
    }
}

/// What stands unquoted at the place of a text is that text.
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_the_same(document in any_node()) {
        let written = format!("# \u{1f600}\n{}", write(&document));
        let again = read_document(&written)
            .unwrap_or_else(|problems| panic!("{written:?}: {problems:?}"));
        assert_places(&again, &written);
        prop_assert_eq!(bare(&again), document, "{:?}", written);
    }

    #[test]
    fn any_text_is_read_or_refused(source in "\u{feff}?([ \t\r\n:#,?&*!|>'\"%@{}\\[\\]a0_.~\\\\=<-]|\\PC){0,60}") {
        match read_document(&source) {
            Ok(document) => prop_assert!(source.get(document.span).is_some()),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(source.get(problem.span.clone()).is_some(), "{:?}", problem);
                }
            }
        }
    }
}
