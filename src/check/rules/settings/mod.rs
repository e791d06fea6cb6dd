//! Rules about the levels of rules.

pub(in crate::check) mod unused_allow;
