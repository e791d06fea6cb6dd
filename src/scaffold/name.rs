//! Names that are valid for cargo and for Kubernetes.

use crate::error::{Exit, Explain};
use crate::resource::{LONGEST_LABEL, kubernetes_label_problem};

/// The keywords of Rust 2024, including reserved ones. A crate can't have the name of a keyword.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// The crates that come with Rust. Cargo refuses some of these names, and a package would shadow the others.
const BUILT_IN: &[&str] = &["alloc", "core", "proc_macro", "std", "test"];

/// A name that a filter can't have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid filter name `{name}`: {reason}")]
pub struct InvalidName {
    name: String,
    reason: String,
    /// A similar valid name.
    suggestion: String,
}

impl Explain for InvalidName {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec![format!("try `--name {}`", self.suggestion)]
    }
}

/// Checks that `name` is valid for a cargo package with these dependencies and, with `_` replaced by `-`, for a Kubernetes
/// object.
///
/// # Errors
///
/// If the name is not valid. The error has the reason and a similar valid name.
pub fn check(name: &str, dependencies: &[String]) -> Result<(), InvalidName> {
    let Some(reason) = problem(name, dependencies) else { return Ok(()) };
    let mut suggestion = similar_label(name);
    // The similar name can be invalid too, as for `9lives`, `Match` and `log`.
    if suggestion.is_empty() {
        suggestion = "my-filter".to_owned();
    } else if suggestion.starts_with(|c: char| c.is_ascii_digit()) {
        suggestion = cut(&format!("filter-{suggestion}"));
    } else if problem(&suggestion, dependencies).is_some() {
        suggestion = format!("{suggestion}-filter");
    }
    Err(InvalidName { name: name.to_owned(), reason, suggestion })
}

/// Why `name` is not valid, if it isn't.
fn problem(name: &str, dependencies: &[String]) -> Option<String> {
    let crate_name = name.replace('-', "_");
    if KEYWORDS.contains(&name) {
        Some("it is a keyword of Rust".to_owned())
    } else if BUILT_IN.contains(&crate_name.as_str()) {
        Some("it is the name of a crate that comes with Rust".to_owned())
    } else if dependencies.iter().any(|dependency| dependency.replace('-', "_") == crate_name) {
        Some("it is the name of a dependency of the filter".to_owned())
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        Some("the name of a cargo package can't start with a digit".to_owned())
    } else {
        kubernetes_label_problem(&name.replace('_', "-"))
            .map(|problem| format!("Kubernetes would refuse it because it {problem}"))
    }
}

/// The DNS label that is most similar to `name`, or an empty string.
fn similar_label(name: &str) -> String {
    let mut label = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            label.push(c);
        } else if !label.is_empty() && !label.ends_with('-') {
            label.push('-');
        }
    }
    cut(&label)
}

/// Shortens `label` to the maximum length, and removes `-` from its end.
fn cut(label: &str) -> String {
    let end = label.len().min(LONGEST_LABEL);
    label.get(..end).unwrap_or(label).trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_LABEL, check, problem};

    fn dependencies() -> Vec<String> {
        ["log", "serde_json"].map(str::to_owned).to_vec()
    }

    #[test]
    fn valid_names_pass() {
        for name in ["hello", "header-append", "header_append", "a", "x9", "a--b", &"a".repeat(LONGEST_LABEL)]
        {
            assert_eq!(check(name, &dependencies()), Ok(()), "{name}");
        }
        assert_eq!(check("log", &[]), Ok(()));
    }

    #[test]
    fn the_suggestion_is_valid_and_similar() {
        let long = "a".repeat(80);
        let cases = [
            ("Hello World", "hello-world"),
            ("_x", "x"),
            ("x-", "x"),
            ("9lives", "filter-9lives"),
            ("9-9", "filter-9-9"),
            ("match", "match-filter"),
            ("Match", "match-filter"),
            ("test", "test-filter"),
            ("std", "std-filter"),
            ("proc-macro", "proc-macro-filter"),
            ("log", "log-filter"),
            ("serde-json", "serde-json-filter"),
            ("filter.v2", "filter-v2"),
            ("größe", "gr-e"),
            ("日本", "my-filter"),
            ("", "my-filter"),
            ("--", "my-filter"),
            (&long, &long[..LONGEST_LABEL]),
        ];
        for (name, suggestion) in cases {
            let error = check(name, &dependencies()).unwrap_err();
            assert_eq!(error.suggestion, suggestion, "{name}");
            assert_eq!(problem(&error.suggestion, &dependencies()), None, "{name}");
        }
    }

    #[test]
    fn the_error_says_why() {
        assert_eq!(
            check("Hello World", &[]).unwrap_err().to_string(),
            "invalid filter name `Hello World`: \
             Kubernetes would refuse it because it contains `H`; only `a-z`, `0-9` and `-` are allowed"
        );
    }
}
