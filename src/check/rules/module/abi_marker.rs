//! A module exports a function with a name that selects the version of the Proxy-Wasm ABI.
//!
//! Envoy goes through the exported functions in order and takes the first marker that it knows. It ignores markers
//! of other versions, and markers that are globals. Without a marker, it refuses the module with
//! `Missing or unknown Proxy-Wasm ABI version`. (`getAbiVersion` of the Proxy-Wasm host library; confirmed in
//! Envoy 1.40.)

use crate::check::hostcalls::Abi;
use crate::check::rule::{Docs, Judge, ModuleSubject, Rule, export};
use crate::check::sdk;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::text::list;
use crate::wasm::{Export, Language, ModuleInfo, printable};

pub(in crate::check) const RULE: Rule = Rule {
    code: "abi-marker",
    severity: Severity::Error,
    judge: Judge::Exports(judge),
    docs: Docs {
        what: "The module exports one function that selects the Proxy-Wasm ABI version: \
               `proxy_abi_version_0_1_0`, `proxy_abi_version_0_2_0` or `proxy_abi_version_0_2_1`.",
        why: "Envoy uses the first marker in the order of the exports. It refuses a module that has no marker, a \
              marker of another version, or a marker that isn't a function.",
        cure: "Use an SDK: in Rust, call `proxy_wasm::main!` from the `proxy-wasm` crate in a library with `crate-type = \
               [\"cdylib\"]`. For modules in Go, TinyGo, AssemblyScript and C++, the finding names their SDK. If another tool processes the module, keep the exports. Two markers mean two versions of the SDK: \
               `cargo tree --duplicates` shows them.",
        log: "Missing or unknown Proxy-Wasm ABI version",
        severities: "Error if there is no marker; warning if there are several.",
    },
};

/// The ABI version that Envoy selects for the module.
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
        [(first, abi), others @ ..] => vec![
            RULE.finding(
                format!("multiple ABI markers: Envoy uses `{}`, the first one", first.name),
                [Place::Item(export(&first.name))],
            )
            .severity(Severity::Warning)
            .reason(format!(
                "Envoy uses the first marker in the order of the exports, here ABI {abi}, and ignores {}.",
                list(others.iter().map(|(other, _)| format!("`{}`", other.name)))
            ))
            .help(match subject.module.language() {
                Some(Language::Rust) | None => {
                    "Link only one version of the SDK. In Rust, `cargo tree --duplicates` shows whether there are two \
                     versions of `proxy-wasm`."
                }
                Some(_) => "Link only one version of the SDK.",
            }),
        ],
    }
}

fn missing(module: &ModuleInfo) -> Diagnostic {
    let similar = module.exports.iter().find(|export| export.name.starts_with("proxy_abi_version_"));
    let place = similar.map_or_else(|| "the exports".to_owned(), |similar| export(&similar.name));
    let (message, cure) = match similar {
        None => ("the module exports no ABI marker".to_owned(), sdk::cure(module.language())),
        Some(similar) if similar.item.as_func().is_some() => (
            format!("no version of Envoy knows the ABI version of `{}`", printable(&similar.name)),
            match module.language() {
                Some(Language::Rust) | None => {
                    "Use an SDK for ABI 0.2.1, such as the `proxy-wasm` crate 0.2."
                }
                Some(_) => "Use a version of the SDK for ABI 0.2.1 or 0.2.0.",
            },
        ),
        Some(similar) => (
            format!(
                "the ABI marker `{}` is a {}, not a function",
                printable(&similar.name),
                similar.item.kind()
            ),
            "Export an empty function with this name: in Rust, \
             `#[unsafe(no_mangle)] pub extern \"C\" fn proxy_abi_version_0_2_1() {}`.",
        ),
    };
    RULE.finding(message, [Place::Item(place)])
        .reason(
            "Envoy refuses the module with `Missing or unknown Proxy-Wasm ABI version`. It accepts \
             `proxy_abi_version_0_1_0`, `proxy_abi_version_0_2_0` and `proxy_abi_version_0_2_1`.",
        )
        .help(cure)
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
    fn invalid_markers_are_distinguished() {
        let message = |module: &str| messages(&RULE, module, NEWEST);
        assert_eq!(message("(module)"), ["the module exports no ABI marker"]);
        assert_eq!(
            message(r#"(module (func (export "proxy_abi_version_0_3_0")))"#),
            ["no version of Envoy knows the ABI version of `proxy_abi_version_0_3_0`"]
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
