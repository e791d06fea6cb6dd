//! The proposals that a module needs, found by trial: a module needs a proposal if it isn't valid without it.

use wasmparser::types::Types;
use wasmparser::{Result, Validator, WasmFeatures};

/// All features that a core module can use.
pub(crate) const EVERY: WasmFeatures = {
    let mut all = WasmFeatures::MVP;
    let mut index = 0;
    while index < PROPOSALS.len() {
        all = all.union(PROPOSALS[index]);
        index += 1;
    }
    all
};

/// The proposals for core modules, newest first: if either of two would make a module valid, the older one is kept.
/// Floats and GC types are switches of the validator, not proposals.
const PROPOSALS: &[WasmFeatures] = &[
    WasmFeatures::MULTIBYTE_ARRAY_ACCESS,
    WasmFeatures::ACQUIRE_RELEASE_ATOMICS,
    WasmFeatures::COMPACT_IMPORTS,
    WasmFeatures::CUSTOM_DESCRIPTORS,
    WasmFeatures::WIDE_ARITHMETIC,
    WasmFeatures::CUSTOM_PAGE_SIZES,
    WasmFeatures::MEMORY_CONTROL,
    WasmFeatures::STACK_SWITCHING,
    WasmFeatures::SHARED_EVERYTHING_THREADS,
    WasmFeatures::EXCEPTIONS,
    WasmFeatures::MEMORY64,
    WasmFeatures::MULTI_MEMORY,
    WasmFeatures::GC,
    WasmFeatures::FUNCTION_REFERENCES,
    WasmFeatures::RELAXED_SIMD,
    WasmFeatures::EXTENDED_CONST,
    WasmFeatures::TAIL_CALL,
    WasmFeatures::LEGACY_EXCEPTIONS,
    WasmFeatures::SIMD,
    WasmFeatures::THREADS,
    // Reference types and bulk memory each include a smaller proposal (call-indirect-overlong, bulk-memory-opt) that
    // engines support only together with the rest.
    WasmFeatures::REFERENCE_TYPES,
    WasmFeatures::MULTI_VALUE,
    WasmFeatures::BULK_MEMORY,
    WasmFeatures::SATURATING_FLOAT_TO_INT,
    WasmFeatures::SIGN_EXTENSION,
    WasmFeatures::MUTABLE_GLOBAL,
];

/// The smallest set of features with which a module is valid, including [`WasmFeatures::MVP`]. The module has to be
/// valid with all features.
pub(super) fn needed(bytes: &[u8]) -> WasmFeatures {
    let mut needed = EVERY;
    drop_unneeded(bytes, PROPOSALS, &mut needed);
    needed
}

pub(super) fn validate(bytes: &[u8], features: WasmFeatures) -> Result<Types> {
    Validator::new_with_features(features).validate_all(bytes)
}

// Most modules use few of the many proposals, so a whole group is dropped at once if possible. Halving the table
// limits the recursion depth.
fn drop_unneeded(bytes: &[u8], group: &[WasmFeatures], needed: &mut WasmFeatures) {
    let without = group.iter().fold(*needed, |set, proposal| set.difference(*proposal));
    if validate(bytes, without).is_ok() {
        *needed = without;
    } else if group.len() > 1 {
        let (younger, older) = group.split_at(group.len() / 2);
        drop_unneeded(bytes, younger, needed);
        drop_unneeded(bytes, older, needed);
    }
}
