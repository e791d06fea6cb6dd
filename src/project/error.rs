//! Why there is nothing to build.

use crate::error::{Exit, Explain};
use crate::text::quoted;

/// There is no project, or no plugin was selected.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Cargo can't read the project, or there is none.
    #[error("{because}")]
    Unreadable {
        /// Cargo's message.
        because: String,
    },
    /// No member matches.
    #[error("package `{spec}` not found in this workspace")]
    Unknown {
        spec: String,
        /// A similar name.
        suggestion: Option<String>,
        /// All names.
        members: Vec<String>,
    },
    /// `--exclude` without `--workspace`, which cargo refuses too.
    #[error("`--exclude` can only be used together with `--workspace`")]
    ExcludeWithoutWorkspace,
    /// The package has no cdylib.
    #[error(
        "package `{package}` can't be built as a module: {}",
        if *has_library { "its library isn't a cdylib" } else { "it has no library" }
    )]
    NoCdylib {
        package: String,
        has_library: bool,
        /// The packages of the workspace that look like plugins.
        plugins: Vec<String>,
    },
    /// There is nothing to build.
    #[error("no plugin found{}", why_none(skipped, *excluded))]
    NoPlugin {
        /// The packages that aren't plugins.
        skipped: Vec<String>,
        /// Whether `--exclude` left out a package.
        excluded: bool,
    },
}

fn why_none(skipped: &[String], excluded: bool) -> String {
    match skipped {
        [] if excluded => ": all packages are excluded".to_owned(),
        [] => ": no package is selected".to_owned(),
        [name] => format!(": `{name}` isn't a cdylib that depends on proxy-wasm"),
        names => format!(": none of `{}` is a cdylib that depends on proxy-wasm", names.join("`, `")),
    }
}

impl Explain for ProjectError {
    fn package(&self) -> Option<&str> {
        match self {
            ProjectError::Unknown { spec: name, .. } | ProjectError::NoCdylib { package: name, .. } => {
                Some(name)
            }
            ProjectError::Unreadable { .. }
            | ProjectError::ExcludeWithoutWorkspace
            | ProjectError::NoPlugin { .. } => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            ProjectError::Unknown { .. } | ProjectError::ExcludeWithoutWorkspace => Exit::Usage,
            ProjectError::Unreadable { .. }
            | ProjectError::NoCdylib { .. }
            | ProjectError::NoPlugin { .. } => Exit::Failure,
        }
    }

    fn help(&self) -> Vec<String> {
        match self {
            ProjectError::Unknown { suggestion: Some(name), .. } => {
                vec![format!("a package with a similar name exists: `{name}`")]
            }
            ProjectError::Unknown { members, .. } if members.is_empty() => {
                vec!["this workspace has no packages: add one to `members` in its Cargo.toml".to_owned()]
            }
            ProjectError::Unknown { members, .. } => {
                vec![format!("the packages in this workspace are `{}`", members.join("`, `"))]
            }
            ProjectError::ExcludeWithoutWorkspace => vec!["add `--workspace`".to_owned()],
            ProjectError::Unreadable { because } if because.contains("could not find `Cargo.toml`") => vec![
                "change to the directory of a plugin, or pass its manifest with `--manifest-path`".to_owned(),
                "create a plugin with `cargo wasmplugin new PATH`".to_owned(),
            ],
            ProjectError::Unreadable { .. } => Vec::new(),
            ProjectError::NoCdylib { has_library, plugins, .. } => {
                let section = "add to its Cargo.toml:\n\n    [lib]\n    crate-type = [\"cdylib\"]";
                let others = quoted(plugins.iter().map(String::as_str));
                match (plugins.is_empty(), has_library) {
                    (false, _) => vec![format!(
                        "build the plugins of the workspace with `-p` or `--workspace`: {others}"
                    )],
                    (true, true) => vec!["run `cargo wasmplugin init` in its directory".to_owned()],
                    (true, false) => {
                        vec![format!("move its code from `src/main.rs` to `src/lib.rs`, and {section}")]
                    }
                }
            }
            ProjectError::NoPlugin { skipped, excluded } => {
                let mut help = Vec::new();
                help.extend(excluded.then(|| "leave out the `--exclude` of a plugin".to_owned()));
                if !excluded || !skipped.is_empty() {
                    help.push("create a plugin with `cargo wasmplugin new PATH`".to_owned());
                    help.push("or prepare an existing crate with `cargo wasmplugin init PATH`".to_owned());
                }
                help
            }
        }
    }
}
