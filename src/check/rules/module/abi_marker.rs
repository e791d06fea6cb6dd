//! A module exports a function whose name says which version of the Proxy-Wasm ABI it speaks.
//!
//! Envoy goes through the exported functions in order and takes the first marker that it knows; a marker of
//! another version, or one that is a global, does not count. Without one it refuses the module with
//! `Missing or unknown Proxy-Wasm ABI version`. (`getAbiVersion` of the Proxy-Wasm host library; confirmed in
//! Envoy 1.40.)

use crate::check::hostcalls::Abi;
use crate::check::rule::{Docs, Judge, ModuleSubject, Rule, export};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::text::list;
use crate::wasm::{Export, ModuleInfo, printable};

pub(in crate::check) const RULE: Rule = Rule {
    code: "abi-marker",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "The module exports one function that names an ABI version of Proxy-Wasm: \
               `proxy_abi_version_0_1_0`, `proxy_abi_version_0_2_0` or `proxy_abi_version_0_2_1`.",
        why: "Envoy takes the first marker in the order of the exports. It refuses a module without a marker, \
              with a marker of another version, or with a marker that isn't a function.",
        cure: "Call `proxy_wasm::main!` of the `proxy-wasm` crate in a library with `crate-type = [\"cdylib\"]`. \
               If another tool processes the module, keep its exports. Two markers mean two versions of the SDK: \
               `cargo tree --duplicates` shows them.",
        log: "Missing or unknown Proxy-Wasm ABI version",
        levels: "Error if there is no marker; warning if there are several.",
    },
};

/// The version that Envoy reads off the module.
pub(in crate::check) fn abi(module: &ModuleInfo) -> Option<Abi> {
    markers(module).next().map(|(_, abi)| abi)
}

fn markers(module: &ModuleInfo) -> impl Iterator<Item = (&Export, Abi)> {
    module.exported_functions().filter_map(|(export, _)| {
        let abi = Abi::ALL.into_iter().find(|abi| abi.marker() == export.name)?;
        Some((export, abi))
    })
}

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let found: Vec<_> = markers(subject.module).collect();
    match found.as_slice() {
        [] => vec![missing(subject.module)],
        [_] => Vec::new(),
        [(first, abi), others @ ..] => vec![Diagnostic {
            rule: RULE.code,
            severity: Severity::Warning,
            message: format!("several ABI markers; `{}` wins, because it comes first", first.name),
            places: vec![Place::Item(export(&first.name))],
            reason: format!(
                "Envoy takes the first marker in the order of the exports, here ABI {abi}, and never looks at {}.",
                list(others.iter().map(|(other, _)| format!("`{}`", other.name)))
            ),
            help: vec![
                "Link one version of the SDK only: `cargo tree --duplicates` shows whether there are two of \
                   `proxy-wasm`."
                    .to_owned(),
            ],
            meshes: Vec::new(),
        }],
    }
}

fn missing(module: &ModuleInfo) -> Diagnostic {
    let alike = module.exports.iter().find(|export| export.name.starts_with("proxy_abi_version_"));
    let place = alike.map_or_else(|| "the exports".to_owned(), |alike| export(&alike.name));
    let (message, cure) = match alike {
        None => (
            "no export says which Proxy-Wasm ABI the module speaks".to_owned(),
            "Call `proxy_wasm::main!` of the `proxy-wasm` crate in the library, and build it with \
             `crate-type = [\"cdylib\"]` in `[lib]`. Where the module has been post-processed, keep its exports.",
        ),
        Some(alike) if alike.item.as_func().is_some() => (
            format!("the ABI version of `{}` is unknown to every Envoy", printable(&alike.name)),
            "Use an SDK that speaks ABI 0.2.1, such as the `proxy-wasm` crate 0.2.",
        ),
        Some(alike) => (
            format!("the ABI marker `{}` is a {}, not a function", printable(&alike.name), alike.item.kind()),
            "Export an empty function by this name: \
             `#[unsafe(no_mangle)] pub extern \"C\" fn proxy_abi_version_0_2_1() {}`.",
        ),
    };
    Diagnostic {
rule: RULE.code,
severity: RULE.severity,
message,
places: vec![Place::Item(place)],
reason: "Envoy refuses the module with `Missing or unknown Proxy-Wasm ABI version`. It knows the exported \
                 functions `proxy_abi_version_0_1_0`, `proxy_abi_version_0_2_0` and `proxy_abi_version_0_2_1`."
            .to_owned(),
help: vec![cure.to_owned()],
meshes: Vec::new(),
}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages, plugin};

    #[test]
    fn one_known_marker_is_enough() {
        assert_eq!(judge(&RULE, &plugin(""), NEWEST), []);
    }

    #[test]
    fn what_is_no_marker_is_told_apart() {
        let message = |module: &str| messages(&RULE, module, NEWEST);
        assert_eq!(message("(module)"), ["no export says which Proxy-Wasm ABI the module speaks"]);
        assert_eq!(
            message(r#"(module (func (export "proxy_abi_version_0_3_0")))"#),
            ["the ABI version of `proxy_abi_version_0_3_0` is unknown to every Envoy"]
        );
        assert_eq!(
            message(r#"(module (global (export "proxy_abi_version_0_2_1") i32 i32.const 0))"#),
            ["the ABI marker `proxy_abi_version_0_2_1` is a global, not a function"]
        );
    }

    #[test]
    fn the_first_of_several_wins() {
        let findings = judge(&RULE, &plugin(r#"(func (export "proxy_abi_version_0_1_0"))"#), NEWEST);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Warning);
        assert_eq!(findings[0].places[0].to_string(), "export `proxy_abi_version_0_2_1`");
    }
}
