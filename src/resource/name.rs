//! Names that Kubernetes takes.

/// Why `name` cannot be the name of a resource, to be said after the name; nothing where it can.
///
/// The rule is the DNS-1123 subdomain of Kubernetes: at most 253 of `a-z`, `0-9`, `-` and `.`, and each part
/// between dots begins and ends with a letter or a digit.
pub fn kubernetes_name_problem(name: &str) -> Option<String> {
    problem(name, 253, "`a-z`, `0-9`, `-` and `.`", true)
}

/// How long a DNS-1123 label may be.
pub const LONGEST_LABEL: usize = 63;

/// Why `name` cannot be the name of a namespace: a DNS-1123 label, which is at most 63 long and without dots.
pub fn kubernetes_label_problem(name: &str) -> Option<String> {
    problem(name, LONGEST_LABEL, "`a-z`, `0-9` and `-`", false)
}

/// The name of the resource for a cargo package: `_` becomes `-`, and so does all that Kubernetes refuses.
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
        return Some(format!("holds `{}`: only {alphabet} may stand in it", wrong.escape_debug()));
    }
    if name.len() > longest {
        return Some(format!("has {} characters: {longest} are allowed", name.len()));
    }
    if !name.split('.').all(|part| part.starts_with(inner) && part.ends_with(inner)) {
        let part = if dots { "each part between dots" } else { "it" };
        return Some(format!("is not a DNS name: {part} begins and ends with a letter or a digit"));
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
            ("a_b", "holds `_`: only `a-z`, `0-9`, `-` and `.` may stand in it"),
            ("Ab", "holds `A`"),
            ("é", "holds `é`"),
            ("a\n", "holds `\\n`"),
            ("-a", "is not a DNS name: each part"),
            ("a-", "is not a DNS name"),
            ("a..b", "is not a DNS name"),
            (".a", "is not a DNS name"),
            ("a.-b", "is not a DNS name"),
            (&"a".repeat(254), "has 254 characters: 253 are allowed"),
        ] {
            let told = kubernetes_name_problem(name).expect(name);
            assert!(told.starts_with(reason), "{name}: {told}");
        }
        assert_eq!(kubernetes_label_problem(&"a".repeat(63)), None);
        assert!(kubernetes_label_problem(&"a".repeat(64)).is_some());
        assert!(kubernetes_label_problem("a.b").is_some());
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
