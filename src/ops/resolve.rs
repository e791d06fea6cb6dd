//! `resolve`: fill the digests of packages into manifests that refer to them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};

use camino::{Utf8Path, Utf8PathBuf};

use crate::context::Context;
use crate::error::{Error, Explain, InvalidFiles, Result};
use crate::ops::build::{self, BuildOptions, Built, Source, Unnamed};
use crate::project::ProjectError;
use crate::resource::PulledImage;
use crate::resource::references::{self, Manifests, SCHEME};
use crate::yaml::stream;

/// What is resolved, and how the packages are built.
#[derive(Debug)]
pub struct ResolveOptions {
    /// Where the manifests are, in the order of the output.
    pub inputs: Vec<Input>,
    /// How the packages are built. Which ones, the manifests say: a selection is not heeded.
    pub build: BuildOptions,
}

/// Where manifests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// On standard input.
    Stdin,
    /// In a file, or in all files `*.yaml` and `*.yml` below a folder.
    Path(Utf8PathBuf),
}

/// As the command line has it: `-` is standard input.
impl From<&str> for Input {
    fn from(text: &str) -> Self {
        if text == "-" { Input::Stdin } else { Input::Path(text.into()) }
    }
}

/// Resolves the references in manifests to one stream of all their documents, in which nothing else is changed.
///
/// The packages that are referred to are built, and no others. Where there is no reference, cargo is not run.
///
/// # Errors
///
/// Where a file cannot be read, a reference cannot be resolved, or a package cannot be built.
pub fn resolve(ctx: &Context, options: ResolveOptions) -> Result<String> {
    let files = manifests(ctx, &options.inputs)?;
    let packages: BTreeSet<&str> = files.iter().flat_map(Manifests::packages).collect();
    let images = if packages.is_empty() {
        ctx.shell.note(format_args!("nothing was resolved: no url is a reference `{SCHEME}PACKAGE`"));
        BTreeMap::new()
    } else {
        let packages = packages.into_iter().map(str::to_owned).collect();
        build(ctx, options.build, packages).map_err(|error| at_reference(&files, error))?
    };
    Ok(stream::join(files.iter().map(|file| file.resolve(&images))))
}

fn manifests(ctx: &Context, inputs: &[Input]) -> Result<Vec<Manifests>> {
    let (cwd, inputs) = (ctx.cwd.clone(), inputs.to_owned());
    let read = move || inputs.iter().map(|input| read(&cwd, input)).collect::<Result<Vec<_>, _>>();
    let (mut files, mut invalid) = (Vec::new(), Vec::new());
    for (path, bytes) in ctx.interrupt.or_done(read)??.into_iter().flatten() {
        match Manifests::read(ctx.shown(&path), bytes) {
            Ok(file) => files.push(file),
            Err(file) => invalid.push(file),
        }
    }
    invalid.extend(references::repeated(&files));
    if invalid.is_empty() { Ok(files) } else { Err(InvalidFiles(invalid).into()) }
}

/// The files of an input, by the names that they are shown under.
fn read(cwd: &Utf8Path, input: &Input) -> Result<Vec<(Utf8PathBuf, Vec<u8>)>, InputError> {
    let unreadable = |path: &Utf8Path| {
        let path = path.to_owned();
        |source| InputError::Unreadable { path, source }
    };
    let Input::Path(path) = input else {
        let (name, mut bytes) = (Utf8PathBuf::from("<stdin>"), Vec::new());
        io::stdin().read_to_end(&mut bytes).map_err(unreadable(&name))?;
        return Ok(vec![(name, bytes)]);
    };
    let place = cwd.join(path);
    if !place.is_dir() {
        return Ok(vec![(path.clone(), fs_err::read(&place).map_err(unreadable(path))?)]);
    }
    let files = files(&place).map_err(unreadable(path))?;
    if files.is_empty() {
        return Err(InputError::Empty(path.clone()));
    }
    let read = |file: Utf8PathBuf| {
        let bytes = fs_err::read(&file).map_err(unreadable(path))?;
        let below = file.strip_prefix(&place).unwrap_or(&file);
        Ok((path.join(below), bytes))
    };
    files.into_iter().map(read).collect()
}

/// The manifests below a folder, sorted. As kubectl does it, links to files are followed and links to folders are
/// not: what is mounted from a ConfigMap would be there twice, and a loop would have no end.
fn files(folder: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(&next)? {
            let entry = entry?;
            let path = Utf8PathBuf::try_from(entry.path()).map_err(|error| error.into_io_error())?;
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if matches!(path.extension(), Some("yaml" | "yml")) && fs_err::metadata(&path)?.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn build(
    ctx: &Context,
    mut options: BuildOptions,
    packages: Vec<String>,
) -> Result<BTreeMap<String, PulledImage>> {
    if let Source::Crates { selection, .. } = &mut options.source {
        selection.packages = packages;
    }
    let image = |built: Built| {
        let image = built.pulled_image().expect("nothing is built for this without an image");
        ctx.shell.status("Resolved", format_args!("{} to {}", built.name, image.url()));
        (built.name, image)
    };
    Ok(build::build(ctx, &options)?.into_iter().map(image).collect())
}

/// An error with the first place that refers to the package, where it is about one.
fn at_reference(files: &[Manifests], error: Error) -> Error {
    let of_project = error.downcast_ref::<ProjectError>().and_then(ProjectError::package);
    let package = of_project.or_else(|| error.downcast_ref::<Unnamed>().map(Unnamed::package));
    let refuse = |file: &Manifests| file.refusal(package?, error.to_string(), error.help());
    match files.iter().find_map(refuse) {
        Some(refusal) => refusal.into(),
        None => error,
    }
}

/// There is nothing to resolve in.
#[derive(Debug, thiserror::Error)]
enum InputError {
    #[error("the manifests in `{path}` cannot be read")]
    Unreadable { path: Utf8PathBuf, source: io::Error },
    #[error("no manifests are in the folder `{0}`: none of its files is called `*.yaml` or `*.yml`")]
    Empty(Utf8PathBuf),
}

impl Explain for InputError {
    fn help(&self) -> Vec<String> {
        match self {
            InputError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                vec!["name a file or a folder, or give `-` for standard input".to_owned()]
            }
            InputError::Unreadable { .. } => Vec::new(),
            InputError::Empty(_) => vec!["name the folder that they are in".to_owned()],
        }
    }
}
