//! The capture of a live node's own packets.

use std::fs::File;
use std::io::{self, BufWriter};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use mdht_krpc::Instant;

use super::clock::Clock;
use super::socket::Socket;
use crate::CaptureWriter;

/// Writes every packet to a pcap file, under the address it really had.
#[derive(Debug)]
pub(crate) struct Tap {
    path: PathBuf,
    writer: CaptureWriter<BufWriter<File>>,
    /// Our address on each socket, once known.
    local: Vec<Option<IpAddr>>,
}

impl Tap {
    pub(crate) fn create(path: &Path, sockets: &[Socket]) -> io::Result<Self> {
        let mut writer = CaptureWriter::new(BufWriter::new(File::create(path)?))?;
        // a full disk should be told of now
        writer.flush()?;
        let known = |socket: &Socket| {
            let ip = socket.local().ip();
            (!ip.is_unspecified()).then_some(ip)
        };
        let local = sockets.iter().map(known).collect();
        Ok(Self {
            path: path.to_owned(),
            writer,
            local,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What to hand to the profiler's `--node`, for each socket that was used.
    pub(crate) fn nodes(&self, sockets: &[Socket]) -> Vec<SocketAddr> {
        let used = sockets.iter().zip(&self.local);
        used.filter_map(|(s, ip)| Some(SocketAddr::new((*ip)?, s.local().port())))
            .collect()
    }

    /// A datagram that came in, sent to our address `to` if the system said so.
    pub(crate) fn received(
        &mut self,
        (clock, now): (&Clock, Instant),
        (index, socket): (usize, &Socket),
        (from, to): (SocketAddr, Option<IpAddr>),
        payload: &[u8],
    ) -> io::Result<()> {
        let ip = to
            .or(self.local[index])
            .or_else(|| socket.source_toward(from));
        let Some(ip) = ip else { return Ok(()) };
        self.local[index] = Some(ip);
        let local = SocketAddr::new(ip, socket.local().port());
        self.writer
            .datagram(clock.wall_clock_at(now), from, local, payload)
    }

    /// A datagram that goes out.
    pub(crate) fn sent(
        &mut self,
        (clock, now): (&Clock, Instant),
        (index, socket): (usize, &Socket),
        to: SocketAddr,
        payload: &[u8],
    ) -> io::Result<()> {
        let ip = self.local[index].or_else(|| socket.source_toward(to));
        let Some(ip) = ip else { return Ok(()) };
        self.local[index] = Some(ip);
        let local = SocketAddr::new(ip, socket.local().port());
        self.writer
            .datagram(clock.wall_clock_at(now), local, to, payload)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
