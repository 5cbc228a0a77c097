//! Link layers: what is in front of the IP header.

use etherparse::{EtherType, Ethernet2Slice, SingleVlanSlice, ether_type};

/// How a packet starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// With an Ethernet header.
    Ethernet,
    /// With an IPv4 or IPv6 header; the version field tells which.
    Ip,
    /// As Linux hands out packets of any interface (`tcpdump -i any`).
    CookedV1,
    /// The same, since libpcap 1.10 for `tcpdump -i any`.
    CookedV2,
    /// With an address family, in the byte order of the capturing host (BSD
    /// null) or of the network (BSD loop).
    Family,
    /// With a PPP header, behind an HDLC one or not.
    Ppp,
    /// With a PPPoE header, without the Ethernet one.
    Pppoe,
}

impl Link {
    /// The link layer of this number in the registry of tcpdump.org. 12 and
    /// 14 are not of the registry, but raw IP in files of some systems.
    pub(super) const fn from_number(number: u16) -> Option<Self> {
        match number {
            0 | 108 => Some(Self::Family),
            1 => Some(Self::Ethernet),
            9 | 50 => Some(Self::Ppp),
            12 | 14 | 101 | 228 | 229 => Some(Self::Ip),
            51 => Some(Self::Pppoe),
            113 => Some(Self::CookedV1),
            276 => Some(Self::CookedV2),
            _ => None,
        }
    }

    /// The IP packet in `frame`, if there is one.
    #[inline]
    pub(super) fn ip(self, frame: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Ip => Some(frame),
            Self::Ethernet => {
                let ethernet = Ethernet2Slice::from_slice_without_fcs(frame).ok()?;
                by_ether_type(ethernet.ether_type(), ethernet.payload_slice())
            }
            // etherparse reads the first kind for some hardware types only,
            // the second not at all
            Self::CookedV1 => {
                let (header, rest) = frame.split_first_chunk::<16>()?;
                by_ether_type(ether_type_at(header, 14), rest)
            }
            Self::CookedV2 => {
                let (header, rest) = frame.split_first_chunk::<20>()?;
                by_ether_type(ether_type_at(header, 0), rest)
            }
            Self::Family => behind_family(frame),
            Self::Ppp => behind_ppp(frame),
            Self::Pppoe => behind_pppoe(frame),
        }
    }
}

fn ether_type_at(header: &[u8], at: usize) -> EtherType {
    EtherType(u16::from_be_bytes([header[at], header[at + 1]]))
}

/// The IP packet behind at most [`MAX_TAGS`] VLAN tags, or in PPPoE.
#[inline]
fn by_ether_type(mut kind: EtherType, mut bytes: &[u8]) -> Option<&[u8]> {
    for _ in 0..=MAX_TAGS {
        match kind {
            ether_type::IPV4 | ether_type::IPV6 => return Some(bytes),
            VLAN | QINQ | DOUBLE_VLAN => {
                let tag = SingleVlanSlice::from_slice(bytes).ok()?;
                (kind, bytes) = (tag.ether_type(), tag.payload_slice());
            }
            PPPOE_SESSION => return behind_pppoe(bytes),
            _ => return None,
        }
    }
    None
}

fn behind_family(frame: &[u8]) -> Option<&[u8]> {
    let (family, rest) = frame.split_first_chunk::<4>()?;
    // small numbers: the other byte order is what has its high bytes set
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    match family {
        AF_INET => Some(rest),
        family if AF_INET6.contains(&family) => Some(rest),
        _ => None,
    }
}

fn behind_pppoe(frame: &[u8]) -> Option<&[u8]> {
    match frame.split_first_chunk::<6>()? {
        // version 1, type 1, session data [RFC 2516]
        ([0x11, 0, ..], rest) => behind_ppp(rest),
        _ => None,
    }
}

/// The protocol field may be compressed to one byte [RFC 1661, 6.5], and
/// address and control be left out.
fn behind_ppp(frame: &[u8]) -> Option<&[u8]> {
    let frame = frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame);
    let frame = frame.strip_prefix(&[0]).unwrap_or(frame);
    match frame {
        [PPP_IPV4 | PPP_IPV6, rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Most VLAN tags that are taken off.
const MAX_TAGS: usize = 3;
const VLAN: EtherType = ether_type::VLAN_TAGGED_FRAME;
const QINQ: EtherType = ether_type::PROVIDER_BRIDGING;
const DOUBLE_VLAN: EtherType = ether_type::VLAN_DOUBLE_TAGGED_FRAME;
const PPPOE_SESSION: EtherType = EtherType(0x8864);

/// Everywhere.
const AF_INET: u32 = 2;

/// On Linux; NetBSD and OpenBSD; FreeBSD; macOS.
const AF_INET6: [u32; 4] = [10, 24, 28, 30];

const PPP_IPV4: u8 = 0x21;
const PPP_IPV6: u8 = 0x57;
