use std::io;

use camino::Utf8PathBuf;
use clap::Args;

use crate::cli::package::{mesh, repository};
use crate::cli::{args, overrides};
use crate::context::Context;
use crate::error::{Result, UsageError};
use crate::mesh::Mesh;
use crate::ops::new::{self, NewOptions};
use crate::process;
use crate::reference::Repository;
use crate::resource::{Overrides, RESOURCE_FLAGS};
use crate::scaffold::TEMPLATES;

/// Scaffold a filter crate from a template
///
/// In a terminal, asks for the path and the image if they are missing, and then shows an equivalent command line
/// that doesn't prompt.
#[derive(Debug, Args)]
#[command(after_help = args::examples("\
  Create a filter that adds headers to responses:
    cargo wasmplugin new hello --image quay.io/acme/hello
  Create a minimal filter for a namespace and a phase:
    cargo wasmplugin new audit --template minimal --namespace istio-system --phase AUTHZ
  Create a filter for an older mesh:
    cargo wasmplugin new legacy --mesh ossm-2.3
  List the available templates:
    cargo wasmplugin new --list-templates"))]
pub(super) struct New {
    /// Directory of the new crate
    path: Option<Utf8PathBuf>,
    #[arg(long, value_name = "NAME", help = format!("Template to start from [default: {}]", TEMPLATES[0].name))]
    template: Option<String>,
    /// Name of the package [default: the name of the directory]
    #[arg(long)]
    name: Option<String>,
    /// Image repository, without a tag
    #[arg(long, value_name = "REPOSITORY", value_parser = repository::<Repository>)]
    image: Option<Repository>,
    /// Mesh that has to load the filter, such as istio-1.28; can be repeated [default: the newest three versions of Istio]
    #[arg(long = "mesh", value_name = "MESH", value_parser = mesh)]
    meshes: Vec<&'static Mesh>,
    /// Version control system to set up, as in `cargo new`
    #[arg(long, value_parser = ["git", "hg", "pijul", "fossil", "none"])]
    vcs: Option<String>,
    /// List the templates and exit
    #[arg(
        long,
        conflicts_with_all = ["path", "template", "name", "image", "meshes", "vcs"],
        conflicts_with_all = RESOURCE_FLAGS.iter().map(|flag| flag.name),
    )]
    list_templates: bool,
    #[command(flatten)]
    overrides: Overrides,
}

impl New {
    pub(super) fn run(&self, ctx: &Context) -> Result<()> {
        if self.list_templates {
            let width = TEMPLATES.iter().map(|template| template.name.len()).max().unwrap_or(0);
            let lines = TEMPLATES
                .iter()
                .map(|template| format!("{:width$}  {}\n", template.name, template.description));
            return Ok(ctx.shell.out(lines.collect::<String>())?);
        }
        let options = self.options(ctx)?;
        new::new(ctx, &options)?;
        let cd = if options.path == "." {
            String::new()
        } else {
            format!("`{}`, ", process::command_line(process::command(ctx, "cd").arg(&options.path)))
        };
        ctx.shell.note(format_args!("next, run {cd}`cargo test` and `cargo wasmplugin build`"));
        Ok(())
    }

    /// In a terminal, asks for the options that are missing.
    fn options(&self, ctx: &Context) -> Result<NewOptions> {
        let mut options = NewOptions {
            path: self.path.clone().unwrap_or_default(),
            name: self.name.clone(),
            template: self.template.clone(),
            image: self.image.as_ref().map(ToString::to_string),
            meshes: self.meshes.clone(),
            overrides: self.overrides.clone(),
            vcs: self.vcs.clone(),
        };
        if !ctx.shell.is_interactive() {
            return match &self.path {
                Some(_) => Ok(options),
                None => Err(no_path()),
            };
        }
        let mut asked = false;
        if self.path.is_none() {
            let answer = ask(ctx, "Directory of the new filter:")?;
            options.path = answer.ok_or_else(no_path)?.into();
            asked = true;
        }
        while options.image.is_none() {
            let question = "Image repository, such as quay.io/acme/hello (leave empty to set it later):";
            asked = true;
            match ask(ctx, question)?.as_deref().map(repository::<Repository>) {
                None => break,
                Some(Ok(repository)) => options.image = Some(repository.to_string()),
                Some(Err(reason)) => ctx.shell.warn(reason),
            }
        }
        if asked {
            ctx.shell.note(format_args!("to skip the prompts, run: {}", command_line(ctx, &options)));
        }
        Ok(options)
    }
}

fn command_line(ctx: &Context, options: &NewOptions) -> String {
    let mut command = process::command(ctx, "cargo");
    command.args(["wasmplugin", "new"]).arg(&options.path);
    let given = [
        ("--template", &options.template),
        ("--name", &options.name),
        ("--image", &options.image),
        ("--vcs", &options.vcs),
    ];
    for (flag, value) in given {
        command.args(value.iter().flat_map(|value| [flag, value]));
    }
    command.args(options.meshes.iter().flat_map(|mesh| ["--mesh", mesh.name]));
    command.args(overrides::words(&options.overrides));
    process::command_line(&command)
}

/// Reads one line from the terminal; `None` if it is empty.
fn ask(ctx: &Context, question: &str) -> Result<Option<String>> {
    ctx.shell.ask(question);
    let line = ctx.interrupt.or_done(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = line.inspect_err(|_| ctx.shell.end_line())??;
    Ok(Some(line.trim().to_owned()).filter(|line| !line.is_empty()))
}

fn no_path() -> crate::error::Error {
    UsageError {
        message: "missing the path of the new filter".to_owned(),
        help: vec!["pass one, as in `cargo wasmplugin new hello`".to_owned()],
    }
    .into()
}
