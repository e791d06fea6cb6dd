//! Rules about an image that will be pushed.

pub(in crate::check) mod unused_image;
