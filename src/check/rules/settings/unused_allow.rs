//! A rule is allowed only if it finds something.

use crate::check::levels::Level;
use crate::check::rule::{Docs, Judge, Rule, SettingsSubject};
use crate::diagnostics::{Diagnostic, Place, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "unused-allow",
    severity: Severity::Warning,
    judge: Judge::Settings(judge),
    docs: Docs {
        what: "Every rule that a setting or a flag allows has at least one finding.",
        why: "A level that is no longer needed would hide the next finding of the rule.",
        cure: "Remove the level.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &SettingsSubject<'_>) -> Vec<Diagnostic> {
    let is_used = |rule: &str| subject.findings.allowed().any(|finding| finding.rule == rule);
    let allowed = subject.levels.iter().filter(|(_, setting)| setting.level == Level::Allow);
    let unused = allowed.filter(|(rule, _)| !is_used(rule));
    unused
        .map(|(rule, setting)| {
            RULE.finding(
                format!("`{rule}` is allowed, but has no findings"),
                setting.location.clone().map(Place::File),
            )
            .help("remove the level: it would hide the next finding of this rule")
        })
        .collect()
}
