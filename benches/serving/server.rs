//! Servers as processes of their own: what they take of the processor and of
//! the memory.

#![allow(clippy::disallowed_methods)] // real time is what is measured

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::Value;

use crate::usage::usage;

pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) addr: SocketAddrV4,
    process: Child,
    /// Resident memory soon after its start, in bytes.
    pub(crate) idle: u64,
}

/// Where the server of this number listens.
pub(crate) fn address(number: u8) -> SocketAddrV4 {
    let ip = Ipv4Addr::new(127, 0, 5, number + 1);
    let probe = UdpSocket::bind((ip, 0)).unwrap();
    SocketAddrV4::new(ip, probe.local_addr().unwrap().port())
}

/// A folder for logs and state, of this run.
pub(crate) fn folder(name: &str) -> PathBuf {
    let base = std::env::temp_dir().join(format!("mdht-serving-{}", std::process::id()));
    let folder = base.join(name.replace(|c: char| !c.is_alphanumeric(), "_"));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Server {
    /// Our node.
    pub(crate) fn ours(routing: &str, addr: SocketAddrV4, bootstrap: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mdht"));
        command
            .args(["node", "--no-default-bootstrap", "--no-rate-limit"])
            .args(["--bootstrap", bootstrap, "--routing", routing])
            .args(["--bind", &addr.to_string()]);
        Self::start(&format!("mdht {routing}"), addr, &mut command)
    }

    /// The echo, with the length of the answer to each length of a query.
    pub(crate) fn echo(addr: SocketAddrV4, lengths: &[(usize, usize)]) -> Self {
        let mut order = addr.to_string();
        for (query, answer) in lengths {
            order.push_str(&format!(" {query}={answer}"));
        }
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env("MDHT_SERVING_ECHO", order);
        Self::start("echo", addr, &mut command)
    }

    /// Another client.
    pub(crate) fn client(
        name: &str,
        words: &[String],
        addr: SocketAddrV4,
        bootstrap: &str,
    ) -> Self {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args([addr.ip().to_string(), addr.port().to_string()])
            .arg(bootstrap)
            .arg(folder(name));
        Self::start(name, addr, &mut command)
    }

    fn start(name: &str, addr: SocketAddrV4, command: &mut Command) -> Self {
        let log = File::create(folder(name).join("log")).unwrap();
        let process = command
            // drivers end with their input
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self {
            name: name.to_owned(),
            addr,
            process,
            idle: 0,
        }
    }

    /// Processor time so far, in seconds.
    pub(crate) fn usage(&self) -> f64 {
        usage(self.process.id())
    }

    /// Keeps all its threads on the first processor; the generator has the second.
    pub(crate) fn pin(&self) {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        for task in tasks {
            let name = task.unwrap().file_name();
            let id = name.to_str().unwrap().parse().unwrap();
            pin(Pid::from_raw(id), 0);
        }
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<u64>().unwrap() * 1024
    }
}

/// Keeps a thread on one processor, where there is that one.
pub(crate) fn pin(thread: Pid, processor: usize) {
    let mut only = CpuSet::new();
    let may = only
        .set(processor)
        .and_then(|()| sched_setaffinity(thread, &only));
    if let Err(error) = may {
        eprintln!("cannot keep {thread} on processor {processor}: {error}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The overlay in which the tables are filled.
pub(crate) struct Overlay {
    process: Child,
    pub(crate) bootstrap: String,
}

impl Overlay {
    pub(crate) fn start() -> Self {
        let free = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        // with some more ports behind it
        let port = free.local_addr().unwrap().port().min(60_000);
        drop(free);
        let mut process = Command::new(env!("CARGO_BIN_EXE_mdht"))
            .args(["overlay", "serve", "--nodes", "100000", "--format", "json"])
            .args(["--bind-range", "127.0.0.0/8", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the overlay is not served");
        let bootstrap = ready["bootstrap"][0].as_str().unwrap().to_owned();
        Self { process, bootstrap }
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
