use super::*;

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn features_of(text: &str) -> WasmFeatures {
    ModuleInfo::read(&wat(text)).unwrap().features.difference(WasmFeatures::MVP)
}

const PLUGIN: &str = r#"(module $plugin
    (type $log (func (param i32 i32 i32) (result i32)))
    (import "env" "proxy_log" (func $log (type $log)))
    (memory (export "memory") 17 32)
    (global $g (mut i32) (i32.const 0))
    (func $start (global.set $g (i32.const 1)))
    (start $start)
    (func $malloc.command_export (export "malloc") (param i32) (result i32) (i32.const 0))
    (func (export "proxy_abi_version_0_2_1"))
    (@custom "producers" "\00") (@custom "keep" "me") (@custom ".debug_info" "long")
)"#;

#[test]
fn a_module_is_read() {
    let info = ModuleInfo::read(&wat(PLUGIN)).unwrap();
    let imports: Vec<_> = info.imported_functions().map(|(import, ty)| (import.name.as_str(), ty)).collect();
    let want = FuncType::new([ValType::I32; 3], [ValType::I32]);
    assert_eq!(imports, [("proxy_log", &want)]);
    let exports: Vec<_> =
        info.exports.iter().map(|export| (export.name.as_str(), export.item.kind())).collect();
    let function = "function";
    assert_eq!(exports, [("memory", "memory"), ("malloc", function), ("proxy_abi_version_0_2_1", function)]);
    assert_eq!(info.memories.len(), 1);
    assert_eq!((info.memories[0].ty.initial, info.memories[0].ty.maximum), (17, Some(32)));
    assert!(!info.is_command(info.exports[1].index), "it calls nothing");
    let custom: Vec<_> = info.custom_sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(custom, ["producers", "keep", ".debug_info", "name"]);
    assert_eq!(info.features, WasmFeatures::MVP);
}

#[test]
fn stripping_removes_only_build_information() {
    let bytes = wat(PLUGIN);
    let stripped = strip(&bytes);
    let info = ModuleInfo::read(&stripped).unwrap();
    let custom: Vec<_> = info.custom_sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(custom, ["keep"]);
    assert_eq!(strip(&stripped), stripped);
    let bare = PLUGIN.replace("$plugin", "").replace("$malloc.command_export", "");
    let bare: String = bare.lines().filter(|line| !line.contains("@custom")).collect();
    let mut bare = strip(&wat(&bare)).into_owned();
    bare.extend_from_slice(b"\0\x07\x04keepme");
    assert_eq!(stripped, bare, "every other byte stays");
}

#[test]
fn only_target_features_can_be_removed() {
    let bytes = wat(r#"(module (@custom "target_features" "\00") (@custom "producers" "\00"))"#);
    assert_eq!(without_target_features(&bytes), wat(r#"(module (@custom "producers" "\00"))"#));
}

#[test]
fn an_overlong_section_length_is_kept() {
    // A type section of one byte, with its length encoded in five bytes.
    let bytes = b"\0asm\x01\0\0\0\x01\x81\x80\x80\x80\0\0\0\x06\x04nameX";
    assert_eq!(strip(bytes), &bytes[..15]);
    assert_eq!(strip(&bytes[..18]), &bytes[..18], "a section that can't be read is kept");
}

#[test]
fn each_used_feature_is_found() {
    let cases = [
        ("(module)", WasmFeatures::empty()),
        ("(module (func (param i32) (result i32) local.get 0 i32.extend8_s))", WasmFeatures::SIGN_EXTENSION),
        (
            "(module (func (param f32) (result i32) local.get 0 i32.trunc_sat_f32_s))",
            WasmFeatures::SATURATING_FLOAT_TO_INT,
        ),
        (
            "(module (memory 1) (func i32.const 0 i32.const 0 i32.const 0 memory.copy))",
            WasmFeatures::BULK_MEMORY,
        ),
        ("(module (memory 1) (data \"x\") (func data.drop 0))", WasmFeatures::BULK_MEMORY),
        ("(module (func (result i32 i32) i32.const 0 i32.const 0))", WasmFeatures::MULTI_VALUE),
        (r#"(module (global (export "g") (mut i32) i32.const 0))"#, WasmFeatures::MUTABLE_GLOBAL),
        ("(module (func (param externref)))", WasmFeatures::REFERENCE_TYPES),
        ("(module (func (local v128)))", WasmFeatures::SIMD),
        ("(module (func v128.const i32x4 0 0 0 0 drop))", WasmFeatures::SIMD),
        ("(module (memory 1 1 shared))", WasmFeatures::THREADS),
        ("(module (func $f return_call $f))", WasmFeatures::TAIL_CALL),
        ("(module (memory 1) (memory 1))", WasmFeatures::MULTI_MEMORY),
        ("(module (memory i64 1))", WasmFeatures::MEMORY64),
        ("(module (global i32 (i32.add (i32.const 1) (i32.const 2))))", WasmFeatures::EXTENDED_CONST),
        ("(module (tag) (func throw 0))", WasmFeatures::EXCEPTIONS),
        (
            "(module (tag) (func try catch 0 end))",
            WasmFeatures::EXCEPTIONS.union(WasmFeatures::LEGACY_EXCEPTIONS),
        ),
        ("(module (memory 1 (pagesize 1)))", WasmFeatures::CUSTOM_PAGE_SIZES),
        (
            "(module (func (param i64 i64) (result i64 i64) local.get 0 local.get 1 i64.mul_wide_s))",
            WasmFeatures::WIDE_ARITHMETIC.union(WasmFeatures::MULTI_VALUE),
        ),
    ];
    for (text, want) in cases {
        let got = features_of(text);
        assert_eq!(got, want, "{text}: {:?}", got.iter_names().map(|(name, _)| name).collect::<Vec<_>>());
    }
}

#[test]
fn a_padded_table_index_needs_reference_types() {
    // (module (type (func)) (table 1 funcref) (func i32.const 0 call_indirect 0)), with the table index padded as LLVM
    // does it for the linker.
    let bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x04\x04\x01\x70\0\x01\
        \x0a\x0d\x01\x0b\0\x41\0\x11\0\x80\x80\x80\x80\0\x0b";
    let used = ModuleInfo::read(bytes).unwrap().features;
    assert_eq!(used.difference(WasmFeatures::MVP), WasmFeatures::REFERENCE_TYPES);
}

#[test]
fn other_files_are_distinguished() {
    let kind = |bytes: &[u8]| ModuleInfo::read(bytes).unwrap_err().to_string();
    assert_eq!(kind(b""), "the file is empty");
    assert_eq!(kind(b"\x1f\x8b\x08"), "this is not a WebAssembly module: it looks like a gzip file");
    assert_eq!(kind(b"  (module)"), "this is not a WebAssembly module: it looks like WebAssembly text");
    assert_eq!(
        kind(b"\x7fELF\x02"),
        "this is not a WebAssembly module: it looks like a program or library for native code"
    );
    assert_eq!(kind(&[7; 9]), "this is not a WebAssembly module");
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(kind(&tar), "this is not a WebAssembly module: it looks like a tar archive");
    assert_eq!(kind(b"\0asm\x0d\0\x01\0"), "this is a WebAssembly component, not a module");
    assert!(matches!(ModuleInfo::read(b"\0as"), Err(ReadError::Malformed { .. })));
    assert!(matches!(ModuleInfo::read(b"\0asm\x02\0\0\0"), Err(ReadError::Malformed { .. })));
    let plugin = wat(PLUGIN);
    assert!(matches!(ModuleInfo::read(&plugin[..plugin.len() - 1]), Err(ReadError::Malformed { .. })));
    let invalid = wat("(module (func (result i32)))");
    assert!(matches!(ModuleInfo::read(&invalid), Err(ReadError::Invalid { .. })));
}

#[test]
fn printable_strings_are_short_and_harmless() {
    assert_eq!(printable("a'b\u{1b}[31m\n"), "a'b\\u{1b}[31m\\n");
    assert_eq!(printable(&"x".repeat(200)).chars().count(), 81);
}

#[test]
fn damaged_bytes_never_panic() {
    let plugin = wat(PLUGIN);
    for end in 0..plugin.len() {
        let _ = ModuleInfo::read(&plugin[..end]);
        strip(&plugin[..end]);
    }
    for at in 0..plugin.len() {
        for bit in 0..8 {
            let mut damaged = plugin.clone();
            damaged[at] ^= 1 << bit;
            let _ = ModuleInfo::read(&damaged);
            strip(&damaged);
        }
    }
}
