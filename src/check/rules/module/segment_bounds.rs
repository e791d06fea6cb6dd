//! Data and elements end inside their memory and table.
//!
//! The engine copies them when it creates an instance, so a segment that ends outside of the initial size stops Envoy
//! from loading the module: `Failed to create new Wasm instance`. An empty segment can begin at the end, but not after
//! it. Envoy creates an imported memory or table with its smallest size. (Confirmed in Envoy 1.36 and 1.40.)

use crate::check::rule::{Docs, ENOUGH, Judge, ModuleSubject, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::wasm::{ModuleInfo, Segment, SegmentKind};

pub(in crate::check) const RULE: Rule = Rule {
    code: "segment-bounds",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "Each data segment ends inside the initial size of its memory, and each element segment inside the \
               initial size of its table.",
        why: "The engine copies the segments when it creates an instance, and fails if there is no room for one.",
        cure: "Link the module again, without tools that change its memory, its table or its segments after the \
               linker. If the linker option `--initial-memory` is set, raise it.",
        log: "Failed to create new Wasm instance",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let segments = subject.module.segments.iter();
    segments.filter_map(|segment| outside(subject.module, segment)).take(ENOUGH).collect()
}

fn outside(module: &ModuleInfo, segment: &Segment) -> Option<Diagnostic> {
    let target = usize::try_from(segment.target).ok()?;
    let (kind, unit, target_kind, size) = match segment.kind {
        SegmentKind::Data => ("data", "byte", "memory", module.memories.get(target)?.initial_bytes()),
        SegmentKind::Element => ("element", "entry", "table", module.tables.get(target)?.initial),
    };
    let end = segment.offset.saturating_add(segment.length);
    if end <= size {
        return None;
    }
    let finding = RULE
        .finding(
            format!(
                "the {kind} segment ends at {unit} {end}, but {target_kind} {target} ends at {unit} {size}"
            ),
            [Place::Item(format!("{kind} segment {}", segment.index))],
        )
        .reason("Envoy refuses the module with `Failed to create new Wasm instance`.")
        .help(RULE.docs.cure);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages};

    #[test]
    fn segments_inside_pass() {
        for segments in [
            r#"(memory 1) (data (i32.const 65535) "a") (data (i32.const 65536) "") (data "passive")"#,
            r#"(import "env" "m" (memory 1)) (data (i32.const 65535) "a")"#,
            r#"(memory i64 1) (data (i64.const 65535) "a")"#,
            // What an imported global contains isn't known.
            r#"(import "env" "g" (global i32)) (memory 1) (data (global.get 0) "a")"#,
            "(table 1 funcref) (func $f) (elem (i32.const 0) $f) (elem (i32.const 1)) (elem declare func $f)",
        ] {
            assert_eq!(judge(&RULE, &format!("(module {segments})"), NEWEST), [], "{segments}");
        }
    }

    #[test]
    fn segments_outside_are_found() {
        for (segments, message) in [
            (
                r#"(memory 1) (data (i32.const 65535) "ab")"#,
                "the data segment ends at byte 65537, but memory 0 ends at byte 65536",
            ),
            (
                r#"(memory 1) (data (i32.const 65537) "")"#,
                "the data segment ends at byte 65537, but memory 0 ends at byte 65536",
            ),
            (
                r#"(import "env" "m" (memory 1)) (data (i32.const -1) "a")"#,
                "the data segment ends at byte 4294967296, but memory 0 ends at byte 65536",
            ),
            (
                r#"(memory i64 1) (data (i64.const -1) "a")"#,
                "the data segment ends at byte 18446744073709551615, but memory 0 ends at byte 65536",
            ),
            (
                r#"(memory 1) (memory 2) (global i32 (i32.const 131072)) (data (memory 1) (global.get 0) "a")"#,
                "the data segment ends at byte 131073, but memory 1 ends at byte 131072",
            ),
            (
                r#"(memory 1) (data (i32.add (i32.const 65535) (i32.mul (i32.const 2) (i32.const 3))) "a")"#,
                "the data segment ends at byte 65542, but memory 0 ends at byte 65536",
            ),
            (
                "(table 1 funcref) (func $f) (elem (i32.const 1) $f)",
                "the element segment ends at entry 2, but table 0 ends at entry 1",
            ),
            (
                "(table 1 funcref) (table 2 funcref) (elem (table 1) (i32.const 1) funcref (ref.null func) (ref.null func))",
                "the element segment ends at entry 3, but table 1 ends at entry 2",
            ),
        ] {
            assert_eq!(messages(&RULE, &format!("(module {segments})"), NEWEST), [message], "{segments}");
        }
    }
}
