//! Imports and exports use only plain types.
//!
//! Envoy translates the type of every import and export. It knows `i32`, `i64`, `f32`, `f64`, references to
//! functions and `externref`. For any other type, and for any tag, V8's API aborts the whole process with
//! `unreachable code`. Inside the module, all types are fine. (Confirmed in Envoy 1.36 and 1.40, for functions,
//! globals, tables and tags, imported and exported.)

use wasmparser::{AbstractHeapType, HeapType};

use crate::check::rule::{Docs, ENOUGH, Judge, ModuleSubject, Rule, export, import};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::text::list;
use crate::wasm::{Item, RefType, ValType};

pub(in crate::check) const RULE: Rule = Rule {
    code: "crash-type",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "Imports and exports use only plain types: `i32`, `i64`, `f32`, `f64`, `funcref` and `externref`. \
               No exception tag is imported or exported. Inside the module, every type is fine.",
        why: "Any other type aborts the whole Envoy process in its binding to V8, regardless of the failure \
              policy.",
        cure: "Use this type only inside the module. In imports and exports, pass numbers, or addresses in the memory \
               of the module.",
        log: "Fatal error, unreachable code",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let imports = subject.module.imports.iter();
    let imports = imports.filter_map(|found| crash(&found.item, || import(&found.module, &found.name)));
    let exports = subject.module.exports.iter();
    let exports = exports.filter_map(|found| crash(&found.item, || export(&found.name)));
    imports.chain(exports).take(ENOUGH).collect()
}

fn crash(item: &Item, place: impl Fn() -> String) -> Option<Diagnostic> {
    let mut types: Vec<String> = match item {
        Item::Func(ty) => ty.params().iter().chain(ty.results()).copied().filter_map(harmful).collect(),
        Item::Global(ty) => harmful(ty.content_type).into_iter().collect(),
        Item::Table(ty) => harmful(ValType::Ref(ty.element_type)).into_iter().collect(),
        Item::Memory(_) => Vec::new(),
        Item::Tag => vec!["tag".to_owned()],
    };
    types.sort();
    types.dedup();
    if types.is_empty() {
        return None;
    }
    let message = match item {
        Item::Tag => "an exception tag is imported or exported".to_owned(),
        _ => {
            format!(
                "the type of the {} contains {}",
                item.kind(),
                list(types.iter().map(|ty| format!("`{ty}`")))
            )
        }
    };
    let finding = RULE
        .finding(message, [Place::Item(place())])
        .reason(
            "The module crashes the proxy: when Envoy loads it, the whole process aborts with `Fatal \
             error, unreachable code`, regardless of the failure policy.",
        )
        .help(RULE.docs.cure);
    Some(finding)
}

fn harmful(ty: ValType) -> Option<String> {
    let plain = match ty {
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 => true,
        ValType::V128 => false,
        ValType::Ref(ty) => is_plain(ty),
    };
    (!plain).then(|| ty.to_string())
}

fn is_plain(ty: RefType) -> bool {
    let (func, extern_) = (AbstractHeapType::Func, AbstractHeapType::Extern);
    matches!(ty.heap_type(), HeapType::Abstract { shared: false, ty } if ty == func || ty == extern_)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages, plugin};

    #[test]
    fn plain_types_pass_and_others_can_be_used_inside() {
        let module = plugin(
            r#"(func (export "f") (param i32 i64 f32 f64 funcref externref (ref func)) (result i32 i32)
                 i32.const 0 i32.const 0)
               (table (export "t") 1 externref)
               (global v128 (v128.const i32x4 0 0 0 0)) (tag) (func (param v128 exnref anyref))"#,
        );
        assert_eq!(judge(&RULE, &module, NEWEST), []);
    }

    #[test]
    fn everything_that_crashes_envoy_is_found() {
        for (item, message) in [
            (r#"(func (export "x") (param v128 v128))"#, "the type of the function contains `v128`"),
            (
                r#"(func (export "x") (param exnref i31ref))"#,
                "the type of the function contains `exnref` and `i31ref`",
            ),
            (
                r#"(global (export "x") v128 (v128.const i32x4 0 0 0 0))"#,
                "the type of the global contains `v128`",
            ),
            (r#"(table (export "x") 1 anyref)"#, "the type of the table contains `anyref`"),
            (r#"(tag (export "x"))"#, "an exception tag is imported or exported"),
        ] {
            assert_eq!(messages(&RULE, &plugin(item), NEWEST), [message]);
        }
        for (ty, message) in [
            ("(func (param v128))", "the type of the function contains `v128`"),
            ("(tag)", "an exception tag is imported or exported"),
        ] {
            let module = format!(r#"(module (import "env" "x" {ty}))"#);
            assert_eq!(messages(&RULE, &module, NEWEST), [message]);
        }
    }
}
