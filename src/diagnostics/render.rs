//! Renders diagnostics in the style of rustc.

use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};

use super::source::{Location, boundary};
use super::{Diagnostic, Place, Severity};
use crate::text::{shown, visible};

/// Renders a diagnostic with its code, places, reason and help. `subject` is the package or the file that it is about;
/// it is shown before a place that isn't in a file.
pub fn diagnostic(diagnostic: &Diagnostic, subject: &str, renderer: &Renderer) -> String {
    let locations: Vec<&Location> = diagnostic.places.iter().filter_map(Place::location).collect();
    let others = diagnostic.places.iter().filter(|place| place.location().is_none());
    let others: Vec<String> = others.map(|place| format!("{subject}: {place}")).collect();
    let mut group = level(diagnostic.severity)
        .primary_title(shown(&diagnostic.message))
        .id(diagnostic.rule)
        .elements(locations.iter().map(|location| snippet(location)));
    for place in &others {
        group = group.element(Level::NOTE.with_name(Some("place")).message(shown(place)));
    }
    if !diagnostic.reason.is_empty() {
        group = group.element(Level::NOTE.with_name(Some("reason")).message(shown(&diagnostic.reason)));
    }
    let help = diagnostic.help.iter().map(|help| Level::HELP.message(shown(help)));
    renderer.render(&[group.elements(help)])
}

/// Renders an error in a file that doesn't come from a rule.
pub fn error(message: &str, location: &Location, help: Option<&str>, renderer: &Renderer) -> String {
    let group = Level::ERROR.primary_title(shown(message)).element(snippet(location));
    renderer.render(&[group.elements(help.map(|help| Level::HELP.message(shown(help))))])
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    }
}

/// The lines of a location, with the location underlined.
fn snippet(location: &Location) -> Element<'_> {
    let text = location.file.text.as_str();
    // A span that ends past the text, or inside a character, would panic in the renderer.
    let start = boundary(text, location.span.start);
    let end = boundary(text, location.span.end).max(start);
    // Only the needed lines are passed to the renderer: it stores all of them, and a file can have millions.
    // A location at the end of the text is shown at the end of its last line.
    let before = text[..start].strip_suffix('\n').filter(|_| start == text.len()).unwrap_or(&text[..start]);
    let first = before.rfind('\n').map_or(0, |at| at + 1);
    let last = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    let line = text[..first].matches('\n').count() + 1;
    let (before, inside) = (visible(&text[first..start]), visible(&text[start..end]));
    let mut annotation = AnnotationKind::Primary.span(before.len()..before.len() + inside.len());
    if !location.label.is_empty() {
        annotation = annotation.label(shown(&location.label));
    }
    let source = [before, inside, visible(&text[end..last])].concat();
    let path = shown(location.file.path.as_str());
    Snippet::source(source).line_start(line).path(path).annotation(annotation).into()
}
