//! The front on real UDP, in real time: one thread, a socket for each port.

mod captures;
mod clock;
mod lateness;
mod namespace;
mod socket;

use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mdht_krpc::Instant;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::range::Range;
use super::{MOST_CLIENTS, RealTime};

use captures::Captures;
use clock::Clock;
pub use lateness::Lateness;
pub use namespace::{Namespace, NamespaceError};
use socket::{Inbox, Socket};

/// How often at least it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How often captures are written out.
const FLUSH: Duration = Duration::from_secs(1);
/// Batches taken from a socket before the others have their turn.
const TURNS: usize = 8;

/// Why the world cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The system does not take the range for its own.
    #[error(
        "{0} is not local here; make it so with `ip route add local {0} dev lo` (in a network namespace, as root), let --make-netns NAME do that, or take --bind-range 127.0.0.0/8"
    )]
    NotLocal(Range),
    /// Somebody has a port.
    #[error(
        "port {0} is in use; choose another with --port, of which the {1} after it are free too"
    )]
    PortInUse(u16, u16),
    /// The limit of open files.
    #[error("too few file descriptors: allow more with `ulimit -n {0}`")]
    TooFewFiles(usize),
    /// Captures cannot be written.
    #[error("cannot write captures to {0}: {1}")]
    Capture(String, io::Error),
    /// The system, otherwise.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What the server counted.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerCounters {
    /// Datagrams that the system did not take.
    pub not_sent: u64,
    /// From when a datagram was due to when it left.
    pub lateness: Lateness,
}

/// Serves a world until it is stopped.
#[derive(Debug)]
pub struct Server {
    front: RealTime,
    /// By port, from the world's on.
    sockets: Vec<Socket>,
    clock: Clock,
    captures: Option<Captures>,
    flushed: Instant,
    counters: ServerCounters,
}

impl Server {
    /// Opens the sockets. Captures of all clients go to the folder `capture`.
    ///
    /// # Errors
    /// The range is not local, a port is taken, there are too few file
    /// descriptors, or captures cannot be written there.
    pub fn new(front: RealTime, capture: Option<&Path>) -> Result<Self, ServeError> {
        let plan = *front.plan();
        check_local(plan.range)?;
        let ports = std::iter::once(plan.port).chain(plan.pool_ports());
        let bind = |port| {
            Socket::bind(port).map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EADDRINUSE) => ServeError::PortInUse(port, plan.pool),
                Some(Errno::EMFILE | Errno::ENFILE) => {
                    ServeError::TooFewFiles(usize::from(plan.pool) + 64)
                }
                _ => error.into(),
            })
        };
        let sockets = ports.map(bind).collect::<Result<_, _>>()?;
        let fault = |dir: &Path, error| ServeError::Capture(dir.display().to_string(), error);
        let captures = capture.map(|dir| Captures::new(dir).map_err(|error| fault(dir, error)));
        // a delay is not to be rounded up to what is good enough for others
        let _ = nix::sys::prctl::set_timerslack(1);
        Ok(Self {
            front,
            sockets,
            clock: Clock::start(),
            captures: captures.transpose()?,
            flushed: Instant::ZERO,
            counters: ServerCounters::default(),
        })
    }

    /// The world.
    pub const fn front(&self) -> &RealTime {
        &self.front
    }

    /// What was counted.
    pub const fn counters(&self) -> &ServerCounters {
        &self.counters
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.clock.now().since(Instant::ZERO)
    }

    /// Serves until `stop` is set, or for `time` if that is given.
    ///
    /// # Errors
    /// A socket fails, or a capture cannot be written.
    pub fn run(&mut self, stop: &AtomicBool, time: Option<Duration>) -> Result<(), ServeError> {
        let end = time.map(|time| self.clock.now() + time);
        let mut inbox = Inbox::new();
        while !stop.load(Ordering::Relaxed) {
            let now = self.clock.now();
            if end.is_some_and(|end| now >= end) {
                break;
            }
            self.front.handle_timeout(now);
            self.send_due()?;
            self.flush(now)?;
            let due = self.front.poll_timeout();
            let wait = due.map_or(LOOK, |due| due.since(self.clock.now()).min(LOOK));
            for place in self.wait(wait)? {
                self.receive(place, &mut inbox)?;
            }
        }
        self.captures.as_mut().map_or(Ok(()), Captures::flush)?;
        Ok(())
    }

    /// Waits for datagrams and gives the places of the sockets that have some.
    fn wait(&self, time: Duration) -> io::Result<Vec<usize>> {
        // at most some hundred of them, once for a batch
        let mut fds: Vec<_> = self
            .sockets
            .iter()
            .map(|s| PollFd::new(s.as_fd(), PollFlags::POLLIN))
            .collect();
        match ppoll(&mut fds, Some(TimeSpec::from_duration(time)), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = (0..).zip(&fds).filter(|(_, fd)| fd.any() == Some(true));
        Ok(ready.map(|(place, _)| place).collect())
    }

    fn receive(&mut self, place: usize, inbox: &mut Inbox) -> Result<(), ServeError> {
        let Self {
            front,
            sockets,
            clock,
            captures,
            ..
        } = self;
        let Some(socket) = sockets.get(place) else {
            return Ok(());
        };
        for _ in 0..TURNS {
            let mut fault = Ok(());
            let more = inbox.receive(socket, |incoming| {
                let at = clock.received(incoming.date);
                let to = SocketAddrV4::new(incoming.to, socket.port());
                if let Some(captures) = captures {
                    let (ends, date) = ((incoming.from, to), clock.date(at));
                    let written = captures.datagram(incoming.from, date, ends, incoming.payload);
                    fault = std::mem::replace(&mut fault, Ok(())).and(written);
                }
                front.handle_datagram(at, incoming.from, to, incoming.payload);
            })?;
            fault.map_err(not_captured)?;
            if !more {
                break;
            }
        }
        self.send_due()
    }

    fn send_due(&mut self) -> Result<(), ServeError> {
        let Self {
            front,
            sockets,
            clock,
            captures,
            counters,
            ..
        } = self;
        while let Some(transmit) = front.poll_transmit() {
            let (from, to) = (transmit.from, transmit.to);
            let first = front.plan().port;
            let socket = sockets.get(usize::from(from.port().saturating_sub(first)));
            let sent = socket.map(|socket| socket.send(*from.ip(), to, &transmit.payload));
            let now = clock.now();
            match sent {
                Some(Ok(())) => {
                    counters.lateness.note(now.since(transmit.at));
                    if let Some(captures) = captures {
                        let date = clock.date(now);
                        let written = captures.datagram(to, date, (from, to), &transmit.payload);
                        written.map_err(not_captured)?;
                    }
                }
                _ => counters.not_sent += 1,
            }
            front.recycle(transmit.payload);
        }
        Ok(())
    }

    fn flush(&mut self, now: Instant) -> io::Result<()> {
        if now.since(self.flushed) < FLUSH {
            return Ok(());
        }
        self.flushed = now;
        self.captures.as_mut().map_or(Ok(()), Captures::flush)
    }
}

/// Each client's capture is an open file.
fn not_captured(error: io::Error) -> ServeError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE | Errno::ENFILE) => ServeError::TooFewFiles(2 * MOST_CLIENTS),
        _ => ServeError::Io(error),
    }
}

/// Whether a socket can have addresses of the range: those of clients, and of
/// nodes near its end.
fn check_local(range: Range) -> Result<(), ServeError> {
    let last = range.node_places() + range.first_node() - 1;
    for ip in [range.bootstrap(0), range.address(last)] {
        if let Err(error) = UdpSocket::bind((ip, 0)) {
            return match error.kind() {
                io::ErrorKind::AddrNotAvailable => Err(ServeError::NotLocal(range)),
                _ => Err(error.into()),
            };
        }
    }
    Ok(())
}
