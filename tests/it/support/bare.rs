//! A filter that depends on nothing: it compiles in half a second, so it can be built hundreds of times.

use super::Sandbox;

/// What a mesh asks of every module, and nothing else.
pub(crate) const SOURCE: &str = r#"//! A filter that lets everything through.

unsafe extern "C" {
    fn __wasm_call_ctors();
}

// Whoever calls the constructors takes no library for a command, says the linker.
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {
    unsafe { __wasm_call_ctors() }
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Vec::leak(vec![0; size]).as_mut_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_headers(_context: u32, _count: u32, _end: u32) -> u32 {
    0
}
"#;

/// Its Cargo.toml, with `settings` under `[package.metadata.wasmplugin]`.
pub(crate) fn manifest(name: &str, settings: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n\
         [package.metadata.wasmplugin]\n{settings}"
    )
}

/// The same module in WebAssembly text, for the tests that give a module instead of a crate.
pub(crate) const TEXT: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "_initialize"))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 0)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0))"#;

impl Sandbox {
    /// Puts the filter `name` into a folder of that name; it has an image, so its build is complete.
    pub(crate) fn add_bare(&self, name: &str) {
        let settings = format!("image = \"localhost:5000/acme/{name}\"\n");
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
