//! `new`: cargo makes the package, and a template fills it.

use std::collections::BTreeSet;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::context::Context;
use crate::error::{Exit, Explain, Result, UsageError};
use crate::process;
use crate::ops::fields;
use crate::resource::{Draft, Overrides};
use crate::scaffold::{self, Answers, File, TEMPLATES, Template, name};

/// What to make, and where.
#[derive(Debug, Clone)]
pub struct NewOptions {
    /// The folder of the package; it must be empty or not there yet.
    pub path: Utf8PathBuf,
    /// The package's name, else that of the folder.
    pub name: Option<String>,
    /// The name of the template, else the first of the catalogue.
    pub template: Option<String>,
    /// The repository of the image, without tag; a reference that was checked.
    pub image: Option<String>,
    /// What is said of the resource.
    pub fields: Overrides,
    /// Cargo's own `--vcs`.
    pub vcs: Option<String>,
}

/// Makes a package with `cargo init`, which knows about version control and workspaces, and writes a
/// template over it.
///
/// # Errors
///
/// Where a name or the template is not one, where something is there already, where the workspace around it
/// cannot take it, and where cargo or a write fails. Nothing is left behind then, and a workspace's manifest
/// is as it was.
pub fn new(ctx: &Context, options: &NewOptions) -> Result<()> {
    let template = match &options.template {
        Some(name) => Template::named(name)?,
        None => &TEMPLATES[0],
    };
    // By its components, for no system makes a folder of the name `hello/.`.
    let path: Utf8PathBuf = ctx.cwd.join(&options.path).components().collect();
    let answers = Answers {
        name: package_name(&path, options)?,
        image: options.image.clone(),
        fields: options.fields.clone(),
    };
    name::check_package(&answers.name)?;
    fields::apply(Draft::minimal(&answers.name), &answers.fields)?;
    let mut files = scaffold::render(template, &answers)?;
    if options.vcs.as_deref().is_some_and(|vcs| vcs != "git") {
        files.retain(|file| file.path != ".gitignore");
    }

    let undo = Undo::claim(&path, &options.path, &files)?;
    cargo_init(ctx, options, &answers.name)?;
    write(&path, &files)?;
    read_back(ctx, &path)?;
    undo.forget();

    ctx.shell
        .status("Created", format_args!("filter `{}` from the template `{}`", answers.name, template.name));
    Ok(())
}

fn package_name(path: &Utf8Path, options: &NewOptions) -> Result<String, UsageError> {
    let name = options.name.as_deref().or_else(|| path.file_name());
    name.map(str::to_owned).ok_or_else(|| UsageError {
        message: format!("`{}` does not say what the filter is called", options.path),
        help: vec!["give it a name with `--name`".to_owned()],
    })
}

/// Refuses what is there, unless it is an empty folder.
fn check_empty(path: &Utf8Path, shown: &Utf8Path) -> Result<()> {
    // A link that leads nowhere is something too, and is no folder.
    let occupant = if !path.is_dir() {
        Occupant::File
    } else if fs_err::read_dir(path.as_std_path())?.next().is_none() {
        return Ok(());
    } else if path.join("Cargo.toml").exists() {
        Occupant::Package
    } else {
        Occupant::Folder
    };
    Err(Occupied { path: shown.to_owned(), what: occupant }.into())
}

/// Makes a folder; false where something of that name is there.
fn make_folder(path: &Utf8Path) -> Result<bool> {
    match fs_err::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Something is where the package was to be.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` {what}", what = what.predicate())]
struct Occupied {
    path: Utf8PathBuf,
    what: Occupant,
}

#[derive(Debug, Clone, Copy)]
enum Occupant {
    File,
    Folder,
    Package,
}

impl Occupant {
    fn predicate(self) -> &'static str {
        match self {
            Occupant::File => "is there already, and is not a folder",
            Occupant::Folder => "is there already, and is not empty",
            Occupant::Package => "is a cargo package already",
        }
    }
}

impl Explain for Occupied {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        let mut help = vec!["choose a path where nothing is yet".to_owned()];
        if let Occupant::Package = self.what {
            help.push("to package the filter that is there, run `cargo wasmplugin build` in it".to_owned());
        }
        help
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

fn write(folder: &Utf8Path, files: &[File]) -> Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(path, &file.content)?;
    }
    Ok(())
}

/// Fails where the workspace around the package cannot take it, as where a member has its name: `cargo init`
/// makes it all the same, and from then on every cargo command fails there.
fn read_back(ctx: &Context, path: &Utf8Path) -> Result<()> {
    let mut command = process::command(ctx, ctx.cargo());
    command.args(["metadata", "--quiet", "--no-deps", "--format-version=1", "--manifest-path"]);
    process::output(ctx, command.arg(path.join("Cargo.toml")), None)?;
    Ok(())
}

/// What `cargo init` sets up for git, Mercurial, Pijul and Fossil.
const VERSION_CONTROL: [&str; 10] = [
    ".git",
    ".gitignore",
    ".hg",
    ".hgignore",
    ".pijul",
    ".ignore",
    ".fossil",
    ".fossil-settings",
    ".fslckout",
    "_FOSSIL_",
];

/// A folder that is ours to fill. It takes away what was made, and nothing else, unless it is told to forget.
struct Undo<'p> {
    path: &'p Utf8Path,
    /// The folders that were not there, from the outermost to the package's own.
    folders: Vec<&'p Utf8Path>,
    /// What we or cargo make in the package's folder.
    content: BTreeSet<String>,
    /// The manifests further up, one of which cargo may add a member to.
    manifests: Vec<(Utf8PathBuf, Vec<u8>)>,
    forgotten: bool,
}

impl<'p> Undo<'p> {
    /// Takes the folder, which may be absent or empty, for this process alone.
    fn claim(path: &'p Utf8Path, shown: &Utf8Path, files: &[File]) -> Result<Self> {
        let mut undo = Undo {
            path,
            folders: Vec::new(),
            content: BTreeSet::new(),
            manifests: Vec::new(),
            forgotten: false,
        };
        let mut absent: Vec<_> = path.ancestors().skip(1).take_while(|parent| !parent.exists()).collect();
        absent.insert(0, path);
        for folder in absent.into_iter().rev() {
            if make_folder(folder)? {
                undo.folders.push(folder);
            }
        }
        if undo.folders.last() != Some(&path) {
            check_empty(path, shown)?;
        }
        // The empty folder may be one that another `new` has just made. `src` is made by one of them.
        if !make_folder(&path.join("src"))? {
            return Err(Occupied { path: shown.to_owned(), what: Occupant::Folder }.into());
        }
        let files = files.iter().filter_map(|file| file.path.iter().next());
        undo.content = files.chain(["src"]).chain(VERSION_CONTROL).map(str::to_owned).collect();
        for manifest in path.ancestors().skip(1).map(|parent| parent.join("Cargo.toml")) {
            if manifest.is_file() {
                let text = fs_err::read(&manifest)?;
                undo.manifests.push((manifest, text));
            }
        }
        Ok(undo)
    }

    fn forget(mut self) {
        self.forgotten = true;
    }
}

// Each step is tried whatever became of the others. The error that led here is the one to tell.
impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.forgotten {
            return;
        }
        for path in self.content.iter().map(|name| self.path.join(name)) {
            if path.is_dir() {
                let _ = fs_err::remove_dir_all(path);
            } else {
                let _ = fs_err::remove_file(path);
            }
        }
        for folder in self.folders.iter().rev() {
            let _ = fs_err::remove_dir(folder);
        }
        for (manifest, text) in &self.manifests {
            if fs_err::read(manifest).is_ok_and(|now| now != *text) {
                let _ = fs_err::write(manifest, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use anstream::ColorChoice;
    use camino::{Utf8Path, Utf8PathBuf};

    use super::{NewOptions, Overrides, Undo, new};
    use crate::context::{Context, Env};
    use crate::error::Exit;
    use crate::interrupt::Interrupt;
    use crate::shell::{Shell, Verbosity};

    /// An empty folder to work in.
    struct Folder {
        ctx: Context,
        _folder: tempfile::TempDir,
    }

    impl Folder {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let shell = Shell::new(Verbosity::Quiet, ColorChoice::Never);
            let mut ctx = Context::new(shell, Env::of_process(), Interrupt::default()).unwrap();
            ctx.cwd = Utf8PathBuf::try_from(folder.path().to_path_buf()).unwrap();
            Folder { ctx, _folder: folder }
        }

        fn path(&self, path: &str) -> Utf8PathBuf {
            self.ctx.cwd.join(path)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.path(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }

        /// All that is in the folder, sorted, with the text of the files.
        fn content(&self) -> Vec<(Utf8PathBuf, Option<String>)> {
            fn walk(folder: &Utf8Path, found: &mut Vec<(Utf8PathBuf, Option<String>)>) {
                for entry in folder.read_dir_utf8().unwrap() {
                    let path = entry.unwrap().into_path();
                    let is_folder = path.is_dir();
                    found.push((path.clone(), fs_err::read_to_string(&path).ok()));
                    if is_folder {
                        walk(&path, found);
                    }
                }
            }
            let mut found = Vec::new();
            walk(&self.ctx.cwd, &mut found);
            found.sort();
            found
        }
    }

    fn fields(namespace: Option<&str>) -> Overrides {
        Overrides {
            url: None,
            namespace: namespace.map(str::to_owned),
            selector: Vec::new(),
            phase: None,
            priority: None,
            image_pull_policy: None,
            image_pull_secret: None,
        }
    }

    fn options(path: &str) -> NewOptions {
        NewOptions {
            path: path.into(),
            name: None,
            template: None,
            image: None,
            fields: fields(None),
            vcs: Some("git".to_owned()),
        }
    }

    #[test]
    fn a_missing_path_and_an_empty_folder_become_a_package() {
        let folder = Folder::new();
        fs_err::create_dir(folder.path("empty")).unwrap();
        for path in ["hello", "a/b/deep", "dot/.", "empty"] {
            new(&folder.ctx, &options(path)).unwrap();
            for file in ["Cargo.toml", "src/config.rs", "wasmplugin.yaml", ".git"] {
                assert!(folder.path(path).join(file).exists(), "{path}: {file}");
            }
        }
    }

    #[test]
    fn what_is_there_is_never_touched() {
        let folder = Folder::new();
        folder.write("file", "");
        folder.write("folder/.git/config", "");
        folder.write("package/Cargo.toml", "");
        #[cfg(unix)]
        std::os::unix::fs::symlink("nowhere", folder.path("link")).unwrap();
        let before = folder.content();
        for path in [
            "file",
            "folder",
            "package",
            #[cfg(unix)]
            "link",
        ] {
            let error = new(&folder.ctx, &options(path)).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage, "{error}");
            assert!(error.to_string().starts_with(&format!("`{path}` is ")), "{error}");
        }
        assert_eq!(folder.content(), before);
    }

    #[test]
    fn what_cannot_be_is_refused_before_anything_is_made() {
        let folder = Folder::new();
        let refused = [
            options("Hello World"),
            NewOptions { name: Some("test".to_owned()), ..options("hello") },
            NewOptions { fields: fields(Some("My_Space")), ..options("hello") },
            NewOptions { template: Some("lua".to_owned()), ..options("hello") },
            options(".."),
        ];
        for options in refused {
            let error = new(&folder.ctx, &options).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage, "{error}");
        }
        let error =
            new(&folder.ctx, &NewOptions { vcs: Some("cvs".to_owned()), ..options("a/b") }).unwrap_err();
        assert!(error.to_string().contains("cvs"), "{error}");
        assert_eq!(folder.content(), []);
    }

    #[test]
    fn the_workspace_around_it_takes_a_name_once() {
        let folder = Folder::new();
        folder.write("Cargo.toml", "[workspace]\nmembers = []\nresolver = \"3\"\n");
        new(&folder.ctx, &options("plugins/hello")).unwrap();
        let manifest = fs_err::read_to_string(folder.path("Cargo.toml")).unwrap();
        assert!(manifest.contains("plugins/hello"), "{manifest}");

        let before = folder.content();
        let error = new(&folder.ctx, &options("other/hello")).unwrap_err();
        assert!(error.to_string().contains("two packages named `hello`"), "{error}");
        assert_eq!(folder.content(), before);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = Folder::new();
        folder.write("Cargo.toml", "[workspace]\nmembers = []\n");
        folder.write("plugins/README.md", "");
        fs_err::create_dir(folder.path("empty")).unwrap();
        let before = folder.content();
        for path in ["plugins/new/hello", "empty"] {
            let path = folder.path(path);
            let undo = Undo::claim(&path, &path, &[]).unwrap();
            folder.write("Cargo.toml", "[workspace]\nmembers = [\"hello\"]\n");
            folder.write(path.join("src/lib.rs").as_str(), "");
            folder.write(path.join(".git/config").as_str(), "");
            folder.write(path.join(".gitignore").as_str(), "");
            drop(undo);
            assert_eq!(folder.content(), before);
        }
    }

    #[test]
    fn a_folder_is_claimed_once_and_only_what_was_made_goes() {
        let folder = Folder::new();
        fs_err::create_dir(folder.path("empty")).unwrap();
        for path in ["a/b", "empty"] {
            let path = folder.path(path);
            let first = Undo::claim(&path, &path, &[]).unwrap();
            let claimed = folder.content();
            let refused = Undo::claim(&path, &path, &[]).err().unwrap();
            assert_eq!(refused.exit(), Exit::Usage, "{refused}");
            assert_eq!(folder.content(), claimed);

            folder.write(path.join("theirs").as_str(), "");
            drop(first);
            assert!(path.join("theirs").exists() && !path.join("src").exists());
        }
    }
}
