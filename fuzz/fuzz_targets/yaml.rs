//! Whatever the reader takes, the writer writes so that the reader takes the same again.
#![no_main]

use std::ops::Range;

use cargo_wasmplugin::internals::{Key, Node, Value, kubectl, parse, read_document, stream, write};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    // The reader gets no bytes that are not UTF-8, so there is nothing to learn from them.
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    for document in stream::documents(text) {
        let alone = &text[document.span.clone()];
        assert_eq!(read_part(text, document.span.clone()), read_part(alone, 0..alone.len()), "{alone:?}");
    }
    let (document, faults) = match read_document(text) {
        Ok(read) => read,
        Err(error) => {
            assert_within(text, &error.span);
            return Corpus::Keep;
        }
    };
    faults.iter().for_each(|fault| assert_within(text, &fault.span));
    assert_spans(text, &document);
    let written = write(&document);
    let (again, faults) = read_document(&written).unwrap_or_else(|error| panic!("{written:?}: {error:?}"));
    assert_eq!(faults, [], "{written:?}");
    assert_eq!(bare(again), bare(document), "{written:?}");
    Corpus::Keep
});

/// What kubectl reads of a document in a stream, or why it can't.
fn read_part(text: &str, span: Range<usize>) -> Result<Option<Node>, String> {
    let document = parse(text, span.clone()).and_then(|root| root.as_ref().map(kubectl::read).transpose());
    let document = document.map_err(|error| {
        assert_within(text, &error.span);
        assert!(span.start <= error.span.start && error.span.end <= span.end, "{error:?}");
        error.message
    });
    Ok(document?.map(bare))
}

fn assert_spans(text: &str, node: &Node) {
    assert_within(text, &node.span);
    node.items().iter().for_each(|item| assert_spans(text, item));
    for (key, node) in node.entries() {
        assert_within(text, &key.span);
        assert_spans(text, node);
    }
}

/// A place that can be shown.
fn assert_within(text: &str, span: &Range<usize>) {
    assert!(text.get(span.clone()).is_some(), "{span:?} is no part of the text");
}

/// The value without its places.
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
