//! The one way in which JSON is written whose bytes are hashed.

use serde::Serialize;

/// JSON with sorted keys and without white space. The types of oci-spec hold annotations in hash maps, whose
/// order changes from run to run.
pub fn canonical_json(value: &impl Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(value).expect("the keys of an image's documents are strings");
    value.sort_all_objects();
    serde_json::to_vec(&value).expect("a JSON value can be written")
}
