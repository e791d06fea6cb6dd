//! All that was found in one subject, and the proof that nothing in it forbids to go on.

use super::{Diagnostic, Severity};

/// What the rules found, after the levels of the settings were applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    reported: Vec<Diagnostic>,
    allowed: Vec<Diagnostic>,
}

impl Findings {
    /// Findings to report, and those that a setting allows.
    pub fn new(reported: Vec<Diagnostic>, allowed: Vec<Diagnostic>) -> Self {
        Findings { reported, allowed }
    }

    /// What is reported, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.reported.iter()
    }

    /// What a setting allows, and so isn't reported.
    pub fn allowed(&self) -> impl Iterator<Item = &Diagnostic> {
        self.allowed.iter()
    }

    /// How many reported findings are of `severity`.
    pub fn count(&self, severity: Severity) -> usize {
        self.reported.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether nothing was found, not even something that is allowed.
    pub fn is_empty(&self) -> bool {
        self.reported.is_empty() && self.allowed.is_empty()
    }

    /// Whether no finding forbids to go on. With `deny_warnings`, a warning forbids it too.
    pub fn pass(&self, deny_warnings: bool) -> bool {
        let forbidding = if deny_warnings { Severity::Warning } else { Severity::Error };
        self.reported.iter().all(|finding| finding.severity < forbidding)
    }

    /// These findings, and then the others.
    #[must_use]
    pub fn and(mut self, others: Findings) -> Self {
        self.reported.extend(others.reported);
        self.allowed.extend(others.allowed);
        self
    }
}

/// Something that was judged, and that no finding forbids to use. Only [`Passed::judged`] makes one.
#[derive(Debug)]
pub struct Passed<T> {
    subject: T,
    findings: Findings,
}

impl<T> Passed<T> {
    /// Lets `subject` through if its findings pass.
    ///
    /// # Errors
    ///
    /// Gives the findings back if one of them forbids to use the subject.
    pub fn judged(subject: T, findings: Findings, deny_warnings: bool) -> Result<Self, Findings> {
        if findings.pass(deny_warnings) { Ok(Passed { subject, findings }) } else { Err(findings) }
    }

    /// What was judged.
    pub fn subject(&self) -> &T {
        &self.subject
    }

    /// What was judged, and what was found that doesn't forbid to use it.
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
