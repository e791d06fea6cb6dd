//! References to cargo packages in manifests: `wasmplugin://PACKAGE` where the url of an image belongs.
//!
//! Manifests are the work of others, so nothing is written anew: a value is changed, or a line is added, and every
//! other byte stays. Documents without a reference are not judged at all. In the others no value is left that only
//! this program would understand: a reference that cannot be resolved is an error, wherever it stands.

mod finder;
mod reference;
mod slot;

use std::collections::{BTreeMap, HashMap};

use camino::{Utf8Path, Utf8PathBuf};

use super::{MAX_PROBLEMS, PulledImage};
use crate::error::{InvalidFile, Problem};
use crate::yaml::stream;
use finder::Finder;
pub use reference::SCHEME;
use reference::{NamedResource, Reference, ResourceId};

/// A file of manifests, and the references in it.
#[derive(Debug)]
pub struct Manifests {
    path: Utf8PathBuf,
    text: String,
    references: Vec<Reference>,
    resources: Vec<NamedResource>,
}

impl Manifests {
    /// Finds the references in the file that is shown as `path`.
    ///
    /// # Errors
    ///
    /// Where it is not UTF-8, or has a reference that cannot be resolved, or one in a document that is not YAML.
    pub fn read(path: &Utf8Path, bytes: Vec<u8>) -> Result<Manifests, InvalidFile> {
        let path = path.to_owned();
        let text = String::from_utf8(bytes).map_err(|error| InvalidFile::not_utf8(&path, &error))?;
        let mut finder = Finder { text: &text, ..Finder::default() };
        for document in stream::documents(&text) {
            finder.document(document.span);
        }
        let Finder { references, resources, mut problems, .. } = finder;
        if problems.is_empty() {
            return Ok(Manifests { path, text, references, resources });
        }
        problems.truncate(MAX_PROBLEMS);
        Err(InvalidFile { path, text, problems })
    }

    /// The packages that are referred to, each as often as it is.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.references.iter().map(|reference| reference.package.as_str())
    }

    /// That a package cannot be referred to, at the first place that does; nothing where no place does.
    pub fn refusal(&self, package: &str, reason: String, help: Vec<String>) -> Option<InvalidFile> {
        let reference = self.references.iter().find(|reference| reference.package == package)?;
        let problem = Problem {
            span: reference.span.clone(),
            message: reason,
            label: format!("{} refers to it", reference.field),
            help: Some(help.join("\n")).filter(|help| !help.is_empty()),
        };
        Some(self.invalid(problem))
    }

    /// The text with each reference resolved to the image of its package.
    ///
    /// # Panics
    ///
    /// Where a package has no image.
    pub fn resolve(&self, images: &BTreeMap<String, PulledImage>) -> String {
        let mut edits = Vec::new();
        for reference in &self.references {
            let image = &images[&reference.package];
            edits.push(reference.url.fill(&image.url()));
            edits.push(reference.sha256.fill(&image.manifest.hex()));
        }
        edits.sort_by_key(|(span, _)| span.start);
        let (mut resolved, mut copied) = (String::with_capacity(self.text.len()), 0);
        for (span, text) in edits {
            resolved.push_str(&self.text[copied..span.start]);
            resolved.push_str(&text);
            copied = span.end;
        }
        resolved.push_str(&self.text[copied..]);
        resolved
    }

    fn invalid(&self, problem: Problem) -> InvalidFile {
        InvalidFile { path: self.path.clone(), text: self.text.clone(), problems: vec![problem] }
    }
}

/// The resources that stand twice in the files, where a reference is to be resolved in one of the two: whoever
/// applies both gets the one or the other.
pub fn repeated(files: &[Manifests]) -> Vec<InvalidFile> {
    let mut first: HashMap<&ResourceId, (&Manifests, &NamedResource)> = HashMap::new();
    let mut refusals = Vec::new();
    for file in files {
        for resource in &file.resources {
            let Some((other_file, other)) = first.get(&resource.id) else {
                first.insert(&resource.id, (file, resource));
                continue;
            };
            if refusals.len() < MAX_PROBLEMS && (resource.has_references || other.has_references) {
                let ResourceId { kind, name, .. } = &resource.id;
                let line = other_file.text[..other.span.start].matches('\n').count() + 1;
                let problem = Problem {
                    span: resource.span.clone(),
                    message: format!("the {kind} `{name}` stands twice in the manifests"),
                    label: "the second time".to_owned(),
                    help: Some(format!(
                        "the first one is at {}:{line}: give one of the two",
                        other_file.path
                    )),
                };
                refusals.push(file.invalid(problem));
            }
        }
    }
    refusals
}

#[cfg(test)]
mod tests;
