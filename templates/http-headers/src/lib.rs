//! An HTTP filter that adds the headers of its configuration to each response.
//!
//! This file talks to the proxy. What can be decided without the proxy stands in `config`, where
//! `cargo test` reaches it on any machine.
//!
//! A panic in a callback takes down the filter for all requests of a proxy's worker thread.
//! So nothing here unwraps, and what can be wrong is refused in `on_configure`.

mod config;

use std::rc::Rc;

use log::{error, info};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::config::Config;

// The proxy calls this first. Nothing else can be asked of the proxy yet.
proxy_wasm::main!({
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
});

/// The plugin itself: there is one in each worker thread, and it holds the configuration.
#[derive(Default)]
struct Root {
    config: Rc<Config>,
}

impl Context for Root {}

impl RootContext for Root {
    /// The proxy refuses the plugin when this returns false.
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match Config::parse(&text) {
            Ok(config) => {
                info!("headers to add to each response: {}", config.headers.len());
                self.config = Rc::new(config);
                true
            }
            Err(reason) => {
                error!("the configuration is refused: {reason}");
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    /// The proxy asks for one context per request.
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
            // Headers of the same name that are there already stay.
            self.add_http_response_header(name, value);
        }
        Action::Continue
    }
}
