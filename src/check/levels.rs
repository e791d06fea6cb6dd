//! The levels of rules. Settings and flags can allow a rule, or make its findings warnings or errors.

use std::collections::BTreeMap;

use crate::diagnostics::findings::Findings;
use crate::diagnostics::source::Location;
use crate::diagnostics::{Diagnostic, Severity};

/// What happens to the findings of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// They aren't reported.
    Allow,
    /// They are warnings.
    Warn,
    /// They are errors.
    Deny,
}

/// The level of a rule, and where it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelSetting {
    pub level: Level,
    /// The place in Cargo.toml; `None` if a flag sets the level.
    pub location: Option<Location>,
}

/// The levels of a package, by rule code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<&'static str, LevelSetting>);

impl Levels {
    /// Sets the level of a rule, unless it is already set.
    pub fn set_if_absent(&mut self, rule: &'static str, setting: LevelSetting) {
        self.0.entry(rule).or_insert(setting);
    }

    /// The rule codes and their settings, sorted by code.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &LevelSetting)> {
        self.0.iter().map(|(rule, setting)| (*rule, setting))
    }

    /// Changes the severity of each finding to the level of its rule.
    pub fn apply(&self, found: Vec<Diagnostic>) -> Findings {
        let level = |finding: &Diagnostic| self.0.get(finding.rule).map(|setting| setting.level);
        let (allowed, reported): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|finding| level(finding) == Some(Level::Allow));
        let reported = reported.into_iter().map(|finding| match level(&finding) {
            Some(Level::Warn) => Diagnostic { severity: Severity::Warning, ..finding },
            Some(Level::Deny) => Diagnostic { severity: Severity::Error, ..finding },
            Some(Level::Allow) | None => finding,
        });
        Findings::new(reported.collect(), allowed)
    }
}
