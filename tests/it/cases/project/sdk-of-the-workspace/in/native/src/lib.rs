//! Not a plugin.
