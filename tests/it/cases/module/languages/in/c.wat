(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (@custom "producers" "\01\08language\01\0eC_plus_plus_14\00"))
