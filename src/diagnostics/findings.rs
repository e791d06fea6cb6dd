//! All findings in a subject, and the proof that it passed the checks.

use super::{Diagnostic, Severity};

/// The findings of the rules, after the levels of the settings were applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    reported: Vec<Diagnostic>,
    allowed: Vec<Diagnostic>,
}

impl Findings {
    pub fn new(reported: Vec<Diagnostic>, allowed: Vec<Diagnostic>) -> Self {
        Findings { reported, allowed }
    }

    /// The reported findings, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.reported.iter()
    }

    /// The findings that a setting allows, which aren't reported.
    pub fn allowed(&self) -> impl Iterator<Item = &Diagnostic> {
        self.allowed.iter()
    }

    /// The number of reported findings with this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.reported.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether there are no findings, not even allowed ones.
    pub fn is_empty(&self) -> bool {
        self.reported.is_empty() && self.allowed.is_empty()
    }

    /// Whether there are no errors and, with `deny_warnings`, no warnings.
    pub fn pass(&self, deny_warnings: bool) -> bool {
        let failing = if deny_warnings { Severity::Warning } else { Severity::Error };
        self.reported.iter().all(|finding| finding.severity < failing)
    }

    /// These findings, followed by the others.
    #[must_use]
    pub fn and(mut self, others: Findings) -> Self {
        self.reported.extend(others.reported);
        self.allowed.extend(others.allowed);
        self
    }
}

/// Something that passed the checks. It can only be created by [`Passed::judged`].
#[derive(Debug)]
pub struct Passed<T> {
    subject: T,
    findings: Findings,
}

impl<T> Passed<T> {
    /// Marks `subject` as passed.
    ///
    /// # Errors
    ///
    /// If the findings don't pass: the findings.
    pub fn judged(subject: T, findings: Findings, deny_warnings: bool) -> Result<Self, Findings> {
        if findings.pass(deny_warnings) { Ok(Passed { subject, findings }) } else { Err(findings) }
    }

    pub fn subject(&self) -> &T {
        &self.subject
    }

    /// The subject and its remaining findings.
    pub fn into_parts(self) -> (T, Findings) {
        (self.subject, self.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity) -> Diagnostic {
        Diagnostic {
            rule: "x",
            severity,
            message: String::new(),
            places: Vec::new(),
            reason: String::new(),
            help: Vec::new(),
            meshes: Vec::new(),
        }
    }

    #[test]
    fn an_error_never_passes_and_a_warning_unless_denied() {
        let findings = |severity| Findings::new(vec![finding(severity)], Vec::new());
        assert!(!findings(Severity::Error).pass(false));
        assert!(findings(Severity::Warning).pass(false) && !findings(Severity::Warning).pass(true));
        assert!(findings(Severity::Note).pass(true));
        assert!(Findings::new(Vec::new(), vec![finding(Severity::Error)]).pass(true));
    }
}
