//! YAML readers other than ours, one for each version of YAML that is in use.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::from_setup;

/// A reader that `script/setup` installs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    /// YAML 1.1.
    PyYaml,
    /// YAML 1.2, with the core schema.
    YamlPp,
}

pub(crate) const READERS: [Reader; 2] = [Reader::PyYaml, Reader::YamlPp];

impl Reader {
    /// Reads all texts in one process. Each becomes a value, in which a fraction is `{"float": TEXT}`, or an error.
    pub(crate) fn read(self, texts: &[impl AsRef<str>]) -> Vec<Result<Value, String>> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let answers = self.ask(serde_json::to_vec(&texts).unwrap());
        let answers: Vec<Value> = serde_json::from_slice(&answers).unwrap();
        assert_eq!(answers.len(), texts.len(), "{self:?} has not answered for every text");
        let answer = |mut answer: Value| match answer.get_mut("read") {
            Some(value) => Ok(value.take()),
            None => Err(answer["error"].as_str().unwrap().to_owned()),
        };
        answers.into_iter().map(answer).collect()
    }

    fn ask(self, texts: Vec<u8>) -> Vec<u8> {
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/yaml");
        let mut command = match self {
            Reader::PyYaml => {
                let mut command = Command::new("python3");
                command.env("PYTHONPATH", from_setup("pyyaml-6.0.3")).arg(format!("{scripts}/read.py"));
                command
            }
            // The module is for Debian's own Perl.
            Reader::YamlPp => {
                let mut command = Command::new("/usr/bin/perl");
                command.arg(format!("{scripts}/read.pl"));
                command
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}: run script/setup"));
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // A reader that ends early doesn't read all its input. Its own message says more than this error.
            scope.spawn(move || drop(stdin.write_all(&texts)));
            child.wait_with_output().unwrap()
        });
        let stderr = String::from_utf8_lossy(&output.stderr);
        // Warnings about a text would be here too.
        let fine = output.status.success() && stderr.is_empty();
        assert!(fine, "the reader {self:?} does not run: run script/setup\n{command:?}\n{stderr}");
        output.stdout
    }
}

/// Whether a reader read the expected document.
pub(crate) fn is_same(expected: &Value, read: &Value) -> bool {
    match (expected, read) {
        (Value::Array(expected), Value::Array(read)) => {
            expected.len() == read.len()
                && expected.iter().zip(read).all(|(expected, read)| is_same(expected, read))
        }
        (Value::Object(expected), Value::Object(read)) => {
            let same = |(key, expected)| read.get(key).is_some_and(|read| is_same(expected, read));
            expected.len() == read.len() && expected.iter().all(same)
        }
        (Value::Number(expected), read) if expected.is_f64() => {
            let read = read.get("float").and_then(Value::as_str).and_then(|text| text.parse().ok());
            // Compares the bits, because 0.0 must differ from -0.0 here.
            expected.as_f64().map(f64::to_bits) == read.map(f64::to_bits)
        }
        _ => expected == read,
    }
}
