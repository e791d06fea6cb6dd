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
    pub origin: LevelOrigin,
}

/// Where a level is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LevelOrigin {
    /// On the command line.
    Flag,
    /// In the settings of one package.
    Package(Location),
    /// In the settings of the workspace.
    Workspace(Location),
}

/// The levels of rules, by rule code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<&'static str, LevelSetting>);

impl Levels {
    /// Adds the levels of rules that have none.
    pub fn merge(&mut self, others: Levels) {
        for (rule, setting) in others.0 {
            self.set_if_absent(rule, setting);
        }
    }

    /// Sets the level of a rule, unless it is already set.
    pub fn set_if_absent(&mut self, rule: &'static str, setting: LevelSetting) {
        self.0.entry(rule).or_insert(setting);
    }

    /// The rule codes and their settings, sorted by code.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &LevelSetting)> {
        self.0.iter().map(|(rule, setting)| (*rule, setting))
    }

    /// The levels whose origin `is_wanted` accepts.
    #[must_use]
    pub fn filter(&self, is_wanted: impl Fn(&LevelOrigin) -> bool) -> Self {
        let wanted = self.0.iter().filter(|(_, setting)| is_wanted(&setting.origin));
        Levels(wanted.map(|(rule, setting)| (*rule, setting.clone())).collect())
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
