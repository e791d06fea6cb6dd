use anstream::ColorChoice;
use camino::{Utf8Path, Utf8PathBuf};
use oci_spec::image::{ImageManifestBuilder, MediaType, SCHEMA_VERSION};

use super::archive::Archive;
use super::source::Source;
use super::{Layout, Sink, Transfer, survey};
use crate::context::{Context, Env};
use crate::image::{Blob, Descriptor, Image, Manifest, Verdict, canonical_json};
use crate::interrupt::Interrupt;
use crate::reference::{Reference, Tag};
use crate::shell::{Shell, Verbosity};

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn context() -> Context {
    let shell = Shell::new(Verbosity::Quiet, ColorChoice::Never);
    Context::new(shell, Env::of_process(), Interrupt::default()).unwrap()
}

fn image() -> Image {
    let config = Blob::new(MediaType::EmptyJSON, &b"{}"[..]);
    let module = Blob::new("application/vnd.module.wasm.content.layer.v1+wasm".into(), MODULE);
    // A blob whose size is not a multiple of the chunk size.
    let other = Blob::new("a/b".into(), vec![7; 300_001]);
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor.annotated(&[]))
        .layers([other.descriptor.annotated(&[]), module.descriptor.annotated(&[])])
        .build()
        .unwrap();
    let manifest = Blob::new(MediaType::ImageManifest, canonical_json(&manifest));
    Image { manifest, config, layers: vec![other, module] }
}

/// Copies an image, as `publish` does.
fn copy(
    ctx: &Context,
    source: &dyn Source,
    manifest: &Blob,
    sink: &dyn Sink,
    tags: &[Tag],
) -> Vec<Descriptor> {
    let blobs = Manifest::read(&manifest.bytes).unwrap().blobs().cloned().collect();
    let missing = sink.missing(ctx, blobs).unwrap();
    sink.write(ctx, &Transfer { source, manifest, blobs: &missing, tags }).unwrap();
    missing
}

#[test]
fn an_image_goes_through_every_source_and_sink() {
    let (ctx, image) = (context(), image());
    let temporary = tempfile::tempdir().unwrap();
    let directory = Utf8PathBuf::try_from(temporary.path().to_owned()).unwrap();
    let [tag, next]: [Tag; 2] = ["v1", "next"].map(|tag| tag.parse().unwrap());
    let by_tag = Reference::Tag(tag.clone());

    let layout = Layout::at(directory.join("layout"));
    assert!(layout.resolve(&ctx, &by_tag).unwrap().is_none());
    assert_eq!(copy(&ctx, &image, &image.manifest, &layout, &[tag.clone(), next]).len(), 3);
    let found = layout.resolve(&ctx, &by_tag).unwrap().unwrap();
    let archive = Archive::at(directory.join("image.tar"));
    assert_eq!(copy(&ctx, &layout, &found, &archive, std::slice::from_ref(&tag)).len(), 3);
    let found = archive.resolve(&ctx, &by_tag).unwrap().unwrap();
    let back = Layout::at(directory.join("back"));
    assert_eq!(copy(&ctx, &archive, &found, &back, std::slice::from_ref(&tag)).len(), 3);
    assert!(copy(&ctx, &archive, &found, &back, std::slice::from_ref(&tag)).is_empty());

    let sources: [&dyn Source; 4] = [&image, &layout, &archive, &back];
    for source in sources {
        let manifest = source.resolve(&ctx, &Reference::Digest(image.digest())).unwrap().unwrap();
        assert_eq!(manifest.descriptor, image.manifest.descriptor);
        let Verdict::Loads(module) = survey(&ctx, source, manifest).unwrap() else { panic!() };
        assert_eq!(module, MODULE);
        for blob in image.blobs() {
            assert_eq!(source.open(&ctx, &blob.descriptor).unwrap().read().unwrap(), blob.bytes);
        }
    }
    assert!(archive.resolve(&ctx, &Reference::Tag("other".parse().unwrap())).unwrap().is_none());
}

#[test]
fn an_archive_of_another_tool_is_read() {
    let (ctx, image) = (context(), image());
    let temporary = tempfile::tempdir().unwrap();
    let directory = Utf8PathBuf::try_from(temporary.path().to_owned()).unwrap();
    let tag: Tag = "v1".parse().unwrap();
    copy(&ctx, &image, &image.manifest, &Layout::at(directory.join("layout")), std::slice::from_ref(&tag));
    // As written by `tar -C layout -cf image.tar .`.
    let path = directory.join("image.tar");
    let mut archive = tar::Builder::new(fs_err::File::create(&path).unwrap());
    archive.append_dir_all("./", directory.join("layout")).unwrap();
    archive.into_inner().unwrap();
    let archive = Archive::at(path.clone());
    let manifest = archive.resolve(&ctx, &Reference::Tag(tag.clone())).unwrap().unwrap();
    assert_eq!(manifest.bytes, image.manifest.bytes);
    assert_eq!(
        archive.open(&ctx, &image.layers[0].descriptor).unwrap().read().unwrap(),
        image.layers[0].bytes
    );

    let refused = |path: &Utf8Path| {
        Archive::at(path.to_owned()).resolve(&ctx, &Reference::Tag(tag.clone())).unwrap_err().to_string()
    };
    fs_err::write(&path, "not a tar archive, and longer than its end ".repeat(40)).unwrap();
    assert!(refused(&path).contains("is not an OCI archive"));
    fs_err::write(&path, [0; 1024]).unwrap();
    assert!(refused(&path).contains("is not an OCI archive"));
}

#[test]
fn a_damaged_blob_is_not_written() {
    let (ctx, image) = (context(), image());
    let temporary = tempfile::tempdir().unwrap();
    let directory = Utf8PathBuf::try_from(temporary.path().to_owned()).unwrap();
    let tags = ["v1".parse().unwrap()];
    let layout = Layout::at(directory.join("layout"));
    copy(&ctx, &image, &image.manifest, &layout, &tags);
    let layer = &image.layers[0].descriptor;
    let blob = directory.join("layout/blobs/sha256").join(layer.digest.hex());
    let mut bytes = fs_err::read(&blob).unwrap();
    bytes[1000] ^= 1;
    fs_err::write(&blob, &bytes).unwrap();

    let blobs: Vec<_> = image.blobs().map(|blob| blob.descriptor.clone()).collect();
    let transfer = Transfer { source: &layout, manifest: &image.manifest, blobs: &blobs, tags: &tags };
    let copied = Layout::at(directory.join("copy"));
    assert!(copied.write(&ctx, &transfer).unwrap_err().to_string().contains("is damaged"));
    assert!(copied.tagged(&ctx, &tags[0]).unwrap().is_none());
    assert!(Archive::at(directory.join("a.tar")).write(&ctx, &transfer).is_err());
    assert!(!directory.join("a.tar").exists());
    // The damaged blob is replaced.
    assert_eq!(copy(&ctx, &image, &image.manifest, &layout, &tags), std::slice::from_ref(layer));
}
