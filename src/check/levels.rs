//! The levels of rules: settings and flags that raise, lower or allow what a rule finds.

use std::collections::BTreeMap;

use crate::diagnostics::findings::Findings;
use crate::diagnostics::source::Location;
use crate::diagnostics::{Diagnostic, Severity};

/// What is to be done with the findings of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// They aren't reported.
    Allow,
    /// They are warnings.
    Warn,
    /// They are errors.
    Deny,
}

/// The level of one rule, and who set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelSetting {
    /// The level.
    pub level: Level,
    /// Where it is set in a Cargo.toml, if no flag set it.
    pub location: Option<Location>,
}

/// The levels that a package sets, by the codes of the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<&'static str, LevelSetting>);

impl Levels {
    /// Sets the level of a rule, unless it is set already.
    pub fn set(&mut self, rule: &'static str, setting: LevelSetting) {
        self.0.entry(rule).or_insert(setting);
    }

    /// The codes and their settings, in the order of the codes.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &LevelSetting)> {
        self.0.iter().map(|(rule, setting)| (*rule, setting))
    }

    /// Gives each finding the severity that the level of its rule says.
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
