//! Which proposals a module needs, found by trial: a module needs a proposal when it is not valid without it.

use wasmparser::types::Types;
use wasmparser::{Result, Validator, WasmFeatures};

/// Everything that a core module may use.
pub(crate) const EVERY: WasmFeatures = {
    let mut all = WasmFeatures::MVP;
    let mut index = 0;
    while index < PROPOSALS.len() {
        all = all.union(PROPOSALS[index]);
        index += 1;
    }
    all
};

/// The proposals for core modules, the youngest first: where one of two would do, the older one is named.
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
    // This one and bulk-memory hold a smaller proposal each (call-indirect-overlong, bulk-memory-opt), which
    // engines have only as a part of the whole.
    WasmFeatures::REFERENCE_TYPES,
    WasmFeatures::MULTI_VALUE,
    WasmFeatures::BULK_MEMORY,
    WasmFeatures::SATURATING_FLOAT_TO_INT,
    WasmFeatures::SIGN_EXTENSION,
    WasmFeatures::MUTABLE_GLOBAL,
];

/// The smallest set of features with which a module is valid that is valid with every feature.
/// [`WasmFeatures::MVP`] is part of it.
pub(super) fn needed(bytes: &[u8]) -> WasmFeatures {
    let mut needed = EVERY;
    drop_unneeded(bytes, PROPOSALS, &mut needed);
    needed
}

pub(super) fn validate(bytes: &[u8], features: WasmFeatures) -> Result<Types> {
    Validator::new_with_features(features).validate_all(bytes)
}

// Most modules use few of many proposals, so a whole group goes at once where it can. Halving the table
// bounds the depth.
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
