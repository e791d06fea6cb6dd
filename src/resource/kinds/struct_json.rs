//! The JSON that istiod generates for a configuration. The filter gets these bytes.
//!
//! A protobuf Struct stores all numbers as 64-bit floats. Go's encoder sorts the keys, and escapes what HTML and JavaScript
//! treat specially.

use std::fmt::Write as _;

use crate::yaml::{Node, Value};

pub(super) fn write(config: &Node) -> String {
    let mut json = String::new();
    value(config, &mut json);
    json
}

fn value(node: &Node, json: &mut String) {
    match &node.value {
        #[expect(clippy::cast_precision_loss, reason = "the mesh loses the same digits")]
        Value::Int(number) => float(*number as f64, json),
        Value::Float(number) => float(*number, json),
        Value::String(text) => string(text, json),
        Value::Seq(items) => {
            json.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, json);
                value(item, json);
            }
            json.push(']');
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| &key.name);
            json.push('{');
            for (index, (key, node)) in entries.into_iter().enumerate() {
                separate(index, json);
                string(&key.name, json);
                json.push(':');
                value(node, json);
            }
            json.push('}');
        }
        Value::Null | Value::Bool(_) => json.push_str(&node.to_json().to_string()),
    }
}

fn separate(index: usize, json: &mut String) {
    if index > 0 {
        json.push(',');
    }
}

/// Writes plain digits, except for very small and very large numbers.
fn float(number: f64, json: &mut String) {
    let size = number.abs();
    let text = if size == 0.0 || (1e-6..1e21).contains(&size) {
        number.to_string()
    } else {
        // Go writes the sign of the exponent.
        let text = format!("{number:e}");
        if text.contains("e-") { text } else { text.replace('e', "e+") }
    };
    json.push_str(&text);
}

fn string(text: &str, json: &mut String) {
    for c in serde_json::Value::from(text).to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(json, "\\u{:04x}", u32::from(c)).expect("a string can be written to");
            }
            _ => json.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    /// The results come from istiod's encoder, except the exponents, which follow the rule of Go's `encoding/json`.
    #[test]
    fn the_bytes_are_those_of_istiod() {
        for (yaml, expected) in [
            ("{b: 1, a: [null, true, text], B: {}}", r#"{"B":{},"a":[null,true,"text"],"b":1}"#),
            (
                "[1234567890123456789, 9223372036854775807, 300000000000000000000.0, -0.0, 1.50, 0.000001]",
                "[1234567890123456800,9223372036854776000,300000000000000000000,-0,1.5,0.000001]",
            ),
            ("[1.0e+21, -2.5e+300, 1.5e-7]", "[1e+21,-2.5e+300,1.5e-7]"),
            (r#"["<a> & \u2028\u2029 \"\\ é\n"]"#, r#"["\u003ca\u003e \u0026 \u2028\u2029 \"\\ é\n"]"#),
        ] {
            assert_eq!(write(&read_document(yaml).unwrap().0), expected, "{yaml}");
        }
    }
}
