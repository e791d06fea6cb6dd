//! The known meshes, and what the proxy in each of them supports.

use std::fmt;

use crate::text::{list, nearest};

/// A version of a mesh, or of Envoy without a mesh.
#[derive(Debug, PartialEq, Eq)]
pub struct Mesh {
    /// The name in settings: `istio-1.28`.
    pub name: &'static str,
    /// The minor version of Envoy: 36 for Envoy 1.36.
    pub envoy: u8,
}

/// A set of WASI functions that Envoy provides. Each set includes the previous ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WasiSet {
    /// Arguments, environment, clock, random numbers, standard output.
    A,
    /// Also the functions for preopened directories.
    B,
    /// Also `poll_oneoff`, `sched_yield`, `fd_fdstat_set_flags`.
    C,
    /// All of preview 1 except `proc_raise`.
    D,
}

/// A version of V8, Envoy's WebAssembly engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct V8(pub u8, pub u8);

impl fmt::Display for V8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl fmt::Display for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Mesh {
    /// The WASI functions that the proxy provides.
    ///
    /// The host library of Proxy-Wasm gained set B in November 2021, C in December 2024 and D in April 2026.
    /// Envoy 1.36 and 1.37 have C, 1.39 and 1.40 have D. If it isn't known in
    /// which release a set was added, a version is assumed to have the smaller set: 1.21 has A, 1.33 has B, 1.38 has C.
    pub fn wasi(&self) -> WasiSet {
        match self.envoy {
            ..=21 => WasiSet::A,
            22..=33 => WasiSet::B,
            34..=38 => WasiSet::C,
            39.. => WasiSet::D,
        }
    }

    /// The engine of the proxy, in the first release of the minor version.
    ///
    /// Patch releases since July 2025 (1.32.9, 1.33.6 and later) contain V8 12.9, but a mesh may run an older patch
    /// release. The exact engines of 1.35 and 1.38 aren't known; the oldest possible one is assumed.
    pub fn v8(&self) -> V8 {
        match self.envoy {
            ..=20 => V8(9, 2),
            21 => V8(9, 6),
            22 => V8(10, 0),
            23 => V8(10, 4),
            24..=34 => V8(10, 7),
            35 => V8(12, 9),
            36..=38 => V8(13, 8),
            39.. => V8(14, 6),
        }
    }

    /// The minor version of Istio in the mesh: 28 for Istio 1.28. `None` if it is an Envoy without a mesh.
    pub fn istio(&self) -> Option<u8> {
        (!self.is_bare_envoy()).then(|| self.envoy - 8)
    }

    /// Whether this is an Envoy without a mesh, and therefore without an API server for resources.
    pub fn is_bare_envoy(&self) -> bool {
        product(self) == "envoy"
    }
}

/// The known meshes. Istio 1.x contains Envoy 1.(x + 8). OpenShift Service Mesh (`ossm`) is based on Istio: 2.2 is Istio 1.12, 2.3 is 1.14, 2.4 is 1.16, 2.5 is 1.18, 2.6 is 1.20, 3.0 is 1.24, 3.1 is 1.26 and
/// 3.2 is 1.27. Within a product, the oldest comes first.
pub const MESHES: &[Mesh] = &[
    mesh("istio-1.12", 20),
    mesh("istio-1.13", 21),
    mesh("istio-1.14", 22),
    mesh("istio-1.15", 23),
    mesh("istio-1.16", 24),
    mesh("istio-1.17", 25),
    mesh("istio-1.18", 26),
    mesh("istio-1.19", 27),
    mesh("istio-1.20", 28),
    mesh("istio-1.21", 29),
    mesh("istio-1.22", 30),
    mesh("istio-1.23", 31),
    mesh("istio-1.24", 32),
    mesh("istio-1.25", 33),
    mesh("istio-1.26", 34),
    mesh("istio-1.27", 35),
    mesh("istio-1.28", 36),
    mesh("istio-1.29", 37),
    mesh("istio-1.30", 38),
    mesh("istio-1.31", 39),
    mesh("ossm-2.2", 20),
    mesh("ossm-2.3", 22),
    mesh("ossm-2.4", 24),
    mesh("ossm-2.5", 26),
    mesh("ossm-2.6", 28),
    mesh("ossm-3.0", 32),
    mesh("ossm-3.1", 34),
    mesh("ossm-3.2", 35),
    mesh("envoy-1.20", 20),
    mesh("envoy-1.21", 21),
    mesh("envoy-1.22", 22),
    mesh("envoy-1.23", 23),
    mesh("envoy-1.24", 24),
    mesh("envoy-1.25", 25),
    mesh("envoy-1.26", 26),
    mesh("envoy-1.27", 27),
    mesh("envoy-1.28", 28),
    mesh("envoy-1.29", 29),
    mesh("envoy-1.30", 30),
    mesh("envoy-1.31", 31),
    mesh("envoy-1.32", 32),
    mesh("envoy-1.33", 33),
    mesh("envoy-1.34", 34),
    mesh("envoy-1.35", 35),
    mesh("envoy-1.36", 36),
    mesh("envoy-1.37", 37),
    mesh("envoy-1.38", 38),
    mesh("envoy-1.39", 39),
    mesh("envoy-1.40", 40),
];

const fn mesh(name: &'static str, envoy: u8) -> Mesh {
    Mesh { name, envoy }
}

/// The three newest known versions of Istio, the default of the setting `mesh`.
pub fn newest() -> impl Iterator<Item = &'static Mesh> {
    let istio = || MESHES.iter().filter(|mesh| product(mesh) == "istio");
    istio().skip(istio().count().saturating_sub(3))
}

/// The mesh with this name.
///
/// # Errors
///
/// If there is no known mesh with this name.
pub fn find(name: &str) -> Result<&'static Mesh, UnknownMesh> {
    MESHES.iter().find(|mesh| mesh.name == name).ok_or_else(|| UnknownMesh {
        name: name.to_owned(),
        nearest: nearest(name, MESHES.iter().map(|mesh| mesh.name)),
    })
}

/// There is no known mesh with this name.
#[derive(Debug, thiserror::Error)]
#[error("unknown mesh `{}`", .name.escape_debug())]
pub struct UnknownMesh {
    name: String,
    nearest: Option<&'static str>,
}

impl UnknownMesh {
    /// A similar name, if there is one, and all names.
    pub fn help(&self) -> Vec<String> {
        let mut help = Vec::new();
        if let Some(nearest) = self.nearest {
            help.push(format!("a mesh with a similar name exists: `{nearest}`"));
        }
        let all: Vec<&Mesh> = MESHES.iter().collect();
        help.push(format!("the known meshes are {}", names(&all)));
        help
    }
}

/// The names of some meshes, in the order of the table. Neighbours are combined: `istio-1.12 to istio-1.14`.
pub fn names(meshes: &[&'static Mesh]) -> String {
    let mut indices: Vec<usize> =
        meshes.iter().filter_map(|mesh| MESHES.iter().position(|row| row == *mesh)).collect();
    indices.sort_unstable();
    indices.dedup();
    let runs = indices
        .chunk_by(|left, right| left + 1 == *right && product(&MESHES[*left]) == product(&MESHES[*right]));
    list(runs.flat_map(|run| match run {
        [first, _, .., last] => vec![format!("{} to {}", MESHES[*first], MESHES[*last])],
        few => few.iter().map(|index| MESHES[*index].to_string()).collect(),
    }))
}

fn product(mesh: &Mesh) -> &str {
    mesh.name.split_once('-').map_or(mesh.name, |(product, _)| product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_the_version_of_envoy() {
        for mesh in MESHES {
            let minor: u8 = mesh.name.rsplit('.').next().unwrap().parse().unwrap();
            match product(mesh) {
                "istio" => assert_eq!(mesh.envoy, minor + 8, "{mesh}"),
                "envoy" => assert_eq!(mesh.envoy, minor, "{mesh}"),
                other => assert_eq!(other, "ossm"),
            }
        }
    }

    #[test]
    fn the_default_is_the_newest_istio() {
        let names: Vec<_> = newest().map(|mesh| mesh.name).collect();
        assert_eq!(names, ["istio-1.29", "istio-1.30", "istio-1.31"]);
    }

    #[test]
    fn neighbours_are_combined() {
        let some = ["ossm-2.2", "istio-1.30", "istio-1.12", "istio-1.14", "istio-1.13", "istio-1.31"];
        let some = some.map(|name| find(name).unwrap());
        assert_eq!(names(&some), "istio-1.12 to istio-1.14, istio-1.30, istio-1.31 and ossm-2.2");
        assert_eq!(names(&[]), "");
    }

    #[test]
    fn a_similar_name_is_suggested() {
        assert_eq!(find("ossm-3.1").unwrap().envoy, 34);
        let error = find("istoi-1.28").unwrap_err();
        assert_eq!(error.nearest, Some("istio-1.28"));
        assert_eq!(
            error.help(),
            [
                "a mesh with a similar name exists: `istio-1.28`",
                "the known meshes are istio-1.12 to istio-1.31, ossm-2.2 to ossm-3.2 and envoy-1.20 to envoy-1.40"
            ]
        );
        assert_eq!(find("linkerd").unwrap_err().nearest, None);
    }
}
