//! A file of manifests.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostics::source::SourceFile;
use crate::error::FileError;
use crate::resource::pinned::PulledImage;
use crate::resource::references::finder::Finder;
use crate::resource::references::reference::{NamedResource, PackageReference, ReferenceFault};
use crate::yaml::{Fault, stream};

/// A file of manifests, and the references in it.
#[derive(Debug)]
pub struct ManifestFile {
    pub source: Arc<SourceFile>,
    /// The resources of the kinds that can have references.
    pub resources: Vec<NamedResource>,
    /// The references that can't be resolved.
    pub faults: Vec<ReferenceFault>,
    /// The duplicate keys of documents that have references.
    pub duplicates: Vec<Fault>,
    references: Vec<PackageReference>,
}

impl ManifestFile {
    /// Finds the references in a file.
    ///
    /// # Errors
    ///
    /// If a document with a reference isn't valid YAML.
    pub fn read(source: Arc<SourceFile>) -> Result<ManifestFile, FileError> {
        let mut finder = Finder { text: &source.text, ..Finder::default() };
        for document in stream::documents(&source.text) {
            finder
                .document(document.span)
                .map_err(|error| FileError::new(&source, error.span, error.message, error.help))?;
        }
        let Finder { references, resources, faults, duplicates, .. } = finder;
        Ok(ManifestFile { references, resources, faults, duplicates, source })
    }

    /// The package of each reference, in order. A package may come more than once.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.references.iter().map(|reference| reference.package.as_str())
    }

    /// The first reference to a package: the path of the field, in backticks, and its bytes.
    pub fn reference_to(&self, package: &str) -> Option<(&str, Range<usize>)> {
        let reference = self.references.iter().find(|reference| reference.package == package)?;
        Some((&reference.field, reference.span.clone()))
    }

    /// The text with each reference resolved to the image of its package.
    ///
    /// # Panics
    ///
    /// If a package has no image.
    pub fn resolve(&self, images: &BTreeMap<String, PulledImage>) -> String {
        let mut edits = Vec::new();
        for reference in &self.references {
            let image = &images[&reference.package];
            edits.push(reference.url.fill(&image.url()));
            edits.push(reference.sha256.fill(&image.manifest.hex()));
        }
        edits.sort_by_key(|(span, _)| span.start);
        let (mut resolved, mut copied) = (String::with_capacity(self.source.text.len()), 0);
        for (span, text) in edits {
            resolved.push_str(&self.source.text[copied..span.start]);
            resolved.push_str(&text);
            copied = span.end;
        }
        resolved.push_str(&self.source.text[copied..]);
        resolved
    }
}
