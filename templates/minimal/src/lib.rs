//! An HTTP filter that logs each request.
//!
//! A panic in a callback takes down the filter for all requests of a proxy's worker thread.
//! So nothing here unwraps.

use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

// The proxy calls this first. Nothing else can be asked of the proxy yet.
proxy_wasm::main!({
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root));
});

/// The plugin itself: there is one in each worker thread.
struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    /// The proxy asks for one context per request.
    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request))
    }
}

/// One request and its response.
struct Request;

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        // A header may hold any bytes. Read as a `String`, bytes that are not UTF-8 would panic.
        let method = self.get_http_request_header_bytes(":method");
        let path = self.get_http_request_header_bytes(":path");
        info!("{}", request_line(method.as_deref(), path.as_deref()));
        Action::Continue
    }
}

/// What is logged of a request. It does not call the proxy, so it can be tested on any machine.
fn request_line(method: Option<&[u8]>, path: Option<&[u8]>) -> String {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"-")).into_owned();
    format!("{} {}", text(method), text(path))
}

#[cfg(test)]
mod tests {
    use super::request_line;

    #[test]
    fn method_and_path_are_logged() {
        assert_eq!(request_line(Some(b"GET"), Some(b"/a?b")), "GET /a?b");
    }

    #[test]
    fn what_is_missing_or_not_text_does_no_harm() {
        assert_eq!(request_line(None, Some(b"/\xff")), "- /\u{fffd}");
    }
}
