//! The outcome of a build: done, or refused with findings.

use crate::diagnostics::findings::Findings;
use crate::error::Result;

/// The outcome of a command.
#[derive(Debug)]
pub enum Outcome<T> {
    Done(T),
    /// The checks refused the packages. Nothing was written.
    Refused(Vec<PackageFindings>),
}

/// The findings of one package.
#[derive(Debug)]
pub struct PackageFindings {
    /// The name of the package.
    pub name: String,
    pub findings: Findings,
}

impl<T> Outcome<T> {
    /// Continues with the result, unless the packages were refused.
    ///
    /// # Errors
    ///
    /// If `next` fails.
    pub fn and_then<U>(self, next: impl FnOnce(T) -> Result<U>) -> Result<Outcome<U>> {
        match self {
            Outcome::Done(done) => Ok(Outcome::Done(next(done)?)),
            Outcome::Refused(packages) => Ok(Outcome::Refused(packages)),
        }
    }
}
