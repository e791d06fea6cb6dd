//! `resolve`: fill the digests of packages into the manifests that refer to them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::FileTypeExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;

use crate::check;
use crate::context::Context;
use crate::diagnostics::findings::Findings;
use crate::diagnostics::source::SourceFile;
use crate::error::{Error, Explain, FileError, FileErrors, Result};
use crate::fs::{self, TEXT_LIMIT};
use crate::ops::pipeline::{self, Built, Origin, Outcome, PackageFindings, PlanOptions};
use crate::resource::PulledImage;
use crate::resource::references::{ManifestFile, SCHEME};
use crate::yaml::stream;

/// The options of `resolve`.
#[derive(Debug)]
pub struct ResolveOptions {
    /// The manifests to read. The output has the same order.
    pub inputs: Vec<Input>,
    /// How to build the packages. A package selection is ignored, because the manifests name the packages.
    pub plan: PlanOptions,
}

/// A source of manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, or a directory with `*.yaml`, `*.yml` and `*.json` files at any depth.
    Path(Utf8PathBuf),
}

/// Converts a command line argument: `-` is standard input.
impl From<&str> for Input {
    fn from(text: &str) -> Self {
        if text == "-" { Input::Stdin } else { Input::Path(text.into()) }
    }
}

/// Resolves the references in manifests. Returns one stream of all their documents, with everything else unchanged.
///
/// Only packages that the manifests refer to are built. If there are no references, cargo isn't run.
///
/// # Errors
///
/// If a file can't be read, a package isn't in the workspace, or a package can't be built.
pub fn resolve(ctx: &Context, options: ResolveOptions) -> Result<Outcome<String>> {
    let files = manifests(ctx, &options.inputs)?;
    // The settings of packages don't apply to manifests, but flags do.
    let findings = options.plan.flags.checks.apply(check::manifests(&files));
    findings.iter().for_each(|finding| ctx.shell.diagnostic("manifests", finding));
    if !findings.pass(options.plan.flags.deny_warnings == Some(true)) {
        return Ok(Outcome::Refused(vec![PackageFindings { name: "manifests".to_owned(), findings }]));
    }
    let packages: BTreeSet<&str> = files.iter().flat_map(ManifestFile::packages).collect();
    let images = if packages.is_empty() {
        ctx.shell.note(format_args!("nothing to resolve: no url has the form `{SCHEME}PACKAGE`"));
        Outcome::Done(BTreeMap::new())
    } else {
        let packages = packages.into_iter().map(str::to_owned).collect();
        build(ctx, options.plan, packages, findings).map_err(|error| at_reference(&files, error))?
    };
    images.and_then(|images| Ok(stream::join(files.iter().map(|file| file.resolve(&images)))))
}

fn manifests(ctx: &Context, inputs: &[Input]) -> Result<Vec<ManifestFile>> {
    let (cwd, inputs) = (ctx.cwd.clone(), inputs.to_owned());
    let read = move || inputs.iter().map(|input| read(&cwd, input)).collect::<Result<Vec<_>, _>>();
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for (path, bytes) in ctx.interrupt.or_done(read)??.into_iter().flatten() {
        let source =
            SourceFile::from_bytes(ctx.display_path(&path).to_owned(), bytes).map_err(FileError::not_utf8);
        match source.and_then(ManifestFile::read) {
            Ok(file) => files.push(file),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(FileErrors(errors).into()) }
}

/// Reads the files of an input. Messages show them with the returned paths.
fn read(cwd: &Utf8Path, input: &Input) -> Result<Vec<(Utf8PathBuf, Vec<u8>)>, InputError> {
    let unreadable = |path: &Utf8Path| {
        let path = path.to_owned();
        |source| InputError::Unreadable { path, source }
    };
    let Input::Path(path) = input else {
        let name = Utf8PathBuf::from("<stdin>");
        let bytes = fs::read_all(io::stdin(), &name, TEXT_LIMIT).map_err(unreadable(&name))?;
        return Ok(vec![(name, bytes)]);
    };
    let absolute = cwd.join(path);
    if !absolute.is_dir() {
        return Ok(vec![(path.clone(), read_input(&absolute).map_err(unreadable(path))?)]);
    }
    let files = files(&absolute).map_err(unreadable(path))?;
    if files.is_empty() {
        return Err(InputError::Empty(path.clone()));
    }
    let read = |file: Utf8PathBuf| {
        let bytes = fs::read(&file, TEXT_LIMIT).map_err(unreadable(path))?;
        let below = file.strip_prefix(&absolute).unwrap_or(&file);
        Ok((path.join(below), bytes))
    };
    files.into_iter().map(read).collect()
}

/// Reads a file. It can be a pipe, as in `-f <(kustomize build)`, because the caller stops waiting for it if a signal
/// arrives.
fn read_input(path: &Utf8Path) -> io::Result<Vec<u8>> {
    match fs_err::metadata(path) {
        Ok(metadata) if metadata.file_type().is_fifo() => fs::read_all(File::open(path)?, path, TEXT_LIMIT),
        _ => fs::read(path, TEXT_LIMIT),
    }
}

/// The manifests in a directory and its subdirectories, sorted. Like kubectl, follows links to files but not links to
/// directories: a mounted ConfigMap would be read twice, and a link cycle would never end.
fn files(directory: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    let (mut found, mut directories) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        for entry in fs_err::read_dir(&next)? {
            let entry = entry?;
            let path = Utf8PathBuf::try_from(entry.path()).map_err(|error| error.into_io_error())?;
            if entry.file_type()?.is_dir() {
                // They contain the resources that `build` wrote.
                if !is_target_directory(&path) {
                    directories.push(path);
                }
            } else if matches!(path.extension(), Some("yaml" | "yml" | "json"))
                && fs_err::metadata(&path)?.is_file()
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether cargo writes its output to this directory, or another program writes what it can write again.
fn is_target_directory(path: &Utf8Path) -> bool {
    let is_of_cargo = path.file_name() == Some("target") && path.with_file_name("Cargo.toml").exists();
    is_of_cargo || path.join("CACHEDIR.TAG").exists()
}

fn build(
    ctx: &Context,
    mut options: PlanOptions,
    packages: Vec<String>,
    findings: Findings,
) -> Result<Outcome<BTreeMap<String, PulledImage>>> {
    if let Origin::Crates { selection, .. } = &mut options.origin {
        selection.packages = packages;
    }
    let mut plan = pipeline::plan(ctx, options)?;
    plan.other_findings = findings;
    for package in &plan.packages {
        package.repository("can't be referred to")?;
    }
    plan.has_distinct_references()?;
    let resolved = |built: Built| {
        let image = built.pulled_image?;
        ctx.shell.status("Resolved", format_args!("{} to {}", built.name, image.url()));
        Some((built.name, image))
    };
    pipeline::build(ctx, plan)?.and_then(|built| Ok(built.into_iter().filter_map(resolved).collect()))
}

/// Locates an error about a package at the first reference to the package.
fn at_reference(files: &[ManifestFile], error: Error) -> Error {
    let located = |file: &ManifestFile| {
        let (field, span) = file.reference_to(error.package()?)?;
        let help = Some(error.help().join("\n")).filter(|help| !help.is_empty());
        Some(
            FileError::new(&file.source, span, error.to_string(), help)
                .labelled(format!("{field} refers to it")),
        )
    };
    match files.iter().find_map(located) {
        Some(located) => located.into(),
        None => error,
    }
}

/// The manifests of an input can't be read.
#[derive(Debug, thiserror::Error)]
enum InputError {
    #[error("could not read manifests from `{path}`")]
    Unreadable { path: Utf8PathBuf, source: io::Error },
    #[error("the directory `{0}` has no manifests: it contains no `*.yaml`, `*.yml` or `*.json` files")]
    Empty(Utf8PathBuf),
}

impl Explain for InputError {
    fn help(&self) -> Vec<String> {
        match self {
            InputError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                vec!["pass an existing file or directory, or `-` for standard input".to_owned()]
            }
            InputError::Unreadable { .. } => Vec::new(),
            InputError::Empty(_) => vec!["pass the directory that contains the manifests".to_owned()],
        }
    }
}
