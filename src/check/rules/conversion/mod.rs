//! Rules about the conversion of a resource to another kind.

pub(in crate::check) mod bad_target;
pub(in crate::check) mod lost_field;
pub(in crate::check) mod newer_field;
pub(in crate::check) mod unknown_kind;
