//! A wire tap on a full node's link.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::Instant;
use mdht_node::CaptureWriter;

/// The date at which every run begins: the thesis's measurement of 27 March
/// 2011, midnight UTC, in seconds since the Unix epoch.
const START: Duration = Duration::from_secs(1_301_184_000);

/// Sees every datagram on a full node's side of the wire, at the time it
/// leaves or arrives.
pub trait Tap: Send {
    /// A datagram left the node or reached it.
    fn datagram(&mut self, at: Instant, from: SocketAddr, to: SocketAddr, payload: &[u8]);
}

impl<F: FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send> Tap for F {
    fn datagram(&mut self, at: Instant, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        self(at, from, to, payload);
    }
}

/// Writes a capture: pcap, raw IP.
#[derive(Debug)]
pub struct CaptureTap<W: Write> {
    writer: CaptureWriter<W>,
    /// The first error; nothing is written after it.
    fault: Option<io::Error>,
}

impl<W: Write> CaptureTap<W> {
    /// Begins a capture.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self {
            writer: CaptureWriter::new(out)?,
            fault: None,
        })
    }

    /// Whether writing has failed, as on a full disk: nothing is written any
    /// more, and [`finish`](Self::finish) says why.
    pub const fn has_failed(&self) -> bool {
        self.fault.is_some()
    }

    /// Ends the capture and gives back what it was written to.
    ///
    /// # Errors
    /// The first error met since the start: what came after it is missing.
    pub fn finish(mut self) -> io::Result<W> {
        self.fault.take().map_or(Ok(()), Err)?;
        self.writer.flush()?;
        Ok(self.writer.into_inner())
    }
}

impl<W: Write + Send> Tap for CaptureTap<W> {
    fn datagram(&mut self, at: Instant, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        if self.fault.is_none() {
            let date = START + Duration::from_micros(at.as_micros());
            self.fault = self.writer.datagram(date, from, to, payload).err();
        }
    }
}
