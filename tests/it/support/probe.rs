//! A workspace whose module contains every kind of path that a compiler records: its own sources, a crate from the
//! registry that panics, another member, and a file that a build script generated.

use super::Sandbox;

const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", "[workspace]\nmembers = [\"filter\", \"shared\"]\nresolver = \"3\"\n"),
    ("shared/Cargo.toml", "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    ("shared/src/lib.rs", SHARED),
    (
        "filter/Cargo.toml",
        r#"[package]
name = "filter"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
proxy-wasm = "0.2.5"
shared = { path = "../shared" }

[package.metadata.wasmplugin]
image = "registry.example:5000/acme/filter"
"#,
    ),
    (
        "filter/build.rs",
        r##"use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let generated = r#"pub fn generated(index: usize) -> u8 {
    let digits = [1, 2, 3];
    assert!(index < 3, "{} is too much for {}", index, file!());
    digits[index]
}
"#;
    let folder = env::var_os("OUT_DIR").unwrap();
    fs::write(Path::new(&folder).join("generated.rs"), generated).unwrap();
}
"##,
    ),
    (
        "filter/src/lib.rs",
        r#"use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

proxy_wasm::main!({
    proxy_wasm::set_http_context(|_, _| Box::new(Filter));
});

struct Filter;

impl Context for Filter {}

impl HttpContext for Filter {
    fn on_http_request_headers(&mut self, count: usize, _: bool) -> Action {
        let value = format!("{} {} {}", file!(), generated(count), shared::shared(count));
        self.set_http_request_header("x-probe", Some(&value));
        Action::Continue
    }
}
"#,
    ),
];

/// A library that panics and records its path.
pub(crate) const SHARED: &str = r#"#[inline(never)]
pub fn shared(number: usize) -> &'static str {
    assert!(number != 7, "{number}");
    file!()
}
"#;

impl Sandbox {
    /// Writes the workspace to the directory `below`. Its filter is called `filter`.
    pub(crate) fn add_probe(&self, below: &str) {
        for (path, text) in FILES {
            self.write(format!("{below}/{path}"), text);
        }
    }
}
