//! `publish`: build, push, and read back what was pushed.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::image::{Blob, Image, Manifest};
use crate::ops::build::{self, BuildOptions, Built};
use crate::reference::{Repository, Tag};
use crate::resource::Resource;
use crate::transport::registry::{Access, Registry, Tagged};
use crate::transport::{archive, layout};

/// What is published, and where.
#[derive(Debug)]
pub struct PublishOptions {
    /// What is built first. Its tag is the first of those that are published.
    pub build: BuildOptions,
    /// Where the images go.
    pub destination: Destination,
    /// Further tags.
    pub more_tags: Vec<Tag>,
    /// Whether the tag of a version may change what it names.
    pub force: bool,
    /// Whether all is done but the push.
    pub dry_run: bool,
}

/// Where an image goes.
#[derive(Debug, Clone)]
pub enum Destination {
    /// The registry that its repository names.
    Registry(Access),
    /// An OCI image layout in a folder.
    Layout(Utf8PathBuf),
    /// The same as one tar file.
    Archive(Utf8PathBuf),
}

/// A package that was published.
#[derive(Debug)]
pub struct Published {
    /// What was built.
    pub built: Built,
    /// Where its image was pushed to, or would have been.
    pub repository: Repository,
    /// Under which tags, in the order in which they were given.
    pub tags: Vec<TagChange>,
    /// How many bytes of blobs the registry did not have.
    pub uploaded: usize,
    /// How long it took to write.
    pub time: Duration,
}

/// A tag, and what it named before.
#[derive(Debug, Clone)]
pub struct TagChange {
    /// The tag.
    pub tag: Tag,
    /// The digest that it named; nothing where it is new.
    pub before: Option<Digest>,
}

/// Publishes the packages; they come in the order of their names.
///
/// # Errors
///
/// Where one cannot be built or pushed. The tags that were not reached name what they named before, and before
/// a version's tag is refused nothing is pushed, of no package.
pub fn publish(ctx: &Context, options: &PublishOptions) -> Result<Vec<Published>> {
    let built = build::build(ctx, &options.build)?;
    let pushes = built.into_iter().map(|built| Push::prepare(ctx, options, built));
    let pushes = pushes.collect::<Result<Vec<_>>>()?;
    let taken: Vec<_> = pushes.iter().flat_map(|push| push.taken.iter().cloned()).collect();
    if !taken.is_empty() {
        return Err(Taken(taken).into());
    }
    let published = pushes.into_iter().map(|push| push.carry_out(ctx, options)).collect();
    if options.dry_run {
        ctx.shell.warn("nothing was pushed: this is a dry run");
    }
    published
}

/// A push of which nothing is refused any more but by the registry.
struct Push {
    built: Built,
    repository: Repository,
    image: Image,
    place: Place,
    tags: Vec<TagChange>,
    /// The tags that must not change.
    taken: Vec<Clash>,
}

/// A [`Destination`] that can be written to.
enum Place {
    Registry(Box<Registry>),
    Layout(Utf8PathBuf),
    Archive(Utf8PathBuf),
}

impl Push {
    fn prepare(ctx: &Context, options: &PublishOptions, built: Built) -> Result<Self> {
        let repository = built.settings.image.clone().expect("nothing is built for this without an image");
        let image = layout::read(&built.folder.join("image"), built.packaged.image)?;
        let names_image = |resource: &Resource| resource.to_yaml().contains(&built.packaged.image.hex());
        if !built.resource.as_ref().is_none_or(names_image) {
            ctx.shell.warn(format_args!(
                "the resource of `{}` loads something else than the image that is pushed: its url is no `oci://`",
                built.name
            ));
        }
        let tags = tags(built.tag.iter().chain(&options.more_tags));
        let place = match &options.destination {
            Destination::Registry(access) => {
                Place::Registry(Box::new(Registry::open(ctx, &repository, access)?))
            }
            Destination::Layout(folder) => Place::Layout(ctx.cwd.join(folder)),
            Destination::Archive(file) => Place::Archive(ctx.cwd.join(file)),
        };
        let mut taken = Vec::new();
        let before = match &place {
            Place::Registry(registry) => {
                let mut before = Vec::new();
                for tag in &tags {
                    let found = registry.tagged(ctx, tag)?;
                    if let Some(found) = found.as_ref().filter(|_| !options.force) {
                        taken.extend(clash(ctx, &built, &repository, registry, tag, found));
                    }
                    before.push(found.map(|found| found.digest));
                }
                before
            }
            Place::Layout(folder) => layout::tagged(folder, &tags)?,
            Place::Archive(_) => vec![None; tags.len()],
        };
        let tags = tags.into_iter().zip(before).map(|(tag, before)| TagChange { tag, before }).collect();
        Ok(Push { built, repository, image, place, tags, taken })
    }

    fn carry_out(self, ctx: &Context, options: &PublishOptions) -> Result<Published> {
        let started = Instant::now();
        let digest = self.image.digest();
        let stale: Vec<&Tag> = self
            .tags
            .iter()
            .filter(|change| change.before != Some(digest))
            .map(|change| &change.tag)
            .collect();
        let uploaded = if stale.is_empty() {
            ctx.shell.status("Unchanged", format_args!("{} is {digest}", self.names()));
            0
        } else {
            let uploaded = self.write(ctx, options, &stale)?;
            self.tell_moves(ctx);
            uploaded
        };
        let Push { built, repository, tags, .. } = self;
        Ok(Published { built, repository, tags, uploaded, time: started.elapsed() })
    }

    /// Writes the image under the tags that do not name it yet; how many bytes of blobs were missing comes back.
    fn write(&self, ctx: &Context, options: &PublishOptions, stale: &[&Tag]) -> Result<usize> {
        match &self.place {
            Place::Registry(registry) => self.push(ctx, options, registry, stale),
            Place::Layout(folder) => {
                ctx.shell.status("Writing", format_args!("{} to {}", self.names(), ctx.shown(folder)));
                if !options.dry_run {
                    layout::add(ctx, folder, &self.image, &self.tag_names())?;
                }
                Ok(0)
            }
            Place::Archive(file) => {
                ctx.shell.status("Writing", format_args!("{} to {}", self.names(), ctx.shown(file)));
                if !options.dry_run {
                    archive::write(file, &self.image, &self.tag_names())?;
                }
                Ok(0)
            }
        }
    }

    /// Blobs first, then the manifest under each tag.
    fn push(
        &self,
        ctx: &Context,
        options: &PublishOptions,
        registry: &Registry,
        stale: &[&Tag],
    ) -> Result<usize> {
        let missing = registry.missing(ctx, &self.image)?;
        let size = missing.iter().map(|blob: &&Blob| blob.bytes.len()).sum();
        let blobs = self.image.blobs().count();
        ctx.shell.status("Pushing", format_args!("{} ({} of {blobs} blobs)", self.names(), missing.len()));
        if options.dry_run {
            return Ok(size);
        }
        if !missing.is_empty() {
            registry.upload(ctx, &missing)?;
        }
        for tag in stale {
            registry.tag(ctx, tag, &self.image, self.built.settings.variant)?;
            let digest = self.image.digest();
            ctx.shell.status("Verified", format_args!("{}:{tag} is {digest}", self.repository));
        }
        Ok(size)
    }

    /// Whoever relied on a tag can find again what it named.
    fn tell_moves(&self, ctx: &Context) {
        let moved = self.tags.iter().filter_map(|change| Some((&change.tag, change.before?)));
        for (tag, before) in moved.filter(|(_, before)| *before != self.image.digest()) {
            ctx.shell.status("Moving", format_args!("{}:{tag} from {before}", self.repository));
        }
    }

    fn tag_names(&self) -> Vec<Tag> {
        self.tags.iter().map(|change| change.tag.clone()).collect()
    }

    /// `quay.io/acme/hello:0.1.0, latest`
    fn names(&self) -> String {
        let tags: Vec<&str> = self.tags.iter().map(|change| change.tag.as_str()).collect();
        format!("{}:{}", self.repository, tags.join(", "))
    }
}

fn tags<'t>(given: impl Iterator<Item = &'t Tag>) -> Vec<Tag> {
    let mut tags = Vec::new();
    for tag in given {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    tags
}

/// What the tag of the version names in the place of the image. Between this look and the push there is time for
/// somebody else: a registry has no way to write a tag only where it is new.
fn clash(
    ctx: &Context,
    built: &Built,
    repository: &Repository,
    registry: &Registry,
    tag: &Tag,
    found: &Tagged,
) -> Option<Clash> {
    let here = built.packaged.image;
    if built.version.as_ref() != Some(tag) || found.digest == here {
        return None;
    }
    let difference = difference(ctx, built, registry, found);
    Some(Clash { name: format!("{repository}:{tag}"), there: found.digest, here, difference })
}

/// What is other about an image that is there already.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Difference {
    #[error("the module differs")]
    Module,
    #[error("the module is the same, and only the packaging differs: variant, annotations or root ids")]
    Packaging,
    #[error("what is there is no filter that a mesh would load")]
    Kind,
}

fn difference(ctx: &Context, built: &Built, registry: &Registry, found: &Tagged) -> Difference {
    let layer = Manifest::read(&found.manifest).ok().and_then(|manifest| manifest.module());
    // The refusal stands, whatever comes of the look at the reason.
    let module = layer.and_then(|layer| layer.digest(|part| registry.blob(ctx, part)).ok().flatten());
    match module {
        Some(module) if module == built.packaged.module => Difference::Packaging,
        Some(_) => Difference::Module,
        None => Difference::Kind,
    }
}

/// The tag of a version names another image.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{name}` is {there}, and {here} was built: {difference}")]
struct Clash {
    name: String,
    there: Digest,
    here: Digest,
    difference: Difference,
}

/// Tags of versions would become other images.
#[derive(Debug, thiserror::Error)]
#[error("the tag of a version is there already, and would become another image{}", listed(_0))]
struct Taken(Vec<Clash>);

fn listed(clashes: &[Clash]) -> String {
    clashes.iter().map(|clash| format!("\n{clash}")).collect()
}

impl Explain for Taken {
    fn help(&self) -> Vec<String> {
        vec![
            "raise `version` in Cargo.toml, or push under another tag with `--tag`: who runs a version relies on it to stay what it is".to_owned(),
            "to replace it all the same, give `--force`".to_owned(),
        ]
    }
}
