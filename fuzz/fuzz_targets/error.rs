//! The message of an error is one short and visible line, and doesn't contain a secret that the registry sends back.
#![no_main]

use cargo_wasmplugin::internals::error_message;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

#[derive(Arbitrary, Debug)]
struct Response {
    secret: String,
    parts: Vec<Part>,
    body: Body,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Text(String),
    /// The secret. The n-th character is written in the n-th way, and so on from the start.
    Secret(Vec<Form>),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Form {
    Literal,
    Percent,
    Json,
    Decimal,
    Hexadecimal,
    /// Followed by an invisible character.
    Hidden,
}

#[derive(Arbitrary, Debug)]
enum Body {
    Plain,
    /// In the format of the distribution specification, at this place.
    Errors(Place),
    /// In another format.
    Json,
    /// JSON that breaks off.
    Damaged,
}

#[derive(Arbitrary, Debug)]
enum Place {
    Code,
    Message,
    Detail,
    Key,
}

fuzz_target!(|response: Response| {
    let Response { secret, parts, body } = response;
    let text: String = parts.iter().map(|part| part.write(&secret)).collect();
    let body = match body {
        Body::Plain => text,
        Body::Errors(Place::Code) => json!({ "errors": [{ "code": text, "message": "m" }] }).to_string(),
        Body::Errors(Place::Message) => json!({ "errors": [{ "code": "C", "message": text }] }).to_string(),
        Body::Errors(Place::Detail) => json!({ "errors": [{ "detail": [{ "a": text }] }] }).to_string(),
        Body::Errors(Place::Key) => json!({ "errors": [{ "detail": { &text: 1 } }] }).to_string(),
        Body::Json => json!({ "error": { "description": text } }).to_string(),
        Body::Damaged => json!({ "error": text }).to_string().trim_end_matches('}').to_owned(),
    };
    let message = error_message(body.as_bytes(), &secret);
    assert!(message.chars().count() <= 303, "{message:?}");
    assert!(message.chars().all(|c| c == ' ' || !(c.is_whitespace() || c.is_control())), "{message:?}");
    assert!(!message.contains(['\u{200b}', '\u{202e}', '\u{ad}', '\u{e0041}']), "{message:?}");
    // A secret that is part of what replaces it can't be missing.
    if secret.chars().count() >= 6 && !secret.contains(['*', '.']) {
        for shown in [message.as_bytes(), &decoded(&message)] {
            let is_secret = |window: &[u8]| window == secret.as_bytes();
            assert!(!shown.windows(secret.len()).any(is_secret), "{secret:?}: {message:?}: {body:?}");
        }
    }
});

impl Part {
    fn write(&self, secret: &str) -> String {
        match self {
            Part::Text(text) => text.clone(),
            Part::Secret(forms) if forms.is_empty() => secret.to_owned(),
            Part::Secret(forms) => {
                secret.chars().zip(forms.iter().cycle()).map(|(c, form)| form.write(c)).collect()
            }
        }
    }
}

impl Form {
    fn write(self, c: char) -> String {
        match self {
            Form::Literal => c.to_string(),
            Form::Percent => c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect(),
            Form::Json => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            Form::Decimal => format!("&#{};", u32::from(c)),
            Form::Hexadecimal => format!("&#x{:X};", u32::from(c)),
            Form::Hidden => format!("{c}\u{ad}"),
        }
    }
}

/// What a reader of URLs or of JSON would make of the text.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let percent = rest.strip_prefix('%').and_then(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok());
        let unit = rest.strip_prefix("\\u").and_then(|rest| u32::from_str_radix(rest.get(..4)?, 16).ok());
        let mut push = |c: char| bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        let length = match (percent, unit.and_then(char::from_u32)) {
            (Some(byte), _) => {
                bytes.push(byte);
                3
            }
            (None, Some(c)) => {
                push(c);
                6
            }
            (None, None) => {
                push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    bytes
}
