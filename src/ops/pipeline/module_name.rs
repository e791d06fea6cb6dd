//! The name of a module from another toolchain.

use std::str::FromStr;

/// The name of a module that another toolchain built, which is also the name of its output directory.
#[derive(Debug, Clone)]
pub struct ModuleName(pub(super) String);

/// A text is not a valid name.
#[derive(Debug, thiserror::Error)]
#[error("a name has letters, digits, `_`, `-` and `.`, and starts with a letter or digit")]
pub struct ModuleNameError;

impl FromStr for ModuleName {
    type Err = ModuleNameError;

    fn from_str(text: &str) -> Result<Self, ModuleNameError> {
        // The output directory has other files too, whose names start with a dot.
        let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.chars().all(is_valid) {
            return Err(ModuleNameError);
        }
        Ok(ModuleName(text.to_owned()))
    }
}
