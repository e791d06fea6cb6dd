//! The names by which the parts of an image are known: files and media types.

/// The file of the module in an archive, as the mesh looks for it.
pub const MODULE_FILE: &str = "plugin.wasm";

/// The file of the runtime configuration.
pub const RUNTIME_CONFIG_FILE: &str = "runtime-config.json";

/// The layer that is the runtime configuration, and the type of the whole artifact.
pub(super) const CONFIG_LAYER: &str = "application/vnd.module.wasm.config.v1+json";

/// The layer that is the module.
pub(super) const MODULE_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// The manifest of an image in Docker's format (image manifest version 2, schema 2).
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Docker's name for an index.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A gzipped layer in Docker's format.
pub(super) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Docker's older manifests, without and with a signature.
pub(super) const DOCKER_SCHEMA_1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
