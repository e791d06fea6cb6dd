//! Handles signals that stop the program, and its child processes with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared_child::SharedChild;

use crate::error::{Exit, Explain, Result};

/// How often a waiting thread checks for a signal.
const POLL: Duration = Duration::from_millis(20);

/// Knows whether a signal has interrupted the program.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    interrupted: AtomicBool,
    children: Mutex<Vec<Arc<SharedChild>>>,
}

impl Interrupt {
    /// Handles Ctrl-C, SIGTERM and SIGHUP for this process.
    ///
    /// # Errors
    ///
    /// If the process already has a handler.
    pub fn install() -> Result<Self> {
        let interrupt = Interrupt::default();
        let seen = interrupt.clone();
        ctrlc::set_handler(move || {
            seen.0.interrupted.store(true, Ordering::SeqCst);
            for child in &*seen.children() {
                terminate(child);
            }
        })?;
        Ok(interrupt)
    }

    /// Checks whether a signal has interrupted the program.
    ///
    /// # Errors
    ///
    /// If it has.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.0.interrupted.load(Ordering::SeqCst) { Err(Interrupted) } else { Ok(()) }
    }

    /// Does work that can't be cancelled, such as reading from a pipe, and stops waiting for it if a signal arrives.
    ///
    /// # Errors
    ///
    /// If a signal has interrupted the program.
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

    /// Terminates `child` if a signal arrives, as long as the returned guard lives.
    ///
    /// # Errors
    ///
    /// If a signal has interrupted the program already. The child is terminated then.
    pub fn watch(&self, child: &Arc<SharedChild>) -> Result<Watched, Interrupted> {
        self.children().push(Arc::clone(child));
        let watched = Watched { interrupt: self.clone(), child: Arc::clone(child) };
        // The signal may have arrived before the handler knew about this child.
        self.check().inspect_err(|_| terminate(child))?;
        Ok(watched)
    }

    fn children(&self) -> MutexGuard<'_, Vec<Arc<SharedChild>>> {
        self.0.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a child process registered for [`Interrupt::watch`].
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

// Sending the signal fails if the child has ended already, which is fine.
fn terminate(child: &SharedChild) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// A signal has interrupted the program.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; no partial output was left behind")]
pub struct Interrupted;

impl Explain for Interrupted {
    fn exit(&self) -> Exit {
        Exit::Interrupted
    }
}

impl Explain for ctrlc::Error {}
