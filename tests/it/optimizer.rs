//! A crash of the optimizer, and a damaged cached result.

use snapbox::str;

use crate::support::module::plugin;
use crate::support::running::Said;
use crate::support::{Sandbox, bare, from_setup, package};

/// Encodes a number as three bytes of LEB128.
fn number(value: usize) -> [u8; 3] {
    assert!(value < 1 << 21);
    [value as u8 | 0x80, (value >> 7) as u8 | 0x80, (value >> 14) as u8]
}

/// A valid module whose loops are nested too deeply for the optimizer. Built from bytes, because the parser for
/// WebAssembly text would overflow its stack too.
fn deeply_nested() -> Vec<u8> {
    const DEPTH: usize = 30_000;
    let shallow = wat::parse_str(bare::TEXT).unwrap();
    let mut module = shallow[..8].to_vec();
    let mut rest = &shallow[8..];
    while let [id, tail @ ..] = rest {
        let (length, used) = leb128(tail);
        let content = &tail[used..used + length];
        if *id == 10 {
            // The code section. The first body, of `_initialize`, gets the loops.
            let body_length = 1 + DEPTH * 3 + 1;
            let (old_length, old_used) = leb128(&content[1..]);
            let others = &content[1 + old_used + old_length..];
            let mut code = vec![content[0]];
            code.extend(number(body_length));
            code.push(0);
            code.extend([0x03, 0x40].repeat(DEPTH));
            code.extend(vec![0x0b; DEPTH + 1]);
            code.extend(others);
            module.push(10);
            module.extend(number(code.len()));
            module.extend(code);
        } else if *id != 0 {
            module.push(*id);
            module.extend(number(length));
            module.extend(content);
        }
        rest = &tail[used + length..];
    }
    wasmparser::validate(&module).unwrap();
    module
}

fn leb128(bytes: &[u8]) -> (usize, usize) {
    let used = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value = bytes[..used].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    (value, used)
}

#[test]
fn the_optimizer_crashes() {
    let sandbox = Sandbox::new();
    sandbox.write("bare.wasm", deeply_nested());
    let build = |optimize: &[&str]| {
        let args =
            ["build", "--module", "bare.wasm", "--quiet", "--image", "registry.example:5000/acme/bare"];
        sandbox.process_in("", [&args, optimize].concat())
    };
    sandbox.refuses(
        &mut build(&[]),
        101,
        str![[r#"
error: the optimizer failed on `bare.wasm`

Caused by:
  `[TOOL] __supervise [TOOL] __wasm-opt [..]` failed (exit status: [..])
    thread 'main' ([..]) has overflowed its stack
    fatal runtime error: stack overflow, aborting
    error: the optimizer was ended by a signal: 6 (SIGABRT)

help: try a newer version of wasm-opt with `--wasm-opt PATH`
help: or skip the optimization with `--optimize none`

"#]],
    );
    assert!(!sandbox.path("target/wasmplugin.d/bare").exists());
    assert_eq!(package::leftovers(&sandbox.path("target")), [""; 0]);
    Said::of(&mut build(&["--optimize", "none"])).done();
    package::check(&sandbox.path("target/wasmplugin.d/bare")).unwrap();
}

#[test]
fn only_a_result_of_the_optimizer_is_used() {
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin("", &[]));
    sandbox.tool(["build", "--module", "made.wasm"]).assert().success();
    let digest = sandbox.read("target/wasmplugin.d/made/digest");
    let results = sandbox.path("target/wasmplugin.d/.optimized/made").read_dir_utf8().unwrap();
    let mut results = results.map(|entry| entry.unwrap().into_path());
    let kept = results.find(|path| !path.file_name().unwrap().starts_with('.')).unwrap();
    let result = fs_err::read(&kept).unwrap();
    // The first one was cut, the second one is the module of another plugin, and the third one is both.
    let other = plugin(r#"(func (export "other"))"#, &[]);
    let mixed = [&result[..64], &other].concat();
    for foreign in [b"\0asm\x01\0", &other[..], &mixed] {
        fs_err::write(&kept, foreign).unwrap();
        fs_err::remove_dir_all(sandbox.path("target/wasmplugin.d/made")).unwrap();
        sandbox.tool(["build", "--module", "made.wasm"]).assert().success();
        assert_eq!(sandbox.read("target/wasmplugin.d/made/digest"), digest);
        assert_eq!(fs_err::read(&kept).unwrap(), result);
    }
}

/// `build --module` of a plugin with these items.
fn build(items: &str, optimizer: &[&str]) -> Said {
    let sandbox = Sandbox::new();
    sandbox.write("made.wasm", plugin(items, &[]));
    Said::of(&mut sandbox.process_in("", [&["build", "--module", "made.wasm"], optimizer].concat()))
}

#[test]
fn a_module_that_is_too_new_for_the_embedded_optimizer() {
    let newer = from_setup("binaryen/wasm-opt");
    for (code, is_too_new_for_both) in [
        ("(table.fill (i32.const 0) (ref.null func) (i32.const 0))", false),
        ("(table.copy (i32.const 0) (i32.const 0) (i32.const 0))", false),
        ("(table.init 0 (i32.const 0) (i32.const 0) (i32.const 0))", false),
        ("(block $caught (try_table (catch_all $caught) (throw $tag)))", false),
        ("(block $caught (result exnref) (try_table (catch_all_ref $caught)) (return)) (throw_ref)", false),
        ("(elem.drop 0)", true),
        ("(i32.const 1) (block (param i32) (result i32 i32) (i32.const 2)) (drop) (drop)", true),
        ("(i32.const 1) (i32.const 0) (if (param i32) (then (drop)) (else (drop)))", true),
    ] {
        let items = format!(r#"(table 1 funcref) (elem func) (tag $tag) (func (export "new") {code})"#);
        let said = build(&items, &[]);
        said.failed(&["the built-in optimizer, Binaryen 116, can't read `made.wasm`", "`--wasm-opt PATH`"]);
        let said = build(&items, &["--wasm-opt", newer.as_str()]);
        if is_too_new_for_both {
            said.failed(&["the optimizer failed on `made.wasm`", "try a newer version of wasm-opt"]);
        } else {
            said.done();
        }
    }
}

#[test]
fn features_that_the_optimizer_only_accepts_together_are_enabled_together() {
    let newer = from_setup("binaryen/wasm-opt");
    for items in [
        r#"(type $s (struct (field i32))) (func (export "new") (drop (struct.new $s (i32.const 1))))"#,
        r#"(global $one i32 (i32.const 1)) (global $two i32 (global.get $one))"#,
        r#"(func (export "new") (drop (i31.get_s (ref.i31 (i32.const 1)))))"#,
        r#"(type $t (func)) (func $f (type $t)) (elem declare func $f)
           (func (export "new") (return_call_ref $t (ref.func $f)))"#,
        r#"(type $t (func)) (table 1 funcref) (elem func)
           (func (export "new") (return_call_indirect (type $t) (i32.const 0)))"#,
    ] {
        build(items, &[]).done();
        build(items, &["--wasm-opt", newer.as_str()]).done();
    }
}
