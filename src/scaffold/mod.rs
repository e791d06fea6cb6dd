//! What `new` writes: a template and the answers to its questions become files.

mod catalogue;
pub mod name;

use camino::Utf8PathBuf;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

pub use catalogue::{TEMPLATES, Template};

use crate::error::Explain;
use crate::resource::{Overrides, from_package};

/// What a template wants to know. Strings are used as they are: whoever asked has checked them.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The package's name.
    pub name: String,
    /// The repository of the image, without tag.
    pub image: Option<String>,
    /// What is said of the resource.
    pub fields: Overrides,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where, below the package's folder.
    pub path: Utf8PathBuf,
    /// What.
    pub content: String,
}

/// A template that cannot be rendered: a mistake in this program.
#[derive(Debug, thiserror::Error)]
#[error("the template `{template}` cannot be rendered: `{file}`")]
pub struct RenderError {
    template: &'static str,
    file: &'static str,
    source: minijinja::Error,
}

impl Explain for RenderError {
    fn help(&self) -> Vec<String> {
        vec!["this is a bug in cargo-wasmplugin; another `--template` may work".to_owned()]
    }
}

/// Renders the files of `template`.
///
/// A file that ends in `.j2` is rendered and loses that ending; every other one is taken as it is.
///
/// # Errors
///
/// Where a template uses what is not among the answers; a test holds that none does.
pub fn render(template: &Template, answers: &Answers) -> Result<Vec<File>, RenderError> {
    let environment = environment();
    let values = context! {
        name => answers.name.as_str(),
        resource_name => from_package(&answers.name),
        image => answers.image.as_deref(),
        url => answers.fields.url.as_deref(),
        namespace => answers.fields.namespace.as_deref(),
        selector => &answers.fields.selector,
        phase => answers.fields.phase.as_deref(),
        priority => answers.fields.priority,
        image_pull_policy => answers.fields.image_pull_policy.as_deref(),
        image_pull_secret => answers.fields.image_pull_secret.as_deref(),
    };
    let render_one = |&(path, text): &(&'static str, &'static str)| match path.strip_suffix(".j2") {
        None => Ok(File { path: path.into(), content: text.to_owned() }),
        Some(path) => environment
            .render_named_str(path, text, values.clone())
            .map(|content| File { path: target(path), content })
            .map_err(|source| RenderError { template: template.name, file: path, source }),
    };
    template.files.iter().map(render_one).collect()
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the delimiters are the usual ones");
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_filter("toml", |text: &str| toml_edit::Value::from(text).to_string());
    environment.add_filter("yaml", yaml);
    environment
}

/// git would obey a `.gitignore` among the templates, so there it has no dot.
fn target(path: &str) -> Utf8PathBuf {
    if path == "gitignore" { ".gitignore".into() } else { path.into() }
}

/// A string that YAML 1.1 and 1.2 read back as that string. JSON is YAML, so quotes as JSON has them do.
fn yaml(text: &str) -> String {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !WORDS.contains(&text);
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::{Answers, File, Overrides, TEMPLATES, render, yaml};
    use crate::resource::Template;

    fn answers(image: Option<&str>, fields: Overrides) -> Answers {
        Answers { name: "my_filter".to_owned(), image: image.map(str::to_owned), fields }
    }

    fn none() -> Overrides {
        Overrides {
            url: None,
            namespace: None,
            selector: Vec::new(),
            phase: None,
            priority: None,
            image_pull_policy: None,
            image_pull_secret: None,
        }
    }

    /// Every field, with values that YAML would take for something else.
    fn all() -> Overrides {
        let text = |text: &str| Some(text.to_owned());
        let label = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        Overrides {
            url: text("https://example.com/a.wasm?x=1#2"),
            namespace: text("42"),
            selector: vec![label("app", "on"), label("app.kubernetes.io/version", "1.0")],
            phase: text("AUTHZ"),
            priority: Some(-7),
            image_pull_policy: text("Always"),
            image_pull_secret: text("1e3"),
        }
    }

    fn content<'f>(files: &'f [File], path: &str) -> &'f str {
        &files.iter().find(|file| file.path == path).unwrap().content
    }

    #[test]
    fn every_template_renders_with_and_without_answers() {
        let none = answers(None, none());
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
    fn answers_stand_where_they_belong() {
        let answers = answers(Some("quay.io/acme/my-filter"), all());
        for template in TEMPLATES {
            let files = render(template, &answers).unwrap();
            let manifest: toml_edit::DocumentMut = content(&files, "Cargo.toml").parse().unwrap();
            assert_eq!(manifest["package"]["name"].as_str(), Some("my_filter"));
            let settings = &manifest["package"]["metadata"]["wasmplugin"];
            assert_eq!(settings["image"].as_str(), Some("quay.io/acme/my-filter"));
            let resource = content(&files, "wasmplugin.yaml").to_owned();
            let (written, warnings) = Template::read("wasmplugin.yaml".into(), resource, "other").unwrap();
            assert!(warnings.is_empty(), "{warnings:?}");
            // To set the same fields again changes nothing.
            assert_eq!(written.clone().with(&all()).unwrap().to_yaml(), written.to_yaml());
            assert!(written.to_yaml().contains("\n  name: my-filter\n"), "{}", written.to_yaml());
        }
    }

    #[test]
    fn a_workspace_does_not_change_what_the_manifest_means() {
        for template in TEMPLATES {
            let files = render(template, &answers(None, none())).unwrap();
            let manifest: toml_edit::DocumentMut = content(&files, "Cargo.toml").parse().unwrap();
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
