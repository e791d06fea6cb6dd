//! A challenge is read as it was written, and a token is taken before a password. Each line is a header.
#![no_main]

use cargo_wasmplugin::internals::{Challenge, challenge};
use libfuzzer_sys::fuzz_target;

const BASIC: &[u8] = b"Basic realm=\"a, Bearer realm=b\"";

fuzz_target!(|bytes: &[u8]| {
    let headers: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let found = challenge(&headers);
    let expected = Some(found.unwrap_or(Challenge::Basic));
    assert_eq!(challenge(&[&[BASIC][..], &headers].concat()), expected);
    assert_eq!(challenge(&[&headers, &[BASIC][..]].concat()), expected);

    let texts: Vec<&str> = headers.iter().filter_map(|header| text(header)).collect();
    if let [realm, service, ..] = texts[..] {
        let header = format!("Bearer service={},realm={}", quoted(service), quoted(realm));
        let bearer = Challenge::Bearer { realm: realm.to_owned(), service: Some(service.to_owned()) };
        assert_eq!(challenge(&[BASIC, header.as_bytes()]), Some(bearer), "{header}");
    }
});

/// What a quoted string in a header can contain.
fn text(bytes: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| *byte == b' ' || byte.is_ascii_graphic();
    std::str::from_utf8(bytes).ok().filter(|text| text.as_bytes().iter().all(is_visible))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
