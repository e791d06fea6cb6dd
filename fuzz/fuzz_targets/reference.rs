//! A repository is written as it was read, and is a part of a url.
#![no_main]

use cargo_wasmplugin::internals::repository;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(written) = repository(text) else { return };
    assert_eq!(repository(&written).as_deref(), Some(&*written), "{text:?}");
    assert!(written.is_ascii() && !written.contains(['?', '#', '@', ' ']), "{text:?}: {written:?}");
    let registry = written.split('/').next().unwrap_or_default();
    let url = url::Url::parse(&format!("https://{registry}/v2/{written}")).expect(&written);
    assert!(url.username().is_empty() && url.query().is_none(), "{url}");
});
