use super::*;
use crate::mesh;
use crate::resource::Kind;
use crate::wasm::ModuleInfo;

/// The newest Istio and the newest Envoy.
pub(super) const NEWEST: &[&str] = &["istio-1.31", "envoy-1.40"];

/// A module with `items` that, without them, passes every rule except `no-callback`.
pub(super) fn plugin(items: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) i32.const 0)
            {items})"#
    )
}

/// The findings of one rule for a module and these meshes.
pub(super) fn judge(rule: &Rule, wat: &str, meshes: &[&str]) -> Vec<Diagnostic> {
    all(wat, meshes).iter().filter(|finding| finding.rule == rule.code).cloned().collect()
}

pub(super) fn messages(rule: &Rule, wat: &str, meshes: &[&str]) -> Vec<String> {
    judge(rule, wat, meshes).into_iter().map(|finding| finding.message).collect()
}

fn all(wat: &str, meshes: &[&str]) -> Vec<Diagnostic> {
    let info = ModuleInfo::read(&wat::parse_str(wat).unwrap()).unwrap();
    let meshes: Vec<_> = meshes.iter().map(|name| mesh::find(name).unwrap()).collect();
    [exports(&info, &meshes), module(&info, &meshes)].concat()
}

#[test]
fn codes_are_unique_and_in_kebab_case() {
    for (index, rule) in RULES.iter().enumerate() {
        assert!(
            rule.code
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'),
            "{}",
            rule.code
        );
        assert!(RULES[..index].iter().all(|other| other.code != rule.code), "{}", rule.code);
    }
}

#[test]
fn a_whole_plugin_has_no_findings_anywhere() {
    let text = plugin(
        r#"(func (export "_initialize"))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0)"#,
    );
    let names: Vec<_> = mesh::MESHES.iter().map(|mesh| mesh.name).collect();
    assert_eq!(all(&text, &names), []);
}

#[test]
fn all_findings_are_reported_at_once() {
    let findings = all(r#"(module (import "env" "nobody" (func)))"#, &["istio-1.31"]);
    let codes: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(codes, ["abi-marker", "allocator", "no-callback", "unknown-import", "module-memory"]);
    assert_eq!(findings.iter().filter(|finding| finding.severity == Severity::Error).count(), 4);
}

#[test]
fn a_flood_is_cut_short() {
    let exports: String =
        (0..500).map(|number| format!(r#"(func (export "f{number}") (param v128))"#)).collect();
    let findings = all(&format!("(module {exports})"), &[]);
    let found: Vec<_> = findings.iter().filter(|finding| finding.rule == "crash-type").collect();
    assert_eq!(found.len(), MOST);
    assert!(found[MOST - 1].message.ends_with("(and more of this kind)"));
}

#[test]
fn damaged_modules_never_panic() {
    let import = r#"(module (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))"#;
    let good = wat::parse_str(plugin("").replace("(module", import)).unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut damaged = good.clone();
            damaged[at] ^= 1 << bit;
            if let Ok(info) = ModuleInfo::read(&damaged) {
                module(&info, &Kind::WasmPlugin.default_meshes());
            }
        }
    }
}
