//! Rules about resources.

pub(in crate::check) mod bad_label;
pub(in crate::check) mod bad_name;
pub(in crate::check) mod bad_selector;
pub(in crate::check) mod bad_sha256;
pub(in crate::check) mod bad_url;
pub(in crate::check) mod duplicate_entry;
pub(in crate::check) mod empty_selector;
pub(in crate::check) mod field_conflict;
pub(in crate::check) mod inexact_number;
pub(in crate::check) mod missing_field;
pub(in crate::check) mod no_effect;
pub(in crate::check) mod null_value;
pub(in crate::check) mod server_field;
pub(in crate::check) mod target_namespace;
pub(in crate::check) mod unknown_field;
pub(in crate::check) mod value_length;
pub(in crate::check) mod wrong_kind;
pub(in crate::check) mod wrong_type;
pub(in crate::check) mod wrong_value;

#[cfg(test)]
mod tests;
