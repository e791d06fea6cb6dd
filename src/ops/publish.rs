//! `publish`: build, push, and read back what was pushed.

use std::time::{Duration, Instant};

use crate::check;
use crate::check::rule::PublicationSubject;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Error, Exit, Explain, Result, UsageError};
use crate::image::{Descriptor, Unloadable, Verdict};
use crate::ops::pipeline::{self, Built, Outcome, PackagePlan, PlanOptions};
use crate::reference::{Reference, Repository, Tag};
use crate::text;
use crate::transport::registry::{Credential, Protocol, Scope, Security};
use crate::transport::{Destination, DryRun, Sink, Step, Transfer, survey};

/// The options of `publish`.
#[derive(Debug)]
pub struct PublishOptions {
    /// Its tag is the first one that is published.
    pub plan: PlanOptions,
    pub push: PushOptions,
}

/// How images are pushed.
#[derive(Debug)]
pub struct PushOptions {
    pub destination: Destination,
    /// Tags in addition to the one from the build.
    pub more_tags: Vec<Tag>,
    /// Whether to move the tag of a version that names another image.
    pub force: bool,
    /// Whether to do everything except the push.
    pub dry_run: bool,
}

/// A package that was published.
#[derive(Debug)]
pub struct Published {
    pub built: Built,
    /// The repository that its image was pushed to. In a dry run, nothing was pushed.
    pub repository: Repository,
    /// The tags, in the order of the command line.
    pub tags: Vec<TagChange>,
    /// The size of the blobs that had to be written, in bytes.
    pub uploaded: u64,
    pub time: Duration,
}

/// A tag, and the digest that it named before.
#[derive(Debug, Clone)]
pub struct TagChange {
    pub tag: Tag,
    /// The digest that it named before; `None` if the tag is new.
    pub before: Option<Digest>,
}

/// Publishes the packages. They are returned in the order of their names.
///
/// # Errors
///
/// If a package can't be built or pushed. The remaining tags are unchanged. If the tag of a version already names
/// another image, no package is pushed.
pub fn publish(ctx: &Context, options: PublishOptions) -> Result<Outcome<Vec<Published>>> {
    let PublishOptions { plan, push } = options;
    let mut plan = pipeline::plan(ctx, plan)?;
    let mut remotes = Vec::new();
    for package in &mut plan.packages {
        remotes.push(Remote::of(package)?);
        package.tag.as_ref().ok_or_else(|| NoTag(package.name.clone()))?;
        let subject = PublicationSubject { draft: &package.draft, kind: package.settings.kind };
        let found = check::publication(&subject);
        package.add_findings(ctx, found);
    }
    plan.has_distinct_references()?;
    plan.has_distinct_resources()?;
    plan.has_distinct_targets()?;
    if push.destination.is_one_place() {
        plan.has_one_package("--to")?;
    }
    if let Some(login) = push.destination.login() {
        one_registry(login, &remotes)?;
    }
    pipeline::build(ctx, plan)?.and_then(|built| {
        // The packages are built in the order of the plan.
        let built = remotes.into_iter().zip(built);
        let mut clashes = Vec::new();
        let pushes = built
            .map(|(remote, built)| Push::prepare(ctx, &push, remote, built, &mut clashes))
            .collect::<Result<Vec<_>>>()?;
        if clashes.is_empty() { push_all(ctx, &push, pushes) } else { Err(TagsTaken(clashes).into()) }
    })
}

/// The repository of a package, and how to connect to its registry.
struct Remote {
    repository: Repository,
    security: Security,
}

impl Remote {
    fn of(package: &PackagePlan) -> Result<Self> {
        let protocol = match package.settings.plain_http {
            None => Protocol::Usual,
            Some(true) => Protocol::Plain,
            Some(false) => Protocol::Tls,
        };
        let security = Security { protocol, cacert: package.settings.cacert.clone() };
        Ok(Remote { repository: package.repository("can't be published")?.clone(), security })
    }
}

/// Checks that a password is sent to one registry only.
fn one_registry(login: &Credential, remotes: &[Remote]) -> Result<(), UsageError> {
    let mut registries: Vec<&str> = remotes.iter().map(|remote| remote.repository.parts().0).collect();
    registries.sort_unstable();
    registries.dedup();
    if registries.len() < 2 {
        return Ok(());
    }
    let registries = text::list(registries.iter().map(|registry| format!("`{registry}`")));
    Err(UsageError {
        message: format!(
            "the login from {} is for one registry, but the packages go to {registries}",
            login.source()
        ),
        help: vec![
            "publish the packages of each registry separately with `-p`, or use `docker login`".to_owned(),
        ],
    })
}

fn push_all(ctx: &Context, options: &PushOptions, pushes: Vec<Push>) -> Result<Vec<Published>> {
    let published = pushes.into_iter().map(|push| push.carry_out(ctx)).collect();
    if options.dry_run {
        let done = if options.destination.is_one_place() { "written" } else { "pushed" };
        ctx.shell.warn(format_args!("nothing was {done}: this is a dry run"));
    }
    published
}

/// There is no tag for an image. A crate has its version, so this is a module of another toolchain.
#[derive(Debug, thiserror::Error)]
#[error("module `{0}` can't be published: it has no version to use as a tag")]
struct NoTag(String);

impl Explain for NoTag {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec!["pass `--tag`".to_owned()]
    }
}

/// A push that passed all checks: only the registry can still refuse it.
struct Push {
    built: Built,
    repository: Repository,
    sink: Box<dyn Sink>,
    tags: Vec<TagChange>,
    is_dry_run: bool,
}

impl Push {
    /// Compares the built image with what the tags name now. Tags that must not change are added to `clashes`.
    fn prepare(
        ctx: &Context,
        options: &PushOptions,
        remote: Remote,
        built: Built,
        clashes: &mut Vec<Clash>,
    ) -> Result<Self> {
        let Remote { repository, security } = remote;
        let digest = built.packaged.image;
        let sink = match options.dry_run {
            false => options.destination.open(ctx, &repository, &security, Scope::Push)?,
            true => Box::new(DryRun(options.destination.open(ctx, &repository, &security, Scope::Pull)?)),
        };
        let mut tags = Vec::new();
        for tag in unique(built.tag.iter().chain(&options.more_tags)) {
            let before = sink.tagged(ctx, &tag)?;
            let is_protected =
                sink.protects_versions() && !options.force && built.version.as_ref() == Some(&tag);
            if let Some(existing) = before.filter(|before| is_protected && *before != digest) {
                let difference = difference(ctx, &*sink, existing, built.packaged.module);
                clashes.push(Clash {
                    name: format!("{repository}:{tag}"),
                    existing,
                    built: digest,
                    difference,
                });
            }
            tags.push(TagChange { tag, before });
        }
        Ok(Push { built, repository, sink, tags, is_dry_run: options.dry_run })
    }

    fn carry_out(self, ctx: &Context) -> Result<Published> {
        let started = Instant::now();
        let digest = self.built.packaged.image;
        // The sink may have lost blobs of an image that it still lists.
        let missing = self.sink.missing(ctx, self.built.image.blobs().cloned().collect())?;
        let is_stale = |change: &&TagChange| !missing.is_empty() || change.before != Some(digest);
        let stale: Vec<Tag> = self.tags.iter().filter(is_stale).map(|change| change.tag.clone()).collect();
        if stale.is_empty() {
            ctx.shell.status("Unchanged", format_args!("{} is {digest}", self.names()));
        } else {
            self.write(ctx, &missing, &stale)?;
            self.show_moves(ctx);
        }
        let uploaded = missing.iter().map(|blob| blob.size).sum();
        let Push { built, repository, tags, .. } = self;
        Ok(Published { built, repository, tags, uploaded, time: started.elapsed() })
    }

    /// Writes the missing blobs, and the image under these tags.
    fn write(&self, ctx: &Context, missing: &[Descriptor], tags: &[Tag]) -> Result<()> {
        let image = &self.built.image;
        let blobs = image.blobs().count();
        let (step, text) = self.sink.announcement(ctx, &self.names(), missing.len(), blobs);
        self.show(ctx, step, &text);
        let transfer = Transfer { source: image, manifest: image.manifest(), blobs: missing, tags };
        self.sink.write(ctx, &transfer)
    }

    /// Shows the old digest of each moved tag, so that users can still find that image.
    fn show_moves(&self, ctx: &Context) {
        let moved = self.tags.iter().filter_map(|change| Some((&change.tag, change.before?)));
        for (tag, before) in moved.filter(|(_, before)| *before != self.built.packaged.image) {
            self.show(ctx, Step::Move, &format!("{}:{tag} from {before}", self.repository));
        }
    }

    fn show(&self, ctx: &Context, step: Step, text: &str) {
        ctx.shell.status(step.verb(self.is_dry_run), text);
    }

    /// `quay.io/acme/hello:0.1.0, latest`
    fn names(&self) -> String {
        let tags: Vec<&str> = self.tags.iter().map(|change| change.tag.as_str()).collect();
        format!("{}:{}", self.repository, tags.join(", "))
    }
}

fn unique<'t>(tags: impl Iterator<Item = &'t Tag>) -> Vec<Tag> {
    let mut unique = Vec::new();
    for tag in tags {
        if !unique.contains(tag) {
            unique.push(tag.clone());
        }
    }
    unique
}

/// The image was removed since it was built, or since its tag was read.
#[derive(Debug, thiserror::Error)]
#[error("the image {0} no longer exists")]
struct ImageGone(Digest);

impl Explain for ImageGone {
    fn help(&self) -> Vec<String> {
        vec!["run the command again".to_owned()]
    }
}

/// How the existing image differs from the one that was built.
#[derive(Debug, thiserror::Error)]
enum Difference {
    #[error("the module differs")]
    Module,
    #[error("the module is the same, and only the packaging differs (variant, annotations or root IDs)")]
    Packaging,
    #[error("a mesh would not load the existing image: {0}")]
    Unloadable(Unloadable),
    #[error("the existing image could not be compared: {0}")]
    Unknown(Error),
}

/// Compares the module in the image `existing` with `module`. The result only explains the refusal: the tag is
/// protected in any case.
fn difference(ctx: &Context, sink: &dyn Sink, existing: Digest, module: Digest) -> Difference {
    let verdict = || {
        let manifest = sink.resolve(ctx, &Reference::Digest(existing))?.ok_or(ImageGone(existing))?;
        survey(ctx, sink, manifest)
    };
    match verdict() {
        Ok(Verdict::Loads(found)) if Digest::of(&found) == module => Difference::Packaging,
        Ok(Verdict::Loads(_)) => Difference::Module,
        Ok(Verdict::Refuses(reason)) => Difference::Unloadable(reason),
        Err(error) => Difference::Unknown(error),
    }
}

/// The tag of a version names another image. Another process may still push to the tag between this check and the push,
/// because registries have no way to write a tag only if it is new.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is {existing}, but {built} was built: {difference}")]
struct Clash {
    name: String,
    existing: Digest,
    built: Digest,
    difference: Difference,
}

/// The tags of versions already name other images.
#[derive(Debug, thiserror::Error)]
#[error("the tag of a version already points to a different image{}", listed(_0))]
struct TagsTaken(Vec<Clash>);

fn listed(clashes: &[Clash]) -> String {
    clashes.iter().map(|clash| format!("\n{clash}")).collect()
}

impl Explain for TagsTaken {
    fn help(&self) -> Vec<String> {
        vec![
            "increase `version` in Cargo.toml, or push under another tag with `--tag`: users rely on the image of a version not to change".to_owned(),
            "to replace it anyway, use `--force`".to_owned(),
        ]
    }
}
