//! JSON that is hashed, and therefore must always have the same bytes.

use serde::Serialize;

/// JSON with sorted keys and without white space. The keys have to be sorted because oci-spec stores annotations in
/// hash maps, whose order changes from run to run.
pub fn canonical_json(value: &impl Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(value).expect("all keys are strings");
    value.sort_all_objects();
    serde_json::to_vec(&value).expect("a JSON value can always be serialized")
}
