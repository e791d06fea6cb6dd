//! The meaning of unquoted scalars, and whether all readers agree on it.
//!
//! YAML 1.1 and 1.2 interpret some scalars differently (`yes`, `012`, `1_000`). go-yaml, which kubectl and istiod use,
//! follows neither of them exactly.

use super::fault::FaultKind;
use super::value::Value;

/// Whether every YAML reader reads the unquoted scalar as text.
pub fn is_text_unquoted(text: &str) -> bool {
    matches!(resolve(text), Ok(Value::String(_)))
}

/// The value that every YAML reader reads from an unquoted scalar.
///
/// # Errors
///
/// If readers disagree, or if JSON, which the API server gets, can't hold the value.
pub(super) fn resolve(text: &str) -> Result<Value, FaultKind> {
    if let Some(value) = word(text) {
        return Ok(value);
    }
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Err(disputed(text, "the boolean true", "text"));
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Err(disputed(text, "the boolean false", "text"));
        }
        "<<" => return Err(disputed(text, "a merge key", "text")),
        "=" => return Err(disputed(text, "a default value", "text")),
        _ => {}
    }
    if !may_be_number(text) {
        return Ok(Value::String(text.to_owned()));
    }
    let (reading, others) = (core(text), [yaml_1_1(text), go_number(text)]);
    if let Some(other) = others.iter().find(|other| **other != reading) {
        return Err(disputed(text, &other.describe(), &reading.describe()));
    }
    match reading {
        Reading::Int(Some(number)) if i64::try_from(number).is_ok() =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "the guard has converted it")]
            Ok(Value::Int(number as i64))
        }
        Reading::Int(_) => Err(FaultKind::UnsupportedNumber { text: text.to_owned(), is_finite: true }),
        Reading::Float(number) if number.is_finite() => Ok(Value::Float(number)),
        Reading::Float(_) => Err(FaultKind::UnsupportedNumber { text: text.to_owned(), is_finite: false }),
        Reading::Text | Reading::Date | Reading::Base60 => Ok(Value::String(text.to_owned())),
    }
}

/// The value that go-yaml v2 reads from an unquoted scalar. A number that JSON can't hold becomes the nearest one that
/// JSON can hold, or text.
pub(super) fn go_yaml(text: &str) -> Value {
    if let Some(value) = word(text) {
        return value;
    }
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Value::Bool(false),
        _ => {}
    }
    let string = || Value::String(text.to_owned());
    if !may_be_number(text) {
        return string();
    }
    match go_number(text) {
        #[expect(clippy::cast_precision_loss, reason = "it has more digits than any number in JSON")]
        Reading::Int(Some(number)) => i64::try_from(number).map_or(Value::Float(number as f64), Value::Int),
        Reading::Float(number) if number.is_finite() => Value::Float(number),
        _ => string(),
    }
}

/// The words that all readers interpret in the same way.
fn word(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn may_be_number(text: &str) -> bool {
    text.starts_with(|first| is_digit(first) || matches!(first, '+' | '-' | '.'))
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

fn disputed(text: &str, one: &str, other: &str) -> FaultKind {
    FaultKind::AmbiguousScalar { text: text.to_owned(), readings: [one.to_owned(), other.to_owned()] }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    Text,
    /// `None` if it has more than 128 bits.
    Int(Option<i128>),
    Float(f64),
    Date,
    Base60,
}

impl Reading {
    fn describe(self) -> String {
        match self {
            Reading::Text => "text".to_owned(),
            Reading::Int(Some(number)) => format!("the number {number}"),
            Reading::Int(None) => "a number".to_owned(),
            Reading::Float(number) => format!("the number {number:?}"),
            Reading::Date => "a date".to_owned(),
            Reading::Base60 => "a number in base 60".to_owned(),
        }
    }
}

/// The core schema of YAML 1.2.2, section 10.3.2.
fn core(text: &str) -> Reading {
    let (negative, unsigned) = sign(text);
    if unsigned == text
        && let Some((base, digits)) = prefixed(text, &[("0o", 8), ("0x", 16)])
        && all(digits, base)
    {
        return int(false, digits, base);
    }
    if all(unsigned, 10) {
        return int(negative, unsigned, 10);
    }
    if is_float(unsigned, true, false) {
        return float(text);
    }
    special(text, unsigned)
}

/// The types of YAML 1.1 (yaml.org/type), with the patterns of PyYAML, extended because some readers accept more.
fn yaml_1_1(text: &str) -> Reading {
    let (negative, unsigned) = sign(text);
    if is_date(text) {
        return Reading::Date;
    }
    if is_base_60(unsigned) {
        return Reading::Base60;
    }
    let plain = unsigned.replace('_', "");
    if unsigned.starts_with(is_digit) {
        if let Some((base, digits)) = prefixed(&plain, &[("0b", 2), ("0x", 16)])
            && all(digits, base)
        {
            return int(negative, digits, base);
        }
        if plain.len() > 1 && plain.starts_with('0') && all(&plain, 8) {
            return int(negative, &plain, 8);
        }
        if all(&plain, 10) && (plain == "0" || !plain.starts_with('0')) {
            return int(negative, &plain, 10);
        }
    }
    // A decimal point is required, an exponent needs a sign, and a number like `.5` must not have a sign.
    if is_float(&plain, false, true) && (unsigned == text || !unsigned.starts_with('.')) {
        return float(&text.replace('_', ""));
    }
    special(text, unsigned)
}

/// go-yaml: underscores are removed, then Go's own number syntax with its prefixes is tried, then a float.
fn go_number(text: &str) -> Reading {
    let (negative, unsigned) = sign(text);
    // If the text begins with a point, go-yaml leaves the underscores to Go, which allows them only between digits.
    let is_enclosed = |part: &str| part.starts_with(is_digit) && part.ends_with(is_digit);
    if text.starts_with('.') && text.contains('_') && !text[1..].split('_').all(is_enclosed) {
        return Reading::Text;
    }
    let plain = unsigned.replace('_', "");
    let prefixes = [("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8), ("0x", 16), ("0X", 16), ("0", 8)];
    if let Some((base, digits)) = prefixed(&plain, &prefixes)
        && all(digits, base)
    {
        return int(negative, digits, base);
    }
    if all(&plain, 10) && (plain == "0" || !plain.starts_with('0')) {
        return int(negative, &plain, 10);
    }
    // go-yaml itself allows a sign after this prefix.
    if unsigned == text
        && let Some((negative, digits)) = plain.strip_prefix("0b").map(sign)
        && all(digits, 2)
    {
        return int(negative, digits, 2);
    }
    if is_float(&plain, true, false) {
        return float(&text.replace('_', ""));
    }
    // It recognizes dates, and returns them as text.
    if is_date(text) { Reading::Date } else { special(text, unsigned) }
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

fn prefixed<'a>(text: &'a str, prefixes: &[(&str, u32)]) -> Option<(u32, &'a str)> {
    prefixes.iter().find_map(|(prefix, base)| Some((*base, text.strip_prefix(prefix)?)))
}

fn all(digits: &str, base: u32) -> bool {
    !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base))
}

fn int(negative: bool, digits: &str, base: u32) -> Reading {
    let number = i128::from_str_radix(digits, base).ok();
    Reading::Int(number.map(|number| if negative { -number } else { number }))
}

fn float(text: &str) -> Reading {
    text.parse().map_or(Reading::Text, Reading::Float)
}

fn is_float(unsigned: &str, point_optional: bool, exponent_signed: bool) -> bool {
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']);
        all(digits.unwrap_or(exponent), 10) && (digits.is_some() || !exponent_signed)
    });
    let number_fits = match number.split_once('.') {
        Some((whole, part)) => {
            (all(whole, 10) && (part.is_empty() || all(part, 10))) || (whole.is_empty() && all(part, 10))
        }
        None => point_optional && all(number, 10),
    };
    number_fits && exponent_fits
}

fn special(text: &str, unsigned: &str) -> Reading {
    match unsigned {
        ".inf" | ".Inf" | ".INF" => Reading::Float(f64::INFINITY),
        // NaN is represented by infinity, because infinity equals itself. JSON has neither.
        ".nan" | ".NaN" | ".NAN" if unsigned == text => Reading::Float(f64::INFINITY),
        _ => Reading::Text,
    }
}

fn is_base_60(unsigned: &str) -> bool {
    let whole = unsigned.split_once('.').map_or(unsigned, |(whole, _)| whole);
    let mut groups = whole.split(':');
    let first = groups.next().unwrap_or_default().replace('_', "");
    let mut rest = groups.peekable();
    all(&first, 10)
        && rest.peek().is_some()
        && rest.all(|group| group.len() <= 2 && all(group, 10) && sixtieth(group))
}

fn sixtieth(group: &str) -> bool {
    group.parse::<u8>().is_ok_and(|number| number < 60)
}

fn is_date(text: &str) -> bool {
    let (day, time) = match text.find(['T', 't', ' ', '\t']) {
        Some(end) => text.split_at(end),
        None => (text, ""),
    };
    let mut parts = day.split('-');
    let mut digits = |longest: usize| parts.next().is_some_and(|part| part.len() <= longest && all(part, 10));
    let is_day = text.as_bytes().get(4) == Some(&b'-') && digits(4) && digits(2) && digits(2);
    let is_whole = |c: char| c.is_ascii_digit() || "Tt \t:.Z+-".contains(c);
    is_day && parts.next().is_none() && (time.is_empty() || is_time(time) && time.chars().all(is_whole))
}

/// Whether it begins with hours, minutes and seconds. A text such as `2026-01-01t` is not a date for any reader.
fn is_time(text: &str) -> bool {
    let mut parts = text.trim_start_matches(['T', 't', ' ', '\t']).splitn(3, ':');
    let mut is_number = || parts.next().is_some_and(|part| (1..=2).contains(&part.len()) && all(part, 10));
    is_number()
        && is_number()
        && parts.next().is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_readers_see_is_taken() {
        for (text, value) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("TRUE", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("0", Value::Int(0)),
            ("+12", Value::Int(12)),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("0x1F", Value::Int(31)),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            ("1.", Value::Float(1.0)),
            ("1.0e+300", Value::Float(1e300)),
        ] {
            assert_eq!(resolve(text), Ok(value), "{text}");
        }
        for text in
            ["yEs", "1.2.3", "8080:80", "-", "--x", "1.2.3-rc1", "10.0.0.1", "12ab", "...", "e3", "2026-01"]
        {
            assert_eq!(resolve(text), Ok(Value::String(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_readers_dispute_is_refused() {
        for text in [
            "yes",
            "Off",
            "n",
            "<<",
            "=",
            "012",
            "08",
            "-012",
            "0o17",
            "-0o17",
            "0X1F",
            "-0x1F",
            "0b11",
            "0b-1",
            "1_000",
            "1e3",
            "1.5e3",
            "-.5",
            "1_0.5",
            "12:30:45",
            "22:22",
            "190:20:30.15",
            "2026-01-01",
            "2026-1-1 10:00:00",
            "2026-01-01T10:00:00Z",
            "2001-12-14t21:59:43.10-05:00",
        ] {
            let Err(FaultKind::AmbiguousScalar { text: shown, .. }) = resolve(text) else { panic!("{text}") };
            assert_eq!(shown, text);
        }
        assert_eq!(
            resolve("012").unwrap_err().message(),
            "`012` is ambiguous: some YAML readers read it as the number 10, others as the number 12"
        );
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        for text in [".inf", "-.INF", ".nan", "9223372036854775808", "1.0e+999", &"9".repeat(1000)] {
            assert!(matches!(resolve(text), Err(FaultKind::UnsupportedNumber { .. })), "{text}");
        }
    }
}
