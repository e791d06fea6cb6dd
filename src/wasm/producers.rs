//! The programming language of a module, from its `producers` section.

use wasmparser::{BinaryReader, ProducersSectionReader};

/// The programming language that a module was mainly written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// C or C++. It comes first, because modules in other languages can link C code.
    C,
    Go,
    TinyGo,
    AssemblyScript,
    Rust,
}

/// The language of a module with this section; `None` if the section doesn't say or can't be read.
pub(super) fn read(section: BinaryReader<'_>) -> Option<Language> {
    let fields = ProducersSectionReader::new(section).ok()?.into_iter().map_while(Result::ok);
    let languages = fields.flat_map(|field| {
        let name = field.name;
        let values = field.values.into_iter().map_while(Result::ok);
        values.filter_map(move |value| match (name, value.name) {
            ("language", "Rust") => Some(Language::Rust),
            ("language", "Go") => Some(Language::Go),
            // Its language is that of the debug information, which is C.
            ("processed-by", "TinyGo") => Some(Language::TinyGo),
            ("language", name) if name.starts_with('C') => Some(Language::C),
            _ => None,
        })
    });
    languages.max()
}
