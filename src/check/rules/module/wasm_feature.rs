//! The engine of the proxy supports every WebAssembly feature that the module uses.
//!
//! V8 refuses a module with a feature that it doesn't support, and Envoy only says `Failed to load Wasm bytecode`.
//! The versions are those in which V8 turned a feature on by default; for Envoy 1.36 and 1.40 they were confirmed by
//! loading modules.

use crate::check::rule::{Docs, Judge, ModuleSubject, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::mesh::{Mesh, V8, names};
use crate::wasm::WasmFeatures;

pub(in crate::check) const RULE: Rule = Rule {
    code: "wasm-feature",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "The engine of the proxy supports every WebAssembly feature that the module uses. The rule looks at \
               the code of the module, and not at the compiler's notes in it.",
        why: "V8 refuses the module, and Envoy logs no details. Older meshes have an older V8. Istio 1.12, for \
              example, doesn't support reference types, which Rust uses by default since 1.82.",
        cure: "Turn the feature off in the compiler (`-C target-feature`), or remove the older meshes from the \
               setting `mesh`. The optimizer removes most uses of reference types.",
        log: "Failed to load Wasm bytecode",
        severities: "Error; a warning before the compilation, if Rust 1.82 or later compiles a module for Istio 1.12 or \
                OpenShift Service Mesh 2.2, and the optimizer is turned off.",
    },
};

/// The first V8 with reference types.
const REFERENCE_TYPES: V8 = V8(9, 6);

struct Feature {
    flag: WasmFeatures,
    name: &'static str,
    /// The first V8 that supports it by default.
    since: Option<V8>,
}

const FEATURES: &[Feature] = &[
    feature(WasmFeatures::MUTABLE_GLOBAL, "mutable-globals", Some(V8(7, 4))),
    feature(WasmFeatures::SIGN_EXTENSION, "sign-ext", Some(V8(7, 4))),
    feature(WasmFeatures::THREADS, "atomics", Some(V8(7, 4))),
    feature(WasmFeatures::BULK_MEMORY, "bulk-memory", Some(V8(7, 5))),
    feature(WasmFeatures::SATURATING_FLOAT_TO_INT, "nontrapping-fptoint", Some(V8(7, 5))),
    feature(WasmFeatures::MULTI_VALUE, "multivalue", Some(V8(8, 5))),
    feature(WasmFeatures::SIMD, "simd128", Some(V8(9, 1))),
    feature(WasmFeatures::LEGACY_EXCEPTIONS, "legacy exception handling", Some(V8(9, 5))),
    feature(WasmFeatures::REFERENCE_TYPES, "reference-types", Some(REFERENCE_TYPES)),
    feature(WasmFeatures::TAIL_CALL, "tail-call", Some(V8(11, 2))),
    feature(WasmFeatures::EXTENDED_CONST, "extended-const", Some(V8(11, 4))),
    feature(WasmFeatures::RELAXED_SIMD, "relaxed-simd", Some(V8(11, 4))),
    feature(WasmFeatures::FUNCTION_REFERENCES, "typed function references", Some(V8(11, 9))),
    feature(WasmFeatures::GC, "garbage collection", Some(V8(11, 9))),
    feature(WasmFeatures::MULTI_MEMORY, "multimemory", Some(V8(12, 0))),
    feature(WasmFeatures::MEMORY64, "memory64", Some(V8(13, 3))),
    feature(WasmFeatures::EXCEPTIONS, "exception handling with exnref", Some(V8(13, 7))),
    feature(WasmFeatures::ACQUIRE_RELEASE_ATOMICS, "acquire-release atomics", None),
    feature(WasmFeatures::COMPACT_IMPORTS, "compact import section", None),
    feature(WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors", None),
    feature(WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes", None),
    feature(WasmFeatures::MEMORY_CONTROL, "memory control", None),
    feature(WasmFeatures::MULTIBYTE_ARRAY_ACCESS, "multibyte array access", None),
    feature(WasmFeatures::SHARED_EVERYTHING_THREADS, "shared-everything threads", None),
    feature(WasmFeatures::STACK_SWITCHING, "stack switching", None),
    feature(WasmFeatures::WIDE_ARITHMETIC, "wide-arithmetic", None),
];

const fn feature(flag: WasmFeatures, name: &'static str, since: Option<V8>) -> Feature {
    Feature { flag, name, since }
}

/// The meshes that refuse the encoding of calls that Rust uses since 1.82, unless the optimizer changes it.
pub(in crate::check) fn needs_optimizer(meshes: &[&'static Mesh]) -> Vec<&'static Mesh> {
    meshes.iter().copied().filter(|mesh| mesh.v8() < REFERENCE_TYPES).collect()
}

/// The finding before the compilation by Rust 1.82 or later, if no optimizer will run.
pub(in crate::check) fn expected(meshes: &[&'static Mesh]) -> Option<Diagnostic> {
    let refusing = needs_optimizer(meshes);
    if refusing.is_empty() {
        return None;
    }
    let finding = RULE
        .finding("Rust 1.82 and later compile to reference-types", [Place::item("the module")])
        .severity(Severity::Warning)
        .reason(format!(
            "This feature needs V8 {REFERENCE_TYPES}. With an older one, {} will most likely refuse the module. \
             The optimizer would change it back, but it is turned off.",
            names(&refusing)
        ))
        .help("set `optimize` to `speed` or `size`, or build with Rust 1.81")
        .meshes(refusing);
    Some(finding)
}

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let mut used = subject.module.features;
    // Legacy exceptions share their tags with the exceptions that came after them. V8 refuses a mix of both.
    if used.contains(WasmFeatures::LEGACY_EXCEPTIONS) {
        used.remove(WasmFeatures::EXCEPTIONS);
    }
    FEATURES
        .iter()
        .filter(|feature| used.contains(feature.flag))
        .filter_map(|feature| refused(subject, feature))
        .collect()
}

fn refused(subject: &ModuleSubject<'_>, feature: &Feature) -> Option<Diagnostic> {
    let refused = "the module with only `Failed to load Wasm bytecode`";
    let (reason, meshes) = match feature.since {
        None => (format!("No version of Envoy supports this feature. It refuses {refused}."), Vec::new()),
        Some(since) => {
            let refusing = subject.refusing(|mesh| mesh.v8() < since);
            if refusing.is_empty() {
                return None;
            }
            let plural = if refusing.len() == 1 { "refuses" } else { "refuse" };
            let reason = format!(
                "This feature needs V8 {since}, and some proxies have an older one: {} {plural} {refused}.",
                names(&refusing)
            );
            (reason, refusing)
        }
    };
    let finding = RULE
        .finding(format!("the module uses {}", feature.name), [Place::item("the module")])
        .reason(reason)
        .help(cure(feature))
        .meshes(meshes);
    Some(finding)
}

fn cure(feature: &Feature) -> String {
    match feature.flag {
        WasmFeatures::REFERENCE_TYPES => {
            "Rust 1.82 and later use this feature by default, mostly in the encoding of calls, which `wasm-opt` (the \
             setting `optimize`) changes back. If that isn't enough, build with Rust 1.81, or without the standard \
             library for `wasm32v1-none`."
        }
        WasmFeatures::EXCEPTIONS | WasmFeatures::LEGACY_EXCEPTIONS => {
            "Build with `panic = \"abort\"`, which is rustc's default for this target, and build C++ code without \
             exceptions."
        }
        WasmFeatures::MEMORY64 => "Build for wasm32 instead of wasm64.",
        _ if feature.since.is_none() => "Turn the feature off in the compiler: remove it from `-C target-feature`.",
        _ => {
            "Turn the feature off in the compiler: remove it from `-C target-feature`, in `.cargo/config.toml` too. Or \
             remove the older meshes from the setting `mesh`."
        }
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages, plugin};
    use crate::wasm::EVERY_FEATURE;

    #[test]
    fn every_feature_has_a_row() {
        let known = FEATURES.iter().fold(WasmFeatures::MVP, |all, feature| all.union(feature.flag));
        assert_eq!(known, EVERY_FEATURE);
    }

    #[test]
    fn a_feature_passes_if_the_engine_supports_it() {
        let module = plugin("(func $f return_call $f)");
        assert_eq!(judge(&RULE, &module, NEWEST), []);
        let findings = judge(&RULE, &module, &["istio-1.26", "istio-1.28", "ossm-2.2"]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].reason.contains("istio-1.26 and ossm-2.2 refuse"), "{}", findings[0].reason);
        assert_eq!(names(&findings[0].meshes), "istio-1.26 and ossm-2.2");
    }

    #[test]
    fn the_oldest_mesh_lacks_reference_types() {
        let module = plugin("(func (param externref))");
        assert_eq!(messages(&RULE, &module, &["istio-1.12"]), ["the module uses reference-types"]);
        assert_eq!(judge(&RULE, &module, &["istio-1.13"]), []);
    }

    #[test]
    fn legacy_exceptions_need_less_than_new_ones() {
        let legacy = plugin("(tag) (func try catch 0 end)");
        assert_eq!(judge(&RULE, &legacy, &["istio-1.16"]), []);
        let new = plugin("(tag) (func block try_table (catch 0 0) end end)");
        assert_eq!(
            messages(&RULE, &new, &["istio-1.16"]),
            ["the module uses exception handling with exnref"]
        );
    }

    #[test]
    fn no_envoy_supports_some_features() {
        assert_eq!(
            messages(&RULE, "(module (memory 1 (pagesize 1)))", NEWEST),
            ["the module uses custom page sizes"]
        );
    }
}
