//! The functions that Envoy provides to a module, and those that it looks up in one, with their types.
//!
//! Both depend on the version of the ABI. The tables were probed in Envoy 1.36, 1.37, 1.39 and 1.40;
//! `tests/fixtures/envoy-imports.json` is the record. Types are written as in Envoy's log: `i32 i64 -> i32`,
//! `void -> void`.

use std::fmt;

use crate::mesh::{Mesh, WasiSet};
use crate::wasm::{FuncType, RefType, ValType};

/// A version of the Proxy-Wasm ABI. Envoy knows no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Abi {
    /// 0.1.0, which the proxy-wasm crate 0.1 uses.
    V0_1_0,
    /// 0.2.0.
    V0_2_0,
    /// 0.2.1, which the proxy-wasm crate uses since 0.2.
    V0_2_1,
}

impl Abi {
    /// All versions, oldest first.
    pub const ALL: [Abi; 3] = [Abi::V0_1_0, Abi::V0_2_0, Abi::V0_2_1];
    pub const NEWEST: Abi = Abi::V0_2_1;

    /// The function that a module exports to select this version.
    pub fn marker(self) -> &'static str {
        match self {
            Abi::V0_1_0 => "proxy_abi_version_0_1_0",
            Abi::V0_2_0 => "proxy_abi_version_0_2_0",
            Abi::V0_2_1 => "proxy_abi_version_0_2_1",
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Abi::V0_1_0 => "0.1.0",
            Abi::V0_2_0 => "0.2.0",
            Abi::V0_2_1 => "0.2.1",
        })
    }
}

/// A function that Envoy provides to a module.
#[derive(Debug)]
pub struct HostCall {
    pub name: &'static str,
    /// The type, in Envoy's notation.
    pub signature: &'static str,
    pub provided: Provided,
}

/// The modules that Envoy provides a function to.
#[derive(Debug)]
pub enum Provided {
    /// Modules that use one of these ABIs, in every version of Envoy.
    ByAbi(&'static [Abi]),
    /// All modules, in a version of Envoy that provides at least this set of WASI functions.
    ByWasi(WasiSet),
}

impl HostCall {
    /// Whether the proxy of `mesh` provides the function to a module that uses `abi`.
    pub fn is_provided(&self, abi: Abi, mesh: &Mesh) -> bool {
        match self.provided {
            Provided::ByAbi(abis) => abis.contains(&abi),
            Provided::ByWasi(set) => mesh.wasi() >= set,
        }
    }
}

/// A function that Envoy looks up in the exports of a module.
#[derive(Debug)]
pub struct Hook {
    pub name: &'static str,
    /// The ABIs for which Envoy expects this type.
    pub abis: &'static [Abi],
    /// The expected type, in Envoy's notation.
    pub signature: &'static str,
}

/// The import module that holds the functions of Proxy-Wasm itself.
pub const ENV_MODULE: &str = "env";

/// The import modules that hold the WASI functions: preview 1, and an older name for the same functions.
pub const WASI_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// The function with these names, if some version of Envoy provides it.
pub fn find(module: &str, name: &str) -> Option<&'static HostCall> {
    of_module(module).iter().find(|call| call.name == name)
}

/// All functions of an import module; empty if Envoy doesn't know the module.
pub fn of_module(module: &str) -> &'static [HostCall] {
    match module {
        ENV_MODULE => ENV,
        _ if WASI_MODULES.contains(&module) => WASI,
        _ => &[],
    }
}

/// What Envoy looks up under `name` in a module that uses `abi`.
pub fn hook(abi: Abi, name: &str) -> Option<&'static Hook> {
    HOOKS.iter().find(|hook| hook.name == name && hook.abis.contains(&abi))
}

/// Formats a type in Envoy's notation.
pub fn notation(ty: &FuncType) -> String {
    format!("{} -> {}", types(ty.params()), types(ty.results()))
}

fn types(types: &[ValType]) -> String {
    if types.is_empty() {
        return "void".to_owned();
    }
    let names: Vec<String> = types
        .iter()
        .map(|ty| match ty {
            ValType::Ref(RefType::FUNCREF) => "funcref".to_owned(),
            ValType::Ref(RefType::EXTERNREF) => "externref".to_owned(),
            other => other.to_string(),
        })
        .collect();
    names.join(" ")
}

const ALL: &[Abi] = &Abi::ALL;
const V0_1_0: &[Abi] = &[Abi::V0_1_0];
const V0_2: &[Abi] = &[Abi::V0_2_0, Abi::V0_2_1];
const V0_2_1: &[Abi] = &[Abi::V0_2_1];

const ENV: &[HostCall] = &[
    env("proxy_log", ALL, "i32 i32 i32 -> i32"),
    env("proxy_get_status", ALL, "i32 i32 i32 -> i32"),
    env("proxy_set_property", ALL, "i32 i32 i32 i32 -> i32"),
    env("proxy_get_property", ALL, "i32 i32 i32 i32 -> i32"),
    env("proxy_send_local_response", ALL, "i32 i32 i32 i32 i32 i32 i32 i32 -> i32"),
    env("proxy_get_shared_data", ALL, "i32 i32 i32 i32 i32 -> i32"),
    env("proxy_set_shared_data", ALL, "i32 i32 i32 i32 i32 -> i32"),
    env("proxy_register_shared_queue", ALL, "i32 i32 i32 -> i32"),
    env("proxy_resolve_shared_queue", ALL, "i32 i32 i32 i32 i32 -> i32"),
    env("proxy_dequeue_shared_queue", ALL, "i32 i32 i32 -> i32"),
    env("proxy_enqueue_shared_queue", ALL, "i32 i32 i32 -> i32"),
    env("proxy_get_header_map_value", ALL, "i32 i32 i32 i32 i32 -> i32"),
    env("proxy_add_header_map_value", ALL, "i32 i32 i32 i32 i32 -> i32"),
    env("proxy_replace_header_map_value", ALL, "i32 i32 i32 i32 i32 -> i32"),
    env("proxy_remove_header_map_value", ALL, "i32 i32 i32 -> i32"),
    env("proxy_get_header_map_pairs", ALL, "i32 i32 i32 -> i32"),
    env("proxy_set_header_map_pairs", ALL, "i32 i32 i32 -> i32"),
    env("proxy_get_header_map_size", ALL, "i32 i32 -> i32"),
    env("proxy_get_buffer_status", ALL, "i32 i32 i32 -> i32"),
    env("proxy_get_buffer_bytes", ALL, "i32 i32 i32 i32 i32 -> i32"),
    env("proxy_set_buffer_bytes", ALL, "i32 i32 i32 i32 i32 -> i32"),
    env("proxy_http_call", ALL, "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 -> i32"),
    env("proxy_grpc_call", ALL, "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 -> i32"),
    env("proxy_grpc_stream", ALL, "i32 i32 i32 i32 i32 i32 i32 i32 i32 -> i32"),
    env("proxy_grpc_close", ALL, "i32 -> i32"),
    env("proxy_grpc_cancel", ALL, "i32 -> i32"),
    env("proxy_grpc_send", ALL, "i32 i32 i32 i32 -> i32"),
    env("proxy_set_tick_period_milliseconds", ALL, "i32 -> i32"),
    env("proxy_get_current_time_nanoseconds", ALL, "i32 -> i32"),
    env("proxy_define_metric", ALL, "i32 i32 i32 i32 -> i32"),
    env("proxy_increment_metric", ALL, "i32 i64 -> i32"),
    env("proxy_record_metric", ALL, "i32 i64 -> i32"),
    env("proxy_get_metric", ALL, "i32 i32 -> i32"),
    env("proxy_set_effective_context", ALL, "i32 -> i32"),
    env("proxy_done", ALL, "void -> i32"),
    env("proxy_call_foreign_function", ALL, "i32 i32 i32 i32 i32 i32 -> i32"),
    env("proxy_get_configuration", V0_1_0, "i32 i32 -> i32"),
    env("proxy_continue_request", V0_1_0, "void -> i32"),
    env("proxy_continue_response", V0_1_0, "void -> i32"),
    env("proxy_clear_route_cache", V0_1_0, "void -> i32"),
    env("proxy_continue_stream", V0_2, "i32 -> i32"),
    env("proxy_close_stream", V0_2, "i32 -> i32"),
    env("proxy_get_log_level", V0_2_1, "i32 -> i32"),
    env("pthread_equal", ALL, "i32 i32 -> i32"),
    env("emscripten_notify_memory_growth", ALL, "i32 -> void"),
    env("envoy_resolve_dns", ALL, "i32 i32 i32 -> i32"),
];

// path_link and path_symlink lack one parameter each. This is a bug in every version of Envoy that has them.
const WASI: &[HostCall] = &[
    wasi("args_get", WasiSet::A, "i32 i32 -> i32"),
    wasi("args_sizes_get", WasiSet::A, "i32 i32 -> i32"),
    wasi("environ_get", WasiSet::A, "i32 i32 -> i32"),
    wasi("environ_sizes_get", WasiSet::A, "i32 i32 -> i32"),
    wasi("clock_res_get", WasiSet::D, "i32 i32 -> i32"),
    wasi("clock_time_get", WasiSet::A, "i32 i64 i32 -> i32"),
    wasi("fd_advise", WasiSet::D, "i32 i64 i64 i32 -> i32"),
    wasi("fd_allocate", WasiSet::D, "i32 i64 i64 -> i32"),
    wasi("fd_close", WasiSet::A, "i32 -> i32"),
    wasi("fd_datasync", WasiSet::D, "i32 -> i32"),
    wasi("fd_fdstat_get", WasiSet::A, "i32 i32 -> i32"),
    wasi("fd_fdstat_set_flags", WasiSet::C, "i32 i32 -> i32"),
    wasi("fd_fdstat_set_rights", WasiSet::D, "i32 i64 i64 -> i32"),
    wasi("fd_filestat_get", WasiSet::D, "i32 i32 -> i32"),
    wasi("fd_filestat_set_size", WasiSet::D, "i32 i64 -> i32"),
    wasi("fd_filestat_set_times", WasiSet::D, "i32 i64 i64 i32 -> i32"),
    wasi("fd_pread", WasiSet::D, "i32 i32 i32 i64 i32 -> i32"),
    wasi("fd_prestat_get", WasiSet::B, "i32 i32 -> i32"),
    wasi("fd_prestat_dir_name", WasiSet::B, "i32 i32 i32 -> i32"),
    wasi("fd_pwrite", WasiSet::D, "i32 i32 i32 i64 i32 -> i32"),
    wasi("fd_read", WasiSet::A, "i32 i32 i32 i32 -> i32"),
    wasi("fd_readdir", WasiSet::D, "i32 i32 i32 i64 i32 -> i32"),
    wasi("fd_renumber", WasiSet::D, "i32 i32 -> i32"),
    wasi("fd_seek", WasiSet::A, "i32 i64 i32 i32 -> i32"),
    wasi("fd_sync", WasiSet::D, "i32 -> i32"),
    wasi("fd_tell", WasiSet::D, "i32 i32 -> i32"),
    wasi("fd_write", WasiSet::A, "i32 i32 i32 i32 -> i32"),
    wasi("path_create_directory", WasiSet::D, "i32 i32 i32 -> i32"),
    wasi("path_filestat_get", WasiSet::D, "i32 i32 i32 i32 i32 -> i32"),
    wasi("path_filestat_set_times", WasiSet::D, "i32 i32 i32 i32 i64 i64 i32 -> i32"),
    wasi("path_link", WasiSet::D, "i32 i32 i32 i32 i32 i32 -> i32"),
    wasi("path_open", WasiSet::B, "i32 i32 i32 i32 i32 i64 i64 i32 i32 -> i32"),
    wasi("path_readlink", WasiSet::D, "i32 i32 i32 i32 i32 i32 -> i32"),
    wasi("path_remove_directory", WasiSet::D, "i32 i32 i32 -> i32"),
    wasi("path_rename", WasiSet::D, "i32 i32 i32 i32 i32 i32 -> i32"),
    wasi("path_symlink", WasiSet::D, "i32 i32 i32 i32 -> i32"),
    wasi("path_unlink_file", WasiSet::D, "i32 i32 i32 -> i32"),
    wasi("poll_oneoff", WasiSet::C, "i32 i32 i32 i32 -> i32"),
    wasi("proc_exit", WasiSet::A, "i32 -> void"),
    wasi("sched_yield", WasiSet::C, "void -> i32"),
    wasi("random_get", WasiSet::A, "i32 i32 -> i32"),
    wasi("sock_accept", WasiSet::D, "i32 i32 i32 -> i32"),
    wasi("sock_recv", WasiSet::D, "i32 i32 i32 i32 i32 i32 -> i32"),
    wasi("sock_send", WasiSet::D, "i32 i32 i32 i32 i32 -> i32"),
    wasi("sock_shutdown", WasiSet::D, "i32 i32 -> i32"),
];

/// The exports that Envoy looks up. Only an allocator is required.
pub const HOOKS: &[Hook] = &[
    export("_initialize", ALL, "void -> void"),
    export("_start", ALL, "void -> void"),
    export("main", ALL, "i32 i32 -> i32"),
    export("__main_void", ALL, "void -> i32"),
    export("malloc", ALL, "i32 -> i32"),
    export("proxy_on_memory_allocate", ALL, "i32 -> i32"),
    export("proxy_on_context_create", ALL, "i32 i32 -> void"),
    export("proxy_on_vm_start", ALL, "i32 i32 -> i32"),
    export("proxy_on_configure", ALL, "i32 i32 -> i32"),
    export("proxy_validate_configuration", ALL, "i32 i32 -> i32"),
    export("proxy_on_tick", ALL, "i32 -> void"),
    export("proxy_on_new_connection", ALL, "i32 -> i32"),
    export("proxy_on_downstream_data", ALL, "i32 i32 i32 -> i32"),
    export("proxy_on_upstream_data", ALL, "i32 i32 i32 -> i32"),
    export("proxy_on_downstream_connection_close", ALL, "i32 i32 -> void"),
    export("proxy_on_upstream_connection_close", ALL, "i32 i32 -> void"),
    export("proxy_on_request_headers", V0_1_0, "i32 i32 -> i32"),
    export("proxy_on_request_headers", V0_2, "i32 i32 i32 -> i32"),
    export("proxy_on_request_body", ALL, "i32 i32 i32 -> i32"),
    export("proxy_on_request_trailers", ALL, "i32 i32 -> i32"),
    export("proxy_on_request_metadata", ALL, "i32 i32 -> i32"),
    export("proxy_on_response_headers", V0_1_0, "i32 i32 -> i32"),
    export("proxy_on_response_headers", V0_2, "i32 i32 i32 -> i32"),
    export("proxy_on_response_body", ALL, "i32 i32 i32 -> i32"),
    export("proxy_on_response_trailers", ALL, "i32 i32 -> i32"),
    export("proxy_on_response_metadata", ALL, "i32 i32 -> i32"),
    export("proxy_on_http_call_response", ALL, "i32 i32 i32 i32 i32 -> void"),
    export("proxy_on_grpc_receive", ALL, "i32 i32 i32 -> void"),
    export("proxy_on_grpc_close", ALL, "i32 i32 i32 -> void"),
    export("proxy_on_grpc_receive_initial_metadata", ALL, "i32 i32 i32 -> void"),
    export("proxy_on_grpc_receive_trailing_metadata", ALL, "i32 i32 i32 -> void"),
    export("proxy_on_queue_ready", ALL, "i32 i32 -> void"),
    export("proxy_on_done", ALL, "i32 -> i32"),
    export("proxy_on_log", ALL, "i32 -> void"),
    export("proxy_on_delete", ALL, "i32 -> void"),
    export("envoy_on_resolve_dns", ALL, "i32 i32 i32 -> void"),
    export("envoy_on_stats_update", ALL, "i32 i32 -> void"),
    export("proxy_on_foreign_function", V0_2, "i32 i32 i32 -> void"),
];

const fn env(name: &'static str, abis: &'static [Abi], signature: &'static str) -> HostCall {
    HostCall { name, signature, provided: Provided::ByAbi(abis) }
}

const fn wasi(name: &'static str, since: WasiSet, signature: &'static str) -> HostCall {
    HostCall { name, signature, provided: Provided::ByWasi(since) }
}

const fn export(name: &'static str, abis: &'static [Abi], signature: &'static str) -> Hook {
    Hook { name, abis, signature }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::mesh;

    /// The probed functions, by name.
    fn probed(table: &str) -> BTreeMap<String, Value> {
        let record: Value =
            serde_json::from_str(include_str!("../../tests/fixtures/envoy-imports.json")).unwrap();
        serde_json::from_value(record[table].clone()).unwrap()
    }

    #[test]
    fn functions_of_proxy_wasm_are_as_probed() {
        let probed = probed("env_by_abi");
        assert_eq!(probed.len(), ENV.len());
        let mesh = mesh::find("envoy-1.40").unwrap();
        for (name, signatures) in probed {
            let call = find("env", name.strip_prefix("env.").unwrap()).unwrap();
            for abi in Abi::ALL {
                let want = signatures[abi.to_string()].as_str();
                assert_eq!(call.is_provided(abi, mesh).then_some(call.signature), want, "{name} {abi}");
            }
        }
    }

    #[test]
    fn functions_of_wasi_are_as_probed() {
        for (name, row) in probed("wasi") {
            let call = find("wasi_unstable", &name);
            assert_eq!(call.map(|call| call.signature), row["signature_1.40"].as_str(), "{name}");
            for (version, mesh) in
                [("1.36.4", "envoy-1.36"), ("1.37.0", "envoy-1.37"), ("1.39.3", "envoy-1.39")]
            {
                let mesh = mesh::find(mesh).unwrap();
                let provided = call.is_some_and(|call| call.is_provided(Abi::NEWEST, mesh));
                assert_eq!(Some(provided), row[format!("in_{version}")].as_bool(), "{name} {version}");
            }
        }
        let sizes = [WasiSet::A, WasiSet::B, WasiSet::C, WasiSet::D].map(|set| {
            WASI.iter()
                .filter(|call| matches!(call.provided, Provided::ByWasi(since) if since <= set))
                .count()
        });
        assert_eq!(sizes, [12, 15, 18, 45]);
    }

    #[test]
    fn types_are_formatted_as_in_envoys_log() {
        let ty = FuncType::new([ValType::I32, ValType::I64, ValType::EXTERNREF], [ValType::F32]);
        assert_eq!(notation(&ty), "i32 i64 externref -> f32");
        assert_eq!(notation(&FuncType::new([], [])), "void -> void");
    }

    #[test]
    fn callbacks_for_headers_grew_a_parameter() {
        let signature = |abi| hook(abi, "proxy_on_request_headers").unwrap().signature;
        assert_eq!(signature(Abi::V0_1_0), "i32 i32 -> i32");
        assert_eq!(signature(Abi::V0_2_0), "i32 i32 i32 -> i32");
        assert!(hook(Abi::V0_1_0, "proxy_on_foreign_function").is_none());
    }
}
