//! The templates that are built into this program.

use crate::error::UsageError;
use crate::text::nearest;

/// A template: a directory under `templates/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// The name of its directory, which `--template` takes.
    pub name: &'static str,
    /// One line that says what the filter does.
    pub description: &'static str,
    /// The files in its directory, as paths and texts.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// All templates. The first one is the default.
pub const TEMPLATES: &[Template] = &[
    Template {
        name: "http-headers",
        description: "adds the headers of its configuration to each response",
        files: files!(
            "http-headers",
            ["Cargo.toml.j2", "README.md.j2", "src/config.rs", "src/lib.rs", "wasmplugin.yaml.j2"]
        ),
    },
    Template {
        name: "minimal",
        description: "logs each request; a minimal starting point",
        files: files!("minimal", ["Cargo.toml.j2", "README.md.j2", "src/lib.rs"]),
    },
];

/// The files that all templates share. A template can replace one with a file at the same path, which extends the shared
/// file: `{% extends "shared/PATH" %}`.
pub(super) const SHARED: &[(&str, &str)] =
    files!("shared", ["Cargo.toml.j2", "README.md.j2", "gitignore.j2", "wasmplugin.yaml.j2"]);

impl Template {
    /// Finds a template by name.
    ///
    /// # Errors
    ///
    /// If there is no such template. The error lists the names.
    pub fn named(name: &str) -> Result<&'static Template, UsageError> {
        TEMPLATES.iter().find(|template| template.name == name).ok_or_else(|| {
            let names: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(near) => format!("a template with a similar name exists: `{near}`"),
                None => format!("the templates are `{}`", names.join("`, `")),
            };
            UsageError { message: format!("unknown template `{name}`"), help: vec![help] }
        })
    }
}

/// Embeds the files of a directory under `templates/`.
macro_rules! files {
    ($directory:literal, [$($file:literal),+]) => {
        &[$(($file, include_str!(concat!("../../templates/", $directory, "/", $file)))),+]
    };
}
use files;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use camino::{Utf8Path, Utf8PathBuf};

    use super::{SHARED, TEMPLATES, Template};

    fn files_below(directory: &Utf8Path, found: &mut BTreeSet<Utf8PathBuf>) {
        for entry in directory.read_dir_utf8().unwrap() {
            let path = entry.unwrap().into_path();
            if path.is_dir() {
                files_below(&path, found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn the_catalogue_lists_exactly_the_files_under_templates() {
        let root = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"));
        let mut found = BTreeSet::new();
        files_below(root, &mut found);
        let own = TEMPLATES.iter().map(|template| (template.name, template.files));
        let listed: BTreeSet<_> = own
            .chain([("shared", SHARED)])
            .flat_map(|(directory, files)| files.iter().map(move |(path, _)| root.join(directory).join(path)))
            .collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn every_shared_file_is_used_by_every_template() {
        for template in TEMPLATES {
            for (shared, _) in SHARED {
                let own = template.files.iter().find(|(path, _)| path == shared);
                let extends = format!("{{% extends \"shared/{shared}\" %}}\n");
                assert!(own.is_none_or(|(_, text)| text.starts_with(&extends)), "{}/{shared}", template.name);
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let help = |name| Template::named(name).unwrap_err().help.join("");
        assert_eq!(help("http-header"), "a template with a similar name exists: `http-headers`");
        assert_eq!(help("lua"), "the templates are `http-headers`, `minimal`");
    }

    #[test]
    fn every_description_is_one_line() {
        for template in TEMPLATES {
            let description = template.description;
            assert!(!description.is_empty() && !description.contains('\n'), "{description}");
            assert_eq!(Template::named(template.name).unwrap(), template);
        }
    }
}
