//! The sockets of a checker, and what stands behind them.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, BufWriter};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use mdht_connectivity::{Checker, Incoming, Port};
use mdht_krpc::Instant;
use mdht_node::{CaptureWriter, Clock, Socket};

use super::instrument::Instrument;
use crate::output::{Failure, note};

/// Datagrams taken from one socket before others get their turn.
const BATCH: usize = 64;
/// Longest sleep: the timer's clock stops while the machine sleeps, ours not.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// Largest UDP payload there is.
const MOST_PAYLOAD: usize = 65_536;

/// A socket with the name that the checker knows it by.
pub(super) struct NamedSocket {
    pub(super) port: Port,
    pub(super) socket: Socket,
    /// The address others see packets come from, for the capture.
    source: Option<IpAddr>,
}

impl NamedSocket {
    /// Binds a socket.
    pub(super) fn bind(port: Port, addr: SocketAddr) -> Result<Self, Failure> {
        let socket = Socket::bind(addr).map_err(|error| bind_failure(addr, &error))?;
        let ip = socket.local().ip();
        Ok(Self {
            port,
            socket,
            source: (!ip.is_unspecified()).then_some(ip),
        })
    }
}

/// Why a socket cannot be had, with what to do about it.
pub(super) fn bind_failure(addr: SocketAddr, error: &io::Error) -> Failure {
    let remedy = match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            " (this machine does not have that address; `ip address` lists those it has)"
        }
        io::ErrorKind::AddrInUse => " (another program has this port: choose another one)",
        _ => "",
    };
    Failure::Failed(format!("cannot bind {addr}: {error}{remedy}"))
}

/// A checker with its sockets, its instrumented nodes, a clock and perhaps a
/// capture.
pub(super) struct Station {
    pub(super) clock: Clock,
    pub(super) checker: Checker,
    pub(super) instrument: Instrument,
    sockets: Vec<NamedSocket>,
    capture: Option<Capture>,
    buffer: Vec<u8>,
    out: Vec<u8>,
    send_fault: Option<io::ErrorKind>,
}

struct Capture {
    path: PathBuf,
    writer: CaptureWriter<BufWriter<File>>,
}

impl Station {
    pub(super) fn new(
        checker: Checker,
        instrument: Instrument,
        sockets: Vec<NamedSocket>,
        capture: Option<&Path>,
    ) -> Result<Self, Failure> {
        let capture = capture.map(Capture::create).transpose()?;
        Ok(Self {
            clock: Clock::start(),
            checker,
            instrument,
            sockets,
            capture,
            buffer: vec![0; MOST_PAYLOAD],
            out: Vec::new(),
            send_fault: None,
        })
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Addresses of the sockets, with the vantage points they are.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (Port, SocketAddr)> {
        let sockets = self.sockets.iter();
        sockets.map(|named| (named.port, named.socket.local()))
    }

    /// Sends what is due, waits until something happens or `until` has come,
    /// and takes it in.
    pub(super) async fn turn(&mut self, until: Option<Instant>) {
        self.send_due().await;
        let readable = self.wait(until).await;
        if let Some(index) = readable {
            self.receive(index).await;
        }
        let now = self.clock.now();
        self.checker.handle_timeout(now);
        self.instrument.handle_timeout(now);
        self.send_due().await;
        self.flush();
    }

    async fn wait(&mut self, until: Option<Instant>) -> Option<usize> {
        let due = [
            self.checker.poll_timeout(),
            self.instrument.poll_timeout(),
            until,
        ];
        let now = self.clock.now();
        let due = due.into_iter().flatten().min();
        let due = due.map_or(LONGEST_SLEEP, |at| at.since(now));
        let mut sleep = pin!(tokio::time::sleep(due.min(LONGEST_SLEEP)));
        let sockets = &self.sockets;
        poll_fn(|cx| {
            for (index, named) in sockets.iter().enumerate() {
                if named.socket.poll_readable(cx).is_ready() {
                    return Poll::Ready(Some(index));
                }
            }
            sleep.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    async fn receive(&mut self, index: usize) {
        for _ in 0..BATCH {
            let named = &mut self.sockets[index];
            let received = match named.socket.try_receive(&mut self.buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // an ICMP error for an earlier datagram: silence will tell
                Err(_) => continue,
            };
            named.source = received.to.or(named.source);
            let now = self.clock.now();
            let (port, from) = (named.port, received.from);
            self.record(index, now, from, received.len, true);
            let payload = &self.buffer[..received.len];
            let taken = self.checker.handle_datagram(now, port, from, payload);
            if let (Incoming::Other, Port::Own(identity)) = (taken, port) {
                self.instrument
                    .handle_datagram(now, identity, from, payload);
            }
            self.send_due().await;
        }
    }

    /// Sends everything that checker and instrumented nodes have to send.
    async fn send_due(&mut self) {
        while let Some(transmit) = self.checker.poll_transmit() {
            self.out.clear();
            transmit.encode_into(&mut self.out);
            self.send(transmit.port, transmit.to).await;
        }
        while let Some((identity, to)) = self.instrument.poll_transmit(&mut self.out) {
            self.send(Port::Own(identity), to).await;
        }
    }

    /// Sends what is in the buffer.
    async fn send(&mut self, port: Port, to: SocketAddr) {
        let place = self.sockets.iter().position(|named| named.port == port);
        let Some(index) = place else { return };
        let now = self.clock.now();
        self.record(index, now, to, 0, false);
        let sent = self.sockets[index].socket.send(&self.out, to).await;
        let fault = sent.as_ref().err().map(io::Error::kind);
        if let (Err(error), true) = (&sent, fault != self.send_fault) {
            note(&format!("cannot send to {to}: {error}"));
        }
        self.send_fault = fault;
    }

    /// Writes a datagram to the capture: `len` bytes received, or what is
    /// about to be sent. A full disk ends the capture, not the checks.
    fn record(&mut self, index: usize, now: Instant, other: SocketAddr, len: usize, came: bool) {
        let Some(capture) = &mut self.capture else {
            return;
        };
        let named = &mut self.sockets[index];
        let source = named.source.or_else(|| named.socket.source_toward(other));
        named.source = source;
        let Some(ip) = source else { return };
        let ours = SocketAddr::new(ip, named.socket.local().port());
        let (from, to, payload) = if came {
            (other, ours, &self.buffer[..len])
        } else {
            (ours, other, &self.out[..])
        };
        let at = self.clock.wall_clock_at(now);
        if let Err(error) = capture.writer.datagram(at, from, to, payload) {
            note(&format!("capture stopped: {}", capture.fault(&error)));
            self.capture = None;
        }
    }

    fn flush(&mut self) {
        if let Some(capture) = &mut self.capture
            && let Err(error) = capture.writer.flush()
        {
            note(&format!("capture stopped: {}", capture.fault(&error)));
            self.capture = None;
        }
    }
}

impl Capture {
    fn create(path: &Path) -> Result<Self, Failure> {
        let created = File::create(path).and_then(|file| {
            let mut writer = CaptureWriter::new(BufWriter::new(file))?;
            writer.flush()?;
            Ok(writer)
        });
        let path = path.to_owned();
        match created {
            Ok(writer) => Ok(Self { path, writer }),
            Err(error) => Err(Failure::Failed(format!(
                "cannot write the capture {}: {error}",
                path.display()
            ))),
        }
    }

    fn fault(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.path.display())
    }
}
