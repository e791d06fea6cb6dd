//! Names that do for cargo and for Kubernetes at once.

use crate::error::{Exit, Explain};
use crate::resource::{LONGEST_LABEL, kubernetes_label_problem};

/// The keywords of Rust 2024, reserved ones included: none can be a crate.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// The crates that come with Rust: cargo refuses their names, or they would hide the real ones.
const BUILT_IN: &[&str] = &["alloc", "core", "proc_macro", "std", "test"];

/// The crates that a template depends on: a package cannot have the name of its own dependency.
const DEPENDENCIES: &[&str] = &["log", "proxy_wasm", "serde_json"];

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be the name of a filter: {reason}")]
pub struct InvalidName {
    /// The name that was given.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
    /// A name like it that can be used.
    pub suggestion: String,
}

impl Explain for InvalidName {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec![format!("try `--name {}`", self.suggestion)]
    }
}

/// Checks that `name` does for a cargo package, and, once `_` became `-`, for a Kubernetes object.
///
/// # Errors
///
/// With the reason and a name that does.
pub fn check_package(name: &str) -> Result<(), InvalidName> {
    let reason = match package_fault(name) {
        None => return Ok(()),
        Some(reason) => reason,
    };
    let mut suggestion = similar_label(name);
    // The suggestion has to pass where the name did not: `9lives`, `Match`, `log`.
    if suggestion.is_empty() {
        suggestion = "my-filter".to_owned();
    } else if suggestion.starts_with(|c: char| c.is_ascii_digit()) {
        suggestion = cut(&format!("filter-{suggestion}"));
    } else if package_fault(&suggestion).is_some() {
        suggestion = format!("{suggestion}-filter");
    }
    Err(InvalidName { name: name.to_owned(), reason, suggestion })
}

/// What keeps `name` from being a label of DNS, which Kubernetes takes for the names of most things.
fn label_fault(name: &str) -> Option<String> {
    kubernetes_label_problem(name).map(|problem| format!("Kubernetes would refuse it, for it {problem}"))
}

fn package_fault(name: &str) -> Option<String> {
    let crate_name = name.replace('-', "_");
    if KEYWORDS.contains(&name) {
        Some("it is a keyword of Rust".to_owned())
    } else if BUILT_IN.contains(&crate_name.as_str()) {
        Some("a crate that comes with Rust has that name".to_owned())
    } else if DEPENDENCIES.contains(&crate_name.as_str()) {
        Some("the filter depends on a crate of that name".to_owned())
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        Some("cargo wants no digit at the start".to_owned())
    } else {
        label_fault(&name.replace('_', "-"))
    }
}

/// The label most like `name`; empty where nothing of it can be kept.
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

/// At most as long as a label may be, with no `-` at the end.
fn cut(label: &str) -> String {
    let end = label.len().min(LONGEST_LABEL);
    label.get(..end).unwrap_or(label).trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_LABEL, check_package, package_fault};

    #[test]
    fn names_that_do_for_both() {
        for name in ["hello", "header-append", "header_append", "a", "x9", "a--b", &"a".repeat(LONGEST_LABEL)]
        {
            assert_eq!(check_package(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_refusal_suggests_a_name_like_it_that_passes() {
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
            let error = check_package(name).unwrap_err();
            assert_eq!(error.suggestion, suggestion, "{name}");
            assert_eq!(package_fault(&error.suggestion), None, "{name}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let error = check_package("Hello World").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`Hello World` cannot be the name of a filter: \
             Kubernetes would refuse it, for it holds `H`: only `a-z`, `0-9` and `-` may stand in it"
        );
    }
}
