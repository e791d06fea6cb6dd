//! Rules about images.

pub(in crate::check) mod image_size;
