//! What a WebAssembly module is: its imports, exports, memories, sections and features, read from its bytes.
//!
//! The bytes may come from anywhere. Whatever they hold, reading ends in a [`ModuleInfo`] or a [`ReadError`],
//! in time and memory that the length of the file bounds.

mod features;
mod names;
mod sections;

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;

use wasmparser::{
    CompositeInnerType, Parser, Payload,
    types::{CoreTypeId, EntityType, TypesRef},
};
pub use wasmparser::{FuncType, GlobalType, MemoryType, RefType, TableType, ValType, WasmFeatures};

use crate::error::Explain;
pub(crate) use features::EVERY as EVERY_FEATURE;
pub use sections::{strip, without_target_features};

/// What the checks want to know about a module. It is valid, by the rules of the reference validator.
#[derive(Debug, Clone)]
pub struct ModuleInfo {
    /// The imports, in order.
    pub imports: Vec<Import>,
    /// The exports, in order.
    pub exports: Vec<Export>,
    /// The memories, imported ones first.
    pub memories: Vec<Memory>,
    /// The custom sections, in order.
    pub custom_sections: Vec<CustomSection>,
    /// Whether there is a name section that cannot be read.
    pub has_damaged_names: bool,
    /// What the module needs from an engine, on top of [`WasmFeatures::MVP`], which is part of the set.
    pub features: WasmFeatures,
    function_names: BTreeMap<u32, String>,
}

/// Something that the host has to give.
#[derive(Debug, Clone)]
pub struct Import {
    /// The name of the module that it is looked for in: `env`.
    pub module: String,
    /// Its own name.
    pub name: String,
    /// What it has to be.
    pub item: Item,
}

/// Something that the host may use.
#[derive(Debug, Clone)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is.
    pub item: Item,
    /// Its index among the items of its kind.
    pub index: u32,
}

/// What an import or an export is.
#[derive(Debug, Clone)]
pub enum Item {
    /// A function, with its type. Imports and exports of one type share it.
    Func(Arc<FuncType>),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag of an exception.
    Tag,
}

impl Item {
    /// The type of the function, where it is one.
    pub fn as_func(&self) -> Option<&FuncType> {
        match self {
            Item::Func(ty) => Some(ty),
            _ => None,
        }
    }

    /// What it is, in a word.
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
    /// Its limits, in pages.
    pub ty: MemoryType,
    /// Whether the host has to give it.
    pub imported: bool,
}

/// A custom section, which no engine has to understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomSection {
    /// Its name.
    pub name: String,
    /// The length of its content in bytes, name and header left out.
    pub size: usize,
}

impl ModuleInfo {
    /// Reads and validates a module.
    ///
    /// # Errors
    ///
    /// Where the bytes are not a valid core module.
    pub fn read(bytes: &[u8]) -> Result<ModuleInfo, ReadError> {
        look(bytes)?;
        // Parsing comes before validating, so that damage is told apart from what is only invalid.
        for payload in Parser::new(0).parse_all(bytes) {
            payload.map_err(ReadError::malformed)?;
        }
        let types = features::validate(bytes, EVERY_FEATURE).map_err(ReadError::invalid)?;
        let mut info = ModuleInfo {
            imports: Vec::new(),
            exports: Vec::new(),
            memories: Vec::new(),
            custom_sections: Vec::new(),
            has_damaged_names: false,
            features: features::needed(bytes),
            function_names: BTreeMap::new(),
        };
        let mut items = Items { types: types.as_ref(), functions: HashMap::new() };
        for payload in Parser::new(0).parse_all(bytes) {
            payload.and_then(|payload| info.add(payload, &mut items)).map_err(ReadError::malformed)?;
        }
        Ok(info)
    }

    /// Whether the module carries names for its functions.
    pub fn has_names(&self) -> bool {
        self.custom_sections.iter().any(|section| section.name == "name")
    }

    /// The name that the name section gives the function with this index.
    pub fn function_name(&self, index: u32) -> Option<&str> {
        self.function_names.get(&index).map(String::as_str)
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
                    if let Item::Memory(ty) = item {
                        self.memories.push(Memory { ty, imported: true });
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
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    // The validator has accepted the index: there is an item.
                    let Some(item) = items.item(items.types.entity_type_from_export(&export)) else {
                        continue;
                    };
                    self.exports.push(Export { name: export.name.to_owned(), item, index: export.index });
                }
            }
            Payload::CustomSection(section) => {
                let (name, size) = (section.name().to_owned(), section.data().len());
                self.custom_sections.push(CustomSection { name, size });
                if section.name() == "name" {
                    match names::read(section.data()) {
                        Some(names) => self.function_names.extend(names),
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

    // A million exports may have one type of a thousand parameters: it is copied once.
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

/// Why bytes are not a module that can be checked.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is nothing.
    #[error("the file is empty")]
    Empty,
    /// It is some other kind of file.
    #[error("this is not a WebAssembly module{}", guess(*.looks_like))]
    NotWasm {
        /// What it seems to be.
        looks_like: Option<&'static str>,
    },
    /// It is WebAssembly, but of the component model.
    #[error("this is a WebAssembly component, not a module")]
    Component,
    /// It ends too early, or its sections make no sense.
    #[error("the module is cut off or damaged: {message} (at byte {offset:#x})")]
    Malformed {
        /// What the parser says.
        message: String,
        /// Where it stands in the file.
        offset: u64,
    },
    /// Its sections can be read, but no engine would accept it.
    #[error("the module is not valid: {message} (at byte {offset:#x})")]
    Invalid {
        /// What the validator says.
        message: String,
        /// Where it stands in the file.
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
                "unpack it first, and give the `.wasm` file that is inside"
            }
            ReadError::NotWasm { looks_like: Some(WAT) } => {
                "assemble it first: `wat2wasm plugin.wat -o plugin.wasm`"
            }
            ReadError::NotWasm { looks_like: Some(NATIVE | ARCHIVE) } => {
                "build for WebAssembly: `cargo build --target wasm32-wasip1` with `crate-type = [\"cdylib\"]`"
            }
            ReadError::NotWasm { .. } => "give the `.wasm` file that the compiler wrote",
            ReadError::Component => {
                "a proxy loads core modules only. Was this built for wasm32-wasip2? Build for wasm32-wasip1 or \
                 wasm32-unknown-unknown, without `cargo component` and without `wasm-tools component new`"
            }
            ReadError::Malformed { .. } => {
                "build or download the file again: a part of it is missing or was changed"
            }
            ReadError::Invalid { .. } => {
                "build the module again. If a tool has changed it after the compiler, leave that tool out"
            }
        };
        vec![help.to_owned()]
    }
}

/// A text of the module as it may be shown: short, on one line, without control characters.
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

fn look(bytes: &[u8]) -> Result<(), ReadError> {
    const MAGIC: &[u8] = b"\0asm";
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        let truncated = MAGIC.starts_with(bytes);
        return Err(match truncated {
            true => ReadError::Malformed { message: "it ends inside the header".to_owned(), offset: 0 },
            false => ReadError::NotWasm { looks_like: looks_like(bytes) },
        });
    }
    // Two bytes of version, then two bytes of layer: 0 is a module, 1 a component.
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

fn guess(looks_like: Option<&str>) -> String {
    looks_like.map(|kind| format!(": it looks like {kind}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
