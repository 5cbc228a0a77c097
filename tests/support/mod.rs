//! What the tests of the whole share: nodes on loopback addresses, the
//! command with a bounded wait, folders that are removed in the end.

#![allow(dead_code, unreachable_pub)] // each test file uses its part
#![allow(clippy::unwrap_used)] // a panic fails the test

pub mod captures;
pub mod experiments;

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mdht_krpc::Family;
use mdht_node::{Dht, DhtBuilder, OverlayStatus};
use mdht_plugins::Registry;

/// No wait of any test is longer.
pub const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The command under test.
pub const MDHT: &str = env!("CARGO_BIN_EXE_mdht");

/// What a run of the command came to.
#[derive(Debug)]
pub struct Finished {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Finished {
    /// Standard output as one JSON document a line.
    pub fn documents(&self) -> Vec<serde_json::Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A running command.
pub struct Running {
    pub child: Child,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
    /// Lines of standard error as they come.
    told: Receiver<String>,
}

/// Starts `mdht` with arguments that are split at spaces.
pub fn start(args: &str) -> Running {
    start_with(Command::new(MDHT).args(args.split_whitespace()))
}

/// Starts a command of any kind.
pub fn start_with(command: &mut Command) -> Running {
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (tell, told) = channel();
    let out = collect(child.stdout.take().unwrap(), |_| {});
    let err = collect(child.stderr.take().unwrap(), move |line| {
        let _ = tell.send(line.to_owned());
    });
    Running {
        child,
        out,
        err,
        told,
    }
}

/// Reads all lines, in a thread of its own.
fn collect(
    pipe: impl Read + Send + 'static,
    on_line: impl Fn(&str) + Send + 'static,
) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut all = String::new();
        for line in BufReader::new(pipe).lines() {
            let line = line.unwrap();
            on_line(&line);
            all.push_str(&line);
            all.push('\n');
        }
        all
    })
}

impl Running {
    /// Waits for a line of standard error that contains `text`.
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.told.recv_timeout(LONGEST_WAIT);
            let line = line.unwrap_or_else(|_| panic!("never told: {text}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end, which must come within [`LONGEST_WAIT`].
    pub fn finish(mut self) -> Finished {
        let code = wait(&mut self.child);
        let (out, err) = (self.out.join().unwrap(), self.err.join().unwrap());
        Finished { code, out, err }
    }
}

/// Waits for the exit code; a command that does not end is killed.
pub fn wait(child: &mut Child) -> Option<i32> {
    let step = Duration::from_millis(5);
    for _ in 0..LONGEST_WAIT.as_millis() / step.as_millis() {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(step);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("the command did not end within {LONGEST_WAIT:?}");
}

/// Runs `mdht` with arguments that are split at spaces.
pub fn mdht(args: &str) -> Finished {
    start(args).finish()
}

/// As [`mdht`], from inside a tokio runtime.
pub async fn mdht_beside(args: String) -> Finished {
    tokio::task::spawn_blocking(move || mdht(&args))
        .await
        .unwrap()
}

/// A node that is alone unless told by whom to join.
pub fn builder(bind: &str) -> DhtBuilder {
    let bind = bind.parse().unwrap();
    Dht::builder().bind(bind).no_default_bootstrap()
}

/// `n` nodes on 127.`net`.0.1, 127.`net`.0.2 and so on, each on a port of the
/// system's choice, joined by the first.
pub async fn overlay(net: u8, n: usize) -> Vec<Dht> {
    let mut nodes: Vec<Dht> = Vec::new();
    for host in 1..=n {
        let mut node = builder(&format!("127.{net}.0.{host}:0")).routing(quick());
        if let Some(first) = nodes.first() {
            node = node.bootstrap(local(first).await.to_string());
        }
        nodes.push(node.build().await.unwrap());
    }
    for node in &nodes {
        eventually("every node has joined", async || v4(node).await.joined).await;
    }
    nodes
}

/// A routing module that lets everybody in at once.
pub fn quick() -> mdht_plugins::RoutingFactory {
    Registry::builtin().routing("bep5").unwrap()
}

/// The first address that a node is bound to.
pub async fn local(node: &Dht) -> SocketAddr {
    node.status().await.unwrap().local[0]
}

/// A node's part in the IPv4 overlay.
pub async fn v4(node: &Dht) -> OverlayStatus {
    let overlays = node.status().await.unwrap().overlays;
    let mut overlays = overlays.into_iter();
    overlays.find(|o| o.family == Family::V4).unwrap()
}

/// Waits until the condition holds.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let all = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let done = tokio::time::timeout(LONGEST_WAIT, all).await;
    assert!(done.is_ok(), "not within {LONGEST_WAIT:?}: {what}");
}

/// A new folder, removed when dropped.
pub struct TemporaryDir(PathBuf);

impl TemporaryDir {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it, as an argument.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
