//! HTTP/1.1 over loopback with one request per connection, for the clients and servers of the tests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The response to a request.
#[derive(Debug)]
pub(crate) struct Response<Body = Vec<u8>> {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

impl<Body> Response<Body> {
    /// The values of all headers with that name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name).collect()
    }
}

impl Response {
    /// The same with the body as text.
    pub(crate) fn text(self) -> io::Result<Response<String>> {
        let body = String::from_utf8(self.body).map_err(io::Error::other)?;
        Ok(Response { status: self.status, headers: self.headers, body })
    }
}

/// Requests a path.
pub(crate) fn get(address: &str, path: &str) -> io::Result<Response> {
    send(address, "GET", path, &[], b"")
}

/// Sends a request, and reads the whole response.
pub(crate) fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut request = Head::new(format!("{method} {target} HTTP/1.1"));
    if values(headers, "host").next().is_none() {
        request.push("Host", address);
    }
    for (name, value) in headers {
        request.push(name, value);
    }
    request.push("Content-Length", &body.len().to_string());
    request.push("Connection", "close");
    request.write(&mut stream)?;
    stream.write_all(body)?;
    let mut reader = BufReader::new(stream);
    let head = Head::read(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not a response: {:?}", head.first)))?;
    let mut body = Vec::new();
    if method != "HEAD" && status != 204 {
        head.body(&mut reader, Length::Connection)?.read_to_end(&mut body)?;
    }
    Ok(Response { status, headers: head.headers, body })
}

/// The first line of a message and its headers, as they were written.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn new(first: String) -> Self {
        Head { first, headers: Vec::new() }
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Removes all headers with that name.
    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }

    /// Reads up to the empty line; `None` if the other side sent nothing.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        if reader.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut head = Head::new(line(reader)?);
        loop {
            let line = line(reader)?;
            if line.is_empty() {
                return Ok(Some(head));
            }
            let header = line.split_once(':');
            let (name, value) = header.ok_or_else(|| io::Error::other(format!("not a header: {line:?}")))?;
            head.push(name, value.trim());
        }
    }

    pub(crate) fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        writer.write_all(text.as_bytes())
    }

    /// The body after this head. If the head doesn't state a length, it is `otherwise`.
    pub(crate) fn body<'a, Reader: BufRead>(
        &self,
        reader: &'a mut Reader,
        otherwise: Length,
    ) -> io::Result<Body<'a, Reader>> {
        let chunked = |value: &str| value.eq_ignore_ascii_case("chunked");
        let (length, left) = match self.value("content-length") {
            _ if self.value("transfer-encoding").is_some_and(chunked) => (Length::Chunks, 0),
            Some(length) => (Length::Known, length.parse().map_err(io::Error::other)?),
            None => (otherwise, 0),
        };
        Ok(Body { reader, length, left })
    }
}

/// The length of a body.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Length {
    Known,
    /// Each chunk states its length, and the last one is empty.
    Chunks,
    /// The body ends with the connection.
    Connection,
}

/// The bytes of a body, without the chunk headers.
pub(crate) struct Body<'a, Reader> {
    reader: &'a mut Reader,
    length: Length,
    /// What is left of the body or of the chunk.
    left: usize,
}

impl<Reader: BufRead> Read for Body<'_, Reader> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.length == Length::Connection {
            return self.reader.read(buffer);
        }
        if self.length == Length::Chunks && self.left == 0 {
            self.left = usize::from_str_radix(&line(self.reader)?, 16).map_err(io::Error::other)?;
            if self.left == 0 {
                line(self.reader)?;
                self.length = Length::Known;
            }
        }
        if self.left == 0 {
            return Ok(0);
        }
        let wanted = self.left.min(buffer.len());
        let count = self.reader.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count;
        if self.length == Length::Chunks && self.left == 0 {
            line(self.reader)?;
        }
        Ok(count)
    }
}

/// A line without its line break.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

fn values<'a, Text: AsRef<str>>(headers: &'a [(Text, Text)], name: &str) -> impl Iterator<Item = &'a str> {
    let same = move |other: &Text| other.as_ref().eq_ignore_ascii_case(name);
    headers.iter().filter(move |(other, _)| same(other)).map(|(_, value)| value.as_ref())
}

/// A server on a free port of loopback. It is stopped when this value is dropped.
pub(crate) struct Server {
    address: String,
    ends: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Server {
    /// Calls `answer` for each connection, each in its own thread.
    pub(crate) fn start(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ends = Arc::new(AtomicBool::new(false));
        let (answer, ended) = (Arc::new(answer), ends.clone());
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(stream) = stream {
                    let answer = answer.clone();
                    std::thread::spawn(move || answer(stream));
                }
            }
        });
        Server { address, ends, listener: Some(listener) }
    }

    /// The address, as `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // The thread waits for a connection, so it ends with the next one.
        if TcpStream::connect(&self.address).is_ok() {
            let _ = self.listener.take().unwrap().join();
        }
    }
}

/// Responds to a request, and closes the connection.
pub(crate) fn answer(
    mut stream: &TcpStream,
    request: &Head,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<()> {
    // Clients read only the number.
    let mut head = Head::new(format!("HTTP/1.1 {status} Answer"));
    head.headers.extend_from_slice(headers);
    head.push("Content-Length", &body.len().to_string());
    head.push("Connection", "close");
    head.write(&mut stream)?;
    if !request.first.starts_with("HEAD ") {
        stream.write_all(body)?;
    }
    stream.shutdown(Shutdown::Write)
}
