//! A filter that can be published repeatedly.

use std::process::Command;

use super::running::Said;
use super::{Sandbox, bare};

/// The crate `bare` with version 0.1.0, which is published without running the optimizer.
pub(crate) struct Filter {
    pub(crate) sandbox: Sandbox,
}

impl Filter {
    pub(crate) fn new() -> Self {
        Filter { sandbox: Sandbox::with_bare() }
    }

    /// Changes the content of the module.
    pub(crate) fn change(&self, name: &str) {
        let export = format!("#[unsafe(no_mangle)]\npub extern \"C\" fn {name}() {{}}\n");
        self.sandbox.write("bare/src/lib.rs", [bare::SOURCE, &export].concat());
    }

    /// `publish` to that repository, with these arguments.
    pub(crate) fn command(&self, repository: &str, args: &[&str]) -> Command {
        let mut command = self.sandbox.process_in("bare", ["publish", "--optimize", "none"]);
        command.args(["--image", repository]).args(args);
        command
    }

    pub(crate) fn publish(&self, repository: &str, args: &[&str]) -> Said {
        Said::of(&mut self.command(repository, args))
    }

    /// The same, and it must succeed.
    pub(crate) fn published(&self, repository: &str, args: &[&str]) -> Said {
        self.publish(repository, args).done()
    }

    /// The digest of the image that was built last.
    pub(crate) fn digest(&self) -> String {
        self.sandbox.read("bare/target/wasmplugin.d/bare/digest").trim_end().to_owned()
    }

    /// The module that was built last.
    pub(crate) fn module(&self) -> Vec<u8> {
        fs_err::read(self.sandbox.path("bare/target/wasmplugin.d/bare/plugin.wasm")).unwrap()
    }
}
