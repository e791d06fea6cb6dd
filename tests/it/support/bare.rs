//! A filter that depends on nothing: it compiles in half a second, so it can be built hundreds of times.

use super::Sandbox;

/// Contains only what a mesh requires of every module.
pub(crate) const SOURCE: &str = include_str!("../../inputs/crate/src/lib.rs");

/// The Cargo.toml, with `settings` under `[package.metadata.wasmplugin]`.
pub(crate) fn manifest(name: &str, settings: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n\
         [package.metadata.wasmplugin]\n{settings}"
    )
}

/// The same module in WebAssembly text, for tests that use a module instead of a crate.
pub(crate) const TEXT: &str = include_str!("../../inputs/module/bare.wat");

impl Sandbox {
    /// Writes the filter `name` to a directory of that name. It has an image, so its build writes everything.
    pub(crate) fn add_bare(&self, name: &str) {
        let settings = format!("image = \"registry.example:5000/acme/{name}\"\n");
        self.write(format!("{name}/Cargo.toml"), manifest(name, &settings));
        self.write(format!("{name}/src/lib.rs"), SOURCE);
    }

    /// A sandbox with the filter `bare` in it.
    pub(crate) fn with_bare() -> Self {
        let sandbox = Sandbox::new();
        sandbox.add_bare("bare");
        sandbox
    }
}
