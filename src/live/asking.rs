//! Asking a running node for its state: the other end of `--metrics`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::output::{Failure, Format, line};

/// How long connecting, and each read, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const MOST: u64 = 1 << 20;

/// Prints what the node whose `--metrics` or `--web` is at `addr` says.
pub(crate) fn print_status(addr: SocketAddr, format: Format) -> Result<(), Failure> {
    let path = match format {
        Format::Text => "/status",
        Format::Json => "/status.json",
    };
    let answer = get(addr, path).map_err(|error| {
        Failure::Failed(format!(
            "no node's status at {addr}: {error}; start the node with --metrics {addr}"
        ))
    })?;
    line(answer.trim_end())
}

fn get(addr: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // 1.0: the answer ends with the connection
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer)?;
    let parts = answer.split_once("\r\n\r\n");
    match parts.filter(|(head, _)| head.split(' ').nth(1) == Some("200")) {
        Some((_, body)) => Ok(body.to_owned()),
        None => Err(std::io::Error::other(
            "it is no mdht node that answers there",
        )),
    }
}
