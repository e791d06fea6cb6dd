//! Helpers for messages.

use std::fmt::Display;

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
    use super::{list, nearest};

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
