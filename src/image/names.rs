//! The names of files and media types in images.

/// The file in an archive that a mesh loads as the module.
pub const MODULE_FILE: &str = "plugin.wasm";

/// The file that contains the runtime configuration.
pub const RUNTIME_CONFIG_FILE: &str = "runtime-config.json";

/// The media type of the runtime configuration layer, and the artifact type.
pub(super) const CONFIG_LAYER: &str = "application/vnd.module.wasm.config.v1+json";

/// The media type of the module layer.
pub(super) const MODULE_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// The media type of a manifest in Docker format (image manifest version 2, schema 2).
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The media type of an index in Docker format.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// The media type of a gzipped layer in Docker format.
pub(super) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// The media types of Docker's older manifests, without and with a signature.
pub(super) const DOCKER_SCHEMA_1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
