//! From a packet to the UDP datagram in it.

use std::net::SocketAddr;

use etherparse::{
    EtherType, Ethernet2Slice, IpNumber, LaxIpSlice, LenSource, SingleVlanSlice, UdpSlice,
    ether_type,
};

use super::{Link, Packet};
use crate::Timestamp;

/// A UDP datagram as captured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram<'a> {
    pub(crate) time: Timestamp,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// Length of the IP packet in bytes, headers included, as its header says.
    pub(crate) ip_len: usize,
    pub(crate) payload: &'a [u8],
    /// The capture holds less of the packet than was on the wire.
    pub(crate) snapped: bool,
}

/// What is in a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    Udp(Datagram<'a>),
    /// A piece of a fragmented UDP datagram.
    Fragment,
    Other,
}

/// Takes the headers off a packet. IPv4 and IPv6, options and extension
/// headers, behind at most [`MAX_TAGS`] VLAN tags.
pub(crate) fn content<'a>(packet: &Packet<'a>) -> Content<'a> {
    let ip_bytes = match packet.link {
        Link::Ip => Some(packet.data),
        Link::Ethernet => behind_ethernet(packet.data),
    };
    match ip_bytes.and_then(|bytes| LaxIpSlice::from_slice(bytes).ok()) {
        Some((ip, None)) => behind_ip(packet.time, &ip, ip_bytes.map_or(0, <[u8]>::len)),
        _ => Content::Other,
    }
}

fn behind_ethernet(frame: &[u8]) -> Option<&[u8]> {
    let ethernet = Ethernet2Slice::from_slice_without_fcs(frame).ok()?;
    let (mut kind, mut bytes) = (ethernet.ether_type(), ethernet.payload_slice());
    for _ in 0..=MAX_TAGS {
        match kind {
            ether_type::IPV4 | ether_type::IPV6 => return Some(bytes),
            VLAN | QINQ | DOUBLE_VLAN => {
                let tag = SingleVlanSlice::from_slice(bytes).ok()?;
                (kind, bytes) = (tag.ether_type(), tag.payload_slice());
            }
            _ => return None,
        }
    }
    None
}

fn behind_ip<'a>(time: Timestamp, ip: &LaxIpSlice<'a>, captured: usize) -> Content<'a> {
    let payload = ip.payload();
    if payload.ip_number != IpNumber::UDP {
        return Content::Other;
    }
    if payload.fragmented {
        return Content::Fragment;
    }
    let Ok(udp) = UdpSlice::from_slice_lax(payload.payload) else {
        return Content::Other;
    };
    let ip_len = match ip {
        // a header without a length: the sending host left it to its network card
        _ if payload.len_source == LenSource::Slice && !payload.incomplete => captured,
        LaxIpSlice::Ipv4(ip) => usize::from(ip.header().total_len()),
        LaxIpSlice::Ipv6(ip) => IPV6_HEADER_LEN + usize::from(ip.header().payload_length()),
    };
    Content::Udp(Datagram {
        time,
        source: SocketAddr::new(ip.source_addr(), udp.source_port()),
        destination: SocketAddr::new(ip.destination_addr(), udp.destination_port()),
        ip_len,
        payload: udp.payload(),
        snapped: payload.incomplete,
    })
}

/// Most VLAN tags that are taken off.
const MAX_TAGS: usize = 3;
const VLAN: EtherType = ether_type::VLAN_TAGGED_FRAME;
const QINQ: EtherType = ether_type::PROVIDER_BRIDGING;
const DOUBLE_VLAN: EtherType = ether_type::VLAN_DOUBLE_TAGGED_FRAME;
const IPV6_HEADER_LEN: usize = 40;
