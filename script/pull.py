"""Pulls the module of a published image, as a mesh does: `pull.py REPOSITORY@sha256:DIGEST FILE [LAYOUT]`.

Reads the image from the registry in the reference, over plain HTTP, or from the OCI image layout in the directory
LAYOUT. Doesn't use any code of cargo-wasmplugin, so that the two can't have the same bug.
"""

import hashlib
import json
import sys
import urllib.request
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MODULE = "application/vnd.module.wasm.content.layer.v1+wasm"


def main():
    reference, file, *layout = sys.argv[1:]
    name, _, digest = reference.partition("@")
    source = Layout(Path(layout[0])) if layout else Registry(name)
    manifest = verified(digest, source.manifest(digest))
    print(f"manifest  {digest}")
    layer = module_layer(json.loads(manifest))
    module = verified(layer["digest"], source.blob(layer["digest"]))
    if len(module) != layer["size"]:
        fail(f"the layer has {len(module)} bytes, but the manifest says {layer['size']}")
    if not module.startswith(b"\0asm"):
        fail("the layer is not a WebAssembly module")
    Path(file).write_bytes(module)
    print(f"module    {layer['digest']}, {len(module)} bytes")


class Registry:
    def __init__(self, name):
        host, _, repository = name.partition("/")
        self.url = f"http://{host}/v2/{repository}"

    def manifest(self, digest):
        return self.get(f"manifests/{digest}", {"Accept": MANIFEST})

    def blob(self, digest):
        return self.get(f"blobs/{digest}", {})

    def get(self, path, headers):
        request = urllib.request.Request(f"{self.url}/{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()


class Layout:
    def __init__(self, directory):
        self.directory = directory

    def manifest(self, digest):
        index = json.loads((self.directory / "index.json").read_bytes())
        if all(entry["digest"] != digest for entry in index["manifests"]):
            fail(f"{self.directory}/index.json does not name {digest}")
        return self.blob(digest)

    def blob(self, digest):
        return (self.directory / "blobs" / digest.replace(":", "/")).read_bytes()


def module_layer(manifest):
    """A mesh only loads an artifact with two layers. One is the module; the order doesn't matter."""
    layers = manifest.get("layers", [])
    modules = [layer for layer in layers if layer["mediaType"] == MODULE]
    if manifest.get("mediaType", MANIFEST) != MANIFEST or len(layers) != 2 or len(modules) != 1:
        fail(f"a mesh would not load this image: {json.dumps(manifest)}")
    return modules[0]


def verified(digest, content):
    found = "sha256:" + hashlib.sha256(content).hexdigest()
    if found != digest:
        fail(f"expected the digest {digest}, but got {found}")
    return content


def fail(message):
    sys.exit(f"pull: error: {message}")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        fail(error)
