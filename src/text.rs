//! Helpers for messages.

use std::borrow::Cow;
use std::fmt::Display;

/// How much of a text is shown, in bytes.
const LONGEST: usize = 8 << 10;

/// A text as it is shown on a terminal: visible, and not too long. It may come from another program, a file or a server.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return visible(text);
    }
    let end = text.floor_char_boundary(LONGEST);
    format!("{}\n[{} more bytes]", visible(&text[..end]), text.len() - end).into()
}

/// A text in which characters that would control the terminal, change the direction of the text, or be invisible are
/// replaced by their code.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut visible = String::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        match character {
            '\r' if text[index..].starts_with("\r\n") => {}
            hidden if is_hidden(hidden) => visible.extend(hidden.escape_unicode()),
            character => visible.push(character),
        }
    }
    visible.into()
}

/// Whether a character would control the terminal, change the direction of the text, or be invisible.
pub fn is_hidden(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        character => character.is_control(),
    }
}

/// The candidate that is most similar to a mistyped word, if one is similar enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance needs memory in proportion to both lengths, and no candidate is that long.
    if word.len() > 100 {
        return None;
    }
    let word = word.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(3) / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    let last = items.pop().unwrap_or_default();
    if items.is_empty() { last } else { format!("{} and {last}", items.join(", ")) }
}

/// The words in backticks, separated by commas.
pub fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// `1 error`, `2 errors`.
pub fn count(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, list, nearest, shown, visible};

    #[test]
    fn a_text_is_visible_and_not_too_long() {
        assert_eq!(visible("plain\ttext\nwith é, e\u{301} and 語"), "plain\ttext\nwith é, e\u{301} and 語");
        assert_eq!(visible("a\u{1b}[31mb\u{9b}c\rd\r\ne\0"), "a\\u{1b}[31mb\\u{9b}c\\u{d}d\ne\\u{0}");
        assert_eq!(visible("a\u{202e}b\u{200b}c\u{e0041}"), "a\\u{202e}b\\u{200b}c\\u{e0041}");
        let long = "é".repeat(LONGEST);
        assert!(shown(&long).ends_with(&format!("é\n[{LONGEST} more bytes]")));
    }

    #[test]
    fn only_a_similar_word_is_suggested() {
        let keys = ["image", "variant", "optimize", "pull-image"];
        assert_eq!(nearest("imgae", keys), Some("image"));
        assert_eq!(nearest("Optimise", keys), Some("optimize"));
        assert_eq!(nearest("registry", keys), None);
    }

    #[test]
    fn a_list_ends_in_and() {
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(list([""; 0]), "");
    }
}
