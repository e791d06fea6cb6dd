//! Images of other tools under the tag of a version: `publish` says what a mesh does with them.

use serde_json::{Value, json};

use crate::support::foreign::{
    CONFIG_LAYER, DOCKER_LAYER, DOCKER_LIST, DOCKER_MANIFEST, Foreign, MODULE_LAYER, OCI_INDEX, OCI_LAYER,
    OCI_MANIFEST, gzip, tar,
};
use crate::support::mesh;
use crate::support::publishing::Filter;
use crate::support::registry::Registry;

const REPOSITORY: &str = "acme/bare";
const TAG: &str = "0.1.0";

/// A filter that was built, and a registry in which other tools push to the tag of its version.
struct Scene {
    registry: Registry,
    filter: Filter,
    module: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let (registry, filter) = (Registry::open(), Filter::new());
        filter.published(&registry.repository(REPOSITORY), &["--tag", "first"]);
        let module = filter.module();
        Scene { registry, filter, module }
    }

    fn foreign(&self) -> Foreign<'_> {
        Foreign { registry: &self.registry, repository: REPOSITORY }
    }

    /// Checks that `publish` refuses to replace the image, and agrees with a mesh about it. If there is a reason, the mesh
    /// refuses the image. Otherwise it loads the module that was built.
    fn is_judged(&self, what: &str, reason: Option<&str>) {
        let pulled = mesh::pull(self.registry.address(), REPOSITORY, TAG, None);
        assert_eq!(pulled.as_ref().ok(), reason.is_none().then_some(&self.module), "{what}: {pulled:?}");
        let said = self.filter.publish(&self.registry.repository(REPOSITORY), &[]);
        match reason {
            None => said.failed(&["the module is the same, and only the packaging differs"]),
            Some(reason) => said.failed(&["a mesh would not load the existing image: ", reason]),
        };
    }
}

#[test]
fn a_container_image_is_judged_as_by_a_mesh() {
    let scene = Scene::new();
    let module = ("plugin.wasm", &scene.module[..]);
    let layer = gzip(&tar(&[module]));
    let (head, tail) = (&tar(&[("README", b"x"), module])[..700], &tar(&[("README", b"x"), module])[700..]);
    let members = [gzip(head), gzip(tail)].concat();
    let nested = gzip(&tar(&[("opt/filter/plugin.wasm", &scene.module), ("plugin.wasm", b"not this")]));
    let none = gzip(&tar(&[("filter.wasm", &scene.module)]));
    let cut = gzip(&tar(&[module])[..600]);
    let text = gzip(&tar(&[("plugin.wasm", b"no module")]));
    let plain = tar(&[module]);
    for (what, layers, reason) in [
        ("one layer", &[&layer[..]][..], None),
        ("several members", &[&members], None),
        ("in a directory", &[&nested], None),
        ("the last of two layers", &[&none, &layer], None),
        ("the first of two layers", &[&layer, &none], Some("its last layer contains no `plugin.wasm`")),
        ("another name", &[&none], Some("its last layer contains no `plugin.wasm`")),
        ("cut off", &[&cut], Some("its last layer ends within `plugin.wasm`")),
        ("no module", &[&text], Some("its `plugin.wasm` is not a WebAssembly module")),
        ("not gzipped", &[&plain], Some("its last layer is not a gzipped tar archive")),
        ("no layers", &[], Some("it has no layers")),
    ] {
        for (manifest, kind) in [(DOCKER_MANIFEST, DOCKER_LAYER), (OCI_MANIFEST, OCI_LAYER)] {
            let layers: Vec<_> = layers.iter().map(|bytes| (kind, *bytes)).collect();
            scene.foreign().image(TAG, manifest, &layers);
            scene.is_judged(&format!("{what}, {manifest}"), reason);
        }
    }
    let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    for (manifest, kind) in [
        (DOCKER_MANIFEST, OCI_LAYER),
        (OCI_MANIFEST, DOCKER_LAYER),
        (OCI_MANIFEST, zstd),
        (OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar"),
    ] {
        scene.foreign().image(TAG, manifest, &[(kind, &layer)]);
        let reason = format!("the media type of its last layer is `{kind}` instead of `");
        scene.is_judged(&format!("{kind} in {manifest}"), Some(&reason));
    }
}

#[test]
fn an_artifact_is_judged_as_by_a_mesh() {
    let scene = Scene::new();
    let raw = (MODULE_LAYER, &scene.module[..]);
    let config = (CONFIG_LAYER, &b"{}"[..]);
    let gzipped = gzip(&scene.module);
    let archive = gzip(&tar(&[("README", b"x")]));
    for (what, layers, reason) in [
        ("the module first", &[raw, config][..], None),
        ("the module last", &[config, raw], None),
        ("an archive next to it", &[raw, (OCI_LAYER, &archive)], None),
        (
            "one layer",
            &[raw],
            Some("), and none as an artifact (the number of its layers is 1 instead of 2)"),
        ),
        ("three layers", &[config, raw, config], Some("the number of its layers is 3 instead of 2")),
        ("no module", &[config, config], Some("none of its layers has the media type `")),
        ("gzipped", &[config, (MODULE_LAYER, &gzipped)], Some("is not a WebAssembly module")),
    ] {
        scene.foreign().image(TAG, OCI_MANIFEST, layers);
        scene.is_judged(what, reason);
    }
    scene.foreign().image(TAG, DOCKER_MANIFEST, &[raw, config]);
    scene.is_judged("in Docker's format", Some("the media type of its last layer is `"));
}

#[test]
fn an_index_is_judged_as_by_a_mesh() {
    let scene = Scene::new();
    let layer = gzip(&tar(&[("plugin.wasm", &scene.module)]));
    let docker = scene.foreign().image("docker", DOCKER_MANIFEST, &[(DOCKER_LAYER, &layer)]);
    let oci =
        scene.foreign().image("oci", OCI_MANIFEST, &[(CONFIG_LAYER, b"{}"), (MODULE_LAYER, &scene.module)]);
    let other = scene.foreign().image("other", OCI_MANIFEST, &[(OCI_LAYER, b"x")]);
    let platform = |architecture: &str| json!({ "os": "linux", "architecture": architecture });
    for (what, kind, images, reason) in [
        ("amd64", OCI_INDEX, &[(&other, platform("arm64")), (&oci, platform("amd64"))][..], None),
        ("amd64 of Docker", DOCKER_LIST, &[(&docker, platform("amd64"))], None),
        ("no platform", OCI_INDEX, &[(&oci, Value::Null), (&other, platform("amd64"))], None),
        ("arm64", OCI_INDEX, &[(&oci, platform("arm64"))], Some("without an image for linux/amd64")),
        ("another amd64", OCI_INDEX, &[(&other, platform("amd64")), (&oci, platform("arm64"))], Some("gzip")),
        ("empty", OCI_INDEX, &[], Some("without an image for linux/amd64")),
    ] {
        scene.foreign().index(TAG, kind, images);
        scene.is_judged(what, reason);
    }
}

#[test]
fn what_cannot_be_read_is_not_called_unloadable() {
    let scene = Scene::new();
    let config = (CONFIG_LAYER, &b"{}"[..]);
    scene.foreign().image(TAG, OCI_MANIFEST, &[config, (MODULE_LAYER, &scene.module)]);
    let proxy = crate::support::proxy::Proxy::before(scene.registry.address());
    let refuse = crate::support::proxy::Action::answer(403, "");
    proxy.rule(crate::support::proxy::Rule::on("GET", "/blobs/", refuse));
    let said = scene.filter.publish(&proxy.repository(REPOSITORY), &[]);
    said.failed(&["the existing image could not be compared: could not read `", "--force"]);
}
