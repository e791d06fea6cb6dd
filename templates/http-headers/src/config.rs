//! The configuration of the filter. Nothing here calls the proxy.

use serde_json::Value;

/// What the filter was configured to do.
#[derive(Debug, Default, PartialEq)]
pub struct Config {
    /// The names of the headers, in lower case, and their values.
    pub headers: Vec<(String, String)>,
}

impl Config {
    /// Reads `pluginConfig`, which the proxy hands over as the text of a JSON object.
    ///
    /// The error names the key that is wrong, but never a value: a value may be a secret.
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
                return Err(format!("{key:?} is there twice, spelled differently"));
            }
            headers.push((name, header_value(&key, value)?));
        }
        Ok(Self { headers })
    }
}

/// A header's name is a token of RFC 9110, section 5.1.
fn check_name(key: &str) -> Result<(), String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if key.starts_with(':') {
        return Err(format!(
            "{key:?} is a pseudo-header, which only the proxy may set"
        ));
    }
    if key.is_empty() || !key.chars().all(is_token) {
        return Err(format!("{key:?} is not the name of an HTTP header"));
    }
    Ok(())
}

fn header_value(key: &str, value: Value) -> Result<String, String> {
    let Value::String(value) = value else {
        return Err(format!(
            "the value of {key:?} is not a string: put it in quotes"
        ));
    };
    // A line break would end this header and begin another one.
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!(
            "the value of {key:?} has a control character, such as a line break"
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

    fn refusal(text: &str) -> String {
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
    fn what_is_not_an_object_is_refused() {
        for text in ["null", "[]", "1", r#""first""#] {
            assert_eq!(refusal(text), "not a JSON object");
        }
        for text in ["{", "{} {}", "first: value"] {
            assert!(refusal(text).starts_with("not JSON: "), "{text}");
        }
    }

    #[test]
    fn a_value_that_is_not_a_string_is_refused() {
        for value in ["1", "true", "null", "[]", "{}"] {
            let reason = refusal(&format!(r#"{{"first": {value}}}"#));
            assert_eq!(
                reason,
                r#"the value of "first" is not a string: put it in quotes"#
            );
        }
    }

    #[test]
    fn a_name_that_is_no_header_is_refused() {
        for key in ["", "two words", "a:b", "a\\r\\nb", "é"] {
            let reason = refusal(&format!(r#"{{"{key}": "value"}}"#));
            assert!(reason.contains(key), "{reason}");
            assert!(
                reason.ends_with("is not the name of an HTTP header"),
                "{reason}"
            );
        }
        assert!(refusal(r#"{":status": "200"}"#).starts_with(r#"":status" is a pseudo-header"#));
    }

    #[test]
    fn a_value_that_breaks_the_line_is_refused() {
        for value in ["a\\r\\nb", "a\\nb", "a\\u0000b"] {
            let reason = refusal(&format!(r#"{{"first": "{value}"}}"#));
            assert!(
                reason.starts_with(r#"the value of "first" has"#),
                "{reason}"
            );
        }
    }

    #[test]
    fn one_name_in_two_spellings_is_refused() {
        let reason = refusal(r#"{"First": "a", "first": "b"}"#);
        assert!(reason.starts_with(r#""first" is there twice"#), "{reason}");
    }
}
