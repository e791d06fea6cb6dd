//! What was added to the WasmPlugin after Istio 1.12, its first version.
//!
//! `tests/fixtures/wasmplugin-fields.txt` is the record of all versions.

use crate::mesh::Mesh;
use crate::resource::field::Field;

/// A field of the WasmPlugin, or a value of a field, that older versions don't know.
#[derive(Debug, PartialEq, Eq)]
pub struct Addition {
    /// The path of the field from the root of the document. A field with the suffix `[]` is a list.
    path: &'static str,
    /// The value, if the field itself is older.
    pub value: Option<&'static str>,
    /// The first minor version of Istio that knows it.
    pub since: u8,
    /// What happens if the API server drops the field.
    pub without: &'static str,
    /// What to write for an older mesh.
    pub cure: &'static str,
}

pub(super) const ADDITIONS: &[Addition] = &[
    Addition {
        path: "spec.vmConfig",
        value: None,
        since: 14,
        without: "the filter doesn't get its environment variables",
        cure: "pass the values in `pluginConfig`",
    },
    Addition {
        path: "spec.match",
        value: None,
        since: 16,
        without: "the filter runs on all traffic",
        cure: "remove it, and let the filter skip other traffic: its property `listener_direction` is 1 for inbound and 2 \
               for outbound",
    },
    Addition {
        path: "spec.failStrategy",
        value: None,
        since: 19,
        without: "requests fail after the filter has crashed",
        cure: "remove it: requests always fail after the filter has crashed, as with `FAIL_CLOSE`",
    },
    value("spec.failStrategy", "FAIL_RELOAD", 27, "write `FAIL_CLOSE` or `FAIL_OPEN`"),
    Addition {
        path: "spec.type",
        value: None,
        since: 20,
        without: "the filter runs as an HTTP filter",
        cure: "remove it: the type is always `HTTP`",
    },
    Addition {
        path: "spec.targetRef",
        value: None,
        since: 20,
        without: "the filter runs in all pods of the namespace",
        cure: "select the pods by label, with `selector`",
    },
    value("spec.targetRef.kind", "Service", 22, NO_TARGET),
    value("spec.targetRef.kind", "ServiceEntry", 24, NO_TARGET),
    value("spec.targetRef.kind", "GatewayClass", 25, "name each Gateway of the class"),
    Addition {
        path: "spec.targetRefs",
        value: None,
        since: 22,
        without: "the filter runs in all pods of the namespace",
        cure: "select the pods by label, with `selector`; from Istio 1.20 on, `targetRef` names one Gateway",
    },
    value("spec.targetRefs[].kind", "ServiceEntry", 24, NO_TARGET),
    value("spec.targetRefs[].kind", "GatewayClass", 25, "name each Gateway of the class"),
];

const NO_TARGET: &str = "name a Gateway instead, or select the pods by label, with `selector`";

const fn value(path: &'static str, value: &'static str, since: u8, cure: &'static str) -> Addition {
    Addition { path, value: Some(value), since, without: "", cure }
}

impl Addition {
    /// Whether the mesh knows neither the value nor, because it is older still, the field that has it. Only the field
    /// is then reported.
    pub fn is_first_unknown_to(&self, mesh: &Mesh) -> bool {
        let is_unknown = |addition: &Addition| mesh.istio().is_some_and(|istio| istio < addition.since);
        let is_outer = |other: &&Addition| self.value.is_some() && other.contains(self);
        is_unknown(self) && !ADDITIONS.iter().filter(is_outer).any(is_unknown)
    }

    /// Whether this is the field itself that `value` is a value of, or a field around it.
    fn contains(&self, value: &Addition) -> bool {
        self.value.is_none() && is_below(value.path, self.path)
    }

    /// The places in a document that have the field or the value.
    fn find<'d>(&self, document: &Field<'d>) -> Vec<Field<'d>> {
        let mut found = vec![document.clone()];
        for key in self.path.split('.') {
            let (key, is_list) = key.strip_suffix("[]").map_or((key, false), |key| (key, true));
            found = found.iter().filter_map(|field| field.get(key)).collect();
            if is_list {
                found = found.iter().flat_map(|list| list.items().collect::<Vec<_>>()).collect();
            }
        }
        found.retain(|field| self.value.is_none_or(|value| field.as_str() == Some(value)));
        found
    }
}

/// The additions that a document uses, and where, in the order of the document.
pub(in crate::resource) fn used<'d>(document: &Field<'d>) -> Vec<(Field<'d>, &'static Addition)> {
    let used = |addition: &'static Addition| {
        addition.find(document).into_iter().map(move |field| (field, addition)).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = ADDITIONS.iter().flat_map(used).collect();
    all.sort_by_key(|(field, _)| field.span().start);
    all
}

/// Whether all `meshes` know the field at this path.
pub fn is_known_to(path: &str, meshes: &[&Mesh]) -> bool {
    let since = since(path, None);
    meshes.iter().all(|mesh| mesh.istio().is_none_or(|istio| istio >= since))
}

/// The first minor version of Istio that knows the field at this path, or a value of it.
fn since(path: &str, value: Option<&str>) -> u8 {
    let is_meant = |addition: &&Addition| match addition.value {
        None => is_below(path, addition.path),
        known => known == value && addition.path == path,
    };
    ADDITIONS.iter().filter(is_meant).map(|addition| addition.since).max().unwrap_or(FIRST)
}

/// The first minor version of Istio that has WasmPlugins.
const FIRST: u8 = 12;

/// Whether `path` is `outer` or below it.
fn is_below(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::mesh;
    use crate::resource::kinds::target::TARGET_KINDS;
    use crate::resource::kinds::wasm_plugin::schema;

    const RECORD: &str = include_str!("../../../tests/fixtures/wasmplugin-fields.txt");

    /// Each field and each value (`FIELD=VALUE`), with its first versions of Istio and of OpenShift Service Mesh 2.
    fn record() -> BTreeMap<&'static str, (u8, Option<u8>)> {
        let minor = |version: &str| version.split_once('.').map(|(_, minor)| minor.parse().unwrap());
        let row = |line: &'static str| match line.split(' ').collect::<Vec<_>>()[..] {
            [part, istio, ossm] => (part, (minor(istio).unwrap(), minor(ossm))),
            _ => panic!("{line}"),
        };
        RECORD.lines().filter(|line| !line.starts_with('#')).map(row).collect()
    }

    #[test]
    fn the_schema_has_exactly_the_fields_and_values_of_the_newest_crd() {
        let is_of_istio = |part: &String| part.starts_with("spec.") && !part.ends_with(".sectionName");
        let mut known: Vec<_> = schema().parts().into_iter().filter(is_of_istio).collect();
        for kind in TARGET_KINDS.iter().filter(|kind| kind.is_of_istio()) {
            known.extend(
                ["spec.targetRef", "spec.targetRefs[]"].map(|target| format!("{target}.kind={}", kind.name)),
            );
        }
        known.sort();
        assert_eq!(known, record().into_keys().collect::<Vec<_>>());
    }

    #[test]
    fn every_part_is_known_since_the_version_of_its_crd() {
        for (part, (istio, _)) in record() {
            let (path, value) =
                part.split_once('=').map_or((part, None), |(path, value)| (path, Some(value)));
            assert_eq!(since(path, value), istio, "{part}");
        }
    }

    #[test]
    fn openshift_service_mesh_knows_what_its_istio_knows() {
        for (part, (istio, ossm)) in record() {
            for minor in 2..=6 {
                let mesh = mesh::find(&format!("ossm-2.{minor}")).unwrap();
                let is_known = ossm.is_some_and(|ossm| minor >= ossm);
                assert_eq!(mesh.istio().unwrap() >= istio, is_known, "{part} in {mesh}");
            }
        }
    }
}
