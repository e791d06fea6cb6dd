//! Rules about a resource together with the image and the module that were built for it.

pub(in crate::check) mod other_hash;
pub(in crate::check) mod other_image;
pub(in crate::check) mod url_host;

#[cfg(test)]
mod tests;
