//! The server as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::usage::usage;

/// A served world without losses and jitter, so that a delay can be told from
/// an error.
const PARAMETERS: &str = "[overlay.links]\nloss = 0.0\njitter = 0.0\n";

pub(crate) struct Served {
    process: Child,
    out: BufReader<ChildStdout>,
    bootstrap: SocketAddr,
}

impl Served {
    pub(crate) fn start() -> Self {
        let file = std::env::temp_dir().join(format!("mdht-serve-{}.toml", std::process::id()));
        std::fs::write(&file, PARAMETERS).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_mdht"))
            .args(["overlay", "serve", "--nodes", "1000000", "--format", "json"])
            .args([
                "--bind-range",
                "127.0.0.0/8",
                "--port",
                "10000",
                "--parameters",
            ])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let ready = document(&mut out);
        let _ = std::fs::remove_file(file);
        let bootstrap = ready["bootstrap"][0].as_str().unwrap().parse().unwrap();
        Self {
            process,
            out,
            bootstrap,
        }
    }

    pub(crate) fn bootstrap(&self) -> SocketAddr {
        self.bootstrap
    }

    /// Processor time so far, in seconds.
    pub(crate) fn usage(&self) -> f64 {
        usage(self.process.id())
    }

    /// Stops it; what it counted.
    pub(crate) fn stop(&mut self) -> Value {
        let id = self.process.id();
        // the shell's own: a small machine has no other
        let line = format!("kill -INT {id}");
        Command::new("sh").args(["-c", &line]).status().unwrap();
        let done = document(&mut self.out);
        self.process.wait().unwrap();
        done
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn document(out: &mut impl BufRead) -> Value {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    serde_json::from_str(&line).expect("the world is not served")
}
