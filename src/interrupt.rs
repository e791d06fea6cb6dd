//! Signals that stop the program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use rustix::process::Signal;

use crate::error::{Exit, Explain, Result};

/// How often a waiting thread checks for a signal.
pub const POLL: Duration = Duration::from_millis(20);

/// Knows whether a signal has interrupted the program.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Handles Ctrl-C, SIGTERM and SIGHUP for this process. A signal that is ignored stays ignored, as `nohup` and
    /// shells expect it.
    ///
    /// # Errors
    ///
    /// If the system refuses to register a handler.
    pub fn install() -> io::Result<Self> {
        let interrupt = Interrupt::default();
        let ignored = ignored_signals();
        for signal in [Signal::INT, Signal::TERM, Signal::HUP].map(Signal::as_raw) {
            if ignored & 1 << (signal - 1) == 0 {
                signal_hook::flag::register(signal, Arc::clone(&interrupt.0))?;
            }
        }
        Ok(interrupt)
    }

    /// Checks whether a signal has interrupted the program.
    ///
    /// # Errors
    ///
    /// If it has.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.0.load(Ordering::SeqCst) { Err(Interrupted) } else { Ok(()) }
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
}

/// The signals that this process ignores, as a bit set that begins with signal 1. Only Linux says which ones; elsewhere
/// none are known.
fn ignored_signals() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default()
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
