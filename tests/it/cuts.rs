//! A push whose connection breaks at any point, or that is killed there: afterwards the tag names the old image or the
//! whole new one, and the next push succeeds.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::support::http::send;
use crate::support::layout::sha256;
use crate::support::proxy::{Action, Fault, Point, Proxy, Recorded, Rule};
use crate::support::registry::Registry;
use crate::support::running::{DEADLINE, Said, start, wait_until};
use crate::support::{Sandbox, bare, until};

const KIND: &str = "application/vnd.oci.image.manifest.v1+json";

/// A module, and a registry behind a proxy.
struct Scene<'r> {
    sandbox: Sandbox,
    proxy: Proxy,
    registry: &'r Registry,
}

/// A repository whose tag `v` names an old image, which has no blob in common with the new one.
struct Repository {
    name: String,
    old: String,
}

/// A fault at the request with this number.
#[derive(Clone, Copy, Debug)]
struct Case {
    number: usize,
    point: Point,
    fault: Fault,
}

/// How a push goes on after the fault.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// The request is not retried.
    GivesUp,
    /// The request is retried, and the push succeeds.
    Retries,
    /// The program is killed.
    Killed,
}

impl<'r> Scene<'r> {
    fn new(registry: &'r Registry) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("bare.wasm", wat::parse_str(bare::TEXT).unwrap());
        Scene { sandbox, proxy: Proxy::before(registry.address()), registry }
    }

    /// A repository that nothing was pushed to except the old image.
    fn repository(&self) -> Repository {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("acme/push-{}", COUNT.fetch_add(1, Ordering::SeqCst));
        let send = |method, below: &str, headers: &[_], body| {
            let path = format!("/v2/{name}/{below}");
            let response = send(self.registry.address(), method, &path, headers, body).unwrap();
            assert!(response.status < 300, "{method} {path}: {}", response.status);
            response
        };
        let blob = b"the blob of an old image";
        let begun = send("POST", "blobs/uploads/", &[], b"");
        let (_, place) = begun.values("location")[0].split_once(&format!("/{name}/")).unwrap();
        send("PUT", &format!("{place}&digest={}", sha256(blob)), &[], blob);
        let blob = json!({ "mediaType": "text/plain", "digest": sha256(blob), "size": blob.len() });
        let manifest = json!({ "schemaVersion": 2, "mediaType": KIND, "config": blob, "layers": [blob] });
        let manifest = manifest.to_string();
        send("PUT", "manifests/v", &[("Content-Type", KIND)], manifest.as_bytes());
        Repository { old: sha256(manifest.as_bytes()), name }
    }

    fn push(&self, repository: &Repository, retry_for: &str) -> Command {
        let image = self.proxy.repository(&repository.name);
        let mut command =
            self.sandbox.process_in("", ["publish", "--module", "bare.wasm", "--name", "bare", "--tag", "v"]);
        command.args(["--optimize", "none", "--retry-for", retry_for, "--image", &image]);
        command
    }

    /// Whether the tag names the new image. If not, it names the old one. All blobs of the image can be read.
    fn is_pushed(&self, repository: &Repository) -> Result<bool, String> {
        let get = |below: &str| {
            let path = format!("/v2/{}/{below}", repository.name);
            let response = send(self.registry.address(), "GET", &path, &[("Accept", KIND)], b"").unwrap();
            if response.status == 200 {
                Ok(response.body)
            } else {
                Err(format!("{} for {path}", response.status))
            }
        };
        let manifest = get("manifests/v")?;
        let digest = sha256(&manifest);
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        for blob in layers.iter().chain([&manifest["config"]]) {
            let wanted = blob["digest"].as_str().unwrap();
            let found = sha256(&get(&format!("blobs/{wanted}"))?);
            if found != wanted {
                return Err(format!("{found} instead of {wanted}"));
            }
        }
        let new = self.sandbox.read("target/wasmplugin.d/bare/digest");
        match (digest == new.trim_end(), digest == repository.old) {
            (true, false) => Ok(true),
            (false, true) => Ok(false),
            _ => Err(format!("the tag names {digest}")),
        }
    }

    /// The requests of a push without faults.
    fn learn(&self) -> Vec<Recorded> {
        let repository = self.repository();
        Said::of(&mut self.push(&repository, "0")).done();
        assert_eq!(self.is_pushed(&repository), Ok(true));
        let requests = self.proxy.requests();
        assert_eq!(requests.len(), 16, "{requests:#?}");
        requests
    }

    /// Pushes with a fault. Returns whether the new image was pushed.
    fn endure(&self, case: Case, then: Then) -> bool {
        let repository = self.repository();
        self.proxy.clear();
        let seen = AtomicUsize::new(0);
        let is_next = move |_: &Recorded| seen.fetch_add(1, Ordering::SeqCst) == case.number;
        self.proxy.rule(Rule::when(is_next, Action::At(case.point, case.fault)).times(1));
        let retry_for = if then == Then::Retries { "60" } else { "0" };
        let mut child = start(&mut self.push(&repository, retry_for));
        if then == Then::Killed {
            wait_until("the push to stall", || self.proxy.held() > 0);
            child.kill().unwrap();
        }
        until(DEADLINE, &format!("the push to end after {case:?}"), || child.try_wait().unwrap());
        let said = Said::of_output(child.wait_with_output().unwrap());
        assert!(self.proxy.requests().len() > case.number, "{case:?} didn't happen: {}", said.stderr);

        let is_pushed = self.is_pushed(&repository).unwrap_or_else(|damage| panic!("{case:?}: {damage}"));
        match (said.code, then) {
            (Some(0), _) => assert!(is_pushed, "{case:?}: not pushed: {}", said.stderr),
            (Some(101), Then::GivesUp) | (None, Then::Killed) => {}
            _ => panic!("{case:?}: {said:?}"),
        }
        assert!(!said.stderr.contains("panicked"), "{case:?}: {}", said.stderr);
        self.proxy.clear();
        Said::of(&mut self.push(&repository, "0")).done();
        assert_eq!(self.is_pushed(&repository), Ok(true), "{case:?}");
        is_pushed
    }
}

/// Pushes with each of the faults, which are found by looking at each request of a push and its response. Several
/// workers push at the same time. Returns how many pushes left the old image, and how many the new one.
fn endure_all(
    faults: impl Fn(&Recorded) -> Vec<(Point, Fault)>,
    then: Then,
    workers: usize,
) -> (usize, usize) {
    let registry = Registry::open();
    let requests = Scene::new(&registry).learn();
    let cases = requests.iter().enumerate().flat_map(|(number, request)| {
        faults(request).into_iter().map(move |(point, fault)| Case { number, point, fault })
    });
    let left = Mutex::new(cases.collect::<Vec<_>>().into_iter());
    let (kept, pushed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let scene = Scene::new(&registry);
                let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(case) = next() {
                    let outcome = if scene.endure(case, then) { &pushed } else { &kept };
                    outcome.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    (kept.into_inner(), pushed.into_inner())
}

/// Before the response, in its head, after its head, in its body, before its last byte, and after it.
fn steps(response: &[u8]) -> BTreeSet<usize> {
    let (head, end) = (head(response), response.len());
    BTreeSet::from([0, head / 2, head, usize::midpoint(head, end), end - 1, end])
}

/// The ends of all lines in the head of a response, and the middle of each line.
fn lines(response: &[u8]) -> BTreeSet<usize> {
    let breaks = (0..head(response)).filter(|at| response[*at] == b'\n');
    let ends: Vec<usize> = breaks.map(|at| at + 1).collect();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).flat_map(|(start, end)| [usize::midpoint(start, *end), *end]).collect()
}

/// The size of the head of a response.
fn head(response: &[u8]) -> usize {
    response.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4
}

#[test]
fn a_push_whose_connection_breaks_leaves_the_old_image_or_the_new_one() {
    let (kept, pushed) = endure_all(
        |request| {
            let steps = steps(&request.response);
            let closes = steps.union(&lines(&request.response)).map(|count| (*count, Fault::Close)).collect();
            let resets: Vec<_> = steps.into_iter().map(|count| (count, Fault::Reset)).collect();
            let sent =
                [closes, resets].concat().into_iter().map(|(count, fault)| (Point::Sent(count), fault));
            let received = [Fault::Close, Fault::Reset].map(|fault| (Point::Received, fault));
            received.into_iter().chain(sent).collect()
        },
        Then::GivesUp,
        4,
    );
    assert!(kept > 200 && pushed > 50, "{kept} {pushed}");
}

#[test]
fn a_push_whose_connection_breaks_once_succeeds() {
    let (kept, pushed) = endure_all(
        |request| {
            let points = [0, head(&request.response) / 2, head(&request.response)].map(Point::Sent);
            let points = points.into_iter().chain([Point::Received]);
            points.flat_map(|point| [Fault::Close, Fault::Reset].map(|fault| (point, fault))).collect()
        },
        Then::Retries,
        8,
    );
    assert_eq!((kept, pushed), (0, 16 * 8));
}

#[test]
fn a_push_that_is_killed_leaves_the_old_image_or_the_new_one() {
    let (kept, pushed) = endure_all(
        |request| {
            let sent = steps(&request.response).into_iter().map(Point::Sent);
            sent.chain([Point::Received]).map(|point| (point, Fault::Stall)).collect()
        },
        Then::Killed,
        4,
    );
    assert!(kept > 50 && pushed > 5, "{kept} {pushed}");
}

#[test]
fn a_push_without_answers_ends() {
    let (kept, pushed) = endure_all(
        |request| {
            let head = head(&request.response);
            let mut points = vec![Point::Sent(0), Point::Sent(head / 2)];
            if head < request.response.len() {
                points.push(Point::Sent(head));
            }
            points.into_iter().map(|point| (point, Fault::Stall)).collect()
        },
        Then::GivesUp,
        // All at the same time, because each waits for a minute.
        64,
    );
    assert!(kept > 20 && pushed > 2, "{kept} {pushed}");
}

#[test]
fn a_push_with_slow_answers_succeeds() {
    let (kept, pushed) = endure_all(|_| vec![(Point::Sent(0), Fault::Trickle)], Then::GivesUp, 16);
    assert_eq!((kept, pushed), (0, 16));
}
