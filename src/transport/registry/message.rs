//! What a registry says about an error, or warns of.

use serde::Deserialize;
use serde_json::Value;

use crate::text::is_hidden;
use crate::transport::registry::secrets::Secrets;

/// The message in the body of an error response: what its JSON says, or else its text.
pub fn of_body(body: &str, secrets: &Secrets) -> String {
    let text = match serde_json::from_str::<Value>(body) {
        Ok(body) => match Errors::deserialize(&body) {
            Ok(Errors { errors }) if !errors.is_empty() => {
                errors.iter().map(ErrorEntry::text).collect::<Vec<_>>().join("; ")
            }
            _ => flat(&body),
        },
        // The source of a web page doesn't help at a terminal.
        Err(_) if body.trim_start().starts_with('<') => String::new(),
        Err(_) => body.to_owned(),
    };
    cleaned(&text, secrets)
}

/// A text from a registry as it is shown: short, on one line, and without secrets.
pub(super) fn cleaned(text: &str, secrets: &Secrets) -> String {
    // Both before and after the removal of control characters, which could be inside a secret or a part of it.
    short(&secrets.redact(&one_line(&secrets.redact(text))))
}

/// The text in a `Warning` header: `299 - "the token expires soon"`.
pub(super) fn of_warning(header: &str) -> Option<&str> {
    let (code, rest) = header.trim().split_once(' ')?;
    let (_agent, text) = rest.trim_start().split_once(' ')?;
    let text = text.trim_start().strip_prefix('"')?;
    let text = text.rfind('"').map(|end| &text[..end])?;
    (code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// The error format of the distribution specification.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<ErrorEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorEntry {
    code: Value,
    message: Value,
    detail: Value,
}

impl ErrorEntry {
    fn text(&self) -> String {
        let [code, message, detail] = [&self.code, &self.message, &self.detail].map(flat);
        let parts = [code, message].into_iter().filter(|part| !part.is_empty());
        let text = parts.collect::<Vec<_>>().join(": ");
        match (text.as_str(), detail.as_str()) {
            ("", detail) => detail.to_owned(),
            (_, detail) if text.contains(detail) => text,
            _ => format!("{text} ({detail})"),
        }
    }
}

/// A JSON value without its syntax. Empty values are left out.
fn flat(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => joined(items.iter().map(flat).filter(|item| !item.is_empty()).collect()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name, flat(value)));
            let fields = fields.filter(|(_, value)| !value.is_empty());
            joined(fields.map(|(name, value)| format!("{name}: {value}")).collect())
        }
    }
}

/// The text on one line, without control characters and without characters that are invisible or change how the line is
/// displayed.
pub(super) fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_whitespace() || c.is_control();
    let text: String = text.chars().filter(|c| is_break(*c) || !is_hidden(*c)).collect();
    text.split(is_break).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

pub(super) fn short(line: &str) -> String {
    const LONGEST: usize = 300;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Secrets, of_body, of_warning};

    fn message(body: &str) -> String {
        let mut secrets = Secrets::default();
        secrets.add("p/w");
        of_body(body, &secrets)
    }

    #[test]
    fn what_a_registry_says_is_found() {
        for (body, text) in [
            (r#"{"errors":[{"code":"A","message":"b","detail":null}]}"#, "A: b"),
            (r#"{"errors":[{"code":"A","message":"b","detail":"c"},{"code":"D"}]}"#, "A: b (c); D"),
            (
                r#"{"errors":[{"message":"b","detail":{"digest":"sha256:1","size":2}}]}"#,
                "b (digest: sha256:1, size: 2)",
            ),
            (r#"{"errors":[{"code":"A","detail":[{"Name":"x","Class":""}]}]}"#, "A (Name: x)"),
            (r#"{"errors":[{"code":401,"message":"b is c","detail":"c"}]}"#, "401: b is c"),
            (r#"{"details":"wrong p\u002fw"}"#, "details: wrong ***"),
            (r#"{"error":"invalid_grant","n":1,"x":{}}"#, "error: invalid_grant, n: 1"),
            (r#"{"errors":[]}"#, ""),
            ("disk full\r\nnow", "disk full now"),
            ("<html>x", ""),
            ("p%2Fw p\u{7}/w a\u{202e}b", "*** p /w ab"),
            ("p\u{ad}/w a\u{2028}b\u{e0041}", "*** a b"),
        ] {
            assert_eq!(message(body), text, "{body}");
        }
    }

    #[test]
    fn a_warning_has_a_code_and_an_agent() {
        assert_eq!(of_warning(r#"299 - "a \"b\"""#), Some(r#"a \"b\""#));
        assert_eq!(of_warning(r#"299 quay.io "x" "Wed""#), Some(r#"x" "Wed"#));
        for other in ["", "299", "299 -", "299 - x", "x - \"y\"", "299 - \""] {
            assert_eq!(of_warning(other), None, "{other}");
        }
    }
}
