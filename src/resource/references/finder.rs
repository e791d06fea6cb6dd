//! The way through documents to the references in them.

use std::ops::Range;

use super::slot::Slot;
use super::{NamedResource, Reference, ResourceId, SCHEME};
use crate::error::Problem;
use crate::resource::schema::{Place, Step};
use crate::resource::{KINDS, Kind, MAX_PROBLEMS};
use crate::yaml::outline::{self, Part, Scalar};

/// A reference begins so where JSON escapes the slashes.
const ESCAPED_SCHEME: &str = r"wasmplugin:\/\/";

/// What was found in the documents that it went through.
#[derive(Default)]
pub(super) struct Finder<'t> {
    pub(super) text: &'t str,
    pub(super) references: Vec<Reference>,
    pub(super) resources: Vec<NamedResource>,
    pub(super) problems: Vec<Problem>,
}

/// What is known of a resource on the way through it.
#[derive(Clone, Copy)]
struct Subject<'d> {
    kind: Option<Kind>,
    root: &'d Part<'d>,
}

/// The way that is left to the mapping whose `url` names an image; nothing off that way.
type Way = Option<&'static [&'static str]>;

impl Finder<'_> {
    /// Goes through the document at `span`, where it may have a reference or a resource of a known kind.
    pub(super) fn document(&mut self, span: Range<usize>) {
        let text = &self.text[span.clone()];
        let has_reference = [SCHEME, ESCAPED_SCHEME].iter().any(|scheme| text.contains(scheme));
        let is_known = |(name, kind): &(&str, Kind)| kind.image_path().is_some() && text.contains(name);
        if !has_reference && !KINDS.iter().any(is_known) {
            return;
        }
        let document = match outline::read(self.text, span) {
            Ok(document) => document,
            Err(problem) if has_reference => {
                let help = format!(
                    "`{SCHEME}` stands in this document, so it has to be read; give what a template renders, not the template"
                );
                return self.problem(|| Problem { help: problem.help.or(Some(help)), ..problem });
            }
            Err(_) => return,
        };
        let Some(root) = &document.root else { return };
        let before = (self.references.len(), self.problems.len());
        self.resources_of(root);
        if (self.references.len(), self.problems.len()) != before {
            self.problems.extend(document.repeated);
        }
    }

    /// Goes through the resource that a document is, or through those of a `List`.
    fn resources_of(&mut self, root: &Part<'_>) {
        let document = Place::whole(first_span(root));
        let subject = Subject { kind: None, root };
        let is_list = subject.field("apiVersion") == Some("v1") && subject.field("kind") == Some("List");
        let Part::Map { entries, .. } = root else { return self.part(subject, None, &document, root) };
        if !is_list {
            return self.resource(&document, root);
        }
        for (key, value) in entries {
            self.part(subject, None, &field(&document, key, key), key);
            let place = field(&document, key, value);
            match value {
                Part::Seq(items) if key.text() == Some("items") => {
                    for (index, item) in items.iter().enumerate() {
                        self.resource(&place.below(Step::Item(index), first_span(item)), item);
                    }
                }
                _ => self.part(subject, None, &place, value),
            }
        }
    }

    /// Goes through a resource of any kind.
    fn resource(&mut self, place: &Place<'_>, root: &Part<'_>) {
        let subject = Subject { kind: None, root };
        let kind = subject.field("apiVersion").zip(subject.field("kind"));
        let kind = kind.and_then(|(api_version, name)| Kind::named(api_version, name));
        let before = self.references.len();
        self.part(Subject { kind, root }, kind.and_then(Kind::image_path), place, root);
        let metadata = |field| root.get("metadata")?.get(field)?.scalar();
        if let Some(kind) = kind
            && let Some(Scalar { span, text: Some(name), .. }) = metadata("name")
        {
            let namespace = metadata("namespace").and_then(|namespace| namespace.text.as_deref());
            self.resources.push(NamedResource {
                id: ResourceId {
                    kind: kind.name(),
                    namespace: namespace.unwrap_or_default().to_owned(),
                    name: name.clone().into_owned(),
                },
                span: span.clone(),
                has_references: self.references.len() > before,
            });
        }
    }

    /// Goes through a part of a resource. It is no deeper than an outline may be.
    fn part(&mut self, subject: Subject<'_>, way: Way, place: &Place<'_>, part: &Part<'_>) {
        match part {
            Part::Scalar(scalar) if scalar.text.as_ref().is_some_and(|text| text.contains(SCHEME)) => {
                self.problem(|| subject.misplaced(place));
            }
            Part::Scalar(_) => {}
            Part::Seq(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.part(subject, None, &place.below(Step::Item(index), first_span(item)), item);
                }
            }
            Part::Map { entries, .. } => {
                // Where it stands twice, the second one is not where a reference belongs.
                let is_url = |(key, _): &(Part<'_>, Part<'_>)| key.text() == Some("url");
                let url_index =
                    way.filter(|way| way.is_empty()).and_then(|_| entries.iter().position(is_url));
                for (index, (key, value)) in entries.iter().enumerate() {
                    self.part(subject, None, &field(place, key, key), key);
                    match (key, value) {
                        (Part::Scalar(key), Part::Scalar(url)) if Some(index) == url_index => {
                            self.url(place, part, key, url);
                        }
                        _ => self.entry(subject, way, &field(place, key, value), key, value),
                    }
                }
            }
        }
    }

    /// Goes on from a key to its value, or to each item of the list that the way leads through.
    fn entry(&mut self, subject: Subject<'_>, way: Way, place: &Place<'_>, key: &Part<'_>, value: &Part<'_>) {
        let next = way.and_then(<[_]>::split_first);
        let next = next.filter(|(step, _)| key.text() == Some(step.trim_end_matches("[]")));
        match (next, value) {
            (Some((step, rest)), Part::Seq(items)) if step.ends_with("[]") => {
                for (index, item) in items.iter().enumerate() {
                    let place = place.below(Step::Item(index), first_span(item));
                    self.part(subject, Some(rest), &place, item);
                }
            }
            (Some((step, rest)), value) if !step.ends_with("[]") => {
                self.part(subject, Some(rest), place, value);
            }
            _ => self.part(subject, None, place, value),
        }
    }

    /// Takes in the `url` of the mapping `source`, which names an image.
    fn url(&mut self, place: &Place<'_>, source: &Part<'_>, key: &Scalar<'_>, url: &Scalar<'_>) {
        let Some(text) = url.text.as_deref().filter(|text| text.contains(SCHEME)) else { return };
        let url_place = place.below(Step::Field("url"), url.span.clone());
        let Some(package) = text.strip_prefix(SCHEME).filter(|name| is_package(name)) else {
            return self.problem(|| {
                let help = "repository, tag and digest are those of the package".to_owned();
                url_place.problem("names no package", format!("`{SCHEME}PACKAGE` is expected"), Some(help))
            });
        };
        let slots = Slot::of_value(self.text, url).ok_or_else(|| unwritable(&url_place));
        let slots = slots.and_then(|slot| Ok((slot, self.sha256(place, source, key, url)?)));
        match slots {
            Ok((slot, sha256)) => self.references.push(Reference {
                package: package.to_owned(),
                field: url_place.to_string(),
                span: url.span.clone(),
                url: slot,
                sha256,
            }),
            Err(problem) => self.problem(|| problem),
        }
    }

    /// The place of the `sha256` beside a url.
    fn sha256(
        &self,
        place: &Place<'_>,
        source: &Part<'_>,
        url_key: &Scalar<'_>,
        url: &Scalar<'_>,
    ) -> Result<Slot, Problem> {
        let Part::Map { entries, is_flow } = source else { unreachable!("only a mapping has a url") };
        let Some((key, value)) = entries.iter().find(|(key, _)| key.text() == Some("sha256")) else {
            let url_place = || place.below(Step::Field("url"), url.span.clone());
            let slot = Slot::behind(self.text, url_key, url, *is_flow, "sha256");
            return slot.ok_or_else(|| unwritable(&url_place()));
        };
        let place = field(place, key, value);
        match (key, value) {
            (Part::Scalar(key), Part::Scalar(value)) => {
                Slot::of_field(self.text, key, value).ok_or_else(|| unwritable(&place))
            }
            (_, Part::Seq(_)) => Err(place.problem("is a list", "text is expected", None)),
            _ => Err(place.problem("is a mapping", "text is expected", None)),
        }
    }

    /// Its text is put together only where it is told: paths can be long.
    fn problem(&mut self, problem: impl FnOnce() -> Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem());
        }
    }
}

impl<'d> Subject<'d> {
    fn field(self, name: &str) -> Option<&'d str> {
        self.root.get(name)?.text()
    }

    /// That a reference stands where nothing resolves it, and where it belongs.
    fn misplaced(self, place: &Place<'_>) -> Problem {
        let path = |kind: Kind| Some(format!("`{}.url` of {}", kind.image_path()?.join("."), kind.name()));
        let label = match (self.kind, self.field("kind"), self.field("apiVersion")) {
            (Some(kind), ..) if path(kind).is_some() => "nothing resolves it here".to_owned(),
            (_, Some(kind), Some(api_version)) => format!("this is a `{kind}` of `{api_version}`"),
            _ => "this is no resource: it has no `kind` and `apiVersion`".to_owned(),
        };
        let known = KINDS.iter().filter(|(_, kind)| self.kind.is_none_or(|own| own == *kind));
        let known =
            known.filter_map(|(_, kind)| Some(format!("{} (`{}`)", path(*kind)?, kind.api_version()?)));
        let help = format!("it belongs in {}", known.collect::<Vec<_>>().join(", "));
        place.problem("holds a reference to a package", label, Some(help))
    }
}

/// The names that cargo allows.
fn is_package(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

fn unwritable(place: &Place<'_>) -> Problem {
    let help = "write it as plain or quoted text after its key, without anchor or tag".to_owned();
    place.problem("is written in a way that cannot be changed", "", Some(help))
}

/// The place of the value under a key, which is shown by its key where it is no scalar.
fn field<'a>(place: &'a Place<'a>, key: &'a Part<'_>, value: &Part<'_>) -> Place<'a> {
    let span = value.scalar().map_or_else(|| first_span(key), |value| value.span.clone());
    place.below(Step::Field(key.text().unwrap_or("?")), span)
}

/// The first scalar of a part, which is little enough to be shown.
fn first_span(part: &Part<'_>) -> Range<usize> {
    match part {
        Part::Scalar(scalar) => scalar.span.clone(),
        Part::Seq(items) => items.first().map_or(0..0, first_span),
        Part::Map { entries, .. } => entries.first().map_or(0..0, |(key, _)| first_span(key)),
    }
}
