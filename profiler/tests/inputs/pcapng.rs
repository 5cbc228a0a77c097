//! pcapng files in the making.

use crate::synthetic::START_S;

pub const ENHANCED: u32 = 6;
pub const OBSOLETE: u32 = 2;
pub const SIMPLE: u32 = 3;

/// Options of an interface description.
pub const TSRESOL: u16 = 9;
pub const TSOFFSET: u16 = 14;

/// A pcapng file, with its first section begun.
pub struct Pcapng {
    pub big_endian: bool,
    pub bytes: Vec<u8>,
}

impl Pcapng {
    pub fn new(big_endian: bool) -> Self {
        let mut file = Self {
            big_endian,
            bytes: Vec::new(),
        };
        file.section(big_endian);
        file
    }

    pub fn section(&mut self, big_endian: bool) {
        self.big_endian = big_endian;
        let mut content = self.u32(0x1a2b_3c4d).to_vec();
        content.extend(self.u16(1));
        content.extend(self.u16(0));
        content.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &content);
    }

    /// An interface of this link type, with options.
    pub fn interface(&mut self, link: u16, options: &[(u16, &[u8])]) {
        self.snapping_interface(link, 0, options);
    }

    pub fn snapping_interface(&mut self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) {
        let mut content = self.u16(link).to_vec();
        content.extend([0, 0]);
        content.extend(self.u32(snaplen));
        for (code, value) in options {
            content.extend(self.u16(*code));
            content.extend(self.u16(u16::try_from(value.len()).unwrap()));
            content.extend(*value);
            content.resize(content.len().next_multiple_of(4), 0);
        }
        self.block(1, &content);
    }

    /// An enhanced or obsolete packet block.
    pub fn packet(&mut self, kind: u32, interface: u16, ticks: u64, data: &[u8]) {
        let mut content = match kind {
            ENHANCED => self.u32(u32::from(interface)).to_vec(),
            _ => [self.u16(interface), self.u16(3)].concat(),
        };
        content.extend(self.u32(u32::try_from(ticks >> 32).unwrap()));
        content.extend(self.u32(u32::try_from(ticks & 0xffff_ffff).unwrap()));
        let len = u32::try_from(data.len()).unwrap();
        content.extend(self.u32(len));
        content.extend(self.u32(len));
        content.extend(data);
        content.resize(content.len().next_multiple_of(4), 0);
        self.block(kind, &content);
    }

    /// An enhanced packet block of the first interface, in microseconds,
    /// `micros` after the usual start.
    pub fn at(&mut self, micros: u64, data: &[u8]) {
        self.packet(ENHANCED, 0, START_S * 1_000_000 + micros, data);
    }

    /// A simple packet block of a packet of `original_len` bytes.
    pub fn simple(&mut self, original_len: usize, data: &[u8]) {
        let mut content = self.u32(u32::try_from(original_len).unwrap()).to_vec();
        content.extend(data);
        content.resize(content.len().next_multiple_of(4), 0);
        self.block(SIMPLE, &content);
    }

    pub fn block(&mut self, kind: u32, content: &[u8]) {
        let len = self.u32(u32::try_from(12 + content.len()).unwrap());
        self.bytes.extend(self.u32(kind));
        self.bytes.extend(len);
        self.bytes.extend(content);
        self.bytes.extend(len);
    }

    pub fn u32(&self, value: u32) -> [u8; 4] {
        match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        }
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        match self.big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        }
    }
}
