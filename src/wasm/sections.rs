//! Leaves custom sections out of a module. Every other byte stays as it is.

use wasmparser::{Parser, Payload};

/// The module without names, debugging and build information. What runs does not change.
///
/// `build_id` goes too: it leads a debugger to the twin with names, and nothing that loads plugins asks for it.
pub fn strip(bytes: &[u8]) -> Vec<u8> {
    retain_sections(bytes, |name| !is_build_information(name))
}

/// The module without the list of features that its compiler was allowed to use. Tools take that list for
/// the truth, and it is only a permission.
pub fn without_target_features(bytes: &[u8]) -> Vec<u8> {
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

// From the first section that cannot be read on, everything is kept.
fn retain_sections(bytes: &[u8], keep: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let content = match &payload {
            Payload::Version { range, .. } => range.clone(),
            other => match other.as_section() {
                Some((_, content)) => content,
                None => continue,
            },
        };
        // A section is its header, which begins where the one before it ends, and its content.
        let Some(section) = usize::try_from(content.end).ok().and_then(|end| bytes.get(done..end)) else {
            break;
        };
        let kept = match &payload {
            Payload::CustomSection(custom) => keep(custom.name()),
            _ => true,
        };
        if kept {
            out.extend_from_slice(section);
        }
        done += section.len();
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
    out
}
