//! Reads a WebAssembly module: its imports, exports, memories, tables, segments, custom sections and features.
//!
//! The bytes are untrusted. Whatever they contain, the result is a [`ModuleInfo`] or a [`ReadError`], and the time and
//! the memory for reading them are bounded by the length of the file.

mod commands;
mod features;
mod names;
mod producers;
mod sections;
mod segments;

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasmparser::{
    CompositeInnerType, Parser, Payload,
    types::{CoreTypeId, EntityType, TypesRef},
};
pub use wasmparser::{FuncType, GlobalType, MemoryType, RefType, TableType, ValType, WasmFeatures};

use crate::error::Explain;
pub(crate) use features::EVERY as EVERY_FEATURE;
pub use producers::Language;
pub use sections::{strip, strip_except_names, without_target_features};
use segments::Globals;
pub use segments::{Segment, SegmentKind};

/// What the checks need to know about a module. The module is valid.
#[derive(Debug, Clone)]
pub struct ModuleInfo {
    /// The imports, in order.
    pub imports: Vec<Import>,
    /// The exports, in order.
    pub exports: Vec<Export>,
    /// The memories, imported ones first.
    pub memories: Vec<Memory>,
    /// The tables, imported ones first.
    pub tables: Vec<TableType>,
    /// The segments that are copied to a known offset, first those for tables.
    pub segments: Vec<Segment>,
    /// Whether there is a segment for tables that isn't copied before any code runs.
    pub has_passive_elements: bool,
    /// The custom sections, in order.
    pub custom_sections: Vec<CustomSection>,
    /// Whether there is a name section that can't be read.
    pub has_damaged_names: bool,
    /// The features that the module needs, including [`WasmFeatures::MVP`].
    pub features: WasmFeatures,
    /// The language that the module says it was written in.
    language: Option<Language>,
    /// The functions in which the linker runs constructors or destructors around an export.
    commands: BTreeSet<u32>,
}

/// Something that the host has to provide.
#[derive(Debug, Clone)]
pub struct Import {
    /// The name of the module that it is imported from: `env`.
    pub module: String,
    /// The name: `proxy_log`.
    pub name: String,
    /// The expected type.
    pub item: Item,
}

/// Something that the host can use.
#[derive(Debug, Clone)]
pub struct Export {
    pub name: String,
    pub item: Item,
    /// The index among the items of its kind.
    pub index: u32,
}

/// The kind and the type of an import or an export.
#[derive(Debug, Clone)]
pub enum Item {
    /// A function. Imports and exports with the same type share it.
    Func(Arc<FuncType>),
    Table(TableType),
    Memory(MemoryType),
    Global(GlobalType),
    /// An exception tag.
    Tag,
}

impl Item {
    /// The type, if this is a function.
    pub fn as_func(&self) -> Option<&FuncType> {
        match self {
            Item::Func(ty) => Some(ty),
            _ => None,
        }
    }

    /// The kind, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Item::Func(_) => "function",
            Item::Table(_) => "table",
            Item::Memory(_) => "memory",
            Item::Global(_) => "global",
            Item::Tag => "tag",
        }
    }
}

/// A linear memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The limits, in pages.
    pub ty: MemoryType,
    /// Whether the host has to provide it.
    pub imported: bool,
}

impl Memory {
    /// The initial size in bytes.
    pub fn initial_bytes(&self) -> u64 {
        let page_size_log2 = self.ty.page_size_log2.unwrap_or(16);
        self.ty.initial.saturating_mul(1 << page_size_log2)
    }
}

/// A custom section, which engines ignore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomSection {
    pub name: String,
    /// The length of the content in bytes, without name and header.
    pub size: usize,
}

impl ModuleInfo {
    /// Reads and validates a module.
    ///
    /// # Errors
    ///
    /// If the bytes aren't a valid core module.
    pub fn read(bytes: &[u8]) -> Result<ModuleInfo, ReadError> {
        check_header(bytes)?;
        // Parse before validating, to distinguish a damaged module from an invalid one.
        for payload in Parser::new(0).parse_all(bytes) {
            payload.map_err(ReadError::malformed)?;
        }
        let types = features::validate(bytes, EVERY_FEATURE).map_err(ReadError::invalid)?;
        let mut info = ModuleInfo {
            imports: Vec::new(),
            exports: Vec::new(),
            memories: Vec::new(),
            tables: Vec::new(),
            segments: Vec::new(),
            has_passive_elements: false,
            custom_sections: Vec::new(),
            has_damaged_names: false,
            features: features::needed(bytes),
            language: None,
            commands: BTreeSet::new(),
        };
        let mut items = Items {
            types: types.as_ref(),
            functions: HashMap::new(),
            globals: Vec::new(),
            names: BTreeMap::new(),
        };
        for payload in Parser::new(0).parse_all(bytes) {
            payload.and_then(|payload| info.add(payload, &mut items)).map_err(ReadError::malformed)?;
        }
        let imported = info.imported_functions().count();
        info.commands = commands::read(bytes, u32::try_from(imported).unwrap_or(u32::MAX), &items.names);
        Ok(info)
    }

    /// The language that the module was written in, if that is known.
    pub fn language(&self) -> Option<Language> {
        // AssemblyScript has no `producers` section, but its runtime has these names.
        let is_abort = |(import, ty): (&Import, &FuncType)| {
            import.module == "env" && import.name == "abort" && ty.params().len() == 4
        };
        let imports_abort = || self.imported_functions().any(is_abort);
        let exports_runtime = || self.exports.iter().any(|export| export.name == "__rtti_base");
        self.language.or_else(|| (imports_abort() || exports_runtime()).then_some(Language::AssemblyScript))
    }

    /// Whether the linker runs constructors or destructors in the function with this index, around an export.
    pub fn is_command(&self, index: u32) -> bool {
        self.commands.contains(&index)
    }

    /// The exported functions, in order, with their types.
    pub fn exported_functions(&self) -> impl Iterator<Item = (&Export, &FuncType)> {
        self.exports.iter().filter_map(|export| Some((export, export.item.as_func()?)))
    }

    /// The imported functions, in order, with their types.
    pub fn imported_functions(&self) -> impl Iterator<Item = (&Import, &FuncType)> {
        self.imports.iter().filter_map(|import| Some((import, import.item.as_func()?)))
    }

    fn add(&mut self, payload: Payload<'_>, items: &mut Items<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let Some(item) = items.item(items.types.entity_type_from_import(&import)) else {
                        continue;
                    };
                    match item {
                        Item::Memory(ty) => self.memories.push(Memory { ty, imported: true }),
                        Item::Table(ty) => self.tables.push(ty),
                        Item::Global(_) => items.globals.push(None),
                        Item::Func(_) | Item::Tag => {}
                    }
                    let (module, name) = (import.module.to_owned(), import.name.to_owned());
                    self.imports.push(Import { module, name, item });
                }
            }
            Payload::MemorySection(section) => {
                for ty in section {
                    self.memories.push(Memory { ty: ty?, imported: false });
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table?.ty);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let value = segments::value(&global?.init_expr, &items.globals);
                    items.globals.push(value);
                }
            }
            Payload::ElementSection(section) => {
                self.has_passive_elements = segments::has_passive(section.clone())?;
                self.segments.extend(segments::elements(section, &items.globals)?);
            }
            Payload::DataSection(section) => self.segments.extend(segments::data(section, &items.globals)?),
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    // The validator has checked the index, so there is an item.
                    let Some(item) = items.item(items.types.entity_type_from_export(&export)) else {
                        continue;
                    };
                    self.exports.push(Export { name: export.name.to_owned(), item, index: export.index });
                }
            }
            Payload::CustomSection(section) => {
                let (name, size) = (section.name().to_owned(), section.data().len());
                self.custom_sections.push(CustomSection { name, size });
                if let wasmparser::KnownCustom::Producers(_) = section.as_known() {
                    self.language = producers::read(section.data_reader());
                }
                if section.name() == "name" {
                    match names::read(section.data()) {
                        Some(names) => items.names.extend(names),
                        None => self.has_damaged_names = true,
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

struct Items<'a> {
    types: TypesRef<'a>,
    functions: HashMap<CoreTypeId, Arc<FuncType>>,
    globals: Globals,
    /// The names of functions by their index.
    names: BTreeMap<u32, String>,
}

impl Items<'_> {
    fn item(&mut self, ty: Option<EntityType>) -> Option<Item> {
        Some(match ty? {
            EntityType::Func(id) | EntityType::FuncExact(id) => Item::Func(self.function(id)?),
            EntityType::Table(ty) => Item::Table(ty),
            EntityType::Memory(ty) => Item::Memory(ty),
            EntityType::Global(ty) => Item::Global(ty),
            EntityType::Tag(_) => Item::Tag,
        })
    }

    // A million exports can share a type with a thousand parameters, so it is copied only once.
    fn function(&mut self, id: CoreTypeId) -> Option<Arc<FuncType>> {
        let entry = match self.functions.entry(id) {
            Entry::Occupied(entry) => return Some(Arc::clone(entry.get())),
            Entry::Vacant(entry) => entry,
        };
        match &self.types.get(id)?.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(Arc::clone(entry.insert(Arc::new(ty.clone())))),
            _ => None,
        }
    }
}

/// Why bytes can't be read as a module.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// It is another kind of file.
    #[error("this is not a WebAssembly module{}", looks_like_suffix(*.looks_like))]
    NotWasm {
        /// The kind of file that it looks like.
        looks_like: Option<&'static str>,
    },
    /// It is a component.
    #[error("this is a WebAssembly component, not a module")]
    Component,
    /// It ends too early, or its sections can't be parsed.
    #[error("the module is truncated or damaged: {message} (at offset {offset:#x})")]
    Malformed {
        /// The message of the parser.
        message: String,
        /// The offset in the file.
        offset: u64,
    },
    /// Its sections can be parsed, but no engine would accept it.
    #[error("the module is not valid: {message} (at offset {offset:#x})")]
    Invalid {
        /// The message of the validator.
        message: String,
        /// The offset in the file.
        offset: u64,
    },
}

impl ReadError {
    fn malformed(error: wasmparser::Error) -> ReadError {
        ReadError::Malformed { message: printable(error.message()), offset: error.offset() }
    }

    fn invalid(error: wasmparser::Error) -> ReadError {
        ReadError::Invalid { message: printable(error.message()), offset: error.offset() }
    }
}

impl Explain for ReadError {
    fn help(&self) -> Vec<String> {
        let help = match self {
            ReadError::Empty => "build the module again: whatever wrote this file wrote nothing",
            ReadError::NotWasm { looks_like: Some(GZIP | TAR | ZIP | ZSTD) } => {
                "unpack it first, and pass the `.wasm` file inside"
            }
            ReadError::NotWasm { looks_like: Some(WAT) } => {
                "assemble it first: `wat2wasm plugin.wat -o plugin.wasm`"
            }
            ReadError::NotWasm { looks_like: Some(NATIVE | ARCHIVE) } => {
                "build for WebAssembly: `cargo build --target wasm32-wasip1` with `crate-type = [\"cdylib\"]`"
            }
            ReadError::NotWasm { .. } => "pass the `.wasm` file that the compiler wrote",
            ReadError::Component => {
                "proxies load only core modules: build for wasm32-wasip1 or wasm32-unknown-unknown instead of \
                 wasm32-wasip2, and without `cargo component` and `wasm-tools component new`"
            }
            ReadError::Malformed { .. } => "build or download the file again",
            ReadError::Invalid { .. } => {
                "build the module again, without tools that change it after the compiler"
            }
        };
        vec![help.to_owned()]
    }
}

/// A string from a module, safe to print: short, on one line, and without control characters.
pub fn printable(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut out = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        match character {
            '"' | '\'' => out.push(character),
            other => out.extend(other.escape_debug()),
        }
    }
    out
}

const ARCHIVE: &str = "a static library for native code";
const GZIP: &str = "a gzip file";
const NATIVE: &str = "a program or library for native code";
const TAR: &str = "a tar archive";
const WAT: &str = "WebAssembly text";
const ZIP: &str = "a zip file";
const ZSTD: &str = "a zstd file";

fn check_header(bytes: &[u8]) -> Result<(), ReadError> {
    const MAGIC: &[u8] = b"\0asm";
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        let truncated = MAGIC.starts_with(bytes);
        return Err(match truncated {
            true => ReadError::Malformed { message: "unexpected end of the header".to_owned(), offset: 0 },
            false => ReadError::NotWasm { looks_like: looks_like(bytes) },
        });
    }
    // Two bytes for the version, then two bytes for the layer: 0 is a module, 1 is a component.
    if bytes.get(6..8) == Some(&[1, 0]) {
        return Err(ReadError::Component);
    }
    Ok(())
}

fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: &[(usize, &[u8], &str)] = &[
        (0, b"\x1f\x8b", GZIP),
        (0, b"\x28\xb5\x2f\xfd", ZSTD),
        (0, b"PK\x03\x04", ZIP),
        (257, b"ustar", TAR),
        (0, b"\x7fELF", NATIVE),
        (0, b"\xcf\xfa\xed\xfe", NATIVE),
        (0, b"MZ", NATIVE),
        (0, b"!<arch>", ARCHIVE),
    ];
    let binary = SIGNATURES
        .iter()
        .find(|(at, signature, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(signature)));
    if let Some((_, _, name)) = binary {
        return Some(name);
    }
    let head = String::from_utf8_lossy(bytes.get(..256).unwrap_or(bytes));
    let head = head.trim_start();
    match head {
        _ if ["(module", "(component", ";;", "(;"].iter().any(|start| head.starts_with(start)) => Some(WAT),
        _ if head.starts_with('<') => Some("an HTML or XML page"),
        _ if head.starts_with('{') => Some("JSON"),
        _ => None,
    }
}

fn looks_like_suffix(looks_like: Option<&str>) -> String {
    looks_like.map(|kind| format!(": it looks like {kind}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
