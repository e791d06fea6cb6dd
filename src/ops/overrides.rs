//! Sets the fields of the resource that flags override, and judges each one.

use crate::check;
use crate::check::levels::Levels;
use crate::config::Settings;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::error::UsageError;
use crate::resource::{Draft, Kind, Overrides, TargetRef};

/// Sets the fields of the draft that flags override.
///
/// # Errors
///
/// If the mesh would refuse the value of a flag, or refuse the draft because of it.
pub(super) fn apply(mut draft: Draft, overrides: &Overrides, levels: &Levels) -> Result<Draft, UsageError> {
    // A part that isn't a mapping is an error of its own. Setting a field in it would hide the error.
    if !draft.has_mappings() {
        return Ok(draft);
    }
    let mut before = errors(&draft, levels);
    for (flag, value) in overrides.iter() {
        flag.set(&mut draft, value)?;
        let after = errors(&draft, levels);
        // Errors that the draft had before aren't caused by the flag.
        let known = |error: &&Diagnostic| before.iter().any(|known| known.message == error.message);
        if let Some(error) = after.iter().find(|error| !known(error)) {
            return Err(refused(flag.name, error));
        }
        before = after;
    }
    Ok(draft)
}

/// Attaches the draft to the targets from the command line, and adds what the settings say and the draft leaves open.
pub(super) fn complete(mut draft: Draft, targets: &[TargetRef], settings: &Settings) -> Draft {
    if !draft.has_mappings() {
        return draft;
    }
    // A policy can't select pods.
    let keeps_selector = settings.kind != Kind::EnvoyExtensionPolicy;
    let selects = keeps_selector && draft.root().at(&["spec", "selector"]).is_some();
    if !targets.is_empty() {
        draft.attach(targets);
    } else if !settings.target_refs.is_empty() && !selects && draft.targets().is_empty() {
        draft.attach(&settings.target_refs);
    }
    if let Some(namespace) = &settings.namespace {
        draft.set_default_namespace(namespace);
    }
    draft
}

fn errors(draft: &Draft, levels: &Levels) -> Vec<Diagnostic> {
    let found = levels.apply(check::resource(draft));
    found.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect()
}

fn refused(flag: &str, error: &Diagnostic) -> UsageError {
    // There is no source line to show the label on.
    let label = error.places.iter().find_map(Place::location).map(|location| location.label.as_str());
    let label = label.filter(|label| !label.is_empty()).map(|label| format!("; {label}")).unwrap_or_default();
    let message = format!("invalid value for `--{flag}`: {}{label}", error.message);
    UsageError { message, help: error.help.clone() }
}
