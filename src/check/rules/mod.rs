//! The rules: one file each, grouped by the kind of subject.

pub(super) mod conversion;
pub(super) mod document;
pub(super) mod image;
pub(super) mod manifests;
pub(super) mod module;
pub(super) mod publication;
pub(super) mod reference;
pub(super) mod resource;
pub(super) mod settings;
pub(super) mod together;

use crate::check::rule::Rule;

/// All rules, in the order in which findings are reported. For a module this is the order in which a proxy
/// checks, but its exports come first.
pub const RULES: &[Rule] = &[
    module::name_section::RULE,
    module::abi_marker::RULE,
    module::wasm_feature::RULE,
    module::crash_type::RULE,
    module::table_size::RULE,
    module::import_kind::RULE,
    module::unknown_import::RULE,
    module::import_signature::RULE,
    module::module_memory::RULE,
    module::segment_bounds::RULE,
    module::allocator::RULE,
    module::export_signature::RULE,
    module::command_export::RULE,
    module::no_callback::RULE,
    image::image_size::RULE,
    document::ambiguous_scalar::RULE,
    document::unsupported_number::RULE,
    document::duplicate_key::RULE,
    document::non_text_key::RULE,
    document::yaml_tag::RULE,
    resource::wrong_kind::RULE,
    resource::missing_field::RULE,
    resource::unknown_field::RULE,
    resource::wrong_type::RULE,
    resource::wrong_value::RULE,
    resource::value_length::RULE,
    resource::bad_name::RULE,
    resource::bad_label::RULE,
    resource::bad_url::RULE,
    resource::bad_sha256::RULE,
    resource::bad_selector::RULE,
    resource::empty_selector::RULE,
    resource::field_conflict::RULE,
    resource::duplicate_entry::RULE,
    resource::target_namespace::RULE,
    resource::no_effect::RULE,
    resource::inexact_number::RULE,
    resource::null_value::RULE,
    resource::server_field::RULE,
    conversion::unknown_kind::RULE,
    conversion::newer_field::RULE,
    conversion::bad_target::RULE,
    conversion::lost_field::RULE,
    publication::unused_image::RULE,
    reference::other_image::RULE,
    reference::url_host::RULE,
    together::other_hash::RULE,
    manifests::bad_reference::RULE,
    manifests::duplicate_resource::RULE,
    settings::unused_allow::RULE,
];
