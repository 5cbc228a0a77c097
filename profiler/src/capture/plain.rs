//! The usual packet: an IPv4 header without options right behind the link
//! layer, not fragmented, and UDP in it of just the length that is left.
//!
//! A handful of comparisons, a fifth of what the general way through
//! etherparse costs. Whatever fails one of them goes that way, which says the
//! same of what does not (tested on arbitrary bytes in `datagram`).

use std::net::{Ipv4Addr, SocketAddr};

use etherparse::{EtherType, ether_type};

use super::{Datagram, Link, Packet};

/// The datagram in `packet`, if that is a usual one.
#[inline]
pub(super) fn datagram<'a>(packet: &Packet<'a>) -> Option<Datagram<'a>> {
    let ip = match packet.link {
        Link::Ip => packet.data,
        Link::Ethernet => behind_header::<14, 12>(packet.data)?,
        Link::CookedV1 => behind_header::<16, 14>(packet.data)?,
        Link::CookedV2 => behind_header::<20, 0>(packet.data)?,
        Link::Family | Link::Ppp | Link::Pppoe => return None,
    };
    let (header, rest) = ip.split_first_chunk::<HEADERS_LEN>()?;
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let ip_len = usize::from(field(2));
    let udp_len = usize::from(field(24));
    let usual = header[0] == VERSION_AND_LEN
        && field(6) & FRAGMENT == 0
        && header[9] == UDP
        && udp_len + IP_HEADER_LEN == ip_len;
    let payload = rest.get(..ip_len.checked_sub(HEADERS_LEN)?)?;
    let socket = |ip: usize, port: usize| {
        let ip = Ipv4Addr::new(header[ip], header[ip + 1], header[ip + 2], header[ip + 3]);
        SocketAddr::new(ip.into(), field(port))
    };
    usual.then(|| Datagram {
        time: packet.time,
        source: socket(12, 20),
        destination: socket(16, 22),
        ip_len,
        payload,
        snapped: false,
    })
}

/// What follows a header of `LEN` bytes that has at `KIND` the EtherType of IPv4.
#[inline]
fn behind_header<const LEN: usize, const KIND: usize>(frame: &[u8]) -> Option<&[u8]> {
    let (header, rest) = frame.split_first_chunk::<LEN>()?;
    let kind = EtherType(u16::from_be_bytes([header[KIND], header[KIND + 1]]));
    (kind == ether_type::IPV4).then_some(rest)
}

const IP_HEADER_LEN: usize = 20;
const HEADERS_LEN: usize = IP_HEADER_LEN + 8;

/// Version 4, and the header's length of five words.
const VERSION_AND_LEN: u8 = 0x45;

/// The flag that more fragments follow, and the offset of this one.
const FRAGMENT: u16 = 0x3fff;

const UDP: u8 = 17;
