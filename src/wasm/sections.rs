//! Removes custom sections from a module. All other bytes stay the same.

use std::borrow::Cow;

use wasmparser::{Parser, Payload};

/// The module without names, debug information and build information. The code doesn't change.
///
/// `build_id` is removed too: it is for debuggers, and no host of plugins reads it.
pub fn strip(bytes: &[u8]) -> Cow<'_, [u8]> {
    retain_sections(bytes, |name| !is_build_information(name))
}

/// The same, with the names of functions, which Envoy shows in its backtraces.
pub fn strip_except_names(bytes: &[u8]) -> Cow<'_, [u8]> {
    retain_sections(bytes, |name| name == "name" || !is_build_information(name))
}

/// The module without the list of features that its compiler was allowed to use. Tools treat them as the features
/// that are used, which isn't exact.
pub fn without_target_features(bytes: &[u8]) -> Cow<'_, [u8]> {
    retain_sections(bytes, |name| name != "target_features")
}

fn is_build_information(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "build_id",
        "external_debug_info",
        "linking",
        "name",
        "producers",
        "sourceMappingURL",
        "target_features",
    ];
    NAMES.contains(&name) || name.starts_with(".debug") || name.starts_with("reloc.")
}

// Everything after a section that can't be read is kept. A module can be large, so it is copied only once, and only if
// something is removed.
fn retain_sections(bytes: &[u8], keep: impl Fn(&str) -> bool) -> Cow<'_, [u8]> {
    let (mut kept, mut kept_from, mut done) = (Vec::new(), 0, 0);
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let content = match &payload {
            Payload::Version { range, .. } => range.clone(),
            other => match other.as_section() {
                Some((_, content)) => content,
                None => continue,
            },
        };
        // The header of a section begins at the end of the previous section.
        let end = usize::try_from(content.end).ok().filter(|end| (done..=bytes.len()).contains(end));
        let Some(end) = end else { break };
        if let Payload::CustomSection(custom) = &payload
            && !keep(custom.name())
        {
            kept.push(&bytes[kept_from..done]);
            kept_from = end;
        }
        done = end;
    }
    if kept_from == 0 {
        return Cow::Borrowed(bytes);
    }
    kept.push(&bytes[kept_from..]);
    Cow::Owned(kept.concat())
}
