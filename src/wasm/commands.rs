//! Functions in which the linker has wrapped the exports of a command.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// The linker's functions for constructors and destructors. A module has one of each.
const LIFECYCLE: [&str; 2] = ["__wasm_call_ctors", "__wasm_call_dtors"];

/// The functions `*.command_export` that run constructors or destructors which do something, by index.
///
/// With wasi-libc, each wrapper calls destructors, but most of them only call empty functions.
pub(super) fn read(bytes: &[u8], imported: u32, names: &BTreeMap<u32, String>) -> BTreeSet<u32> {
    let wrappers = names.iter().filter(|(_, name)| name.ends_with(".command_export"));
    let wrappers: Vec<u32> = wrappers.map(|(index, _)| *index).collect();
    if wrappers.is_empty() {
        return BTreeSet::new();
    }
    let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let bodies = payloads.filter_map(|payload| match payload {
        Payload::CodeSectionEntry(body) => Some(body),
        _ => None,
    });
    let functions = Functions { imported, bodies: bodies.collect() };
    let lifecycle = names.iter().filter(|(_, name)| LIFECYCLE.contains(&name.as_str()));
    // A hostile module can give these names to every function.
    let lifecycle = lifecycle
        .enumerate()
        .filter(|(count, (index, _))| *count >= LIFECYCLE.len() || functions.do_something(**index));
    let lifecycle: BTreeSet<u32> = lifecycle.map(|(_, (index, _))| *index).collect();
    let is_command = |wrapper: &u32| {
        functions.operators(*wrapper).any(|operator| {
            matches!(operator, Operator::Call { function_index } if lifecycle.contains(&function_index))
        })
    };
    wrappers.into_iter().filter(is_command).collect()
}

struct Functions<'a> {
    /// The number of imported functions, which come first.
    imported: u32,
    bodies: Vec<FunctionBody<'a>>,
}

impl<'a> Functions<'a> {
    /// Whether a function does more than call functions that do nothing.
    fn do_something(&self, index: u32) -> bool {
        let (mut seen, mut next) = (BTreeSet::from([index]), vec![index]);
        while let Some(index) = next.pop() {
            let Some(called) = self.only_calls(index) else { return true };
            next.extend(called.into_iter().filter(|index| seen.insert(*index)));
        }
        false
    }

    /// The functions that a function calls, if it does nothing else.
    fn only_calls(&self, index: u32) -> Option<Vec<u32>> {
        if index < self.imported {
            return None;
        }
        let calls = self.operators(index).filter_map(|operator| match operator {
            Operator::Call { function_index } => Some(Some(function_index)),
            Operator::Nop | Operator::Return | Operator::End => None,
            _ => Some(None),
        });
        calls.collect()
    }

    fn operators(&self, index: u32) -> impl Iterator<Item = Operator<'a>> {
        let body =
            index.checked_sub(self.imported).and_then(|index| self.bodies.get(usize::try_from(index).ok()?));
        let operators = body.and_then(|body| body.get_operators_reader().ok());
        operators.into_iter().flatten().map_while(Result::ok)
    }
}
