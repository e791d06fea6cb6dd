//! Names that are valid in Kubernetes.

/// Why `name` isn't valid for a resource, as a predicate that follows the name; `None` if it is valid.
///
/// The name has to be a DNS-1123 subdomain: at most 253 of `a-z`, `0-9`, `-` and `.`, and each part between dots begins
/// and ends with a letter or a digit.
pub fn kubernetes_name_problem(name: &str) -> Option<String> {
    problem(name, 253, "`a-z`, `0-9`, `-` and `.`", true)
}

/// The maximum length of a DNS-1123 label.
pub const LONGEST_LABEL: usize = 63;

/// Like [`kubernetes_name_problem`], but for a namespace. It has to be a DNS-1123 label: at most 63 characters, no dots.
pub fn kubernetes_label_problem(name: &str) -> Option<String> {
    problem(name, LONGEST_LABEL, "`a-z`, `0-9` and `-`", false)
}

/// Why `key` isn't valid for a label, as a predicate; `None` if it is valid.
///
/// It has to be a name of at most 63 letters, digits, `-`, `_` and `.`, with an optional DNS subdomain and `/` before it.
pub fn label_key_problem(key: &str) -> Option<String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    match prefix.and_then(kubernetes_name_problem) {
        Some(problem) => Some(format!("has a prefix that {problem}")),
        None if name.is_empty() => Some("has no name".to_owned()),
        None => label_value_problem(name),
    }
}

/// Why `value` isn't valid for a label, as a predicate; `None` if it is valid.
pub fn label_value_problem(value: &str) -> Option<String> {
    if let Some(wrong) = value.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c)) {
        return Some(format!(
            "contains `{}`; only letters, digits, `-`, `_` and `.` are allowed",
            wrong.escape_debug()
        ));
    }
    if value.len() > LONGEST_LABEL {
        return Some(format!("has {} characters; at most {LONGEST_LABEL} are allowed", value.len()));
    }
    let is_inner = |c: char| !c.is_ascii_alphanumeric();
    let problem = "must begin and end with a letter or a digit";
    (value.starts_with(is_inner) || value.ends_with(is_inner)).then(|| problem.to_owned())
}

/// The name of the resource for a cargo package. Characters that Kubernetes refuses, such as `_`, are replaced by `-`.
pub fn from_package(package: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let name: String =
        package.to_lowercase().chars().map(|c| if fits(c) { c } else { '-' }).take(253).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "plugin".to_owned() } else { name.to_owned() }
}

fn problem(name: &str, longest: usize, alphabet: &str, dots: bool) -> Option<String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty() {
        return Some("is empty".to_owned());
    }
    if let Some(wrong) = name.chars().find(|c| !inner(*c) && *c != '-' && !(dots && *c == '.')) {
        return Some(format!("contains `{}`; only {alphabet} are allowed", wrong.escape_debug()));
    }
    if name.len() > longest {
        return Some(format!("has {} characters; at most {longest} are allowed", name.len()));
    }
    if !name.split('.').all(|part| part.starts_with(inner) && part.ends_with(inner)) {
        let part = if dots { "each part between dots" } else { "it" };
        return Some(format!("is not a DNS name: {part} must begin and end with a letter or a digit"));
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rules_are_those_of_kubernetes() {
        for name in ["a", "0", "a-b", "a.b-c.9", &"a".repeat(253)] {
            assert_eq!(kubernetes_name_problem(name), None, "{name}");
        }
        for (name, reason) in [
            ("", "is empty"),
            ("a_b", "contains `_`; only `a-z`, `0-9`, `-` and `.` are allowed"),
            ("Ab", "contains `A`"),
            ("é", "contains `é`"),
            ("a\n", "contains `\\n`"),
            ("-a", "is not a DNS name: each part"),
            ("a-", "is not a DNS name"),
            ("a..b", "is not a DNS name"),
            (".a", "is not a DNS name"),
            ("a.-b", "is not a DNS name"),
            (&"a".repeat(254), "has 254 characters; at most 253 are allowed"),
        ] {
            let problem = kubernetes_name_problem(name).expect(name);
            assert!(problem.starts_with(reason), "{name}: {problem}");
        }
        assert_eq!(kubernetes_label_problem(&"a".repeat(63)), None);
        assert!(kubernetes_label_problem(&"a".repeat(64)).is_some());
        assert!(kubernetes_label_problem("a.b").is_some());
    }

    #[test]
    fn labels_are_as_kubernetes_takes_them() {
        for key in ["app", "App.v2_x", "app.kubernetes.io/name", &format!("a.b/{}", "x".repeat(63))] {
            assert_eq!(label_key_problem(key), None, "{key}");
        }
        for (key, reason) in [
            ("", "has no name"),
            ("a/", "has no name"),
            ("/a", "has a prefix that is empty"),
            ("A/b", "has a prefix that contains `A`"),
            ("a/b/c", "contains `/`; only letters"),
            ("a b", "contains ` `"),
            ("-a", "must begin and end"),
            (&"a".repeat(64), "has 64 characters; at most 63 are allowed"),
        ] {
            let problem = label_key_problem(key).expect(key);
            assert!(problem.starts_with(reason), "{key}: {problem}");
        }
        assert_eq!(label_value_problem(""), None);
        assert_eq!(label_value_problem("v1.2_x"), None);
        assert!(label_value_problem("a b").is_some());
        assert!(label_value_problem("1.").is_some());
    }

    #[test]
    fn a_package_gives_its_name() {
        assert_eq!(from_package("header_append"), "header-append");
        assert_eq!(from_package("My_Filter2"), "my-filter2");
        assert_eq!(from_package("__"), "plugin");
    }

    proptest! {
        #[test]
        fn any_package_gives_a_valid_name(package in ".{0,300}") {
            prop_assert_eq!(kubernetes_name_problem(&from_package(&package)), None);
        }
    }
}
