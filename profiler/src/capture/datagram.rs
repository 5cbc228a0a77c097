//! From a packet to the UDP datagram in it.

use std::net::SocketAddr;

use etherparse::{IpFragOffset, IpNumber, Ipv6ExtensionSlice, LaxIpSlice, LenSource, UdpSlice};

use super::Packet;
use super::fragments::{Fragments, Key, Piece};
use super::plain;
use crate::Timestamp;

/// A UDP datagram as captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) time: Timestamp,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// Length of the IP packet in bytes, headers included, as its header
    /// says; of a fragmented one, of all its packets.
    pub(crate) ip_len: usize,
    pub(crate) payload: &'a [u8],
    /// The capture holds less of the packet than was on the wire.
    pub(crate) snapped: bool,
}

/// What is in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Udp(Datagram<'a>),
    /// The last missing piece of a datagram, which is here put together.
    Reassembled(Datagram<'a>),
    /// A piece of a datagram of which others are missing.
    Fragment,
    /// An IP packet with headers that cannot be read.
    Broken,
    Other,
}

/// Takes the headers off a packet. IPv4 and IPv6, with options and extension
/// headers.
#[inline]
pub(crate) fn content<'a>(packet: &Packet<'a>, fragments: &'a mut Fragments) -> Content<'a> {
    match plain::datagram(packet) {
        Some(datagram) => Content::Udp(datagram),
        None => general(packet, fragments),
    }
}

/// Every packet, usual or not.
fn general<'a>(packet: &Packet<'a>, fragments: &'a mut Fragments) -> Content<'a> {
    let Some(bytes) = packet.link.ip(packet.data) else {
        return Content::Other;
    };
    match LaxIpSlice::from_slice(bytes) {
        Ok((ip, None)) => behind_ip(packet, &ip, bytes.len(), fragments),
        _ => Content::Broken,
    }
}

#[inline]
fn behind_ip<'a>(
    packet: &Packet<'a>,
    ip: &LaxIpSlice<'a>,
    captured: usize,
    fragments: &'a mut Fragments,
) -> Content<'a> {
    let payload = ip.payload();
    if payload.ip_number != IpNumber::UDP {
        return Content::Other;
    }
    let ip_len = match ip {
        // a header without a length: the sending host left it to its network card
        _ if payload.len_source == LenSource::Slice && !payload.incomplete => captured,
        LaxIpSlice::Ipv4(ip) => usize::from(ip.header().total_len()),
        LaxIpSlice::Ipv6(ip) => IPV6_HEADER_LEN + usize::from(ip.header().payload_length()),
    };
    if payload.fragmented {
        return reassembled(packet, ip, ip_len, fragments);
    }
    match udp(packet.time, ip, ip_len, payload.payload) {
        Some(datagram) => Content::Udp(Datagram {
            snapped: payload.incomplete,
            ..datagram
        }),
        None => Content::Broken,
    }
}

#[inline]
fn udp<'a>(
    time: Timestamp,
    ip: &LaxIpSlice<'_>,
    ip_len: usize,
    payload: &'a [u8],
) -> Option<Datagram<'a>> {
    let udp = UdpSlice::from_slice_lax(payload).ok()?;
    Some(Datagram {
        time,
        source: SocketAddr::new(ip.source_addr(), udp.source_port()),
        destination: SocketAddr::new(ip.destination_addr(), udp.destination_port()),
        ip_len,
        payload: udp.payload(),
        snapped: false,
    })
}

#[cold]
fn reassembled<'a>(
    packet: &Packet<'_>,
    ip: &LaxIpSlice<'_>,
    ip_len: usize,
    fragments: &'a mut Fragments,
) -> Content<'a> {
    let Some((identification, offset, more)) = place(ip) else {
        return Content::Broken;
    };
    let payload = ip.payload();
    let whole = fragments.add(&Piece {
        key: Key {
            source: ip.source_addr(),
            destination: ip.destination_addr(),
            identification,
        },
        offset,
        more,
        payload: (!payload.incomplete).then_some(payload.payload),
        ip_len,
        time: packet.time,
        at: packet.offset,
    });
    let Some((bytes, ip_len)) = whole else {
        return Content::Fragment;
    };
    match udp(packet.time, ip, ip_len, bytes) {
        Some(datagram) => Content::Reassembled(datagram),
        None => Content::Broken,
    }
}

/// Identification, offset, and whether more fragments follow.
fn place(ip: &LaxIpSlice<'_>) -> Option<(u32, IpFragOffset, bool)> {
    match ip {
        LaxIpSlice::Ipv4(ip) => {
            let header = ip.header();
            let identification = u32::from(header.identification());
            Some((
                identification,
                header.fragments_offset(),
                header.more_fragments(),
            ))
        }
        LaxIpSlice::Ipv6(ip) => ip.extensions().clone().into_iter().find_map(|extension| {
            let Ipv6ExtensionSlice::Fragment(header) = extension else {
                return None;
            };
            Some((
                header.identification(),
                header.fragment_offset(),
                header.more_fragments(),
            ))
        }),
    }
}

const IPV6_HEADER_LEN: usize = 40;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::Link;

    const LINKS: [Link; 7] = [
        Link::Ip,
        Link::Ethernet,
        Link::CookedV1,
        Link::CookedV2,
        Link::Family,
        Link::Ppp,
        Link::Pppoe,
    ];

    /// A usual frame with a payload of `len` bytes.
    fn usual(link: Link, len: u8) -> Vec<u8> {
        let mut frame = match link {
            Link::Ethernet => vec![0; 12],
            Link::CookedV1 => vec![0; 14],
            _ => Vec::new(),
        };
        match link {
            Link::Ethernet | Link::CookedV1 => frame.extend([8, 0]),
            Link::CookedV2 => frame.extend([[8, 0].as_slice(), &[0; 18]].concat()),
            Link::Family => frame.extend([2, 0, 0, 0]),
            Link::Ppp => frame.extend([0xff, 3, 0, 0x21]),
            Link::Pppoe => frame.extend([0x11, 0, 0, 0, 0, 0, 0, 0x21]),
            Link::Ip => {}
        }
        frame.extend([0x45, 0, 0, 28 + len, 1, 2, 0x40, 0, 64, 17, 0, 0]);
        frame.extend([10, 0, 0, 1, 10, 0, 0, 2, 0x1a, 0xe1, 0, 1, 0, 8 + len, 0, 0]);
        frame.extend((0..len).map(|i| i.wrapping_mul(7)));
        frame
    }

    fn packet(link: Link, data: &[u8]) -> Packet<'_> {
        Packet {
            time: Timestamp::from_nanos(7),
            link,
            data,
            offset: 24,
        }
    }

    #[test]
    fn usual_packets_take_the_short_way() {
        for link in LINKS {
            let frame = usual(link, 5);
            let short = matches!(
                link,
                Link::Ip | Link::Ethernet | Link::CookedV1 | Link::CookedV2
            );
            let packet = packet(link, &frame);
            assert_eq!(plain::datagram(&packet).is_some(), short, "{link:?}");
            let mut fragments = Fragments::default();
            let Content::Udp(datagram) = content(&packet, &mut fragments) else {
                panic!("{link:?}");
            };
            assert_eq!(datagram.source, "10.0.0.1:6881".parse().unwrap());
            assert_eq!((datagram.ip_len, datagram.payload.len()), (33, 5));
        }
    }

    proptest! {
        /// Bytes that are usual but for some, cut or padded, or not usual at all.
        #[test]
        fn both_ways_say_the_same(
            link in 0..LINKS.len(),
            len in 0_u8..100,
            changes in prop::collection::vec((0_usize..60, any::<u8>()), 0..4),
            end in 0_usize..160,
            any_bytes in prop::option::weighted(0.1, prop::collection::vec(any::<u8>(), 0..160)),
        ) {
            let link = LINKS[link];
            let mut frame = any_bytes.unwrap_or_else(|| usual(link, len));
            for (at, byte) in changes {
                if let Some(changed) = frame.get_mut(at) {
                    *changed = byte;
                }
            }
            frame.resize(end.max(frame.len() / 2), 0);
            let packet = packet(link, &frame);
            if let Some(datagram) = plain::datagram(&packet) {
                let mut fragments = Fragments::default();
                prop_assert_eq!(Content::Udp(datagram), general(&packet, &mut fragments));
            }
        }
    }
}
