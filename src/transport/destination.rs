//! The sink that the user chooses.

use camino::Utf8PathBuf;

use crate::context::Context;
use crate::error::Result;
use crate::reference::Repository;
use crate::transport::archive::Archive;
use crate::transport::layout::Layout;
use crate::transport::registry::{Access, Credential, Registry, Scope, Security};
use crate::transport::sink::Sink;

/// Where an image goes.
#[derive(Debug, Clone)]
pub enum Destination {
    /// The registry in the image's repository.
    Registry(Access),
    /// An OCI image layout in a directory.
    Layout(Utf8PathBuf),
    /// An OCI image layout in a tar file.
    Archive(Utf8PathBuf),
}

impl Destination {
    /// Whether it can hold only one package, because images in it are not stored by repository.
    pub fn is_one_place(&self) -> bool {
        match self {
            Destination::Registry(_) => false,
            Destination::Layout(_) | Destination::Archive(_) => true,
        }
    }

    /// The login from the command line or the environment, if it is a registry.
    pub fn login(&self) -> Option<&Credential> {
        match self {
            Destination::Registry(access) => access.login.as_ref(),
            Destination::Layout(_) | Destination::Archive(_) => None,
        }
    }

    /// The sink for the images of `repository`. If it is a registry, connects as `security` says, and requests the
    /// rights in `scope`.
    ///
    /// # Errors
    ///
    /// If the registry doesn't accept our credentials.
    pub fn open(
        &self,
        ctx: &Context,
        repository: &Repository,
        security: &Security,
        scope: Scope,
    ) -> Result<Box<dyn Sink>> {
        Ok(match self {
            Destination::Registry(access) => {
                Box::new(Registry::open(ctx, repository, access, security, scope)?)
            }
            Destination::Layout(path) => Box::new(match scope {
                Scope::Pull => Layout::at(ctx.cwd.join(path)),
                Scope::Push => Layout::for_writing(ctx.cwd.join(path)),
            }),
            Destination::Archive(path) => Box::new(Archive::at(ctx.cwd.join(path))),
        })
    }
}
