//! Rules about the YAML of a document.

pub(in crate::check) mod ambiguous_scalar;
pub(in crate::check) mod duplicate_key;
pub(in crate::check) mod non_text_key;
pub(in crate::check) mod unsupported_number;
pub(in crate::check) mod yaml_tag;
