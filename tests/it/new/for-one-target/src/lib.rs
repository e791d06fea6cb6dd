//! An HTTP filter that logs each request.
//!
//! A panic in a callback takes down the filter for all requests of a proxy's worker thread.
//! So nothing here unwraps.

use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

// The proxy runs this before any callback. Nothing here can call the proxy.
proxy_wasm::main!({
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root));
});

/// The plugin itself, one per worker thread.
struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    /// The proxy creates one context per request.
    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request))
    }
}

/// One request and its response.
struct Request;

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        // A header can contain any bytes, and reading one as a `String` panics if it is not UTF-8.
        let method = self.get_http_request_header_bytes(":method");
        let path = self.get_http_request_header_bytes(":path");
        info!("{}", request_line(method.as_deref(), path.as_deref()));
        Action::Continue
    }
}

/// The line to log for a request. It does not call the proxy, so tests can run it on any machine.
fn request_line(method: Option<&[u8]>, path: Option<&[u8]>) -> String {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"-")).into_owned();
    format!("{} {}", text(method), text(path))
}

#[cfg(test)]
mod tests {
    use super::request_line;

    #[test]
    fn the_line_has_method_and_path() {
        assert_eq!(request_line(Some(b"GET"), Some(b"/a?b")), "GET /a?b");
    }

    #[test]
    fn missing_and_invalid_values_are_replaced() {
        assert_eq!(request_line(None, Some(b"/\xff")), "- /\u{fffd}");
    }
}
