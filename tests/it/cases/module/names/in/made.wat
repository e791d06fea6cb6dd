(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) i32.const 0)
  (func $the_failing_function unreachable)
  (func (export "proxy_on_log") (param i32) call $the_failing_function)
  (@custom "producers" "\01\08language\01\04Rust\00"))
