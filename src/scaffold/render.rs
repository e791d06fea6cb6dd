//! Renders the files of a template.

use camino::Utf8PathBuf;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use toml_edit::DocumentMut;

use super::catalogue::{SHARED, Template};
use crate::check;
use crate::error::Explain;
use crate::mesh::{Mesh, names};
use crate::resource::{FlagValue, Overrides, RESOURCE_FLAGS, from_package, is_known_to};

/// The values that a template is rendered with. They must be valid: rendering doesn't check them.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The name of the package.
    pub name: String,
    /// The image repository, without a tag.
    pub image: Option<String>,
    /// The meshes that have to load the filter. If there are none, they are the newest ones.
    pub meshes: Vec<&'static Mesh>,
    /// The fields to set in the resource.
    pub overrides: Overrides,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The path, relative to the package directory.
    pub path: Utf8PathBuf,
    pub content: String,
}

/// A template that can't be rendered. This is a bug in this program.
#[derive(Debug, thiserror::Error)]
#[error("could not render the template `{template}`")]
pub struct RenderError {
    template: &'static str,
    source: minijinja::Error,
}

impl Explain for RenderError {
    fn help(&self) -> Vec<String> {
        vec!["this is a bug in cargo-wasmplugin; try another `--template`".to_owned()]
    }
}

/// Renders the files of `template`.
///
/// A file with the extension `.j2` is rendered, and loses that extension. Other files are copied.
///
/// # Errors
///
/// If a template is not valid or uses an undefined variable. Tests render every template.
pub fn render(template: &Template, answers: &Answers) -> Result<Vec<File>, RenderError> {
    let error = |source| RenderError { template: template.name, source };
    let environment = environment(&answers.meshes).map_err(error)?;
    let values = values(answers);
    let is_own = |path| template.files.iter().any(|(own, _)| *own == path);
    let shared = SHARED.iter().filter(|(path, _)| !is_own(*path));
    let file = |&(path, text): &(&'static str, &'static str)| match path.strip_suffix(".j2") {
        None => Ok(File { path: path.into(), content: text.to_owned() }),
        Some(rendered) => environment
            .render_named_str(path, text, &values)
            .map(|content| File { path: path_in_package(rendered), content }),
    };
    template.files.iter().chain(shared).map(file).collect::<Result<_, _>>().map_err(error)
}

/// Renders only the resource, without a configuration of the filter.
///
/// # Errors
///
/// See [`render`].
pub fn render_resource(answers: &Answers) -> Result<String, RenderError> {
    const TEMPLATE: Template = Template { name: "resource", description: "", files: &[] };
    let files = render(&TEMPLATE, answers)?.into_iter();
    let mut resources = files.filter(|file| file.path == "wasmplugin.yaml");
    Ok(resources.next().map(|file| file.content).unwrap_or_default())
}

/// The names of the crates that a rendered package depends on.
pub fn dependencies(files: &[File]) -> Vec<String> {
    let manifest = files.iter().find(|file| file.path == "Cargo.toml");
    // The manifest is always valid: a test parses that of every template.
    let manifest = manifest.and_then(|file| file.content.parse::<DocumentMut>().ok()).unwrap_or_default();
    let table = manifest.get("dependencies").and_then(|item| item.as_table_like());
    table.into_iter().flat_map(|table| table.iter().map(|(name, _)| name.to_owned())).collect()
}

fn environment(meshes: &[&'static Mesh]) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build()?,
    );
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_filter("toml", |text: &str| toml_edit::Value::from(text).to_string());
    environment.add_filter("yaml", yaml);
    let meshes = meshes.to_vec();
    environment.add_test("known", move |path: &str| is_known_to(path, &meshes));
    for (path, text) in SHARED {
        environment.add_template_owned(format!("shared/{path}"), *text)?;
    }
    Ok(environment)
}

/// The variables of the templates. Each flag of the resource is a variable, such as `image_pull_policy`.
fn values(answers: &Answers) -> Value {
    let flags = RESOURCE_FLAGS.iter().map(|flag| {
        let value = answers.overrides.get(flag).map(|value| match value {
            FlagValue::Text(text) => Value::from(text),
            FlagValue::Integer(number) => Value::from(*number),
            // A list of pairs keeps the order. A map would sort the keys.
            FlagValue::Labels(labels) => labels.iter().cloned().collect(),
        });
        (flag.name.replace('-', "_"), Value::from(value))
    });
    let others = [
        ("name", Value::from(&answers.name)),
        ("resource_name", Value::from(from_package(&answers.name))),
        ("image", Value::from(answers.image.as_deref())),
        ("meshes", answers.meshes.iter().map(|mesh| mesh.name).collect()),
        ("old_engines", names(&check::needs_optimizer(&answers.meshes)).into()),
    ];
    Value::from_pairs(others.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(flags))
}

/// The path of a rendered file in the package. In `templates/`, `.gitignore` has no dot, so that git ignores it.
fn path_in_package(path: &str) -> Utf8PathBuf {
    if path == "gitignore" { ".gitignore".into() } else { path.into() }
}

/// Formats a string as a YAML scalar that YAML 1.1 and 1.2 read as that string. A JSON string always works.
fn yaml(text: &str) -> String {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !WORDS.contains(&text);
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use toml_edit::DocumentMut;

    use super::{Answers, File, FlagValue, Overrides, RESOURCE_FLAGS, dependencies, render, yaml};
    use crate::check;
    use crate::diagnostics::source::SourceFile;
    use crate::mesh::MESHES;
    use crate::resource::{Draft, FlagSyntax, Kind};
    use crate::scaffold::TEMPLATES;

    fn answers(image: Option<&str>, overrides: Overrides) -> Answers {
        let image = image.map(str::to_owned);
        Answers { name: "my_filter".to_owned(), image, meshes: Vec::new(), overrides }
    }

    /// A value for every flag. Without quotes, YAML would read the text values as numbers, and the label as a boolean.
    fn all() -> Overrides {
        let label = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        let value = |name, syntax| match (name, syntax) {
            ("url", _) => FlagValue::Text("https://example.com/a.wasm?x=1#2".to_owned()),
            (_, FlagSyntax::Text) => FlagValue::Text("42".to_owned()),
            (_, FlagSyntax::OneOf(words)) => FlagValue::Text(words[words.len() - 1].to_owned()),
            (_, FlagSyntax::Integer) => FlagValue::Integer(-7),
            (_, FlagSyntax::Labels) => {
                FlagValue::Labels(vec![label("app", "on"), label("app.kubernetes.io/version", "1.0")])
            }
        };
        RESOURCE_FLAGS.iter().map(|flag| (flag, value(flag.name, flag.syntax))).collect()
    }

    fn content<'f>(files: &'f [File], path: &str) -> &'f str {
        &files.iter().find(|file| file.path == path).unwrap().content
    }

    #[test]
    fn every_template_renders_with_and_without_answers() {
        let none = answers(None, Overrides::default());
        let all = answers(Some("quay.io/acme/my-filter"), all());
        for template in TEMPLATES {
            for answers in [&none, &all] {
                let files = render(template, answers).unwrap();
                for path in ["Cargo.toml", "src/lib.rs", "wasmplugin.yaml", "README.md", ".gitignore"] {
                    let content = content(&files, path);
                    assert!(content.ends_with('\n') && !content.ends_with("\n\n"), "{path}: {content}");
                    assert!(content.lines().all(|line| line.trim_end() == line), "{path}: {content}");
                }
            }
        }
    }

    #[test]
    fn every_answer_is_in_the_files() {
        let answers = answers(Some("quay.io/acme/my-filter"), all());
        for template in TEMPLATES {
            let files = render(template, &answers).unwrap();
            let manifest: DocumentMut = content(&files, "Cargo.toml").parse().unwrap();
            assert_eq!(manifest["package"]["name"].as_str(), Some("my_filter"));
            let settings = &manifest["package"]["metadata"]["wasmplugin"];
            assert_eq!(settings["image"].as_str(), Some("quay.io/acme/my-filter"));
            let text = content(&files, "wasmplugin.yaml").to_owned();
            let file = SourceFile { path: "wasmplugin.yaml".into(), text };
            let written = Draft::read(Arc::new(file), "other").unwrap();
            assert_eq!(check::resource(&written), []);
            // Setting every field again changes nothing.
            let mut again = written.clone();
            for (flag, value) in all().iter() {
                flag.set(&mut again, value).unwrap();
            }
            assert_eq!(again.to_yaml(), written.to_yaml());
            assert!(written.to_yaml().contains("\n  name: my-filter\n"), "{}", written.to_yaml());
        }
    }

    #[test]
    fn every_mesh_knows_what_is_written_for_it() {
        for template in TEMPLATES {
            for mesh in MESHES {
                let answers = Answers { meshes: vec![mesh], ..answers(None, Overrides::default()) };
                let files = render(template, &answers).unwrap();
                let manifest: DocumentMut = content(&files, "Cargo.toml").parse().unwrap();
                let settings = &manifest["package"]["metadata"]["wasmplugin"];
                assert_eq!(settings["mesh"].as_array().unwrap().iter().count(), 1, "{mesh}");
                // What is commented out has to be known too.
                let (before, target) = match content(&files, "wasmplugin.yaml").split_once("  # targetRef") {
                    Some((before, target)) => (before, format!("  targetRef{target}")),
                    None => (content(&files, "wasmplugin.yaml"), String::new()),
                };
                // The target ends with an empty line.
                let (target, after) = target.split_once("\n\n").unwrap_or_default();
                let text = format!("{before}{}\n{after}", target.replace("  #   ", "    "));
                assert_eq!(text.contains("\n  targetRef"), mesh.istio().is_none_or(|istio| istio >= 20));
                let file = SourceFile { path: "wasmplugin.yaml".into(), text };
                let draft = Draft::read(Arc::new(file), "other").unwrap();
                assert_eq!(check::conversion(&draft, Kind::WasmPlugin, &[mesh]), [], "{mesh}");
            }
        }
    }

    #[test]
    fn every_package_depends_on_the_sdk() {
        for template in TEMPLATES {
            let files = render(template, &answers(None, Overrides::default())).unwrap();
            assert!(dependencies(&files).contains(&"proxy-wasm".to_owned()), "{}", template.name);
        }
    }

    #[test]
    fn a_workspace_does_not_change_what_the_manifest_means() {
        for template in TEMPLATES {
            let files = render(template, &answers(None, Overrides::default())).unwrap();
            let manifest: DocumentMut = content(&files, "Cargo.toml").parse().unwrap();
            for ignored_in_members in ["profile", "patch", "replace", "workspace"] {
                assert!(!manifest.contains_key(ignored_in_members), "{}", template.name);
            }
        }
    }

    #[test]
    fn yaml_reads_back_what_was_written() {
        for plain in ["hello", "http-headers", "e1"] {
            assert_eq!(yaml(plain), plain);
        }
        for (hard, quoted) in [("on", "\"on\""), ("1e3", "\"1e3\""), ("a: b", "\"a: b\"")] {
            assert_eq!(yaml(hard), quoted);
        }
    }
}
