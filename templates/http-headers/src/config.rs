//! The configuration of the filter. Nothing here calls the proxy.

use serde_json::Value;

/// A valid configuration.
#[derive(Debug, Default, PartialEq)]
pub struct Config {
    /// The names of the headers, in lower case, and their values.
    pub headers: Vec<(String, String)>,
}

impl Config {
    /// Parses `pluginConfig`, which the proxy passes as a JSON object.
    ///
    /// The error names the invalid key, but never a value, because a value can be a secret.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        // Istio sends no bytes at all when pluginConfig is absent or empty.
        if text.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let value = serde_json::from_slice(text).map_err(|error| format!("not JSON: {error}"))?;
        let Value::Object(object) = value else {
            return Err("not a JSON object".to_owned());
        };
        let mut headers: Vec<(String, String)> = Vec::with_capacity(object.len());
        for (key, value) in object {
            check_name(&key)?;
            let name = key.to_ascii_lowercase();
            if headers.iter().any(|(other, _)| *other == name) {
                return Err(format!(
                    "{key:?} is a duplicate: header names are case-insensitive"
                ));
            }
            headers.push((name, header_value(&key, value)?));
        }
        Ok(Self { headers })
    }
}

/// The name of a header is a token of RFC 9110, section 5.1.
fn check_name(key: &str) -> Result<(), String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if key.starts_with(':') {
        return Err(format!(
            "{key:?} is a pseudo-header, which only the proxy can set"
        ));
    }
    if key.is_empty() || !key.chars().all(is_token) {
        return Err(format!("{key:?} is not a valid header name"));
    }
    Ok(())
}

fn header_value(key: &str, value: Value) -> Result<String, String> {
    let Value::String(value) = value else {
        return Err(format!("the value of {key:?} is not a string: quote it"));
    };
    // A line break would end this header and begin another one.
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!(
            "the value of {key:?} contains a control character, such as a line break"
        ));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::Config;

    fn headers(text: &str) -> Vec<(String, String)> {
        Config::parse(text.as_bytes()).unwrap().headers
    }

    fn error(text: &str) -> String {
        Config::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn headers_are_read() {
        let expected = [("first", "some value"), ("second", "42")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            headers(r#"{"First": "some value", "second": "42"}"#),
            expected
        );
    }

    #[test]
    fn no_configuration_means_no_headers() {
        for text in ["", " \n", "{}"] {
            assert_eq!(headers(text), []);
        }
    }

    #[test]
    fn only_an_object_is_valid() {
        for text in ["null", "[]", "1", r#""first""#] {
            assert_eq!(error(text), "not a JSON object");
        }
        for text in ["{", "{} {}", "first: value"] {
            assert!(error(text).starts_with("not JSON: "), "{text}");
        }
    }

    #[test]
    fn only_strings_are_valid_values() {
        for value in ["1", "true", "null", "[]", "{}"] {
            let reason = error(&format!(r#"{{"first": {value}}}"#));
            assert_eq!(reason, r#"the value of "first" is not a string: quote it"#);
        }
    }

    #[test]
    fn only_tokens_are_valid_names() {
        for key in ["", "two words", "a:b", "a\\r\\nb", "é"] {
            let reason = error(&format!(r#"{{"{key}": "value"}}"#));
            assert!(reason.contains(key), "{reason}");
            assert!(reason.ends_with("is not a valid header name"), "{reason}");
        }
        assert!(error(r#"{":status": "200"}"#).starts_with(r#"":status" is a pseudo-header"#));
    }

    #[test]
    fn a_value_cannot_break_the_line() {
        for value in ["a\\r\\nb", "a\\nb", "a\\u0000b"] {
            let reason = error(&format!(r#"{{"first": "{value}"}}"#));
            assert!(
                reason.starts_with(r#"the value of "first" contains"#),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_name_in_two_spellings_is_a_duplicate() {
        let reason = error(r#"{"First": "a", "first": "b"}"#);
        assert!(reason.starts_with(r#""first" is a duplicate"#), "{reason}");
    }
}
