(module
  (memory (export "memory") 1)
  (tag $tag) (func (export "_initialize") (block $caught (try_table (catch_all $caught) (throw $tag))))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 0)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0))
