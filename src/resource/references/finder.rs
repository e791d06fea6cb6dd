//! The search for references in the documents of a stream.

use std::ops::Range;

use crate::resource::path::Path;
use crate::resource::references::holder::{Holder, holders};
use crate::resource::references::insertion::Insertion;
use crate::resource::references::reference::{
    NamedResource, PackageReference, ReferenceFault, ResourceId, SCHEME,
};
use crate::yaml::tree::{Content, SyntaxNode};
use crate::yaml::{Fault, FaultKind, Node, SyntaxError, kubectl, parse, strict};

/// The start of a reference whose slashes are escaped, as in JSON.
const ESCAPED_SCHEME: &str = r"wasmplugin:\/\/";

/// How many faults of a file are kept. More than this probably have a single cause.
const MOST_FAULTS: usize = 50;

/// Searches documents, and collects what it finds.
#[derive(Default)]
pub(super) struct Finder<'t> {
    pub(super) text: &'t str,
    pub(super) references: Vec<PackageReference>,
    pub(super) resources: Vec<NamedResource>,
    pub(super) faults: Vec<ReferenceFault>,
    pub(super) duplicates: Vec<Fault>,
}

/// The path of a value in a document, and the bytes to point at.
struct Position<'d> {
    path: Path<'d>,
    span: Range<usize>,
}

/// The type of a resource, as kubectl reads it.
#[derive(Clone, Copy)]
struct ResourceIdentity<'d> {
    api_version: Option<&'d str>,
    kind_name: Option<&'d str>,
    holder: Option<Holder>,
}

/// The rest of the path to the mapping whose `url` names an image; `None` outside of that path.
type PathRest = Option<&'static [&'static str]>;

impl Finder<'_> {
    /// Searches the document at `span` if it may contain a reference or a resource of a known kind.
    ///
    /// # Errors
    ///
    /// If it contains a reference and isn't valid YAML.
    pub(super) fn document(&mut self, span: Range<usize>) -> Result<(), SyntaxError> {
        let text = &self.text[span.clone()];
        let has_reference = [SCHEME, ESCAPED_SCHEME].iter().any(|scheme| text.contains(scheme));
        if !has_reference && !holders().any(|holder| text.contains(holder.kind)) {
            return Ok(());
        }
        let (root, value) = match read(self.text, span) {
            Ok(Some(document)) => document,
            Ok(None) => return Ok(()),
            Err(error) if has_reference => {
                let help = format!(
                    "this document must be valid YAML because it contains `{SCHEME}`; if it is a template, render it first"
                );
                return Err(SyntaxError { help: error.help.or(Some(help)), ..error });
            }
            Err(_) => return Ok(()),
        };
        let before = (self.references.len(), self.faults.len());
        self.resources_of(&root, &value);
        if (self.references.len(), self.faults.len()) != before {
            let faults = strict::faults(&root).into_iter();
            let duplicates = faults.filter(|fault| matches!(fault.kind, FaultKind::DuplicateKey { .. }));
            self.duplicates.extend(duplicates);
        }
        Ok(())
    }

    /// Searches the resource in a document, or each resource of a `List`.
    fn resources_of(&mut self, root: &SyntaxNode<'_>, value: &Node) {
        let document = Position { path: Path::document(), span: first_span(root) };
        let identity = ResourceIdentity::of(Some(value));
        let Content::Mapping(entries) = &root.content else {
            return self.node(identity, None, &document, root);
        };
        if (identity.api_version, identity.kind_name) != (Some("v1"), Some("List")) {
            return self.resource(&document, root, Some(value));
        }
        let values = value.get("items").map_or(&[][..], Node::items);
        for (key, value) in entries {
            self.node(identity, None, &document.field(key, key), key);
            let place = document.field(key, value);
            match &value.content {
                Content::Sequence(items) if key.text() == Some("items") => {
                    for (index, item) in items.iter().enumerate() {
                        let place = place.item(index, item);
                        self.resource(&place, item, values.get(index));
                    }
                }
                _ => self.node(identity, None, &place, value),
            }
        }
    }

    /// Searches a resource of any kind. `value` is what kubectl reads.
    fn resource(&mut self, place: &Position<'_>, root: &SyntaxNode<'_>, value: Option<&Node>) {
        let identity = ResourceIdentity::of(value);
        let before = self.references.len();
        self.node(identity, identity.holder.map(|holder| holder.image_path), place, root);
        let metadata = |field| value?.get("metadata")?.get(field);
        if let Some(holder) = identity.holder
            && let Some(node) = metadata("name")
            && let Some(name) = node.as_str()
        {
            self.resources.push(NamedResource {
                id: ResourceId {
                    holder,
                    namespace: metadata("namespace").and_then(Node::as_str).unwrap_or_default().to_owned(),
                    name: name.to_owned(),
                },
                span: node.span.clone(),
                has_references: self.references.len() > before,
            });
        }
    }

    /// Searches a node of a resource. An alias is searched at its anchor only.
    fn node(
        &mut self,
        identity: ResourceIdentity<'_>,
        rest: PathRest,
        place: &Position<'_>,
        node: &SyntaxNode<'_>,
    ) {
        match &node.content {
            Content::Scalar(text) if text.contains(SCHEME) => self.fault(|| identity.misplaced(place)),
            Content::Scalar(_) | Content::Alias { .. } => {}
            Content::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.node(identity, None, &place.item(index, item), item);
                }
            }
            Content::Mapping(entries) => {
                // If the key is duplicate, a reference is allowed only in the first one.
                let url_index = rest.filter(|rest| rest.is_empty()).and_then(|_| position(entries, "url"));
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.node(identity, None, &place.field(key, key), key);
                    match value.text() {
                        Some(text) if Some(index) == url_index => self.url(place, node, index, text),
                        _ => self.entry(identity, rest, &place.field(key, value), key, value),
                    }
                }
            }
        }
    }

    /// Goes on from a key to its value, or to each item of the list that the path leads through.
    fn entry(
        &mut self,
        identity: ResourceIdentity<'_>,
        rest: PathRest,
        place: &Position<'_>,
        key: &SyntaxNode<'_>,
        value: &SyntaxNode<'_>,
    ) {
        let next = rest.and_then(<[_]>::split_first);
        let next = next.filter(|(step, _)| key.text() == Some(step.trim_end_matches("[]")));
        match (next, &value.content) {
            (Some((step, rest)), Content::Sequence(items)) if step.ends_with("[]") => {
                for (index, item) in items.iter().enumerate() {
                    let place = place.item(index, item);
                    self.node(identity, Some(rest), &place, item);
                }
            }
            (Some((step, rest)), _) if !step.ends_with("[]") => {
                self.node(identity, Some(rest), place, value);
            }
            _ => self.node(identity, None, place, value),
        }
    }

    /// Records the `url` of the mapping `source`, which is its entry at `index`, if it is a reference.
    fn url(&mut self, place: &Position<'_>, source: &SyntaxNode<'_>, index: usize, text: &str) {
        if !text.contains(SCHEME) {
            return;
        }
        let Content::Mapping(entries) = &source.content else { return };
        let (key, url) = &entries[index];
        let url_place = Position { path: place.path.key("url"), span: url.full_span() };
        let Some(package) = text.strip_prefix(SCHEME).filter(|name| is_package(name)) else {
            return self.fault(|| {
                let help = "the repository, tag and digest come from the package".to_owned();
                url_place.fault("doesn't name a package", format!("`{SCHEME}PACKAGE` is expected"), help)
            });
        };
        let sha256 = position(entries, "sha256");
        let first = sha256.map_or(index, |sha256| sha256.min(index));
        if entries[first..].iter().any(|(key, _)| kubectl::is_merge_key(key)) {
            let help = "move the merge key before `url` and `sha256`".to_owned();
            let complaint = "may be replaced by the merge key after it";
            return self.fault(|| url_place.fault(complaint, "", help));
        }
        let url_slot = Insertion::of_value(url).ok_or_else(|| unwritable(&url_place));
        let slots = url_slot.and_then(|slot| {
            let sha256 = match sha256 {
                Some(index) => self.sha256(place, &entries[index])?,
                None => Insertion::after(self.text, key, url, source.style, "sha256")
                    .ok_or_else(|| unwritable(&url_place))?,
            };
            Ok((slot, sha256))
        });
        match slots {
            Ok((slot, sha256)) => self.references.push(PackageReference {
                package: package.to_owned(),
                field: url_place.path.to_string(),
                span: url.full_span(),
                url: slot,
                sha256,
            }),
            Err(fault) => self.fault(|| fault),
        }
    }

    /// The place of the value of the `sha256` next to a `url`.
    fn sha256(
        &self,
        place: &Position<'_>,
        (key, value): &(SyntaxNode<'_>, SyntaxNode<'_>),
    ) -> Result<Insertion, ReferenceFault> {
        let place = place.field(key, value);
        let remove = || "remove `sha256`: it is filled in".to_owned();
        match value.content {
            Content::Scalar(_) | Content::Alias { .. } => {
                Insertion::of_field(self.text, key, value).ok_or_else(|| unwritable(&place))
            }
            Content::Sequence(_) => Err(place.fault("is a list", "a string is expected", remove())),
            Content::Mapping(_) => Err(place.fault("is a mapping", "a string is expected", remove())),
        }
    }

    /// Records a fault. Its text is built only if it is kept, because paths can be long.
    fn fault(&mut self, fault: impl FnOnce() -> ReferenceFault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault());
        }
    }
}

impl<'d> ResourceIdentity<'d> {
    fn of(resource: Option<&'d Node>) -> Self {
        let field = |name| resource?.get(name)?.as_str();
        ResourceIdentity {
            api_version: field("apiVersion"),
            kind_name: field("kind"),
            holder: resource.and_then(Holder::of),
        }
    }

    /// The fault of a reference in a field that can't have one.
    fn misplaced(self, place: &Position<'_>) -> ReferenceFault {
        let label = match (self.holder, self.kind_name, self.api_version) {
            (Some(_), ..) => "references are not resolved here".to_owned(),
            (_, Some(kind), Some(api_version)) => format!("this is a `{kind}` of `{api_version}`"),
            _ => "this is not a resource: it has no `kind` and `apiVersion`".to_owned(),
        };
        let known = holders().filter(|holder| self.holder.is_none_or(|own| own == *holder));
        let help = format!("it belongs in {}", known.map(Holder::place).collect::<Vec<_>>().join(", "));
        place.fault("contains a reference to a package", label, help)
    }
}

/// Whether cargo allows it as the name of a package.
fn is_package(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// The document at `span` as it is written and as kubectl reads it; `None` if it is empty.
fn read(text: &str, span: Range<usize>) -> Result<Option<(SyntaxNode<'_>, Node)>, SyntaxError> {
    let Some(root) = parse(text, span)? else { return Ok(None) };
    let value = kubectl::read(&root)?;
    Ok(Some((root, value)))
}

fn unwritable(place: &Position<'_>) -> ReferenceFault {
    let help = "write it as plain or quoted text after its key, without anchor or tag".to_owned();
    place.fault("is written in a way that can't be changed", "", help)
}

fn position(entries: &[(SyntaxNode<'_>, SyntaxNode<'_>)], name: &str) -> Option<usize> {
    entries.iter().position(|(key, _)| key.text() == Some(name))
}

impl<'d> Position<'d> {
    /// The position of the value of a key. A collection is shown by its key.
    fn field<'t: 'd>(&self, key: &'d SyntaxNode<'t>, value: &SyntaxNode<'_>) -> Position<'d> {
        let span = match value.content {
            Content::Scalar(_) | Content::Alias { .. } => value.full_span(),
            Content::Sequence(_) | Content::Mapping(_) => first_span(key),
        };
        Position { path: self.path.key(key.text().unwrap_or("?")), span }
    }

    fn item(&self, index: usize, item: &SyntaxNode<'_>) -> Position<'d> {
        Position { path: self.path.item(index), span: first_span(item) }
    }

    /// `complaint` follows the path in the message, and `label` is shown next to the value.
    fn fault(&self, complaint: &str, label: impl Into<String>, help: String) -> ReferenceFault {
        ReferenceFault {
            field: self.path.plain(),
            span: self.span.clone(),
            message: format!("{} {complaint}", self.path),
            label: label.into(),
            help,
        }
    }
}

/// The first scalar of a node, which is short enough to be shown.
fn first_span(node: &SyntaxNode<'_>) -> Range<usize> {
    match &node.content {
        Content::Scalar(_) | Content::Alias { .. } => node.full_span(),
        Content::Sequence(items) => items.first().map_or(0..0, first_span),
        Content::Mapping(entries) => entries.first().map_or(0..0, |(key, _)| first_span(key)),
    }
}
