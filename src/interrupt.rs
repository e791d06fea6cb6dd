//! Signals that ask the program to stop, and the child processes that have to stop with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared_child::SharedChild;

use crate::error::{Exit, Explain, Result};

/// How often a wait looks for a signal.
const POLL: Duration = Duration::from_millis(20);

/// Whether a signal asked the program to stop.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    asked: AtomicBool,
    children: Mutex<Vec<Arc<SharedChild>>>,
}

impl Interrupt {
    /// Handles Ctrl-C, SIGTERM and SIGHUP for this process.
    ///
    /// # Errors
    ///
    /// If the process has a handler already.
    pub fn install() -> Result<Self> {
        let interrupt = Interrupt::default();
        let seen = interrupt.clone();
        ctrlc::set_handler(move || {
            seen.0.asked.store(true, Ordering::SeqCst);
            for child in &*seen.children() {
                terminate(child);
            }
        })?;
        Ok(interrupt)
    }

    /// Returns early if a signal asked the program to stop.
    ///
    /// # Errors
    ///
    /// If a signal asked the program to stop.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.0.asked.load(Ordering::SeqCst) { Err(Interrupted) } else { Ok(()) }
    }

    /// Does work that can't be cancelled, such as reading from a pipe, and stops waiting for it if a signal comes.
    ///
    /// # Errors
    ///
    /// If a signal asked the program to stop.
    pub fn or_done<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Interrupted> {
        let (sender, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(work()));
        loop {
            self.check()?;
            match done.recv_timeout(POLL) {
                Ok(done) => return Ok(done),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the work has panicked"),
            }
        }
    }

    /// Ends `child` too if a signal comes, as long as the returned guard lives.
    ///
    /// # Errors
    ///
    /// If a signal came already; the child is ended then.
    pub fn watch(&self, child: &Arc<SharedChild>) -> Result<Watched, Interrupted> {
        self.children().push(Arc::clone(child));
        let watched = Watched { interrupt: self.clone(), child: Arc::clone(child) };
        // The signal may have come before the handler knew of this child.
        self.check().inspect_err(|_| terminate(child))?;
        Ok(watched)
    }

    fn children(&self) -> MutexGuard<'_, Vec<Arc<SharedChild>>> {
        self.0.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child process that a signal ends.
#[derive(Debug)]
pub struct Watched {
    interrupt: Interrupt,
    child: Arc<SharedChild>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.interrupt.children().retain(|child| !Arc::ptr_eq(child, &self.child));
    }
}

// A child that has ended already needs no signal, so a failure to send one is ignored.
fn terminate(child: &SharedChild) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// A signal asked the program to stop.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; nothing is half-written")]
pub struct Interrupted;

impl Explain for Interrupted {
    fn exit(&self) -> Exit {
        Exit::Interrupted
    }
}

impl Explain for ctrlc::Error {}
