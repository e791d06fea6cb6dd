//! The rules, one a file.

pub(super) mod abi_marker;
pub(super) mod allocator;
pub(super) mod command_export;
pub(super) mod crash_type;
pub(super) mod export_signature;
pub(super) mod import_kind;
pub(super) mod import_signature;
pub(super) mod memory;
pub(super) mod name_section;
pub(super) mod no_callback;
pub(super) mod unknown_import;
pub(super) mod wasm_feature;
