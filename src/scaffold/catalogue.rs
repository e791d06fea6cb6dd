//! The templates that are built into this program.

use toml_edit::{DocumentMut, Item};

use crate::error::UsageError;
use crate::text::nearest;

/// A template: a folder under `templates/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// What `--template` calls it: the name of its folder.
    pub name: &'static str,
    /// The text of its `template.toml`.
    manifest: &'static str,
    /// The files under `content/`: path and text.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// All templates. The first one is taken where none is asked for.
pub const TEMPLATES: &[Template] = &[
    template!(
        "http-headers",
        [
            "Cargo.toml.j2",
            "README.md.j2",
            "gitignore.j2",
            "src/config.rs",
            "src/lib.rs",
            "wasmplugin.yaml.j2"
        ]
    ),
    template!(
        "minimal",
        ["Cargo.toml.j2", "README.md.j2", "gitignore.j2", "src/lib.rs", "wasmplugin.yaml.j2"]
    ),
];

impl Template {
    /// The template of that name.
    ///
    /// # Errors
    ///
    /// Where there is none; the error names those that there are.
    pub fn named(name: &str) -> Result<&'static Template, UsageError> {
        TEMPLATES.iter().find(|template| template.name == name).ok_or_else(|| {
            let names: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
            let help = match nearest(name, names.iter().copied()) {
                Some(meant) => format!("there is a template `{meant}`"),
                None => format!("the templates are `{}`", names.join("`, `")),
            };
            UsageError { message: format!("there is no template `{name}`"), help: vec![help] }
        })
    }

    /// What a filter made from it does, in one line.
    pub fn description(&self) -> String {
        // Both files are built in, and a test reads them all.
        let manifest = self.manifest.parse::<DocumentMut>().unwrap_or_default();
        manifest.get("description").and_then(Item::as_str).unwrap_or_default().to_owned()
    }
}

/// A row of the catalogue: the name of a folder, and its files.
macro_rules! template {
    ($name:literal, [$($file:literal),+]) => {
        Template {
            name: $name,
            manifest: include_str!(concat!("../../templates/", $name, "/template.toml")),
            files: &[$(($file, include_str!(concat!("../../templates/", $name, "/content/", $file)))),+],
        }
    };
}
use template;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use camino::{Utf8Path, Utf8PathBuf};
    use toml_edit::DocumentMut;

    use super::{TEMPLATES, Template};

    fn files_below(folder: &Utf8Path, found: &mut BTreeSet<Utf8PathBuf>) {
        for entry in fs_err::read_dir(folder.as_std_path()).unwrap() {
            let path = Utf8PathBuf::try_from(entry.unwrap().path()).unwrap();
            if path.is_dir() {
                files_below(&path, found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn the_catalogue_names_every_file_and_no_other() {
        let root = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"));
        let mut found = BTreeSet::new();
        files_below(root, &mut found);
        let mut named = BTreeSet::new();
        for template in TEMPLATES {
            let folder = root.join(template.name);
            named.insert(folder.join("template.toml"));
            named.extend(template.files.iter().map(|(path, _)| folder.join("content").join(path)));
        }
        assert_eq!(found, named);
    }

    #[test]
    fn a_mistyped_name_is_told_which_was_meant() {
        let help = |name| Template::named(name).unwrap_err().help.join("");
        assert_eq!(help("http-header"), "there is a template `http-headers`");
        assert_eq!(help("lua"), "the templates are `http-headers`, `minimal`");
    }

    #[test]
    fn every_template_says_what_it_is() {
        for template in TEMPLATES {
            let manifest: DocumentMut = template.manifest.parse().unwrap();
            assert_eq!(manifest["name"].as_str(), Some(template.name));
            assert_eq!(manifest.len(), 2, "{}: name and description, nothing else", template.name);
            let description = template.description();
            assert!(!description.is_empty() && !description.contains('\n'), "{description}");
            assert_eq!(Template::named(template.name).unwrap(), template);
        }
    }
}
