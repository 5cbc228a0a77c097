//! What a pcapng file says of an interface, above all of its clock.

use pcap_parser::pcapng::{InterfaceDescriptionBlock, OptionCode};

use super::Link;
use crate::Timestamp;

/// A described interface.
pub(super) struct Interface {
    /// `None` if it is not known.
    pub(super) link: Option<Link>,
    /// Most bytes captured of a packet.
    pub(super) snaplen: usize,
    resolution: Resolution,
    /// Seconds to be added to the times of its packets.
    offset: i64,
}

/// From ticks to nanoseconds.
#[derive(Clone, Copy)]
enum Resolution {
    /// Nanoseconds per tick.
    Coarse(u64),
    /// Ticks per nanosecond, as a power of ten.
    Fine(u64),
    /// Binary logarithm of the ticks per second.
    Binary(u32),
}

impl Interface {
    pub(super) fn new(description: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let option = |code| {
            let mut options = description.options.iter();
            options
                .find(|option| option.code == code)
                .map(|o| &*o.value)
        };
        let resolution = match option(OptionCode::IfTsresol) {
            Some(&[value, ..]) => Resolution::of(value),
            _ => Resolution::Coarse(1000),
        };
        // pcap-parser takes it for little-endian in every section
        let offset = option(OptionCode::IfTsoffset).and_then(|value| value.first_chunk::<8>());
        Self {
            link: u16::try_from(description.linktype.0)
                .ok()
                .and_then(Link::from_number),
            snaplen: match description.snaplen {
                0 => usize::MAX,
                snaplen => snaplen as usize,
            },
            resolution,
            offset: offset.map_or(0, |bytes| match big_endian {
                true => i64::from_be_bytes(*bytes),
                false => i64::from_le_bytes(*bytes),
            }),
        }
    }

    /// The time that `ticks` stand for, rounded down to whole nanoseconds;
    /// `None` if it cannot be told in them.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Option<Timestamp> {
        let nanos = match self.resolution {
            Resolution::Coarse(nanos) => u128::from(ticks) * u128::from(nanos),
            Resolution::Fine(per_nano) => u128::from(ticks / per_nano),
            Resolution::Binary(log) => (u128::from(ticks) * NANOS_PER_SECOND) >> log,
        };
        if self.offset == 0 {
            return u64::try_from(nanos).ok().map(Timestamp::from_nanos);
        }
        let offset = i128::from(self.offset) * NANOS_PER_SECOND.cast_signed();
        let nanos = nanos.checked_add_signed(offset)?;
        u64::try_from(nanos).ok().map(Timestamp::from_nanos)
    }
}

impl Resolution {
    /// From the value of `if_tsresol`: the negative power of 2 if the highest
    /// bit is set, else of 10, that a tick is of a second. (pcap-parser's
    /// `build_ts_resolution` refuses every power of 2, since it leaves the
    /// highest bit set when it checks the range.)
    fn of(value: u8) -> Self {
        let exponent = u32::from(value & 0x7f);
        if value & 0x80 != 0 {
            return Self::Binary(exponent);
        }
        match exponent {
            0..=9 => Self::Coarse(10_u64.pow(9 - exponent)),
            // beyond 10^19 no number of ticks is a nanosecond
            _ => Self::Fine(10_u64.checked_pow(exponent - 9).unwrap_or(u64::MAX)),
        }
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(tsresol: u8, offset: i64, ticks: u64) -> Option<u64> {
        let interface = Interface {
            link: None,
            snaplen: 0,
            resolution: Resolution::of(tsresol),
            offset,
        };
        interface.time(ticks).map(Timestamp::as_nanos)
    }

    #[test]
    fn powers_of_ten_and_two() {
        const S: u64 = 1_000_000_000;
        for (tsresol, ticks, expected) in [
            (0, 7, Some(7 * S)),
            (3, 1_800_000_000_123, Some(1_800_000_000 * S + 123_000_000)),
            (6, 1_800_000_000_000_001, Some(1_800_000_000 * S + 1000)),
            (9, 1_800_000_000_000_000_001, Some(1_800_000_000 * S + 1)),
            (10, 19, Some(1)),
            (12, 1999, Some(1)),
            (19, u64::MAX, Some(1_844_674_407)),
            (127, u64::MAX, Some(1)),
            (0x80, 7, Some(7 * S)),
            (0x8a, 1, Some(976_562)), // 1/1024 s
            (
                0x80 | 20,
                (1_800_000_000 << 20) + 1,
                Some(1_800_000_000 * S + 953),
            ),
            (0x80 | 30, 1 << 30, Some(S)),
            (0x80 | 63, 1 << 63, Some(S)),
            (0xff, u64::MAX, Some(0)),
            (0, u64::MAX, None),
            (6, u64::MAX, None),
        ] {
            assert_eq!(nanos(tsresol, 0, ticks), expected, "{tsresol:#x} {ticks}");
        }
    }

    #[test]
    fn an_offset_is_added_and_may_be_negative() {
        assert_eq!(nanos(6, 3, 1), Some(3_000_001_000));
        assert_eq!(nanos(6, -3, 3_000_001), Some(1000));
        assert_eq!(nanos(6, -3, 2_999_999), None);
        assert_eq!(nanos(6, i64::MAX, 1), None);
        assert_eq!(nanos(6, i64::MIN, u64::MAX), None);
    }
}
