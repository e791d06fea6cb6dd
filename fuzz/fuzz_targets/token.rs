//! A token can be part of a header. The first two lines are also taken as the two tokens in a response.
#![no_main]

use cargo_wasmplugin::internals::token;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    if let Some(token) = token(bytes) {
        assert!(is_usable(&token), "{token:?}");
    }
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').map(String::from_utf8_lossy).collect();
    if let [first, second, ..] = &lines[..] {
        let body = json!({ "access_token": second, "expires_in": 300, "token": first }).to_string();
        let expected = [first, second].into_iter().find(|token| is_usable(token));
        assert_eq!(token(body.as_bytes()).as_deref(), expected.map(|token| &**token), "{body}");
    }
});

fn is_usable(token: &str) -> bool {
    !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic())
}
