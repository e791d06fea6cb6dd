//! Leaves custom sections out of a module. Every other byte stays as it is.

use std::borrow::Cow;

use wasmparser::{Parser, Payload};

/// The module without names, debugging and build information. What runs does not change.
///
/// `build_id` goes too: it leads a debugger to the twin with names, and nothing that loads plugins asks for it.
pub fn strip(bytes: &[u8]) -> Cow<'_, [u8]> {
    retain_sections(bytes, |name| !is_build_information(name))
}

/// The module without the list of features that its compiler was allowed to use. Tools take that list for
/// the truth, and it is only a permission.
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

// From the first section that cannot be read on, everything is kept. A module may be large: it is copied once,
// and only if there is something to leave out.
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
        // A section is its header, which begins where the one before it ends, and its content.
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
