//! The kinds of Kubernetes resources that a plugin can be attached to.

use std::fmt;
use std::str::FromStr;

use crate::resource::field::Field;
use crate::text::{nearest, quoted};
use crate::yaml::{Node, Value, mapping};

/// A kind of Kubernetes resource that a plugin can be attached to.
#[derive(Debug, PartialEq, Eq)]
pub struct TargetKind {
    /// The `kind`.
    pub name: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    by: AttachedBy,
}

/// Whose plugins can be attached to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AttachedBy {
    Istio,
    EnvoyGateway,
    Both,
}

const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// All kinds. Istio's webhook and Envoy Gateway's CRD compare both the kind and its group.
pub const TARGET_KINDS: &[TargetKind] = &[
    TargetKind { name: "Gateway", group: GATEWAY_API, by: AttachedBy::Both },
    TargetKind { name: "GatewayClass", group: GATEWAY_API, by: AttachedBy::Istio },
    TargetKind { name: "Service", group: "", by: AttachedBy::Istio },
    TargetKind { name: "ServiceEntry", group: "networking.istio.io", by: AttachedBy::Istio },
    TargetKind { name: "HTTPRoute", group: GATEWAY_API, by: AttachedBy::EnvoyGateway },
    TargetKind { name: "GRPCRoute", group: GATEWAY_API, by: AttachedBy::EnvoyGateway },
    TargetKind { name: "TCPRoute", group: GATEWAY_API, by: AttachedBy::EnvoyGateway },
    TargetKind { name: "TLSRoute", group: GATEWAY_API, by: AttachedBy::EnvoyGateway },
    TargetKind { name: "UDPRoute", group: GATEWAY_API, by: AttachedBy::EnvoyGateway },
];

impl TargetKind {
    /// The kind with this name.
    pub fn named(name: &str) -> Option<&'static TargetKind> {
        TARGET_KINDS.iter().find(|kind| kind.name == name)
    }

    /// Whether Istio's resources can name it as a target.
    pub fn is_of_istio(&self) -> bool {
        self.by != AttachedBy::EnvoyGateway
    }

    /// Whether policies of Envoy Gateway can name it as a target.
    pub fn is_of_envoy_gateway(&self) -> bool {
        self.by != AttachedBy::Istio
    }

    /// Whether this is its group. The core group has two spellings.
    pub fn is_in_group(&self, group: &str) -> bool {
        group == self.group || (self.group.is_empty() && group == "core")
    }
}

/// A target, written as `KIND/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRef {
    kind: &'static TargetKind,
    name: String,
}

/// A text that doesn't name a target.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTarget {
    /// It isn't `KIND/NAME`.
    #[error("`{}` is not a target", .0.escape_debug())]
    Syntax(String),
    /// Nothing can be attached to this kind.
    #[error("`{}` is not a kind of target", .0.escape_debug())]
    Kind(String),
}

impl InvalidTarget {
    /// What to write.
    pub fn help(&self) -> String {
        let names = TARGET_KINDS.iter().map(|kind| kind.name);
        match self {
            InvalidTarget::Syntax(_) => "write KIND/NAME, as in `HTTPRoute/shop`".to_owned(),
            InvalidTarget::Kind(kind) => match nearest(kind, names.clone()) {
                Some(similar) => format!("a similar kind exists: `{similar}`"),
                None => format!("the kinds are {}", quoted(names)),
            },
        }
    }
}

impl FromStr for TargetRef {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty());
        let (kind, name) = parts.ok_or_else(|| InvalidTarget::Syntax(text.to_owned()))?;
        let kind = TargetKind::named(kind).ok_or_else(|| InvalidTarget::Kind(kind.to_owned()))?;
        Ok(TargetRef { kind, name: name.to_owned() })
    }
}

impl fmt::Display for TargetRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.name, self.name)
    }
}

impl TargetRef {
    /// The item of `targetRefs`.
    pub(in crate::resource) fn to_node(&self) -> Node {
        let entries = [("group", self.kind.group), ("kind", self.kind.name), ("name", &self.name)];
        mapping(entries.map(|(key, value)| (key, Value::String(value.to_owned()).into())))
    }
}

/// The targets of a WasmPlugin.
pub(in crate::resource) fn targets<'d>(document: &Field<'d>) -> Vec<Field<'d>> {
    let list = document.at(&["spec", "targetRefs"]);
    let items = list.iter().flat_map(Field::items).collect::<Vec<_>>();
    document.at(&["spec", "targetRef"]).into_iter().chain(items).collect()
}
