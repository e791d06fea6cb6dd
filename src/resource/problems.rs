//! What is wrong with the YAML of a document, as problems of its file.

use crate::error::Problem;
use crate::yaml::{Fault, SyntaxError};

pub(super) fn of_fault(fault: Fault) -> Problem {
    let Fault { span, kind } = fault;
    Problem { span, message: kind.message(), label: kind.label().to_owned(), help: Some(kind.help()) }
}

pub(super) fn of_syntax(error: SyntaxError) -> Problem {
    let SyntaxError { span, message, help } = error;
    Problem { span, message, label: String::new(), help }
}
