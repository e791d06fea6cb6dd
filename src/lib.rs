//! The implementation of `cargo wasmplugin`, which builds a Proxy-Wasm filter crate into an image that a service mesh loads.
//!
//! [`cli::run`] is the only public interface. docs/architecture.md describes the modules and their terms, and where to
//! add new things.

mod check;
pub mod cli;
mod compile;
mod config;
mod context;
mod diagnostics;
mod digest;
mod envoy;
mod error;
mod fs;
mod image;
mod interrupt;
mod mesh;
mod module;
mod ops;
mod optimize;
mod process;
mod project;
mod reference;
mod report;
mod resource;
mod scaffold;
mod shell;
mod target_dir;
mod text;
mod transport;
mod wasm;
mod yaml;

/// Items that the integration tests and the fuzzer of this crate use. They are not a public interface.
#[doc(hidden)]
pub mod internals {
    use reqwest::header::{HeaderValue, WWW_AUTHENTICATE};

    pub use crate::check::rule::Docs;
    use crate::image;
    pub use crate::mesh::{MESHES, Mesh};
    pub use crate::resource::references::{Holder, holders};
    pub use crate::resource::{FlagSyntax, KINDS, Kind, RESOURCE_FLAGS};
    pub use crate::scaffold::TEMPLATES;
    use crate::transport::registry;
    pub use crate::transport::registry::{Challenge, token};
    pub use crate::yaml::{
        Key, Node, Value, kubectl, mapping, parse, read_document, sequence, stream, write,
    };

    /// A rule without the function that judges, which would make every type that it uses public.
    pub struct Rule {
        pub code: &'static str,
        pub severity: &'static str,
        pub subject: &'static str,
        pub docs: Docs,
    }

    /// The messages of the checks about a module, for all meshes, and the module without its names. `None` if it isn't a
    /// valid module.
    pub fn judge(module: &[u8]) -> Option<(Vec<String>, Vec<u8>)> {
        let info = crate::wasm::ModuleInfo::read(module).ok()?;
        let meshes: Vec<_> = MESHES.iter().collect();
        let findings = [crate::check::exports(&info, &meshes), crate::check::module(&info, &meshes)];
        let messages = findings.iter().flatten().map(|finding| format!("{finding:?}"));
        Some((messages.collect(), crate::wasm::strip(module).into_owned()))
    }

    /// A repository as it is written, if `text` names one.
    pub fn repository(text: &str) -> Option<String> {
        text.parse::<crate::reference::Repository>().ok().map(|repository| repository.to_string())
    }

    /// The best challenge in the `WWW-Authenticate` headers of a response.
    pub fn challenge(headers: &[&[u8]]) -> Option<Challenge> {
        let values = headers.iter().filter_map(|value| HeaderValue::from_bytes(value).ok());
        Challenge::of(&values.map(|value| (WWW_AUTHENTICATE, value)).collect())
    }

    /// The message in the body of an error response, without the secret.
    pub fn error_message(body: &[u8], secret: &str) -> String {
        let mut secrets = registry::Secrets::default();
        secrets.add(secret);
        registry::of_body(&String::from_utf8_lossy(body), &secrets)
    }

    /// A manifest as it is written, if `bytes` are one.
    pub fn manifest(bytes: &[u8]) -> Option<Vec<u8>> {
        Some(image::canonical_json(&image::Manifest::read(bytes).ok()?))
    }

    /// The module that a mesh finds in an image, or why it refuses the image. Every descriptor in an index leads to
    /// `child`, and every layer contains `layer`.
    pub fn survey(media_type: &str, manifest: &[u8], child: &[u8], layer: &[u8]) -> Result<Vec<u8>, String> {
        let manifest = image::Blob::new(media_type.into(), manifest.to_vec());
        let child = |descriptor: &image::Descriptor| {
            Ok::<_, std::io::Error>(image::Blob::new(descriptor.media_type.clone(), child.to_vec()))
        };
        match image::survey(manifest, child, |_| Ok(layer)).map_err(|error| error.to_string())? {
            image::Verdict::Loads(module) => Ok(module),
            image::Verdict::Refuses(reason) => Err(reason.to_string()),
        }
    }

    /// All rules.
    pub fn rules() -> impl Iterator<Item = Rule> {
        crate::check::RULES.iter().map(|rule| Rule {
            code: rule.code,
            severity: rule.severity.name(),
            subject: rule.judge.subject(),
            docs: rule.docs,
        })
    }
}
