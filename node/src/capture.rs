//! Writing the node's own packets as a capture that any tool reads.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use etherparse::PacketBuilder;

/// Link type "raw IP" of the pcap format.
const LINKTYPE_RAW: u32 = 101;
/// Magic number of a pcap file with microseconds, in the writer's byte order.
const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
/// Longest packet that a reader must expect.
const SNAPLEN: u32 = 65_535;
/// Time to live of the packets written.
const TTL: u8 = 64;

/// Writes UDP datagrams as a classic pcap file: raw IP, correct checksums.
#[derive(Debug)]
pub struct CaptureWriter<W: Write> {
    out: W,
    packet: Vec<u8>,
}

impl<W: Write> CaptureWriter<W> {
    /// Begins a capture file.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn new(mut out: W) -> io::Result<Self> {
        let (major, minor, zone, accuracy) = (2_u16, 4_u16, 0_u32, 0_u32);
        out.write_all(&MAGIC_MICROSECONDS.to_le_bytes())?;
        out.write_all(&major.to_le_bytes())?;
        out.write_all(&minor.to_le_bytes())?;
        for field in [zone, accuracy, SNAPLEN, LINKTYPE_RAW] {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(Self {
            out,
            packet: Vec::new(),
        })
    }

    /// Writes one datagram, `at` after the Unix epoch.
    ///
    /// # Errors
    /// The packet cannot be written, or its addresses are of two families.
    pub fn datagram(
        &mut self,
        at: Duration,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
    ) -> io::Result<()> {
        let ip = match (from, to) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => {
                PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), TTL)
            }
            (SocketAddr::V6(from), SocketAddr::V6(to)) => {
                PacketBuilder::ipv6(from.ip().octets(), to.ip().octets(), TTL)
            }
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "two address families",
                ));
            }
        };
        self.packet.clear();
        let udp = ip.udp(from.port(), to.port());
        udp.write(&mut self.packet, payload)
            .map_err(io::Error::other)?;
        let seconds = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        let len = u32::try_from(self.packet.len()).unwrap_or(u32::MAX);
        for field in [seconds, at.subsec_micros(), len, len] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(&self.packet)
    }

    /// What the capture was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// The writer's own.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    #[test]
    fn packets_are_whole_and_their_checksums_right() {
        let mut capture = CaptureWriter::new(Vec::new()).unwrap();
        let at = Duration::from_micros(1_500_000_000_123_456);
        for (from, to) in [("1.2.3.4:5", "6.7.8.9:10"), ("[2a00::1]:5", "[2a00::2]:10")] {
            capture
                .datagram(at, from.parse().unwrap(), to.parse().unwrap(), b"hello")
                .unwrap();
        }
        let mixed = (
            "1.2.3.4:5".parse().unwrap(),
            "[2a00::2]:10".parse().unwrap(),
        );
        assert!(capture.datagram(at, mixed.0, mixed.1, b"").is_err());
        let bytes = capture.out;
        assert_eq!(bytes[20..24], LINKTYPE_RAW.to_le_bytes());
        let packet = &bytes[40..40 + 33];
        assert_eq!(bytes[24..28], 1_500_000_000_u32.to_le_bytes());
        assert_eq!(bytes[28..32], 123_456_u32.to_le_bytes());
        let sliced = SlicedPacket::from_ip(packet).unwrap();
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) =
            (sliced.net, sliced.transport)
        else {
            panic!("not UDP over IPv4");
        };
        let header = ip.header().to_header();
        assert_eq!(header.calc_header_checksum(), header.header_checksum);
        assert_eq!(
            (udp.source_port(), udp.destination_port(), udp.payload()),
            (5, 10, &b"hello"[..])
        );
        let sum = udp
            .to_header()
            .calc_checksum_ipv4(&header, b"hello")
            .unwrap();
        assert_eq!(sum, udp.checksum());
        assert_eq!(bytes.len(), 24 + 16 + 33 + 16 + 53);
    }
}
