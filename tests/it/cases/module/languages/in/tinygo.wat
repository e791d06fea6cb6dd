(module
  (memory (export "memory") 1)
  (@custom "producers" "\02\08language\01\03C99\00\0cprocessed-by\01\06TinyGo\00"))
