//! What a module shows of itself to the outside uses plain types only.
//!
//! Envoy translates the type of every import and export. It knows `i32`, `i64`, `f32`, `f64`, references to
//! functions and `externref`; at any other type, and at any tag, V8's API stops the whole process with
//! `unreachable code`. Inside the module all of these are fine. (Confirmed in Envoy 1.36 and 1.40, for functions,
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
        what: "Imports and exports have plain types only: `i32`, `i64`, `f32`, `f64`, `funcref` and `externref`. \
               No exception tag is imported or exported. Inside the module every type is fine.",
        why: "Any other type ends the whole Envoy process in its binding to V8, whatever the failure policy \
              says.",
        cure: "Pass numbers across the border of the module, or addresses in its memory.",
        log: "Fatal error, unreachable code",
        levels: "",
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
        Item::Tag => "the tag of an exception is visible from outside".to_owned(),
        _ => {
            format!("the type of the {} has {}", item.kind(), list(types.iter().map(|ty| format!("`{ty}`"))))
        }
    };
    Some(Diagnostic {
rule: RULE.code,
severity: RULE.severity,
message,
places: vec![Place::Item(place())],
reason: "It kills the proxy: the whole Envoy process ends with `Fatal error, unreachable code` when it loads \
                 the module, whatever the failure policy says."
            .to_owned(),
help: vec!["Use this type inside the module only. Pass numbers, or addresses in the memory of the module, across \
               its border."
            .to_owned()],
meshes: Vec::new(),
})
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
    fn plain_types_pass_and_others_may_be_used_inside() {
        let module = plugin(
            r#"(func (export "f") (param i32 i64 f32 f64 funcref externref (ref func)) (result i32 i32)
                 i32.const 0 i32.const 0)
               (table (export "t") 1 externref)
               (global v128 (v128.const i32x4 0 0 0 0)) (tag) (func (param v128 exnref anyref))"#,
        );
        assert_eq!(judge(&RULE, &module, NEWEST), []);
    }

    #[test]
    fn everything_that_kills_envoy_is_found() {
        for (item, message) in [
            (r#"(func (export "x") (param v128 v128))"#, "the type of the function has `v128`"),
            (
                r#"(func (export "x") (param exnref i31ref))"#,
                "the type of the function has `exnref` and `i31ref`",
            ),
            (r#"(global (export "x") v128 (v128.const i32x4 0 0 0 0))"#, "the type of the global has `v128`"),
            (r#"(table (export "x") 1 anyref)"#, "the type of the table has `anyref`"),
            (r#"(tag (export "x"))"#, "the tag of an exception is visible from outside"),
        ] {
            assert_eq!(messages(&RULE, &plugin(item), NEWEST), [message]);
        }
        for (ty, message) in [
            ("(func (param v128))", "the type of the function has `v128`"),
            ("(tag)", "the tag of an exception is visible from outside"),
        ] {
            let module = format!(r#"(module (import "env" "x" {ty}))"#);
            assert_eq!(messages(&RULE, &module, NEWEST), [message]);
        }
    }
}
