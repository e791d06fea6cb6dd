//! Rules about a resource together with what was built for it.

pub(in crate::check) mod other_hash;
pub(in crate::check) mod other_image;

#[cfg(test)]
mod tests;
