//! Handwritten modules.

/// A module that proxies load, with `items` added and without the parts in `without`.
pub(crate) fn plugin(items: &str, without: &[&str]) -> Vec<u8> {
    let parts = [
        ("memory", r#"(memory (export "memory") 1)"#),
        ("marker", r#"(func (export "proxy_abi_version_0_2_1"))"#),
        ("allocator", r#"(func (export "malloc") (param i32) (result i32) i32.const 1024)"#),
        (
            "callback",
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0)"#,
        ),
    ];
    let parts: String =
        parts.iter().filter(|(name, _)| !without.contains(name)).map(|(_, text)| *text).collect();
    wat::parse_str(format!("(module {items} {parts})")).unwrap()
}
