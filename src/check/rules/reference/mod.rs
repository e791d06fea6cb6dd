//! Rules about a resource together with the reference of the image that will be built for it.

pub(in crate::check) mod other_image;
pub(in crate::check) mod url_host;
