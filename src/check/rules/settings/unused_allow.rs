//! A rule is allowed only if it finds something.

use crate::check::levels::{Level, LevelOrigin};
use crate::check::rule::{Docs, Judge, Rule, SettingsSubject};
use crate::diagnostics::{Diagnostic, Place, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "unused-allow",
    severity: Severity::Warning,
    judge: Judge::Settings(judge),
    docs: Docs {
        what: "Every rule that a setting or a flag allows has at least one finding. For a setting, this doesn't include \
               rules that depend on `--kind` or that only `publish` checks. The settings of a workspace \
               are only judged if all its members are built.",
        why: "A level that is no longer needed would hide the next finding of the rule.",
        cure: "Remove the level.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &SettingsSubject<'_>) -> Vec<Diagnostic> {
    let is_used = |rule: &str| {
        subject.findings.iter().flat_map(|findings| findings.allowed()).any(|finding| finding.rule == rule)
    };
    let allowed = subject.levels.iter().filter(|(_, setting)| setting.level == Level::Allow);
    // A setting can be for another command or another kind than this one.
    let is_judged = |rule: &str, origin: &LevelOrigin| {
        let is_in_every_build =
            || subject.rules.iter().any(|other| other.code == rule && other.judge.is_in_every_build());
        *origin == LevelOrigin::Flag || is_in_every_build()
    };
    let unused = allowed.filter(|(rule, setting)| is_judged(rule, &setting.origin) && !is_used(rule));
    unused
        .map(|(rule, setting)| {
            let place = match &setting.origin {
                LevelOrigin::Flag => None,
                LevelOrigin::Package(location) | LevelOrigin::Workspace(location) => Some(location.clone()),
            };
            RULE.finding(format!("`{rule}` is allowed, but has no findings"), place.map(Place::File))
                .help("remove the level: it would hide the next finding of this rule")
        })
        .collect()
}
