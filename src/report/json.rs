//! The report for programs, documented in docs/json.md and docs/json.schema.json.

use std::fmt;

use serde::Serialize;

use crate::config::Choice as _;
use crate::diagnostics::source::Location;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::image::Descriptor;
use crate::ops::pipeline::{Built, PackageFindings};
use crate::ops::publish::Published;

/// The version of the document. It changes when a field is removed or changes its meaning.
const SCHEMA: u32 = 1;

/// The whole document.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The version of this document's schema.
    schema: u32,
    /// The packages that were built or judged, in the order of their names.
    packages: Vec<Package>,
}

/// A package. If the checks refuse any package, all packages have only `name` and `findings`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Package {
    /// The name of the package; with `--module`, `--name` or its default.
    name: String,
    #[serde(flatten)]
    built: Option<BuiltPackage>,
    /// The findings of the checks.
    findings: Vec<Finding>,
    /// What `publish` did.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<PublishedPackage>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct BuiltPackage {
    /// The absolute path of the output directory.
    directory: String,
    image: ImageReport,
    module: ModuleReport,
    /// The resource as JSON, of the kind that `--kind` selects; null if none was written.
    resource: Option<serde_json::Value>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ImageReport {
    /// The setting `image`; null if it isn't set.
    repository: Option<String>,
    /// The version of the package, or `--tag`; null with `--module` if no tag was given.
    tag: Option<String>,
    /// The digest of the manifest: `sha256:` and 64 hexadecimal digits.
    digest: String,
    /// `REPOSITORY@DIGEST`; null if there is no repository.
    reference: Option<String>,
    #[cfg_attr(test, schemars(extend("enum" = names::<crate::config::Variant>())))]
    variant: &'static str,
    /// The layers in the order of the manifest.
    layers: Vec<Layer>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    /// The digest of the layer as it is stored.
    digest: String,
    /// The size of the layer as it is stored, in bytes; for `compat`, the compressed size.
    size: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ModuleReport {
    /// The digest of `plugin.wasm`.
    digest: String,
    /// The size of `plugin.wasm` in bytes.
    size: u64,
    /// The size of the module after the compiler, in bytes.
    compiled_size: u64,
    /// The size of the module after the optimizer, before its names are removed, in bytes.
    optimized_size: u64,
    #[cfg_attr(test, schemars(extend("enum" = names::<crate::config::Optimize>())))]
    optimize: &'static str,
}

/// A finding of the checks.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Finding {
    /// The code of the rule.
    code: &'static str,
    severity: Severity,
    /// What is wrong, in one line.
    message: String,
    /// The places of the problem, the most important one first.
    places: Vec<PlaceReport>,
    /// What a proxy or a mesh does because of it; may be empty.
    reason: String,
    /// How to fix it.
    help: Vec<String>,
    /// The affected meshes; empty if the finding doesn't depend on the mesh.
    meshes: Vec<&'static str>,
}

/// A part of a module, an image, a resource or a file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PlaceReport {
    kind: PlaceKind,
    /// The item, the layer, the path of the field or the path of the file.
    name: String,
    /// The location in a file; null if it isn't in a file.
    location: Option<LocationReport>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
enum PlaceKind {
    /// An item of a module.
    Item,
    /// A layer of an image.
    Layer,
    /// A field of a resource.
    Field,
    /// A part of another file.
    File,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct LocationReport {
    /// The path of the file, as messages show it.
    file: String,
    /// The line number, starting at 1.
    line: usize,
    /// The column in characters, starting at 1.
    column: usize,
    /// A note about the location; may be empty.
    label: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PublishedPackage {
    /// Whether `--dry-run` was given, so that nothing was written.
    dry_run: bool,
    /// The tags, in the order of the options.
    tags: Vec<TagReport>,
    /// The size of the blobs that the registry didn't have, in bytes.
    uploaded_bytes: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct TagReport {
    tag: String,
    /// The digest that the tag named before; null if the tag is new, or in an archive.
    digest_before: Option<String>,
}

impl Report {
    pub(super) fn of_built(packages: &[Built]) -> Self {
        Report { schema: SCHEMA, packages: packages.iter().map(Package::built).collect() }
    }

    pub(super) fn of_published(packages: &[Published], dry_run: bool) -> Self {
        let package = |package: &Published| Package {
            published: Some(PublishedPackage::of(package, dry_run)),
            ..Package::built(&package.built)
        };
        Report { schema: SCHEMA, packages: packages.iter().map(package).collect() }
    }

    pub(super) fn of_refused(packages: &[PackageFindings]) -> Self {
        let package = |package: &PackageFindings| Package {
            name: package.name.clone(),
            built: None,
            findings: package.findings.iter().map(Finding::of).collect(),
            published: None,
        };
        Report { schema: SCHEMA, packages: packages.iter().map(package).collect() }
    }
}

/// Writes the document as indented JSON, with a newline at the end.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        writeln!(f, "{text}")
    }
}

impl Package {
    fn built(built: &Built) -> Self {
        let repository = built.settings.image.as_ref().map(ToString::to_string);
        let packaged = &built.packaged;
        let layer = |layer: &Descriptor| Layer {
            media_type: layer.media_type.to_string(),
            digest: layer.digest.to_string(),
            size: layer.size,
        };
        Package {
            name: built.name.clone(),
            built: Some(BuiltPackage {
                directory: built.directory.to_string(),
                image: ImageReport {
                    tag: built.tag.as_ref().map(ToString::to_string),
                    digest: packaged.image.to_string(),
                    reference: repository
                        .as_ref()
                        .map(|repository| format!("{repository}@{}", packaged.image)),
                    repository,
                    variant: built.settings.variant.name(),
                    layers: packaged.manifest.layers.iter().map(layer).collect(),
                },
                module: ModuleReport {
                    digest: packaged.module.to_string(),
                    size: packaged.sizes.stripped,
                    compiled_size: packaged.sizes.compiled.whole,
                    optimized_size: packaged.sizes.optimized,
                    optimize: built.settings.optimize.name(),
                },
                resource: built.resource.as_ref().map(|resource| resource.to_json()),
            }),
            findings: built.findings.iter().map(Finding::of).collect(),
            published: None,
        }
    }
}

impl Finding {
    fn of(diagnostic: &Diagnostic) -> Self {
        Finding {
            code: diagnostic.rule,
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            places: diagnostic.places.iter().map(PlaceReport::of).collect(),
            reason: diagnostic.reason.clone(),
            help: diagnostic.help.clone(),
            meshes: diagnostic.meshes.iter().map(|mesh| mesh.name).collect(),
        }
    }
}

impl PlaceReport {
    fn of(place: &Place) -> Self {
        let (kind, name) = match place {
            Place::Item(item) => (PlaceKind::Item, item.clone()),
            Place::Layer { .. } => (PlaceKind::Layer, place.to_string()),
            Place::Field { path, .. } => (PlaceKind::Field, path.clone()),
            Place::File(location) => (PlaceKind::File, location.file.path.to_string()),
        };
        PlaceReport { kind, name, location: place.location().map(LocationReport::of) }
    }
}

impl LocationReport {
    fn of(location: &Location) -> Self {
        let (line, column) = location.line_and_column();
        LocationReport { file: location.file.path.to_string(), line, column, label: location.label.clone() }
    }
}

impl PublishedPackage {
    fn of(published: &Published, dry_run: bool) -> Self {
        let tags = published.tags.iter().map(|change| TagReport {
            tag: change.tag.to_string(),
            digest_before: change.before.map(|digest| digest.to_string()),
        });
        PublishedPackage { dry_run, tags: tags.collect(), uploaded_bytes: published.uploaded }
    }
}

/// The names of a setting's values, for the schema.
#[cfg(test)]
fn names<C: crate::config::Choice>() -> Vec<&'static str> {
    C::names().collect()
}

#[cfg(test)]
mod tests {
    use snapbox::assert::DEFAULT_ACTION_ENV;
    use snapbox::{Assert, Data};

    use super::Report;

    #[test]
    fn the_schema_is_that_of_the_documentation() {
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap() + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.schema.json");
        let kept = Data::read_from(path.as_ref(), Some(snapbox::data::DataFormat::Text)).raw();
        Assert::new().action_env(DEFAULT_ACTION_ENV).eq(schema, kept);
    }
}
