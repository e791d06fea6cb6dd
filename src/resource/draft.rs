//! A WasmPlugin as its author wrote it, before the image or the module is filled in.

use std::sync::Arc;

use crate::diagnostics::source::SourceFile;
use crate::error::FileError;
use crate::resource::conversion::Loss;
use crate::resource::exported::{self, ServerField};
use crate::resource::field::Field;
use crate::resource::kinds::{self, Addition, Kind, TargetRef};
use crate::resource::name::from_package;
use crate::resource::schema::{self, Mismatch};
use crate::resource::url::Url;
use crate::yaml::{self, Fault, Key, Node, Value, sequence};

/// A WasmPlugin without the image or the module that was built. It can be any YAML; the checks judge it.
#[derive(Debug, Clone)]
pub struct Draft {
    source: Option<Arc<SourceFile>>,
    faults: Vec<Fault>,
    server_fields: Vec<ServerField>,
    pub(super) document: Node,
}

impl Draft {
    /// Reads the WasmPlugin in a file. If it has no name, the name of the cargo package is used.
    ///
    /// # Errors
    ///
    /// If the file isn't valid YAML.
    pub fn read(file: Arc<SourceFile>, package: &str) -> Result<Draft, FileError> {
        let (mut document, faults) = yaml::read_document(&file.text)
            .map_err(|error| FileError::new(&file, error.span, error.message, error.help))?;
        let server_fields = exported::clean(&mut document);
        complete(&mut document, package);
        Ok(Draft { source: Some(file), faults, server_fields, document })
    }

    /// The WasmPlugin of a cargo package without wasmplugin.yaml.
    pub fn minimal(package: &str) -> Draft {
        let entry = |key: &str, value: &str| (Key::from(key), Value::String(value.to_owned()).into());
        let identity = vec![entry("apiVersion", kinds::API_VERSION), entry("kind", kinds::KIND)];
        let mut document = Value::Map(identity).into();
        complete(&mut document, package);
        Draft { source: None, faults: Vec::new(), server_fields: Vec::new(), document }
    }

    /// The file that it was read from, if there is one.
    pub fn source(&self) -> Option<&Arc<SourceFile>> {
        self.source.as_ref()
    }

    /// YAML in the file that a resource must not use, although kubectl accepts it.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The fields in the file that a cluster set. They aren't in the document.
    pub fn server_fields(&self) -> &[ServerField] {
        &self.server_fields
    }

    /// The whole document.
    pub fn root(&self) -> Field<'_> {
        Field::document(&self.document)
    }

    /// The field at a path that a [`Loss`] names: `spec.match[0].mode`.
    pub fn find(&self, path: &str) -> Option<Field<'_>> {
        find(self.root(), path)
    }

    /// The document as YAML, without the comments of the file.
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.document)
    }

    /// Whether the parts with fields that flags set are mappings or missing, so that the flags can set them.
    pub fn has_mappings(&self) -> bool {
        let is_mapping = |node: Option<&Node>| {
            matches!(node.map(|node| &node.value), None | Some(Value::Null | Value::Map(_)))
        };
        let parts = ["metadata", "spec"].map(|key| self.document.get(key));
        is_mapping(Some(&self.document)) && parts.into_iter().all(is_mapping)
    }

    /// Attaches it to these targets instead of what it selects.
    pub fn attach(&mut self, targets: &[TargetRef]) {
        let spec = self.document.entry("spec", usize::MAX);
        if let Value::Map(fields) = &mut spec.value {
            fields.retain(|(key, _)| !["selector", "targetRef", "targetRefs"].contains(&key.name.as_str()));
        }
        *spec.entry("targetRefs", 0) = sequence(targets.iter().map(TargetRef::to_node));
    }

    /// Sets the namespace, if it has none.
    pub fn set_default_namespace(&mut self, namespace: &str) {
        if self.root().at(&["metadata", "namespace"]).is_none() {
            *self.document.entry("metadata", usize::MAX).entry("namespace", 1) = namespace.into();
        }
    }

    /// Where it differs from the schema of a WasmPlugin.
    pub fn mismatches(&self) -> Vec<Mismatch<'_>> {
        schema::compare(&kinds::schema(), &self.root())
    }

    /// The items of `spec.targetRefs`, and `spec.targetRef`.
    pub fn targets(&self) -> Vec<Field<'_>> {
        kinds::targets(&self.root())
    }

    /// The fields and values that some versions of Istio don't know yet.
    pub fn additions(&self) -> Vec<(Field<'_>, &'static Addition)> {
        kinds::used(&self.root())
    }

    /// What a document of this kind can't express.
    pub fn losses(&self, kind: Kind) -> Vec<Loss> {
        kind.losses(&self.document)
    }

    /// Whether a document of this kind makes the mesh pull an image, and not load a file or a download.
    pub fn needs_image(&self, kind: Kind) -> bool {
        kind.image_path().is_some() && !matches!(self.url(), Some(Ok(Url::File | Url::Http(_))))
    }

    /// The url, if it is set.
    pub(super) fn url(&self) -> Option<Result<Url, crate::resource::url::UrlError>> {
        self.root().at(&["spec", "url"])?.as_str().map(Url::parse)
    }
}

/// Adds the name, if it is missing.
fn complete(document: &mut Node, package: &str) {
    if !matches!(document.value, Value::Map(_)) {
        return;
    }
    let before_spec = document.position("spec").unwrap_or(usize::MAX);
    if !matches!(document.get("metadata").map(|metadata| &metadata.value), None | Some(Value::Map(_))) {
        return;
    }
    let metadata = document.entry("metadata", before_spec);
    if metadata.get("name").is_none() {
        *metadata.entry("name", 0) = Value::String(from_package(package)).into();
    }
}

/// Keys can contain dots and brackets, so the path is compared with the existing keys instead of being split.
fn find<'d>(field: Field<'d>, path: &str) -> Option<Field<'d>> {
    if path.is_empty() {
        return Some(field);
    }
    if let Some((index, rest)) = path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let item = field.items().nth(index.parse().ok()?)?;
        return find(item, rest.strip_prefix('.').unwrap_or(rest));
    }
    field.entries().find_map(|(key, value)| {
        let rest = path.strip_prefix(key.name.as_str())?;
        let rest = if rest.is_empty() || rest.starts_with('[') { rest } else { rest.strip_prefix('.')? };
        find(value, rest)
    })
}
