//! Names of images: repositories, tags and references, as the OCI distribution specification defines them.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::digest::Digest;

/// A repository in a registry, without tag or digest: `quay.io/acme/hello`, `localhost:5000/acme/hello`.
///
/// As in other tools, a name without a registry is a repository on Docker Hub: `acme/hello` and
/// `index.docker.io/acme/hello` are the same as `docker.io/acme/hello`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

impl Repository {
    /// The registry and the path, separated by a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The registry, with its port if it has one, and the path.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').expect("a repository has a registry and a path")
    }

    /// The last part of the path: `hello`.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A string isn't a valid repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid image repository `{text}`: {reason}")]
pub struct ReferenceError {
    text: String,
    /// What is wrong.
    pub reason: &'static str,
    /// A similar string that is valid, if there is one.
    pub suggestion: Option<String>,
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let refused = |reason| {
            let suggestion = Some(only_repository(text)).filter(|text| check(text).is_ok());
            ReferenceError { text: text.to_owned(), reason, suggestion }
        };
        if text.contains("://") {
            return Err(refused("a repository has no scheme"));
        }
        if text.contains('@') {
            return Err(refused("a repository has no digest"));
        }
        if without_tag(text) != text {
            return Err(refused("a repository has no tag: the tag is the version of the crate, or `--tag`"));
        }
        check(text).map_err(refused)?;
        let (first, _) = text.split_once('/').unwrap_or((text, ""));
        let name = if let Some(path) = text.strip_prefix("index.docker.io/") {
            format!("docker.io/{path}")
        } else if is_registry(first) {
            text.to_owned()
        } else {
            format!("docker.io/{text}")
        };
        match name.len() {
            ..=255 => Ok(Repository(name)),
            _ => Err(refused("the repository is longer than 255 characters, including the registry")),
        }
    }
}

/// The text without scheme, digest and tag, in lower case.
fn only_repository(text: &str) -> String {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split_once('@').map_or(text, |(before, _)| before);
    without_tag(text).to_lowercase()
}

/// The text before the first colon in its path. A colon before the path belongs to the port of the registry.
fn without_tag(text: &str) -> &str {
    let path_start = text.find('/').map_or(0, |slash| slash + 1);
    text[path_start..].find(':').map_or(text, |colon| &text[..path_start + colon])
}

/// Whether the first component is a registry and not a part of the path. All clients of Docker Hub use this rule.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("the repository is empty");
    }
    let Some((first, rest)) = text.split_once('/') else {
        return Err("the repository has no registry and no owner: write it like `quay.io/acme/hello`");
    };
    let path = if is_registry(first) {
        check_registry(first)?;
        rest
    } else {
        text
    };
    path.split('/').try_for_each(check_component)
}

fn check_registry(registry: &str) -> Result<(), &'static str> {
    // An IPv6 address is in brackets, because it contains colons.
    let host_end = registry.find(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match registry[host_end..].find(':') {
        Some(colon) => (&registry[..host_end + colon], Some(&registry[host_end + colon + 1..])),
        None => (registry, None),
    };
    // Without leading zeros or a sign, so that it is the same text in a url.
    let is_port =
        |port: &str| port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port);
    if port.is_some_and(|port| !is_port(port)) {
        return Err("the port of the registry is not a number between 1 and 65535");
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_address = host.starts_with('[');
    if !is_address && !host.split('.').all(label) {
        return Err("the registry is not a valid host name");
    }
    // An address can be written in several ways, a host that ends in a number is an address too, and `xn--` begins an
    // encoded name. Each can be invalid.
    let in_url = Url::parse(&format!("https://{host}/"));
    if in_url.is_ok_and(|url| url.host_str().is_some_and(|found| found.eq_ignore_ascii_case(host))) {
        Ok(())
    } else if is_address {
        Err("the registry is not an IPv6 address in its shortest form, such as `[fd00::1]:5000`")
    } else if host.ends_with(|c: char| c.is_ascii_digit()) {
        Err("the registry is neither a host name nor an IPv4 address, which has four numbers up to 255")
    } else {
        Err("the registry is not a valid host name")
    }
}

fn check_component(component: &str) -> Result<(), &'static str> {
    if component.is_empty() {
        return Err("the path of the repository has an empty component");
    }
    if component.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("the path of the repository has upper-case letters, which registries refuse");
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if !component.bytes().all(allowed) {
        return Err(
            "the path of the repository can only contain lower-case letters, digits, `.`, `_` and `-`",
        );
    }
    let letters = |c: char| c.is_ascii_alphanumeric();
    if !component.starts_with(letters) || !component.ends_with(letters) {
        return Err("each component of the path must begin and end with a letter or a digit");
    }
    let separators = component.split(letters).filter(|separator| !separator.is_empty());
    let allowed =
        |separator: &str| matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
    if !separators.into_iter().all(allowed) {
        return Err("the path of the repository has consecutive separators other than `__` and `--`");
    }
    Ok(())
}

/// A repository in which `{name}` stands for the name of the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPattern(String);

impl RepositoryPattern {
    /// The repository of a package.
    ///
    /// # Errors
    ///
    /// If the name of the package can't be a part of a repository.
    pub fn of_package(&self, package: &str) -> Result<Repository, ReferenceError> {
        self.0.replace(PLACEHOLDER, package).parse()
    }

    /// The repository, if it is the same for all packages.
    pub fn fixed(&self) -> Option<Repository> {
        if self.0.contains(PLACEHOLDER) { None } else { self.0.parse().ok() }
    }
}

const PLACEHOLDER: &str = "{name}";

impl FromStr for RepositoryPattern {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let pattern = RepositoryPattern(text.to_owned());
        pattern.of_package("name").map(|_| pattern)
    }
}

/// The tag of an image: `0.1.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The tag for the version of a crate. Tags can't contain the `+` of build metadata, so it is replaced by `_`.
    pub fn of_version(version: &str) -> Result<Self, TagError> {
        version.replace('+', "_").parse()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a manifest in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A tag. It can name another manifest later.
    Tag(Tag),
    /// The digest of the manifest.
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Tag(tag) => tag.fmt(f),
            Reference::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A string isn't a valid tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid tag `{0}`: a tag has up to 128 letters, digits, `_`, `.` and `-`, and doesn't begin with `.` or `-`"
)]
pub struct TagError(String);

impl crate::error::Explain for TagError {}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let fits = text.len() <= 128
            && text.starts_with(word)
            && text.chars().all(|c| word(c) || c == '.' || c == '-');
        if fits { Ok(Tag(text.to_owned())) } else { Err(TagError(text.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::{Repository, Tag};

    fn suggestion(text: &str) -> Option<String> {
        text.parse::<Repository>().unwrap_err().suggestion
    }

    #[test]
    fn repositories_are_normalized() {
        let read = |text: &str| text.parse::<Repository>().unwrap().to_string();
        assert_eq!(read("quay.io/acme/hello"), "quay.io/acme/hello");
        assert_eq!(read("localhost:5000/acme/hello-world__x"), "localhost:5000/acme/hello-world__x");
        assert_eq!(read("localhost/a"), "localhost/a");
        assert_eq!(read("acme/hello"), "docker.io/acme/hello");
        assert_eq!(read("index.docker.io/acme/hello"), "docker.io/acme/hello");
    }

    #[test]
    fn an_invalid_repository_is_refused_with_a_suggestion() {
        assert_eq!(suggestion("http://quay.io/acme/x").as_deref(), Some("quay.io/acme/x"));
        assert_eq!(suggestion("https://quay.io/Acme/x:1@sha256:0").as_deref(), Some("quay.io/acme/x"));
        assert_eq!(suggestion("quay.io/Acme/X").as_deref(), Some("quay.io/acme/x"));
        assert_eq!(suggestion("quay.io/acme/x:1.0").as_deref(), Some("quay.io/acme/x"));
        assert_eq!(suggestion("localhost:5000/acme/x@sha256:00").as_deref(), Some("localhost:5000/acme/x"));
        for refused in
            ["", "hello", "quay.io//x", "quay.io/a/", "-a.io/x", "h:70000/x", "a/b c", "a/b.-c", "a/é"]
        {
            assert!(refused.parse::<Repository>().is_err(), "{refused}");
        }
    }

    #[test]
    fn a_registry_that_a_url_changes_or_refuses_is_refused() {
        let long = format!("{}.io/x", "a".repeat(64));
        for refused in [
            "10.0.0.300:5000/a/b",
            "10.0.300/a",
            "127.1/a",
            "0x7f.0.0.1/a",
            "127.0.0.01/a",
            "registry.example.5000/x",
            "1.2.3.4.5/a",
            "localhost:+5000/a/b",
            "localhost:05000/a",
            "localhost:0/a",
            "localhost:/a",
            "xn--a.com/x/y",
            "[fd00::0:1]/a",
            "[fd00::1/a",
            "[fd00::1]5000/a",
            "[fd00::1]:/a",
            "[10.0.0.1]/a",
            "[::1]x:5000/a",
            "fd00::1/a",
            &long,
        ] {
            assert!(refused.parse::<Repository>().is_err(), "{refused}");
        }
        for accepted in [
            "10.0.0.30:5000/a/b",
            "QUAY.io:443/a",
            "xn--bcher-kva.example/a",
            "5000.example/x",
            "[fd00::1]:5000/a/b",
            "[::1]/a",
        ] {
            assert!(accepted.parse::<Repository>().is_ok(), "{accepted}");
        }
    }

    proptest! {
        #[test]
        fn a_url_can_hold_each_repository(
            text in "(xn--)?[a-zA-Z0-9:+.x-]{0,12}(\\.[0-9a-fx]{1,4}){0,4}(:[+0-9]{1,6})?/[a-z0-9._/-]{1,8}",
        ) {
            if let Ok(repository) = text.parse::<Repository>() {
                let (registry, path) = repository.parts();
                let url = Url::parse(&format!("http://{registry}/v2/{path}/blobs/")).unwrap();
                prop_assert!(url.host_str().unwrap().eq_ignore_ascii_case(registry.split(':').next().unwrap()));
                prop_assert_eq!(url.path(), format!("/v2/{path}/blobs/"));
            }
        }
    }

    #[test]
    fn a_version_makes_a_tag() {
        assert_eq!(Tag::of_version("1.2.3-rc.1+linux.5").unwrap().as_str(), "1.2.3-rc.1_linux.5");
        assert!("-x".parse::<Tag>().is_err());
        assert!("a b".parse::<Tag>().is_err());
        assert!("".parse::<Tag>().is_err());
    }

    #[test]
    fn the_registry_counts_for_the_length() {
        let path = |length| format!("acme/{}", "a".repeat(length));
        // With `docker.io/` before it.
        assert!(path(240).parse::<Repository>().is_ok());
        assert!(path(241).parse::<Repository>().is_err());
    }
}
