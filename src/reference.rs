//! Names of images: repositories and tags, as the OCI distribution specification spells them.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// A repository in a registry, without tag or digest: `quay.io/acme/hello`, `localhost:5000/acme/hello`.
///
/// A name without a registry is one of Docker Hub's, as everywhere: `acme/hello` is `docker.io/acme/hello`, and so
/// is `index.docker.io/acme/hello`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

impl Repository {
    /// The registry and the path, with a slash between.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The registry, with its port where it has one, and the path.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').expect("a repository has both")
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text names no repository, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no image repository: {reason}")]
pub struct ReferenceError {
    text: String,
    /// The rule that the text breaks.
    pub reason: &'static str,
    /// A text near it that would do, where there is one.
    pub suggestion: Option<String>,
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let refused = |reason, suggestion: String| {
            let suggestion = Some(suggestion).filter(|text| check(text).is_ok());
            ReferenceError { text: text.to_owned(), reason, suggestion }
        };
        if let Some((_, rest)) = text.split_once("://") {
            return Err(refused("it is written without a scheme", rest.to_owned()));
        }
        if let Some((before, _)) = text.split_once('@') {
            return Err(refused("the digest is not part of it", before.to_owned()));
        }
        let path_start = text.find('/').map_or(0, |slash| slash + 1);
        if let Some(colon) = text[path_start..].find(':') {
            let before = text[..path_start + colon].to_owned();
            return Err(refused(
                "the tag is not part of it: the tag is the crate's version, or `--tag`",
                before,
            ));
        }
        check(text).map_err(|reason| refused(reason, text.to_lowercase()))?;
        let (first, _) = text.split_once('/').unwrap_or((text, ""));
        if let Some(path) = text.strip_prefix("index.docker.io/") {
            Ok(Repository(format!("docker.io/{path}")))
        } else if is_registry(first) {
            Ok(Repository(text.to_owned()))
        } else {
            Ok(Repository(format!("docker.io/{text}")))
        }
    }
}

/// The rule that tells a registry from the first part of a path, as every client of Docker Hub has it.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 255 {
        return Err("it is longer than 255 characters");
    }
    let Some((first, rest)) = text.split_once('/') else {
        return Err("a registry or an owner comes first, and a slash, as in `quay.io/acme/hello`");
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
    if registry.starts_with('[') {
        return Err("the registry is an IPv6 address, which meshes do not take in a url: use a name for it");
    }
    let (host, port) = match registry.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (registry, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("the port of the registry is no number between 0 and 65535");
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.split('.').all(label) { Ok(()) } else { Err("the registry is no host name") }
}

fn check_component(component: &str) -> Result<(), &'static str> {
    if component.is_empty() {
        return Err("there is nothing between two slashes, or at an end");
    }
    if component.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("its path has upper-case letters, which registries refuse");
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if !component.bytes().all(allowed) {
        return Err("its path takes lower-case letters, digits, `.`, `_` and `-` alone");
    }
    let letters = |c: char| c.is_ascii_alphanumeric();
    if !component.starts_with(letters) || !component.ends_with(letters) {
        return Err("each part of its path begins and ends with a letter or a digit");
    }
    let separators = component.split(letters).filter(|separator| !separator.is_empty());
    let allowed =
        |separator: &str| matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
    if !separators.into_iter().all(allowed) {
        return Err("two separators in a row other than `__` and `--` are in its path");
    }
    Ok(())
}

/// The tag of an image: `0.1.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The tag that a crate's version makes. A tag cannot hold the `+` of build metadata.
    pub fn of_version(version: &str) -> Result<Self, TagError> {
        version.replace('+', "_").parse()
    }

    /// The tag as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What names one manifest in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A tag, which may name another manifest tomorrow.
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

/// Why a text is no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no tag: a tag is up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two"
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
    use super::{Repository, Tag};

    fn suggestion(text: &str) -> Option<String> {
        text.parse::<Repository>().unwrap_err().suggestion
    }

    #[test]
    fn repositories_are_read_as_registries_read_them() {
        let read = |text: &str| text.parse::<Repository>().unwrap().to_string();
        assert_eq!(read("quay.io/acme/hello"), "quay.io/acme/hello");
        assert_eq!(read("localhost:5000/acme/hello-world__x"), "localhost:5000/acme/hello-world__x");
        assert_eq!(read("localhost/a"), "localhost/a");
        assert_eq!(read("acme/hello"), "docker.io/acme/hello");
        assert_eq!(read("index.docker.io/acme/hello"), "docker.io/acme/hello");
    }

    #[test]
    fn what_is_no_repository_is_refused_with_a_suggestion() {
        assert_eq!(suggestion("http://quay.io/acme/x").as_deref(), Some("quay.io/acme/x"));
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
    fn a_version_makes_a_tag() {
        assert_eq!(Tag::of_version("1.2.3-rc.1+linux.5").unwrap().as_str(), "1.2.3-rc.1_linux.5");
        assert!("-x".parse::<Tag>().is_err());
        assert!("a b".parse::<Tag>().is_err());
        assert!("".parse::<Tag>().is_err());
    }
}
