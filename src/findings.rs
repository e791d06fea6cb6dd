//! What a check found. A finding is not an error: all of them are told at once.

use serde::Serialize;

use crate::error::{Exit, Explain};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It loads, but will hardly do what its author wants.
    Warning,
    /// The mesh would refuse it, be harmed by it, or treat traffic otherwise than its author wrote.
    Error,
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule, by the name under which it is documented: `unknown-import`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where in the module or the resource: ``import `env.foo` ``.
    pub place: String,
    /// What a proxy does with it, and which.
    pub reason: String,
    /// What to do about it.
    pub cure: String,
}

/// All that the rules found, in the order of the table of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// The findings, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// How many findings are of `severity`.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Lets through what no finding forbids; with `deny_warnings` a warning forbids too.
    ///
    /// # Errors
    ///
    /// Gives the findings back where one forbids it.
    pub fn pass(self, deny_warnings: bool) -> Result<Passed, Findings> {
        let forbidding = if deny_warnings { Severity::Warning } else { Severity::Error };
        if self.0.iter().any(|finding| finding.severity >= forbidding) {
            Err(self)
        } else {
            Ok(Passed { warnings: self })
        }
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        Findings(findings.into_iter().collect())
    }
}

/// The proof that a module was checked and that no finding forbids it. Only [`Findings::pass`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    warnings: Findings,
}

impl Passed {
    /// What was found that does not forbid it.
    pub fn warnings(&self) -> &Findings {
        &self.warnings
    }
}

/// The checks forbid going on.
#[derive(Debug, thiserror::Error)]
#[error("{}", refusal(.packages))]
pub struct Refused {
    /// Every package that was judged, by name, with what was found in it. The findings were shown already.
    pub packages: Vec<(String, Findings)>,
}

impl Explain for Refused {
    fn exit(&self) -> Exit {
        Exit::Findings
    }
}

fn refusal(packages: &[(String, Findings)]) -> String {
    let count = |severity| packages.iter().map(|(_, findings)| findings.count(severity)).sum();
    let (errors, warnings): (usize, usize) = (count(Severity::Error), count(Severity::Warning));
    let plural = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, warnings) => format!("{}, and warnings are denied", plural(warnings, "warning")),
        (errors, 0) => format!("the checks refuse this: {}", plural(errors, "error")),
        (errors, warnings) => {
            format!("the checks refuse this: {}, {}", plural(errors, "error"), plural(warnings, "warning"))
        }
    }
}
