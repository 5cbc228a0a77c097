//! What of a capture could not be read.

use std::fmt;

use serde::Serialize;

/// What of a capture could not be read for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// The reason.
    pub kind: FaultKind,
    /// How often.
    pub count: u64,
    /// Offset in bytes of the first record or block concerned. In a
    /// compressed capture it counts what was unpacked.
    pub first_offset: u64,
}

/// Why something could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The capture ends inside a record or block.
    Truncated,
    /// A record or block says of itself that it has a length that none has.
    /// The next whole block of pcapng is looked for; in a pcap file, which
    /// marks no starts, the next records that look like some.
    ImpossibleLength,
    /// The lengths at the two ends of a pcapng block differ, or another block
    /// begins inside it. The next whole block is looked for.
    BrokenBlock,
    /// A pcapng section header that says nothing of the byte order, or is too short.
    BrokenSectionHeader,
    /// A pcapng interface description that cannot be read; its packets cannot
    /// either.
    BrokenInterface,
    /// A pcapng packet block that is shorter than what is in it.
    BrokenPacketBlock,
    /// A packet of a pcapng interface that is described nowhere, or not readably.
    UnknownInterface,
    /// A packet of a pcapng interface whose link type is not known.
    UnknownLinkType,
    /// A packet of a time before 1970 or after 2554.
    ImpossibleTime,
    /// A packet without a time (a simple packet block of pcapng). It was read
    /// and given the time of the packet before it.
    NoTime,
    /// Unpacking failed, and ended the capture.
    Compression,
    /// Reading from the system failed, and ended the capture.
    ReadFailed,
    /// A packet with an IP or UDP header that cannot be read.
    BrokenHeaders,
    /// A UDP datagram that starts like KRPC, of which the capture holds too
    /// little (`tcpdump -s`).
    Snapped,
    /// A UDP datagram that starts like KRPC and is none.
    Malformed,
    /// A packet that is older than the one before. It was read.
    TimeStepBack,
    /// A fragmented datagram that could not be put together.
    FragmentsGivenUp,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "ends inside a record",
            Self::ImpossibleLength => "record of impossible length",
            Self::BrokenBlock => "broken block",
            Self::BrokenSectionHeader => "broken section header",
            Self::BrokenInterface => "broken interface description",
            Self::BrokenPacketBlock => "broken packet block",
            Self::UnknownInterface => "packet of an interface that is not described",
            Self::UnknownLinkType => "packet of an interface of unknown link type",
            Self::ImpossibleTime => "packet of impossible time",
            Self::NoTime => "packet without a time",
            Self::Compression => "broken compression",
            Self::ReadFailed => "reading failed",
            Self::BrokenHeaders => "packet with broken IP or UDP header",
            Self::Snapped => "KRPC message cut by the capture length (`tcpdump -s 0` takes all)",
            Self::Malformed => "malformed: starts like KRPC and cannot be read",
            Self::TimeStepBack => "packet older than the one before",
            Self::FragmentsGivenUp => "fragmented datagram with pieces missing",
        })
    }
}

/// Faults of one capture by kind, in the order in which they first came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, kind: FaultKind, offset: u64) {
        match self.0.iter_mut().find(|fault| fault.kind == kind) {
            Some(fault) => {
                fault.count += 1;
                fault.first_offset = fault.first_offset.min(offset);
            }
            None => self.0.push(Fault {
                kind,
                count: 1,
                first_offset: offset,
            }),
        }
    }

    pub(crate) fn extend(&mut self, others: &Self) {
        self.0.extend(&others.0);
    }

    pub(crate) fn into_vec(self) -> Vec<Fault> {
        self.0
    }

    pub(crate) fn first(&self) -> Option<&Fault> {
        self.0.iter().min_by_key(|fault| fault.first_offset)
    }
}
