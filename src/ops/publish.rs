//! `publish`: build, push, and read back what was pushed.

use std::time::{Duration, Instant};

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Error, Exit, Explain, Result};
use crate::image::{Blob, Descriptor, Manifest, Packing, Unloadable, Verdict};
use crate::ops::pipeline::{self, Built, Outcome, PlanOptions};
use crate::reference::{Reference, Repository, Tag};
use crate::transport::registry::Scope;
use crate::transport::{Destination, DryRun, Layout, Sink, Source as _, Transfer, survey};

/// What is published, and where.
#[derive(Debug)]
pub struct PublishOptions {
    /// What is built first. Its tag is the first of those that are published.
    pub plan: PlanOptions,
    /// How it is pushed.
    pub push: PushOptions,
}

/// Where images go, and how.
#[derive(Debug)]
pub struct PushOptions {
    /// Where they go.
    pub destination: Destination,
    /// Further tags.
    pub more_tags: Vec<Tag>,
    /// Whether the tag of a version may change what it names.
    pub force: bool,
    /// Whether everything is done except the push.
    pub dry_run: bool,
}

/// A package that was published.
#[derive(Debug)]
pub struct Published {
    /// What was built.
    pub built: Built,
    /// The repository that its image was pushed to. In a dry run, nothing was pushed.
    pub repository: Repository,
    /// The tags, in the order in which they were given.
    pub tags: Vec<TagChange>,
    /// How many bytes of blobs had to be written.
    pub uploaded: u64,
    /// How long it took to write.
    pub time: Duration,
}

/// A tag, and what it named before.
#[derive(Debug, Clone)]
pub struct TagChange {
    /// The tag.
    pub tag: Tag,
    /// The digest that it named, unless it is new.
    pub before: Option<Digest>,
}

/// Publishes the packages; they come in the order of their names.
///
/// # Errors
///
/// If one can't be built or pushed. The tags that were not reached name what they named before. If the tag of a
/// version is refused, no package is pushed.
pub fn publish(ctx: &Context, options: PublishOptions) -> Result<Outcome<Vec<Published>>> {
    let PublishOptions { plan, push } = options;
    let plan = pipeline::plan(ctx, plan)?;
    for package in &plan.packages {
        package.repository("can't be published")?;
        package.tag.as_ref().ok_or_else(|| NoTag(package.name.clone()))?;
    }
    plan.has_distinct_references()?;
    if !matches!(push.destination, Destination::Registry(_)) {
        plan.has_one_package("--to")?;
    }
    pipeline::build(ctx, plan)?.and_then(|built| push_all(ctx, &push, built))
}

fn push_all(ctx: &Context, options: &PushOptions, built: Vec<Built>) -> Result<Vec<Published>> {
    let mut taken = Vec::new();
    let pushes = built.into_iter().map(|built| Push::prepare(ctx, options, built, &mut taken));
    let pushes = pushes.collect::<Result<Vec<_>>>()?;
    if !taken.is_empty() {
        return Err(Taken(taken).into());
    }
    let published = pushes.into_iter().map(|push| push.carry_out(ctx)).collect();
    if options.dry_run {
        ctx.shell.warn("nothing was pushed: this is a dry run");
    }
    published
}

/// A package has no tag to be pushed under.
#[derive(Debug, thiserror::Error)]
#[error("package `{0}` can't be published: it has no version that would make a tag")]
struct NoTag(String);

impl Explain for NoTag {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn help(&self) -> Vec<String> {
        vec!["give one with `--tag`".to_owned()]
    }
}

/// A push that only the registry can still refuse.
struct Push {
    built: Built,
    repository: Repository,
    layout: Layout,
    manifest: Blob,
    blobs: Vec<Descriptor>,
    sink: Box<dyn Sink>,
    tags: Vec<TagChange>,
}

impl Push {
    /// Looks at what is there. Tags that must not change are added to `taken`.
    fn prepare(ctx: &Context, options: &PushOptions, built: Built, taken: &mut Vec<Clash>) -> Result<Self> {
        let repository = built.settings.image.clone().expect("the plan was checked for a repository");
        let digest = built.packaged.image;
        let layout = Layout::at(built.directory.join("image"));
        let manifest = layout.resolve(ctx, &Reference::Digest(digest))?.ok_or(Gone(digest))?;
        let blobs = Manifest::read(&manifest.bytes)?.blobs().cloned().collect();
        let sink = match options.dry_run {
            false => options.destination.open(ctx, &repository, Scope::Push)?,
            true => Box::new(DryRun(options.destination.open(ctx, &repository, Scope::Pull)?)),
        };
        let mut tags = Vec::new();
        for tag in unique(built.tag.iter().chain(&options.more_tags)) {
            let before = sink.tagged(ctx, &tag)?;
            let is_protected =
                sink.protects_versions() && !options.force && built.version.as_ref() == Some(&tag);
            if let Some(there) = before.filter(|before| is_protected && *before != digest) {
                let difference = difference(ctx, &*sink, there, built.packaged.module);
                taken.push(Clash { name: format!("{repository}:{tag}"), there, here: digest, difference });
            }
            tags.push(TagChange { tag, before });
        }
        Ok(Push { built, repository, layout, manifest, blobs, sink, tags })
    }

    fn carry_out(self, ctx: &Context) -> Result<Published> {
        let started = Instant::now();
        let digest = self.manifest.descriptor.digest;
        let stale = self.tags.iter().filter(|change| change.before != Some(digest));
        let stale: Vec<Tag> = stale.map(|change| change.tag.clone()).collect();
        let uploaded = if stale.is_empty() {
            ctx.shell.status("Unchanged", format_args!("{} is {digest}", self.names()));
            0
        } else {
            let uploaded = self.write(ctx, &stale)?;
            self.show_moves(ctx);
            uploaded
        };
        let Push { built, repository, tags, .. } = self;
        Ok(Published { built, repository, tags, uploaded, time: started.elapsed() })
    }

    /// Writes the image under the tags that do not name it yet, and returns how many bytes of blobs were missing.
    fn write(&self, ctx: &Context, stale: &[Tag]) -> Result<u64> {
        let missing = self.sink.missing(ctx, self.blobs.clone())?;
        self.sink.announce(ctx, &self.names(), missing.len(), self.blobs.len());
        self.sink.write(
            ctx,
            &Transfer { source: &self.layout, manifest: &self.manifest, blobs: &missing, tags: stale },
        )?;
        Ok(missing.iter().map(|blob| blob.size).sum())
    }

    /// Whoever relied on a tag can find again what it named.
    fn show_moves(&self, ctx: &Context) {
        let moved = self.tags.iter().filter_map(|change| Some((&change.tag, change.before?)));
        for (tag, before) in moved.filter(|(_, before)| *before != self.manifest.descriptor.digest) {
            ctx.shell.status("Moving", format_args!("{}:{tag} from {before}", self.repository));
        }
    }

    /// `quay.io/acme/hello:0.1.0, latest`
    fn names(&self) -> String {
        let tags: Vec<&str> = self.tags.iter().map(|change| change.tag.as_str()).collect();
        format!("{}:{}", self.repository, tags.join(", "))
    }
}

fn unique<'t>(given: impl Iterator<Item = &'t Tag>) -> Vec<Tag> {
    let mut tags = Vec::new();
    for tag in given {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    tags
}

/// Somebody has removed the image since it was built.
#[derive(Debug, thiserror::Error)]
#[error("the image {0} was built, and is gone")]
struct Gone(Digest);

impl Explain for Gone {
    fn help(&self) -> Vec<String> {
        vec!["run the command again".to_owned()]
    }
}

/// How an image that is there already differs from the one that was built.
#[derive(Debug, thiserror::Error)]
enum Difference {
    #[error("the module differs")]
    Module,
    #[error(
        "the module is the same, and only the packaging differs (variant, annotations or root ids): there it is packed as {0}"
    )]
    Packaging(Packing),
    #[error("a mesh would not load what is there: {0}")]
    Unloadable(Unloadable),
    #[error("what is there could not be compared: {0}")]
    Unknown(Error),
}

/// Compares the module in the image `there` with `module`. The tag is protected, whatever comes of it.
fn difference(ctx: &Context, sink: &dyn Sink, there: Digest, module: Digest) -> Difference {
    let verdict = || {
        let manifest = sink.resolve(ctx, &Reference::Digest(there))?.ok_or(Gone(there))?;
        survey(ctx, sink, manifest)
    };
    match verdict() {
        Ok(Verdict::Loads(found)) if Digest::of(&found.bytes) == module => {
            Difference::Packaging(found.packing)
        }
        Ok(Verdict::Loads(_)) => Difference::Module,
        Ok(Verdict::Refuses(reason)) => Difference::Unloadable(reason),
        Err(error) => Difference::Unknown(error),
    }
}

/// The tag of a version names another image. Somebody else may still push to it between this look and the push:
/// a registry cannot write a tag only if it is new.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is {there}, and {here} was built: {difference}")]
struct Clash {
    name: String,
    there: Digest,
    here: Digest,
    difference: Difference,
}

/// The tags of versions would become other images.
#[derive(Debug, thiserror::Error)]
#[error("the tag of a version exists already, and would become another image{}", listed(_0))]
struct Taken(Vec<Clash>);

fn listed(clashes: &[Clash]) -> String {
    clashes.iter().map(|clash| format!("\n{clash}")).collect()
}

impl Explain for Taken {
    fn help(&self) -> Vec<String> {
        vec![
            "raise `version` in Cargo.toml, or push under another tag with `--tag`: whoever runs a version relies on it to stay what it is".to_owned(),
            "to replace it all the same, give `--force`".to_owned(),
        ]
    }
}
