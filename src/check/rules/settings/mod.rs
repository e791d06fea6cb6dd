//! Rules about the levels of the settings.

pub(in crate::check) mod unused_allow;
