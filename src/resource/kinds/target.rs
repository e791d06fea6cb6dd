//! The kinds of Kubernetes resources that a plugin can be attached to.

use crate::resource::field::Field;

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

/// The targets of a WasmPlugin.
pub(in crate::resource) fn targets<'d>(document: &Field<'d>) -> Vec<Field<'d>> {
    let list = document.at(&["spec", "targetRefs"]);
    let items = list.iter().flat_map(Field::items).collect::<Vec<_>>();
    document.at(&["spec", "targetRef"]).into_iter().chain(items).collect()
}
