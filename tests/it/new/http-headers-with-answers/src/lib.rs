//! An HTTP filter that adds the headers of its configuration to each response.
//!
//! This file calls the proxy. Everything that does not need the proxy is in `config`, where
//! `cargo test` can run it on any machine.
//!
//! A panic in a callback takes down the filter for all requests of a proxy's worker thread.
//! So nothing here unwraps, and `on_configure` rejects an invalid configuration.

mod config;

use std::rc::Rc;

use log::{error, info};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::config::Config;

// The proxy runs this before any callback. Nothing here can call the proxy.
proxy_wasm::main!({
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
});

/// The plugin itself, one per worker thread. It owns the configuration.
#[derive(Default)]
struct Root {
    config: Rc<Config>,
}

impl Context for Root {}

impl RootContext for Root {
    /// The proxy rejects the plugin if this returns false.
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match Config::parse(&text) {
            Ok(config) => {
                info!("headers to add to each response: {}", config.headers.len());
                self.config = Rc::new(config);
                true
            }
            Err(reason) => {
                error!("invalid configuration: {reason}");
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    /// The proxy creates one context per request.
    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request {
            config: Rc::clone(&self.config),
        }))
    }
}

/// One request and its response.
struct Request {
    config: Rc<Config>,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        for (name, value) in &self.config.headers {
            // This keeps the headers of the same name that the response already has.
            self.add_http_response_header(name, value);
        }
        Action::Continue
    }
}
