//! The sink that a user names.

use camino::Utf8PathBuf;

use crate::context::Context;
use crate::error::Result;
use crate::reference::Repository;
use crate::transport::archive::Archive;
use crate::transport::layout::Layout;
use crate::transport::registry::{Access, Registry, Scope};
use crate::transport::sink::Sink;

/// Where an image goes.
#[derive(Debug, Clone)]
pub enum Destination {
    /// The registry that its repository names.
    Registry(Access),
    /// An OCI image layout in a directory.
    Layout(Utf8PathBuf),
    /// The same as one tar file.
    Archive(Utf8PathBuf),
}

impl Destination {
    /// The sink for the images of `repository`. A registry is asked for the rights of `scope`.
    ///
    /// # Errors
    ///
    /// If the registry does not accept us.
    pub fn open(&self, ctx: &Context, repository: &Repository, scope: Scope) -> Result<Box<dyn Sink>> {
        Ok(match self {
            Destination::Registry(access) => Box::new(Registry::open(ctx, repository, access, scope)?),
            Destination::Layout(path) => Box::new(Layout::at(ctx.cwd.join(path))),
            Destination::Archive(path) => Box::new(Archive::at(ctx.cwd.join(path))),
        })
    }
}
