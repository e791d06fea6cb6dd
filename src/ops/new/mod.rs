//! `new`: cargo makes a package, and a template fills it.

mod claim;

use camino::{Utf8Path, Utf8PathBuf};

use claim::Claim;

use crate::context::Context;
use crate::error::{Result, UsageError};
use crate::ops::overrides;
use crate::process;
use crate::resource::{Draft, Overrides};
use crate::scaffold::{self, Answers, File, TEMPLATES, Template, name};

/// What to make, and where.
#[derive(Debug, Clone)]
pub struct NewOptions {
    /// The directory of the package, which is empty or does not exist.
    pub path: Utf8PathBuf,
    /// The name of the package; that of the directory by default.
    pub name: Option<String>,
    /// The name of the template; the first of the catalogue by default.
    pub template: Option<String>,
    /// The repository of the image, a valid reference without a tag.
    pub image: Option<String>,
    /// The fields of the resource.
    pub overrides: Overrides,
    /// The value of cargo's own `--vcs`.
    pub vcs: Option<String>,
}

/// Makes a package with `cargo init`, which knows about version control and workspaces, and writes the files of a
/// template over it.
///
/// # Errors
///
/// If the name, the template or a field of the resource is not valid, if the path is occupied, if the workspace
/// cannot have the package as a member, or if cargo or a write fails. Nothing is left behind then, and the
/// manifest of the workspace is as it was.
pub fn new(ctx: &Context, options: &NewOptions) -> Result<()> {
    let template = match &options.template {
        Some(name) => Template::named(name)?,
        None => &TEMPLATES[0],
    };
    // `components` drops the dot of `hello/.`, because no directory of that name can be made.
    let path: Utf8PathBuf = ctx.cwd.join(&options.path).components().collect();
    let answers = Answers {
        name: package_name(&path, options)?,
        image: options.image.clone(),
        overrides: options.overrides.clone(),
    };
    let mut files = scaffold::render(template, &answers)?;
    name::check(&answers.name, &scaffold::dependencies(&files))?;
    overrides::apply(Draft::minimal(&answers.name), &answers.overrides)?;
    if options.vcs.as_deref().is_some_and(|vcs| vcs != "git") {
        files.retain(|file| file.path != ".gitignore");
    }

    let claim = Claim::of(&path, &options.path, &files)?;
    cargo_init(ctx, options, &answers.name)?;
    write(&path, &files)?;
    check_workspace(ctx, &path)?;
    claim.keep();

    ctx.shell
        .status("Created", format_args!("filter `{}` from the template `{}`", answers.name, template.name));
    Ok(())
}

fn package_name(path: &Utf8Path, options: &NewOptions) -> Result<String, UsageError> {
    let name = options.name.as_deref().or_else(|| path.file_name());
    name.map(str::to_owned).ok_or_else(|| UsageError {
        message: format!("the path `{}` has no name that the filter could take", options.path),
        help: vec!["pass a name with `--name`".to_owned()],
    })
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

fn write(directory: &Utf8Path, files: &[File]) -> Result<()> {
    for file in files {
        let path = directory.join(&file.path);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(path, &file.content)?;
    }
    Ok(())
}

/// Has cargo read the workspace. `cargo init` adds a package even if a member has its name already, and then every
/// cargo command fails in that workspace.
fn check_workspace(ctx: &Context, path: &Utf8Path) -> Result<()> {
    let mut command = process::command(ctx, ctx.cargo());
    command.args(["metadata", "--quiet", "--no-deps", "--format-version=1", "--manifest-path"]);
    process::output(ctx, command.arg(path.join("Cargo.toml")), None)?;
    Ok(())
}
