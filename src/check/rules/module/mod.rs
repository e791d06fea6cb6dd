//! Rules about WebAssembly modules.

pub(in crate::check) mod abi_marker;
pub(in crate::check) mod allocator;
pub(in crate::check) mod command_export;
pub(in crate::check) mod crash_type;
pub(in crate::check) mod export_signature;
pub(in crate::check) mod import_kind;
pub(in crate::check) mod import_signature;
pub(in crate::check) mod module_memory;
pub(in crate::check) mod name_section;
pub(in crate::check) mod no_callback;
pub(in crate::check) mod segment_bounds;
pub(in crate::check) mod table_size;
pub(in crate::check) mod unknown_import;
pub(in crate::check) mod wasm_feature;
