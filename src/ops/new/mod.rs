//! `new`: cargo creates a package, and a template fills it.

mod claim;

use camino::{Utf8Path, Utf8PathBuf};

use claim::Claim;

use crate::check::levels::Levels;
use crate::context::Context;
use crate::error::{Result, UsageError};
use crate::mesh::Mesh;
use crate::ops::overrides;
use crate::process;
use crate::reference::Repository;
use crate::resource::{Draft, Overrides, Url};
use crate::scaffold::{self, Answers, File, TEMPLATES, Template, name};

/// The options of `new`.
#[derive(Debug, Clone)]
pub struct NewOptions {
    /// The directory of the package. It must not exist, or contain only hidden files and documents.
    pub path: Utf8PathBuf,
    /// The name of the package. The default is the name of the directory.
    pub name: Option<String>,
    /// The name of the template. The default is the first in the catalogue.
    pub template: Option<String>,
    /// The image repository, as a valid reference without a tag.
    pub image: Option<String>,
    /// The meshes that have to load the filter. The default is the newest ones.
    pub meshes: Vec<&'static Mesh>,
    /// The fields to set in the resource.
    pub overrides: Overrides,
    /// The value of cargo's `--vcs` option.
    pub vcs: Option<String>,
}

/// Creates a package with `cargo init`, which handles version control and workspaces, and then writes the files of a
/// template into it.
///
/// # Errors
///
/// If the name, the template or a field of the resource is invalid, if the path is occupied, if the workspace can't have
/// the package as a member, or if cargo or a write fails. All created files are then removed, and the workspace manifest
/// is restored.
pub fn new(ctx: &Context, options: &NewOptions) -> Result<()> {
    let template = match &options.template {
        Some(name) => Template::named(name)?,
        None => &TEMPLATES[0],
    };
    // `components` removes the dot of `hello/.`, because `create_dir` would fail.
    let path: Utf8PathBuf = ctx.cwd.join(&options.path).components().collect();
    let answers = Answers {
        name: package_name(&path, options)?,
        image: options.image.clone(),
        meshes: options.meshes.clone(),
        overrides: options.overrides.clone(),
    };
    let mut files = scaffold::render(template, &answers)?;
    name::check(&answers.name, &scaffold::dependencies(&files))?;
    let draft = overrides::apply(Draft::minimal(&answers.name), &answers.overrides, &Levels::default())?;
    check_url(&draft, answers.image.as_deref())?;
    if options.vcs.as_deref().is_some_and(|vcs| vcs != "git") {
        files.retain(|file| file.path != ".gitignore");
    }

    let claim = Claim::of(&path, &options.path, &files)?;
    cargo_init(ctx, options, &answers.name)?;
    let (kept, new): (Vec<_>, Vec<_>) = files.iter().partition(|file| claim.has(file));
    write(&path, new)?;
    check_workspace(ctx, &path)?;
    claim.keep();

    ctx.shell
        .status("Created", format_args!("filter `{}` from the template `{}`", answers.name, template.name));
    for file in kept.iter().filter(|file| file.path != ".gitignore") {
        ctx.shell.note(format_args!("`{}` exists, so it was not written", file.path));
    }
    Ok(())
}

fn package_name(path: &Utf8Path, options: &NewOptions) -> Result<String, UsageError> {
    let name = options.name.as_deref().or_else(|| path.file_name());
    name.map(str::to_owned).ok_or_else(|| UsageError {
        message: format!("the path `{}` doesn't end in a name for the filter", options.path),
        help: vec!["pass a name with `--name`".to_owned()],
    })
}

/// Checks that an `oci://` url names `image`, because the first build would fail.
fn check_url(draft: &Draft, image: Option<&str>) -> Result<(), UsageError> {
    let url = draft.root().at(&["spec", "url"]).and_then(|url| url.as_str());
    let named = match url.map(Url::parse) {
        Some(Ok(Url::Oci(named))) => named.repository,
        _ => return Ok(()),
    };
    // `acme/hello` and `docker.io/acme/hello` are the same repository.
    let named = named.parse().map_or(named, |repository: Repository| repository.to_string());
    match image {
        Some(image) if image != named => Err(UsageError {
            message: format!("`--url` names the image `{named}`, but `--image` is `{image}`"),
            help: vec!["leave out `--url`: the url of the image is filled in".to_owned()],
        }),
        _ => Ok(()),
    }
}

fn cargo_init(ctx: &Context, options: &NewOptions, name: &str) -> Result<()> {
    let mut command = process::command(ctx, ctx.cargo());
    command.args(["init", "--quiet", "--lib", "--name", name]);
    if let Some(vcs) = &options.vcs {
        command.args(["--vcs", vcs]);
    }
    command.arg("--").arg(&options.path);
    process::output(ctx, &mut command, None)?;
    Ok(())
}

fn write(directory: &Utf8Path, files: Vec<&File>) -> Result<()> {
    for file in files {
        let path = directory.join(&file.path);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(path, &file.content)?;
    }
    Ok(())
}

/// Checks that cargo can load the workspace. `cargo init` adds a package even if another member has the same name, and
/// then every cargo command in that workspace fails.
fn check_workspace(ctx: &Context, path: &Utf8Path) -> Result<()> {
    let mut command = process::command(ctx, ctx.cargo());
    command.args(["metadata", "--quiet", "--no-deps", "--format-version=1", "--manifest-path"]);
    process::output(ctx, command.arg(path.join("Cargo.toml")), None)?;
    Ok(())
}
