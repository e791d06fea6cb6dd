//! Rules about a resource together with the image and the module that were built for it.

pub(in crate::check) mod other_hash;

#[cfg(test)]
mod tests;
