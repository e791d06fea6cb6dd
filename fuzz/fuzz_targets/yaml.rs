//! Whatever the reader takes, the writer writes so that the reader takes the same again.
#![no_main]

use std::ops::Range;

use cargo_wasmplugin::internals::{Key, Node, Value, read_document, write};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    // The reader gets no bytes that are not UTF-8, so there is nothing to learn from them.
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    let document = match read_document(text) {
        Ok(document) => document,
        Err(problems) => {
            assert!(!problems.is_empty(), "it is refused for nothing");
            problems.iter().for_each(|problem| assert_within(text, &problem.span));
            return Corpus::Keep;
        }
    };
    assert_within(text, &document.span);
    let written = write(&document);
    let again = read_document(&written).unwrap_or_else(|problems| panic!("{written:?}: {problems:?}"));
    assert_eq!(bare(again), bare(document), "{written:?}");
    Corpus::Keep
});

/// A place that can be shown.
fn assert_within(text: &str, span: &Range<usize>) {
    assert!(text.get(span.clone()).is_some(), "{span:?} is no part of the text");
}

/// The tree without its places.
fn bare(node: Node) -> Node {
    let value = match node.value {
        Value::Seq(items) => Value::Seq(items.into_iter().map(bare).collect()),
        Value::Map(entries) => {
            let bare = |(key, node): (Key, Node)| (Key::from(key.name.as_str()), bare(node));
            Value::Map(entries.into_iter().map(bare).collect())
        }
        other => other,
    };
    value.into()
}
