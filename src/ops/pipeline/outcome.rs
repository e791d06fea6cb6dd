//! What building comes to: done, or refused with what was found.

use crate::diagnostics::findings::Findings;
use crate::error::Result;

/// What a command came to.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It is done.
    Done(T),
    /// The checks forbid it. Nothing was written.
    Refused(Vec<PackageFindings>),
}

/// What was found in one package.
#[derive(Debug)]
pub struct PackageFindings {
    /// The name of the package.
    pub name: String,
    /// What was found.
    pub findings: Findings,
}

impl<T> Outcome<T> {
    /// Goes on with what is done.
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
