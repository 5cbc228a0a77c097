//! `mdht overlay serve` on 127.0.0.0/8, which is local without privileges.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // a panic fails the test

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mdht_krpc::{Body, Id, Message, Query, is_public};
use serde_json::Value;

struct Served {
    process: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Served {
    fn start(words: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_mdht"))
            .args(["overlay", "serve", "--nodes", "2000", "--format", "json"])
            .args(["--bind-range", "127.0.0.0/8", "--for", "60"])
            .args(words)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        Self { process, out }
    }

    fn document(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn interrupt(&mut self) -> Value {
        let id = self.process.id();
        // the shell's own: a small machine has no other
        let line = format!("kill -INT {id}");
        Command::new("sh").args(["-c", &line]).status().unwrap();
        let done = self.document();
        assert!(self.process.wait().unwrap().success());
        done
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

/// A port that is free, with the next.
fn free_port() -> u16 {
    loop {
        let first = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < 65_000 && UdpSocket::bind(("0.0.0.0", port + 1)).is_ok() {
            return port;
        }
    }
}

/// Asks until there is an answer: the world loses datagrams.
fn ask(socket: &UdpSocket, to: SocketAddr) -> Option<Vec<u8>> {
    let query = Query::find_node(Id::new([1; 20]), Id::new([2; 20]));
    let payload = Message::new(b"fn", Body::Query(query)).encode();
    let mut buffer = [0; 2048];
    for _ in 0..10 {
        socket.send_to(&payload, to).unwrap();
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            if from == to {
                return Some(buffer[..len].to_vec());
            }
        }
    }
    None
}

#[test]
fn a_client_on_loopback_meets_the_world_and_is_captured() {
    let port = free_port().to_string();
    let dir = std::env::temp_dir().join(format!("mdht-serve-{}", std::process::id()));
    let captures = dir.join("captures");
    let words = ["--port", &port, "--pool", "1", "--capture"];
    let mut served = Served::start(&[&words[..], &[captures.to_str().unwrap()]].concat());
    let ready = served.document();
    assert_eq!(ready["event"], "ready");
    let bootstrap = ready["bootstrap"][0].as_str().unwrap().parse().unwrap();
    let socket = UdpSocket::bind("127.0.3.1:0").unwrap();
    let patience = Duration::from_secs(3);
    socket.set_read_timeout(Some(patience)).unwrap();
    let answer = ask(&socket, bootstrap).expect("the bootstrap node is silent");
    let message = Message::scan(&answer).unwrap();
    let Body::Response(response) = message.body else {
        panic!("{message:?}");
    };
    let contacts: Vec<_> = response.nodes.unwrap().iter().collect();
    assert_eq!(contacts.len(), 8);
    for contact in &contacts {
        assert!(contact.addr.ip().is_loopback() && !is_public(contact.addr.ip()));
        assert_eq!(contact.addr.port().to_string(), port);
    }
    let done = served.interrupt();
    assert_eq!(done["event"], "done");
    assert!(done["received"].as_u64() >= Some(1) && done["sent"].as_u64() >= Some(1));
    assert_eq!(done["not_sent"], 0);
    let own = socket.local_addr().unwrap();
    let name = format!("{}_{}.pcap", own.ip(), own.port());
    let written = std::fs::read(captures.join(name)).unwrap();
    assert!(written.windows(answer.len()).any(|part| part == answer));
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_port_in_use_is_one_line_with_the_remedy() {
    let port = free_port();
    let _holder = UdpSocket::bind(("0.0.0.0", port)).unwrap();
    let port = port.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_mdht"))
        .args(["overlay", "serve", "--nodes", "100", "--for", "1"])
        .args(["--bind-range", "127.0.0.0/8", "--port", &port])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("--port") && said.lines().count() == 1,
        "{said}"
    );
}
