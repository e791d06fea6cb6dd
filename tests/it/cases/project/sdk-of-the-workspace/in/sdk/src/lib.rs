//! A wrapper of an SDK.
