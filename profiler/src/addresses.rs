//! Sets of addresses.

use std::net::SocketAddr;

use crate::slots::{Slot, Slots};

/// A set of addresses of either family.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressSet {
    v4: Slots<V4>,
    v6: Slots<V6>,
}

impl AddressSet {
    /// Adds an address if there is room for it, and takes the room. Whether it
    /// is new; `None` if it is and there is no room.
    pub(crate) fn insert(&mut self, addr: SocketAddr, room: &mut usize) -> Option<bool> {
        match addr {
            SocketAddr::V4(addr) => {
                let ip = u64::from(addr.ip().to_bits());
                self.v4.insert(ip << 16 | u64::from(addr.port()), room)
            }
            SocketAddr::V6(addr) => self.v6.insert((addr.ip().to_bits(), addr.port()), room),
        }
    }

    /// Number of addresses.
    pub(crate) const fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Takes all out, and keeps the space.
    pub(crate) fn clear(&mut self) {
        self.v4.clear();
        self.v6.clear();
    }

    /// Number of addresses that it has space for.
    pub(crate) const fn capacity(&self) -> usize {
        self.v4.capacity() + self.v6.capacity()
    }
}

/// An address and port as a number; one bit is set in all.
#[derive(Clone, Copy, Debug)]
struct V4(u64);

const IS_THERE: u64 = 1 << 63;

impl Slot for V4 {
    type Key = u64;
    const FREE: Self = Self(0);

    fn of(key: u64) -> Self {
        Self(key | IS_THERE)
    }

    #[inline]
    fn key(&self) -> Option<u64> {
        (self.0 != 0).then_some(self.0 & !IS_THERE)
    }
}

#[derive(Clone, Copy, Debug)]
struct V6(Option<(u128, u16)>);

impl Slot for V6 {
    type Key = (u128, u16);
    const FREE: Self = Self(None);

    fn of(key: (u128, u16)) -> Self {
        Self(Some(key))
    }

    fn key(&self) -> Option<(u128, u16)> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_new_once_and_takes_room_once() {
        let mut set = AddressSet::default();
        let mut room = 3;
        let mut insert = |addr: &str| set.insert(addr.parse().unwrap(), &mut room);
        for addr in ["0.0.0.0:0", "255.255.255.255:65535", "[::]:0"] {
            assert_eq!((insert(addr), insert(addr)), (Some(true), Some(false)));
        }
        assert_eq!((insert("[::]:1"), insert("1.2.3.4:5")), (None, None));
        assert_eq!(insert("0.0.0.0:0"), Some(false));
        assert_eq!((set.len(), room), (3, 0));
        set.clear();
        assert_eq!(set.len(), 0);
    }
}
