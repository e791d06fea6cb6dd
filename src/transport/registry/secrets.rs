//! Removes secrets from what a registry sends back.

/// How much of a text is searched, in bytes. A message is much shorter.
const LONGEST: usize = 8 << 10;
/// A part of a secret that is at least as long must not be shown either, in characters.
const LONG_PART: usize = 24;
/// Only a token that was made up for it can be read in more ways at once.
const MOST_WAYS: usize = 64;

/// Strings that must not be shown, even if a registry sends them back.
#[derive(Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    pub fn add(&mut self, secret: &str) {
        if !secret.is_empty() && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
            // Longest first: replacing a secret that is part of another one would leave the rest of the longer one.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// The text without the secrets, in whatever way each of their characters is escaped. Only the beginning of a long
    /// text, because a registry can choose both its token and the text, so that it takes long to search.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut rest = &text[..text.floor_char_boundary(LONGEST)];
        let mut shown = String::with_capacity(rest.len());
        while let Some(first) = rest.chars().next() {
            let found = self.0.iter().find_map(|secret| after(rest, secret));
            shown.push_str(if found.is_some() { "***" } else { &rest[..first.len_utf8()] });
            rest = found.unwrap_or(&rest[first.len_utf8()..]);
        }
        shown
    }
}

/// The text after the secret, or after the part of a long secret, that it begins with.
fn after<'t>(text: &'t str, secret: &str) -> Option<&'t str> {
    // `\\` is one escaped backslash, or two that are not escaped, so there can be several ways to go on.
    let mut rests = vec![text];
    for (count, wanted) in secret.chars().enumerate() {
        let forms = |rest| FORMS.iter().filter_map(move |form| form(rest, wanted));
        let mut next: Vec<_> = rests.iter().copied().flat_map(forms).collect();
        next.sort_unstable_by_key(|rest| rest.len());
        next.dedup_by_key(|rest| rest.len());
        next.truncate(MOST_WAYS);
        if next.is_empty() {
            return rests.first().copied().filter(|_| count >= LONG_PART);
        }
        rests = next;
    }
    rests.first().copied()
}

/// The ways to write a character. Each returns the text after it.
type Form = for<'t> fn(&'t str, char) -> Option<&'t str>;
const FORMS: &[Form] = &[literal, blank, percent, unicode, backslash, entity, plus];

fn literal(text: &str, wanted: char) -> Option<&str> {
    text.strip_prefix(wanted)
}

/// A line break became a space, because a message is on one line.
fn blank(text: &str, wanted: char) -> Option<&str> {
    let is_blank = |c: char| c.is_whitespace() || c.is_control();
    (is_blank(wanted) && text.starts_with(is_blank)).then(|| text.trim_start_matches(is_blank))
}

/// `%2F`, as in URLs.
fn percent(text: &str, wanted: char) -> Option<&str> {
    wanted.encode_utf8(&mut [0; 4]).bytes().try_fold(text, |rest, byte| {
        let digits = rest.strip_prefix('%')?.get(..2)?;
        (u8::from_str_radix(digits, 16) == Ok(byte)).then(|| &rest[3..])
    })
}

/// `\u002f`, as in JSON, where a character can need two.
fn unicode(text: &str, wanted: char) -> Option<&str> {
    wanted.encode_utf16(&mut [0; 2]).iter().try_fold(text, |rest, unit| {
        let digits = rest.strip_prefix("\\u")?.get(..4)?;
        (u16::from_str_radix(digits, 16) == Ok(*unit)).then(|| &rest[6..])
    })
}

/// `\/` and `\n`, as in JSON and in the strings of programming languages.
fn backslash(text: &str, wanted: char) -> Option<&str> {
    let letter = match wanted {
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        other if other.is_ascii_punctuation() => other,
        _ => return None,
    };
    text.strip_prefix('\\')?.strip_prefix(letter)
}

/// `&amp;` and `&#38;`, as in HTML.
fn entity(text: &str, wanted: char) -> Option<&str> {
    let (name, rest) = text.strip_prefix('&')?.split_once(';')?;
    let found = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    (found == wanted).then_some(rest)
}

/// A space in a form.
fn plus(text: &str, wanted: char) -> Option<&str> {
    (wanted == ' ').then(|| text.strip_prefix('+')).flatten()
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn a_secret_is_removed_in_every_form() {
        let mut secrets = Secrets::default();
        for secret in ["a\"b\\c/d e", "a\"b", "", "é𝄞", "k&m'<", "x\ny", r"q\\q"] {
            secrets.add(secret);
        }
        for shown in [
            "a\"b\\c/d e",
            "a\\\"b\\\\c\\/d e",
            "a%22b%5Cc%2fd%20e",
            "a%22b%5cc/d+e",
            "\\u0061\\u0022b\\u005cc\\u002Fd\\u0020e",
            "a&quot;b&#92;c&#x2F;d e",
            "a\"b",
            "%61%22%62",
            "é𝄞",
            "%C3%A9%f0%9d%84%9e",
            "\\u00e9\\ud834\\udd1e",
            "k&amp;m&#39;&lt;",
            "x\ny",
            "x y",
            "x\\ny",
            "x%0Ay",
            r"q\\q",
            r"q\\\\q",
        ] {
            assert_eq!(secrets.redact(&format!("<{shown}>")), "<***>", "{shown}");
        }
        for other in ["a", "%", "%2", "%C3", "\\u00", "é", "&", "&#;", "a\\b", "%é"] {
            assert_eq!(secrets.redact(other), other);
        }
    }

    #[test]
    fn a_long_part_of_a_secret_is_removed() {
        let mut secrets = Secrets::default();
        secrets.add(&["a".repeat(30), "b".repeat(30)].concat());
        assert_eq!(secrets.redact(&format!("<{}>", "a".repeat(24))), "<***>");
        assert_eq!(secrets.redact(&"a".repeat(23)), "a".repeat(23));
        assert_eq!(secrets.redact(&format!("%61{}c", "a".repeat(30))), "***ac");
        assert_eq!(secrets.redact(&format!("é{}", "c".repeat(10_000))).len(), 8 << 10);
    }
}
