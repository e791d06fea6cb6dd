//! The program with a person at the terminal.

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

/// A pseudo terminal with the program in it.
pub(crate) struct Terminal {
    keyboard: OwnedFd,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// How much of that was there when something was typed last.
    answered: usize,
    child: Child,
}

impl Terminal {
    /// Runs the program, without colours.
    pub(crate) fn run(folder: &Utf8Path, args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let end = || open().into_file();
        // Ctrl-C reaches those alone whose terminal it is: setsid makes it theirs, and becomes the program.
        let mut command = process("setsid");
        command.arg("--ctty").arg(tool()).args(args).args(["--color", "never"]).current_dir(folder);
        command.env("TERM", "xterm");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        // While this process held the other end too, the screen would never come to its end.
        drop(command);
        let reader = master.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Linux tells the end as an error.
            while let Ok(count @ 1..) = read(&reader, &mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { keyboard: master, screen, seen: String::new(), answered: 0, child }
    }

    /// Waits for a text behind what was typed last.
    pub(crate) fn expect(&mut self, text: &str) -> &mut Self {
        let started = Instant::now();
        while !self.seen[self.answered..].contains(text) {
            match self.screen.recv_timeout(LIMIT.saturating_sub(started.elapsed())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{text:?} does not come:\n{}", self.seen),
            }
        }
        self
    }

    /// Types; nothing else may be on its way to the screen.
    pub(crate) fn answer(&mut self, text: &str) -> &mut Self {
        assert_eq!(write(&self.keyboard, text.as_bytes()).unwrap(), text.len());
        self.answered = self.seen.len();
        self
    }

    /// Waits for the end; with all that was on the screen.
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
