//! pcapng: sections of either byte order, several interfaces, and the three
//! kinds of packet blocks; other blocks are passed over.
//!
//! Section headers and interface descriptions are read by pcap-parser. Packet
//! blocks are read here: there, one with broken options is lost, and each
//! with options costs an allocation.
//!
//! Where the length of a block cannot be right, the next place is looked for
//! that has the form of a block: a known type, and a length that is found
//! again at its end.

use pcap_parser::pcapng::{
    parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_sectionheaderblock,
};

use super::buffer::Buffer;
use super::error::Refusal;
use super::fault::{FaultKind, Faults};
use super::interface::Interface;
use super::{Record, Step};
use crate::Timestamp;

/// The blocks of a pcapng file.
pub(super) struct Blocks {
    big_endian: bool,
    /// The interfaces of the section; `None` for one that cannot be read.
    interfaces: Vec<Option<Interface>>,
    /// Time of the last packet that has one.
    time: Timestamp,
    /// Where the next block begins is not known.
    lost: bool,
    skipped: u64,
}

/// What the window starts with.
enum Frame {
    /// A block of this type and length.
    Whole { kind: u32, len: usize },
    /// Less than a block.
    Cut,
    /// No block.
    Broken(FaultKind),
}

impl Blocks {
    /// Whether a file that starts with `bytes` is pcapng.
    pub(super) fn is_start(bytes: &[u8]) -> bool {
        bytes.starts_with(&SECTION_HEADER.to_be_bytes())
    }

    /// Looks at the first section header, and leaves it where it is.
    pub(super) fn start(buffer: &mut Buffer) -> Result<Self, Refusal> {
        let whole = buffer.require(MIN_SECTION_LEN).map_err(Refusal::Read)?;
        let bytes = buffer.available();
        let blocks = Self {
            // to be found even if the header is broken elsewhere
            big_endian: bytes.get(8) == Some(&0x1a),
            interfaces: Vec::new(),
            time: Timestamp::default(),
            lost: false,
            skipped: 0,
        };
        match blocks.frame(bytes) {
            Frame::Broken(FaultKind::BrokenSectionHeader) => Err(Refusal::start(bytes)),
            _ if !whole => Err(Refusal::CutInHeader(bytes.len())),
            _ => Ok(blocks),
        }
    }

    /// The next packet; passes over what is before it.
    pub(super) fn next(&mut self, buffer: &mut Buffer, faults: &mut Faults) -> Step {
        loop {
            if self.lost && !self.find(buffer) {
                return starved_or_end(buffer);
            }
            match self.frame(buffer.available()) {
                Frame::Whole { kind, len } => {
                    if let Some(record) = self.on_block(kind, len, buffer, faults) {
                        return Step::Packet(record);
                    }
                    buffer.skip(len);
                }
                Frame::Cut if !buffer.is_over() => return Step::Starved,
                Frame::Cut => {
                    let bytes = buffer.available();
                    if bytes.is_empty() {
                        return Step::End;
                    }
                    let inside = (1..bytes.len()).any(|at| self.is_block(&bytes[at..]));
                    if !inside {
                        faults.add(FaultKind::Truncated, buffer.offset());
                        return Step::End;
                    }
                    self.lose(FaultKind::BrokenBlock, buffer, faults);
                }
                Frame::Broken(kind) => self.lose(kind, buffer, faults),
            }
        }
    }

    fn lose(&mut self, kind: FaultKind, buffer: &mut Buffer, faults: &mut Faults) {
        faults.add(kind, buffer.offset());
        buffer.skip(1);
        self.skipped += 1;
        self.lost = true;
    }

    /// Moves the window to the next block; `false` if there is none in it.
    fn find(&mut self, buffer: &mut Buffer) -> bool {
        let bytes = buffer.available();
        let whole_header = (bytes.len() + 1).saturating_sub(MIN_LEN);
        let mut passed = if buffer.is_over() {
            bytes.len()
        } else {
            whole_header
        };
        for at in 0..whole_header {
            let rest = &bytes[at..];
            self.lost = !self.is_block(rest);
            let may_be = !buffer.is_over()
                && is_known(self.u32(rest, 0))
                && matches!(self.frame(rest), Frame::Cut);
            if may_be || !self.lost {
                passed = at;
                break;
            }
        }
        buffer.skip(passed);
        self.skipped += passed as u64;
        !self.lost
    }

    /// Bytes passed over between broken blocks and the next.
    pub(super) const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Whether a whole block of a known type starts here.
    fn is_block(&self, bytes: &[u8]) -> bool {
        matches!(self.frame(bytes), Frame::Whole { kind, .. } if is_known(kind))
    }

    #[inline]
    fn frame(&self, bytes: &[u8]) -> Frame {
        if bytes.len() < MIN_LEN {
            return Frame::Cut;
        }
        let kind = self.u32(bytes, 0);
        let big_endian = match (kind, &bytes[8..12]) {
            (SECTION_HEADER, [0x1a, 0x2b, 0x3c, 0x4d]) => true,
            (SECTION_HEADER, [0x4d, 0x3c, 0x2b, 0x1a]) => false,
            (SECTION_HEADER, _) => return Frame::Broken(FaultKind::BrokenSectionHeader),
            _ => self.big_endian,
        };
        let len = u32_at(bytes, 4, big_endian) as usize;
        if !(MIN_LEN..=MAX_LEN).contains(&len) || !len.is_multiple_of(4) {
            return Frame::Broken(FaultKind::ImpossibleLength);
        }
        if bytes.len() < len {
            return Frame::Cut;
        }
        match u32_at(bytes, len - 4, big_endian) as usize == len {
            true => Frame::Whole { kind, len },
            false => Frame::Broken(FaultKind::BrokenBlock),
        }
    }

    #[inline]
    fn on_block(
        &mut self,
        kind: u32,
        len: usize,
        buffer: &Buffer,
        faults: &mut Faults,
    ) -> Option<Record> {
        let block = &buffer.available()[..len];
        let packet = match kind {
            ENHANCED_PACKET => self.timed_packet(block, self.u32(block, 8)),
            // its field has the interface in the first half
            OBSOLETE_PACKET => {
                let field = self.u32(block, 8);
                let id = match self.big_endian {
                    true => field >> 16,
                    false => field & 0xffff,
                };
                self.timed_packet(block, id)
            }
            SIMPLE_PACKET => {
                let packet = self.simple_packet(block);
                if packet.is_ok() {
                    faults.add(FaultKind::NoTime, buffer.offset());
                }
                packet
            }
            SECTION_HEADER => self.on_section(block),
            INTERFACE => self.on_interface(block),
            _ => return None,
        };
        match packet {
            Ok(record) => {
                self.time = record.as_ref().map_or(self.time, |record| record.time);
                record
            }
            Err(kind) => {
                faults.add(kind, buffer.offset());
                None
            }
        }
    }

    /// An enhanced packet block, or an obsolete one, which differs in the
    /// first field only.
    #[inline]
    fn timed_packet(&self, block: &[u8], interface: u32) -> Result<Option<Record>, FaultKind> {
        if block.len() < TIMED_HEADER_LEN + 4 {
            return Err(FaultKind::BrokenPacketBlock);
        }
        let interface = self.interface(interface)?;
        let captured = self.u32(block, 20) as usize;
        let data = TIMED_HEADER_LEN..TIMED_HEADER_LEN.saturating_add(captured);
        if data.end > block.len() - 4 {
            return Err(FaultKind::BrokenPacketBlock);
        }
        let ticks = u64::from(self.u32(block, 12)) << 32 | u64::from(self.u32(block, 16));
        Ok(Some(Record {
            len: block.len(),
            data,
            time: interface.time(ticks).ok_or(FaultKind::ImpossibleTime)?,
            link: interface.link.ok_or(FaultKind::UnknownLinkType)?,
        }))
    }

    /// A simple packet block: of the first interface, without a time, its
    /// captured length to be told from the interface's.
    fn simple_packet(&self, block: &[u8]) -> Result<Option<Record>, FaultKind> {
        if block.len() < SIMPLE_HEADER_LEN + 4 {
            return Err(FaultKind::BrokenPacketBlock);
        }
        let interface = self.interface(0)?;
        let room = block.len() - 4 - SIMPLE_HEADER_LEN;
        let captured = (self.u32(block, 8) as usize).min(interface.snaplen);
        if captured > room {
            return Err(FaultKind::BrokenPacketBlock);
        }
        Ok(Some(Record {
            len: block.len(),
            data: SIMPLE_HEADER_LEN..SIMPLE_HEADER_LEN + captured,
            time: self.time,
            link: interface.link.ok_or(FaultKind::UnknownLinkType)?,
        }))
    }

    #[inline]
    fn interface(&self, id: u32) -> Result<&Interface, FaultKind> {
        let interface = self.interfaces.get(id as usize);
        interface
            .and_then(Option::as_ref)
            .ok_or(FaultKind::UnknownInterface)
    }

    fn on_section(&mut self, block: &[u8]) -> Result<Option<Record>, FaultKind> {
        self.interfaces.clear();
        let Ok((_, section)) = parse_sectionheaderblock(block) else {
            return Err(FaultKind::BrokenSectionHeader);
        };
        self.big_endian = section.big_endian();
        Ok(None)
    }

    fn on_interface(&mut self, block: &[u8]) -> Result<Option<Record>, FaultKind> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(FaultKind::BrokenInterface);
        }
        let parsed = match self.big_endian {
            true => parse_interfacedescriptionblock_be(block),
            false => parse_interfacedescriptionblock_le(block),
        };
        let interface = parsed
            .ok()
            .map(|(_, description)| Interface::new(&description, self.big_endian));
        let readable = interface.is_some();
        // one that is not has a number all the same
        self.interfaces.push(interface);
        match readable {
            true => Ok(None),
            false => Err(FaultKind::BrokenInterface),
        }
    }

    #[inline]
    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        u32_at(bytes, at, self.big_endian)
    }
}

#[inline]
fn u32_at(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let field = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    match big_endian {
        true => u32::from_be_bytes(field),
        false => u32::from_le_bytes(field),
    }
}

fn starved_or_end(buffer: &Buffer) -> Step {
    match buffer.is_over() {
        true => Step::End,
        false => Step::Starved,
    }
}

const fn is_known(kind: u32) -> bool {
    matches!(kind, INTERFACE..=ENHANCED_PACKET | SECTION_HEADER)
}

const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// The same in either byte order.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;

/// Length of a block without content: type and two lengths.
const MIN_LEN: usize = 12;

/// Largest block that is read, as in Wireshark.
const MAX_LEN: usize = 1 << 24;

const MIN_SECTION_LEN: usize = 28;

/// Bytes of a packet block before the packet.
const TIMED_HEADER_LEN: usize = 28;
const SIMPLE_HEADER_LEN: usize = 12;

/// Most interfaces of a section.
const MAX_INTERFACES: usize = 1 << 16;
