//! Would a mesh load it? The rules that can be judged without a proxy, and the tables they rest on.
//!
//! A rule is one file in `rules` and one row of [`RULES`]. A file names the behaviour of the proxy behind its
//! rule; messages in quotes are Envoy's own.

pub mod hostcalls;
mod resource;
mod rules;

use crate::findings::{Finding, Findings};
use crate::mesh::Mesh;
use crate::wasm::{ModuleInfo, shown};
use hostcalls::Abi;
pub use resource::{UNKNOWN_KIND, resource};

/// Every rule, in the order in which findings are told: first what a proxy looks at first.
pub const RULES: &[Rule] = &[
    rules::name_section::RULE,
    rules::abi_marker::RULE,
    rules::wasm_feature::RULE,
    rules::crash_type::RULE,
    rules::import_kind::RULE,
    rules::unknown_import::RULE,
    rules::import_signature::RULE,
    rules::memory::RULE,
    rules::allocator::RULE,
    rules::export_signature::RULE,
    rules::command_export::RULE,
    rules::no_callback::RULE,
];

/// One thing that a proxy asks of a module.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The name under which it is documented, in kebab case.
    pub code: &'static str,
    /// What of it the module breaks.
    pub judge: fn(&Subject<'_>) -> Vec<Finding>,
}

/// What a rule judges.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The module.
    pub module: &'a ModuleInfo,
    /// Where it has to load.
    pub meshes: &'a [&'static Mesh],
    /// The ABI that its marker asks for; without one the newest, so that everything else can be judged.
    pub abi: Abi,
}

/// The ABI that a module asks for: that of its first marker.
pub fn abi(module: &ModuleInfo) -> Option<Abi> {
    rules::abi_marker::abi(module)
}

/// Judges a module by every rule, for every mesh in `meshes`.
pub fn module(module: &ModuleInfo, meshes: &[&'static Mesh]) -> Findings {
    let abi = abi(module).unwrap_or(Abi::NEWEST);
    let subject = Subject { module, meshes, abi };
    RULES.iter().flat_map(|rule| readable((rule.judge)(&subject))).collect()
}

// A hostile module can break a rule a million times. Nobody reads on after the first few, so a rule that looks
// at every item of a module stops here, and one more tells that there are more.
const MOST_OF_A_KIND: usize = 50;
const ENOUGH: usize = MOST_OF_A_KIND + 1;

fn readable(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() > MOST_OF_A_KIND {
        findings.truncate(MOST_OF_A_KIND);
        if let Some(last) = findings.last_mut() {
            last.message.push_str(" (and more of this kind)");
        }
    }
    findings
}

impl Subject<'_> {
    /// The meshes for which `refuses` holds.
    fn refusing(&self, refuses: impl Fn(&Mesh) -> bool) -> Vec<&'static Mesh> {
        self.meshes.iter().copied().filter(|mesh| refuses(mesh)).collect()
    }
}

fn import(module: &str, name: &str) -> String {
    format!("import `{}.{}`", shown(module), shown(name))
}

fn export(name: &str) -> String {
    format!("export `{}`", shown(name))
}

#[cfg(test)]
mod tests;
