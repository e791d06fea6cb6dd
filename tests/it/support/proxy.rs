//! A proxy in front of a registry that records requests, and simulates the faults of networks and registries.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::support::http::{Head, Length, Server, answer};

/// A server on a free port of loopback. It forwards requests that match no [`Rule`] to the registry behind it. It is
/// stopped when this value is dropped.
pub(crate) struct Proxy {
    server: Server,
    shared: Arc<Shared>,
}

/// A request that was received.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    /// The path with its query; a whole URL if the client uses this server as an HTTP proxy.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    /// How many bytes of the body were read.
    pub(crate) body: usize,
    /// The response of the registry, if the request was forwarded.
    pub(crate) response: Vec<u8>,
}

impl Recorded {
    /// The value of a header. `Authorization` shows whether the client sent credentials.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What to do with some requests instead of forwarding them. The first rule that matches applies.
pub(crate) struct Rule {
    fits: Box<dyn Fn(&Recorded) -> bool + Send>,
    times: usize,
    action: Action,
}

impl Rule {
    /// Matches requests with this method whose target contains `part`.
    pub(crate) fn on(method: &'static str, part: &str, action: Action) -> Self {
        let part = part.to_owned();
        Rule::when(move |request| request.method == method && request.target.contains(&part), action)
    }

    /// Matches all requests for which `fits` returns true.
    pub(crate) fn when(fits: impl Fn(&Recorded) -> bool + Send + 'static, action: Action) -> Self {
        Rule { fits: Box::new(fits), times: usize::MAX, action }
    }

    /// Matches only the first `times` of these requests.
    pub(crate) fn times(self, times: usize) -> Self {
        Rule { times, ..self }
    }
}

#[derive(Clone)]
pub(crate) enum Action {
    /// Responds in place of the registry, after reading the body.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// Responds in place of the registry with a body that never ends.
    Endless { status: u16 },
    /// Redirects to the same path below another base, such as `http://127.0.0.1:80`.
    Redirect { status: u16, base: String },
    /// Closes the connection without a response after reading this much of the body, or all of it.
    Cut { after: usize },
    /// Forwards the request, and does this at a point of the exchange.
    At(Point, Fault),
    /// Reads this much of the body, or all of it, and forwards the request only after [`Proxy::release`].
    Hold { after: usize },
}

/// A point of an exchange.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Point {
    /// The request was received, and was not forwarded yet.
    Received,
    /// The request was forwarded, and this much of the response was sent, or all of it.
    Sent(usize),
}

/// What happens at a [`Point`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing is sent until the client closes the connection. [`Proxy::held`] counts it.
    Stall,
    /// The rest is sent one byte at a time.
    Trickle,
}

impl Action {
    /// A response with this status and body.
    pub(crate) fn answer(status: u16, body: &str) -> Self {
        Action::Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    /// The same response with an additional header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let Action::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

#[derive(Default)]
struct Shared {
    upstream: Option<String>,
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    requests: Vec<Recorded>,
    held: usize,
    released: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// A proxy of the registry at `127.0.0.1:PORT`.
    pub(crate) fn before(address: &str) -> Self {
        Proxy::start(Some(address.to_owned()))
    }

    /// A server without a registry: a request that matches no rule gets a 404.
    pub(crate) fn alone() -> Self {
        Proxy::start(None)
    }

    fn start(upstream: Option<String>) -> Self {
        let shared = Arc::new(Shared { upstream, ..Shared::default() });
        let serving = shared.clone();
        // Connections that break are what this proxy is for.
        let server = Server::start(move |stream| drop(serve(&stream, &serving)));
        Proxy { server, shared }
    }

    /// The address, as `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.server.address()
    }

    /// The name of a repository, with the address of this proxy.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// Adds a rule after the existing ones.
    pub(crate) fn rule(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// The requests so far, in the order in which they were received.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.state().requests.clone()
    }

    /// Forgets all requests and rules.
    pub(crate) fn clear(&self) {
        let mut state = self.shared.state();
        state.held = 0;
        state.requests.clear();
        state.rules.clear();
    }

    /// How many requests were held so far.
    pub(crate) fn held(&self) -> usize {
        self.shared.state().held
    }

    /// Forwards all held requests, and holds no more.
    pub(crate) fn release(&self) {
        self.shared.state().released = true;
        self.shared.released.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.release();
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(mut head) = Head::read(&mut reader)? else { return Ok(()) };
    let mut words = head.first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Recorded {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: head.headers.clone(),
        body: 0,
        response: Vec::new(),
    };
    let action = {
        let mut state = shared.state();
        let rule = state.rules.iter_mut().find(|rule| rule.times > 0 && (rule.fits)(&request));
        rule.map(|rule| {
            rule.times -= 1;
            rule.action.clone()
        })
    };

    let mut content = head.body(&mut reader, Length::Known)?;
    let mut body = Vec::new();
    let limit = match action {
        Some(Action::Cut { after } | Action::Hold { after }) => after,
        _ => usize::MAX,
    };
    let read = content.by_ref().take(limit as u64).read_to_end(&mut body);
    request.body = body.len();
    let number = {
        let requests = &mut shared.state().requests;
        requests.push(request.clone());
        requests.len() - 1
    };
    read?;
    match action {
        Some(Action::Answer { status, headers, body }) => {
            return answer(stream, &head, status, &headers, &body);
        }
        Some(Action::Endless { status }) => {
            let mut stream = stream;
            write!(stream, "HTTP/1.1 {status} Answer\r\nContent-Length: 1000000\r\n\r\n")?;
            loop {
                stream.write_all(b"never ")?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Some(Action::Redirect { status, base }) => {
            let location = ("Location".to_owned(), format!("{base}{}", path(&request.target)));
            return answer(stream, &head, status, &[location], b"");
        }
        Some(Action::Cut { .. }) => return Ok(()),
        Some(Action::Hold { .. }) => {
            let mut state = shared.state();
            state.held += 1;
            while !state.released {
                state = shared.released.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            content.read_to_end(&mut body)?;
        }
        Some(Action::At(Point::Received, fault)) => return occur(fault, stream, b"", shared),
        Some(Action::At(Point::Sent(_), _)) | None => {}
    }

    let Some(upstream) = &shared.upstream else {
        return answer(stream, &head, 404, &[], b"nothing is here");
    };
    head.first = format!("{} {} HTTP/1.1", request.method, path(&request.target));
    head.remove("Connection");
    head.push("Connection", "close");
    let upstream = TcpStream::connect(upstream)?;
    let sent = forward(&upstream, &head, &body);
    // A registry may respond and close before it has read the whole body, which is an error in both directions.
    let mut response = Vec::new();
    let received = (&upstream).read_to_end(&mut response);
    if response.is_empty() {
        sent.and(received)?;
    }
    // `Proxy::clear` may have removed the request.
    if let Some(request) = shared.state().requests.get_mut(number) {
        request.response.clone_from(&response);
    }
    let mut back = stream;
    if let Some(Action::At(Point::Sent(count), fault)) = action {
        let (sent, rest) = response.split_at(count.min(response.len()));
        back.write_all(sent)?;
        return occur(fault, stream, rest, shared);
    }
    back.write_all(&response)?;
    back.shutdown(Shutdown::Write)
}

/// `rest` is the part of the response that was not sent yet.
fn occur(fault: Fault, mut stream: &TcpStream, rest: &[u8], shared: &Shared) -> io::Result<()> {
    match fault {
        Fault::Close => {}
        // The system resets a connection that is closed with an empty time to linger.
        Fault::Reset => set_socket_linger(stream, Some(Duration::ZERO))?,
        Fault::Stall => {
            shared.state().held += 1;
            io::copy(&mut stream, &mut io::sink())?;
        }
        Fault::Trickle => {
            stream.set_nodelay(true)?;
            for byte in rest {
                stream.write_all(&[*byte])?;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    Ok(())
}

fn forward(mut upstream: &TcpStream, head: &Head, body: &[u8]) -> io::Result<()> {
    head.write(&mut upstream)?;
    if head.value("transfer-encoding").is_none() {
        return upstream.write_all(body);
    }
    // Several chunks are forwarded as one.
    if !body.is_empty() {
        write!(upstream, "{:x}\r\n", body.len())?;
        upstream.write_all(body)?;
        upstream.write_all(b"\r\n")?;
    }
    upstream.write_all(b"0\r\n\r\n")
}

/// The target without the scheme and the host that a proxy gets.
fn path(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        return target;
    };
    rest.find('/').map_or("/", |at| &rest[at..])
}
