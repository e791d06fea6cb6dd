//! Every module can be judged, and the module that would be shipped is judged in the same way. Takes the bytes as a module,
//! and as the choices of a generator of valid modules.
#![no_main]

use cargo_wasmplugin::internals::judge;
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use wasm_smith::{Config, Module};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    let mut choices = Unstructured::new(bytes);
    if let Ok(module) = Module::new(Config::default(), &mut choices) {
        let module = module.to_bytes();
        assert!(judge(&module).is_some(), "a valid module is not read");
        check(&module);
        // A damaged one.
        let mut damaged = module;
        if let (Ok(index), Ok(byte)) = (choices.choose_index(damaged.len()), choices.arbitrary()) {
            damaged[index] = byte;
            check(&damaged);
        }
    }
});

fn check(module: &[u8]) {
    let Some((messages, shipped)) = judge(module) else { return };
    for message in &messages {
        assert!(!message.chars().any(char::is_control), "{message:?}");
    }
    let (messages_of_shipped, shipped_again) = judge(&shipped).expect("the shipped module is not valid");
    assert_eq!(shipped, shipped_again);
    // Only the name section can have a finding that is gone with it.
    let others = messages.iter().filter(|message| !message.contains("name-section"));
    assert!(others.eq(&messages_of_shipped), "{messages:?}\n{messages_of_shipped:?}");
}
