//! Images that are written to the local file system instead of a registry.

use camino::Utf8Path;
use serde_json::Value;

use crate::support::layout::{Layout, sha256};
use crate::support::mesh;
use crate::support::program;
use crate::support::publishing::Filter;
use crate::support::registry::Registry;
use crate::support::running::{Said, start};

const REPOSITORY: &str = "quay.io/acme/bare";

/// The digest of the image at `place`, in skopeo's syntax with a path below the directory of the crate.
fn digest_in(filter: &Filter, place: &str) -> String {
    let (kind, path) = place.split_once(':').unwrap();
    let image = format!("{kind}:{}", filter.sandbox.path("bare").join(path));
    let inspected = program("skopeo").args(["inspect", "--raw", &image]).assert().success();
    sha256(&inspected.get_output().stdout)
}

#[test]
fn a_layout_takes_one_image_after_another() {
    let filter = Filter::new();
    let said = filter.published(REPOSITORY, &["--to", "oci-layout:images"]);
    let first = filter.digest();
    assert_eq!(said.stdout, format!("{REPOSITORY}@{first}\n"));
    filter.change("changed");
    filter.published(REPOSITORY, &["--to", "oci-layout:images:next"]);
    let second = filter.digest();
    filter.published(REPOSITORY, &["--to", "oci-layout:images", "--tag", "a", "--tag", "b"]);
    assert_eq!(digest_in(&filter, "oci:images:0.1.0"), first);
    for tag in ["next", "a", "b"] {
        assert_eq!(digest_in(&filter, &format!("oci:images:{tag}")), second);
    }
    let said = filter.published(REPOSITORY, &["--to", "oci-layout:images"]);
    assert!(
        said.stderr.contains(&format!("       Moved {REPOSITORY}:0.1.0 from {first}\n")),
        "{}",
        said.stderr
    );
    let index = Layout(filter.sandbox.path("bare/images")).index();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 4, "{index:#}");
}

#[test]
fn several_may_add_to_a_layout_at_once() {
    let filter = Filter::new();
    filter.published(REPOSITORY, &["--to", "oci-layout:images:first", "--dry-run"]);
    // Left over from a run that was killed.
    fs_err::create_dir_all(filter.sandbox.path("bare/images/blobs/sha256")).unwrap();
    let tags: Vec<String> = (0..8).map(|number| format!("t{number}")).collect();
    let place = |tag: &String| format!("oci-layout:images:{tag}");
    let running = tags.iter().map(|tag| start(&mut filter.command(REPOSITORY, &["--to", &place(tag)])));
    for child in running.collect::<Vec<_>>() {
        Said::of_output(child.wait_with_output().unwrap()).done();
    }
    let index = Layout(filter.sandbox.path("bare/images")).index();
    assert_eq!(index["manifests"].as_array().unwrap().len(), tags.len(), "{index:#}");
    assert_eq!(fs_err::read_dir(filter.sandbox.path("bare/images")).unwrap().count(), 3);
    let said = filter.published(REPOSITORY, &["--to", "oci-layout:images:t0"]);
    assert!(said.stderr.contains("   Unchanged "), "{}", said.stderr);
}

#[test]
fn several_may_write_an_archive_at_once() {
    let filter = Filter::new();
    filter.published(REPOSITORY, &["--to", "oci-archive:bare.tar"]);
    let whole = fs_err::read(filter.sandbox.path("bare/bare.tar")).unwrap();
    let running = (0..8).map(|_| start(&mut filter.command(REPOSITORY, &["--to", "oci-archive:bare.tar"])));
    for child in running.collect::<Vec<_>>() {
        Said::of_output(child.wait_with_output().unwrap()).done();
    }
    assert_eq!(fs_err::read(filter.sandbox.path("bare/bare.tar")).unwrap(), whole);
    assert_eq!(hidden(&filter.sandbox.path("bare")), [""; 0]);
}

/// The names in a directory that begin with a dot.
fn hidden(directory: &Utf8Path) -> Vec<String> {
    let names = directory.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned());
    names.filter(|name| name.starts_with('.')).collect()
}

#[test]
fn the_next_run_removes_the_files_of_a_killed_one() {
    let filter = Filter::new();
    let (images, archives) = (filter.sandbox.path("bare/images"), filter.sandbox.path("bare/archives"));
    fs_err::create_dir(&archives).unwrap();
    let publish = || {
        filter.published(REPOSITORY, &["--to", "oci-layout:images"]);
        filter.published(REPOSITORY, &["--to", "oci-archive:archives/bare.tar"]);
    };
    publish();
    let blobs = images.join("blobs/sha256");
    let blob = format!(".{}.new-Ab12cd", "0".repeat(64));
    let abandoned = [
        images.join(".index.new-Ab12cd"),
        images.join(".oci-layout.new-Ab12cd"),
        archives.join(".bare.new-Ab12cd"),
        blobs.join(&blob),
    ];
    for path in &abandoned {
        fs_err::write(path, "half").unwrap();
    }
    let gc = || program("umoci").args(["gc", "--layout", images.as_str()]).assert();
    gc().failure();
    // These belong to a process that runs, and to another program.
    let used = [blobs.join(".1.new-Ef34gh"), archives.join(".bare.new-Ef34gh")];
    let locks = used.each_ref().map(|path| fs_err::File::create(path).unwrap());
    for lock in &locks {
        lock.file().try_lock().unwrap();
    }
    fs_err::write(archives.join(".other.new-Ab12cd"), "theirs").unwrap();
    filter.change("changed");
    publish();
    assert_eq!(hidden(&images), [""; 0]);
    assert_eq!(hidden(&blobs), [".1.new-Ef34gh"]);
    let mut left = hidden(&archives);
    left.sort();
    assert_eq!(left, [".bare.new-Ef34gh", ".other.new-Ab12cd"]);
    drop(locks);
    // Although there is nothing to write.
    publish();
    assert_eq!(hidden(&blobs), [""; 0]);
    gc().success();
    assert_eq!(digest_in(&filter, "oci:images:0.1.0"), filter.digest());
}

#[test]
fn an_archive_replaces_the_target_of_a_link() {
    let filter = Filter::new();
    filter.sandbox.write("bare/real.tar", "");
    std::os::unix::fs::symlink("real.tar", filter.sandbox.path("bare/link.tar")).unwrap();
    filter.published(REPOSITORY, &["--to", "oci-archive:link.tar:0.1.0"]);
    assert!(fs_err::symlink_metadata(filter.sandbox.path("bare/link.tar")).unwrap().is_symlink());
    assert_eq!(digest_in(&filter, "oci-archive:real.tar:0.1.0"), filter.digest());
}

#[test]
fn images_of_other_tools_stay_in_a_layout() {
    let filter = Filter::new();
    filter.published(REPOSITORY, &["--to", "oci-layout:images:theirs"]);
    let path = filter.sandbox.path("bare/images/index.json");
    let mut index: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    index["annotations"] = serde_json::json!({ "a": "b" });
    index["manifests"][0]["platform"] = serde_json::json!({ "os": "linux", "architecture": "arm64" });
    fs_err::write(&path, index.to_string()).unwrap();
    filter.published(REPOSITORY, &["--to", "oci-layout:images:ours"]);
    let after: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    assert_eq!(
        (&after["annotations"], &after["manifests"][0]),
        (&index["annotations"], &index["manifests"][0])
    );
}

#[test]
fn an_archive_can_be_copied_with_its_digest() {
    let registry = Registry::open();
    let filter = Filter::new();
    for variant in ["oci", "compat"] {
        filter.published(REPOSITORY, &["--to", "oci-archive:bare.tar", "--variant", variant]);
        assert_eq!(digest_in(&filter, "oci-archive:bare.tar:0.1.0"), filter.digest());
        let source = format!("oci-archive:{}:0.1.0", filter.sandbox.path("bare/bare.tar"));
        let target = format!("docker://{}:{variant}", registry.repository("acme/bare"));
        program("skopeo").args(["copy", "--dest-tls-verify=false", &source, &target]).assert().success();
        let url = format!("oci://{}:{variant}@{}", registry.repository("acme/bare"), filter.digest());
        assert_eq!(mesh::load(&url, None).unwrap(), filter.module());
    }
    let first = fs_err::read(filter.sandbox.path("bare/bare.tar")).unwrap();
    filter.published(REPOSITORY, &["--to", "oci-archive:bare.tar", "--variant", "compat"]);
    assert_eq!(fs_err::read(filter.sandbox.path("bare/bare.tar")).unwrap(), first);
}

#[test]
fn a_dry_run_writes_no_layout_or_archive() {
    let filter = Filter::new();
    for place in ["oci-layout:images", "oci-archive:bare.tar"] {
        let said = filter.published(REPOSITORY, &["--to", place, "--dry-run"]);
        assert!(said.stderr.contains("warning: nothing was written: this is a dry run\n"), "{}", said.stderr);
        assert!(said.stderr.contains(&format!(" Would write {REPOSITORY}:0.1.0 to ")), "{}", said.stderr);
        assert!(!said.stderr.contains("Writing"), "{}", said.stderr);
        assert!(!filter.sandbox.path("bare").join(place.split_once(':').unwrap().1).exists());
    }
}
