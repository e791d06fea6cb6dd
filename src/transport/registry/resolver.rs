//! The resolver of host names. A registry can name other servers, but not with a name that resolves to this machine:
//! otherwise, it could use this program to access services that only this machine can access.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Asks the system.
#[derive(Debug)]
pub(super) struct Resolver {
    /// The host of the registry.
    pub(super) registry: String,
    /// The hosts that the user has chosen as proxies.
    pub(super) proxies: Vec<String>,
}

/// A name only resolves to local addresses, and the registry has none.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` resolves to a local address")]
pub(super) struct LocalName(pub(super) String);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, registry) = (name.as_str().to_owned(), self.registry.clone());
        let is_chosen = name == registry || self.proxies.contains(&name);
        Box::pin(async move {
            let mut found = addresses(&name).await?;
            let has_local = |found: &[SocketAddr]| found.iter().any(|address| is_local(address.ip()));
            if !is_chosen
                && has_local(&found)
                && !addresses(&registry).await.is_ok_and(|found| has_local(&found))
            {
                found.retain(|address| !is_local(address.ip()));
                if found.is_empty() {
                    return Err(LocalName(name).into());
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

async fn addresses(name: &str) -> io::Result<Vec<SocketAddr>> {
    // The caller knows the port.
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}

/// Whether it is an address of this machine or of a service of its own network link, such as the metadata service of a
/// cloud.
pub(super) fn is_local(address: IpAddr) -> bool {
    let v4 = |address: Ipv4Addr| address.is_loopback() || address.is_link_local() || address.is_unspecified();
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => v4(address),
            None => address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local(),
        },
    }
}
