//! Packages that would replace each other's image or resource.

use crate::error::Explain;
use crate::ops::pipeline::plan::{PackagePlan, Plan};
use crate::resource::{Field, Kind};

impl Plan {
    /// Checks that no two packages have the same image reference, because the second push would move the tag of the first.
    ///
    /// # Errors
    ///
    /// If two packages have the same repository and the same tag.
    pub fn has_distinct_references(&self) -> Result<(), SameReference> {
        let reference = |package: &PackagePlan| Some((package.settings.image.clone()?, package.tag.clone()?));
        match self.clash(|package| reference(package).into_iter().collect()) {
            None => Ok(()),
            Some((packages, (image, tag))) => Err(SameReference {
                packages,
                reference: format!("{image}:{tag}"),
                is_from_flag: self.has_image_flag,
            }),
        }
    }

    /// Checks that no two packages write the same resource, because the cluster would keep only the second.
    ///
    /// # Errors
    ///
    /// If two resources have the same kind, namespace and name.
    pub fn has_distinct_resources(&self) -> Result<(), SameResource> {
        let resource = |package: &PackagePlan| {
            let kind = package.settings.kind;
            let name = text(package, &["metadata", "name"])?;
            (kind != Kind::Envoy && package.has_resource()).then(|| (kind.name(), namespace(package), name))
        };
        match self.clash(|package| resource(package).into_iter().collect()) {
            None => Ok(()),
            Some((packages, (kind, namespace, name))) => {
                Err(SameResource { packages, kind, name: in_namespace(namespace, name) })
            }
        }
    }

    /// Checks that no two packages write a policy of Envoy Gateway for the same target, because Envoy Gateway accepts only
    /// one for each.
    ///
    /// # Errors
    ///
    /// If two policies have a target in common.
    pub fn has_distinct_targets(&self) -> Result<(), SameTarget> {
        let targets = |package: &PackagePlan| {
            if package.settings.kind != Kind::EnvoyExtensionPolicy || !package.has_resource() {
                return Vec::new();
            }
            let targets = package.draft.targets();
            let key = |target: &Field<'_>| {
                let text = |key| target.get(key).and_then(|field| field.as_str()).unwrap_or_default();
                (namespace(package), ["kind", "name", "sectionName"].map(|key| text(key).to_owned()))
            };
            targets.iter().map(key).collect()
        };
        match self.clash(targets) {
            None => Ok(()),
            Some((packages, (namespace, [kind, name, section]))) => {
                let section = if section.is_empty() { section } else { format!(" (`{section}`)") };
                let name = in_namespace(namespace, name);
                Err(SameTarget { packages, target: format!("{kind} `{name}`{section}") })
            }
        }
    }

    /// The first two packages that have one of their `keys` in common, and that key.
    fn clash<K: PartialEq>(&self, keys: impl Fn(&PackagePlan) -> Vec<K>) -> Option<([String; 2], K)> {
        let all: Vec<_> = self.packages.iter().map(|package| (package, keys(package))).collect();
        let mut found = None;
        for (index, (package, own)) in all.iter().enumerate() {
            for (other, others) in &all[..index] {
                if found.is_none()
                    && let Some(position) = own.iter().position(|key| others.contains(key))
                {
                    found = Some(([other, package].map(|package| package.name.clone()), index, position));
                }
            }
        }
        let (packages, index, position) = found?;
        let key = all.into_iter().nth(index)?.1.into_iter().nth(position)?;
        Some((packages, key))
    }
}

fn text(package: &PackagePlan, path: &[&str]) -> Option<String> {
    package.draft.root().at(path)?.as_str().map(str::to_owned)
}

fn namespace(package: &PackagePlan) -> Option<String> {
    text(package, &["metadata", "namespace"])
}

fn in_namespace(namespace: Option<String>, name: String) -> String {
    namespace.map(|namespace| format!("{namespace}/{name}")).unwrap_or(name)
}

/// Two packages have the same image reference.
#[derive(Debug, thiserror::Error)]
#[error("`{}` and `{}` would both be pushed to `{reference}`", packages[0], packages[1])]
pub struct SameReference {
    packages: [String; 2],
    reference: String,
    is_from_flag: bool,
}

impl Explain for SameReference {
    fn help(&self) -> Vec<String> {
        if self.is_from_flag {
            return vec![
                "use `{name}`, which is replaced with the name of the package: `--image 'quay.io/acme/{name}'`".to_owned(),
                "or select one package with `-p`".to_owned(),
            ];
        }
        let set = "set a different `image` for each package; in `[workspace.metadata.wasmplugin]`, `{name}` is replaced with the package name: `image = \"quay.io/acme/{name}\"`";
        vec![set.to_owned()]
    }
}

/// Two packages write the same resource.
#[derive(Debug, thiserror::Error)]
#[error("`{}` and `{}` would both write the {kind} `{name}`", packages[0], packages[1])]
pub struct SameResource {
    packages: [String; 2],
    kind: &'static str,
    name: String,
}

impl Explain for SameResource {
    fn help(&self) -> Vec<String> {
        vec![
            "set a different `metadata.name` in each wasmplugin.yaml; without one, it is the name of the package"
                .to_owned(),
        ]
    }
}

/// Two packages write a policy for the same target.
#[derive(Debug, thiserror::Error)]
#[error("`{}` and `{}` would both write an EnvoyExtensionPolicy for the {target}", packages[0], packages[1])]
pub struct SameTarget {
    packages: [String; 2],
    target: String,
}

impl Explain for SameTarget {
    fn help(&self) -> Vec<String> {
        vec![
            "Envoy Gateway accepts only one policy for each target, and marks the other one as Conflicted: name different targets, such as the routes of a Gateway"
                .to_owned(),
            "or write one policy that lists both filters, and fill in the digests with `cargo wasmplugin resolve`"
                .to_owned(),
        ]
    }
}
