//! The program in a terminal.

use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use fs_err::OpenOptions;
use rustix::io::{read, write};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::running::{process, tool};

const LIMIT: Duration = Duration::from_secs(60);

/// A pseudo terminal that runs the program.
pub(crate) struct Terminal {
    keyboard: OwnedFd,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// The length of `seen` when something was last typed.
    answered: usize,
    child: Child,
}

impl Terminal {
    /// Runs the program, without colours.
    pub(crate) fn run(directory: &Utf8Path, args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let end = || open().into_file();
        // Ctrl-C reaches only the processes whose controlling terminal this is: setsid sets it and then becomes the program.
        let mut command = process("setsid");
        command.arg("--ctty").arg(tool()).args(args).args(["--color", "never"]).current_dir(directory);
        command.env("TERM", "xterm");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        // As long as this process holds the other end too, reading the screen never ends.
        drop(command);
        let reader = master.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Linux reports the end as an error.
            while let Ok(count @ 1..) = read(&reader, &mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { keyboard: master, screen, seen: String::new(), answered: 0, child }
    }

    /// Waits for a text after what was last typed.
    pub(crate) fn expect(&mut self, text: &str) -> &mut Self {
        let started = Instant::now();
        while !self.seen[self.answered..].contains(text) {
            match self.screen.recv_timeout(LIMIT.saturating_sub(started.elapsed())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{text:?} does not appear:\n{}", self.seen),
            }
        }
        self
    }

    /// Types a text. The program must not be writing at the same time.
    pub(crate) fn answer(&mut self, text: &str) -> &mut Self {
        assert_eq!(write(&self.keyboard, text.as_bytes()).unwrap(), text.len());
        self.answered = self.seen.len();
        self
    }

    /// Waits for the program to end. Returns everything that was on the screen.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let started = Instant::now();
        while let Ok(bytes) = self.screen.recv_timeout(LIMIT.saturating_sub(started.elapsed())) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        assert!(started.elapsed() < LIMIT, "the program does not end:\n{}", self.seen);
        (self.child.wait().unwrap(), std::mem::take(&mut self.seen).replace('\r', ""))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
