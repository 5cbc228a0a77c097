//! Which node IDs an IP address may have (BEP 42).

use std::net::IpAddr;

use crate::{Id, is_public};

/// Whether BEP 42 allows a node at `ip` to have `id`: the first 21 bits must
/// be derived from the address and the last three random bits. Addresses that
/// are not on the public Internet may have any.
pub fn id_fits_addr(id: &Id, ip: IpAddr) -> bool {
    if !is_public(ip) {
        return true;
    }
    let bytes = id.as_bytes();
    let prefix = secure_prefix(ip, bytes[19]).to_be_bytes();
    bytes[..2] == prefix[..2] && (bytes[2] ^ prefix[2]) & 0xf8 == 0
}

/// The first bits of an ID that BEP 42 derives from an address and the low
/// three bits of `random`, which must be those of the ID's last byte. The
/// upper 21 bits count; the others are free.
pub fn secure_prefix(ip: IpAddr, random: u8) -> u32 {
    const MASK_V4: [u8; 4] = [0x03, 0x0f, 0x3f, 0xff];
    const MASK_V6: [u8; 8] = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];
    let mut masked = [0; 8];
    let len = match ip {
        IpAddr::V4(ip) => mask(&ip.octets(), &MASK_V4, &mut masked),
        IpAddr::V6(ip) => mask(&ip.octets(), &MASK_V6, &mut masked),
    };
    masked[0] |= random << 5;
    crc32c(&masked[..len])
}

fn mask(octets: &[u8], mask: &[u8], out: &mut [u8; 8]) -> usize {
    for ((out, octet), mask) in out.iter_mut().zip(octets).zip(mask) {
        *out = octet & mask;
    }
    mask.len()
}

/// CRC-32C (Castagnoli, reflected), a byte at a time.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = crc32c_table();
    !bytes.iter().fold(!0, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        (crc >> 8) ^ TABLE[usize::from(low ^ byte)]
    })
}

/// What each byte does to the checksum.
const fn crc32c_table() -> [u32; 256] {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut table = [0; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (POLYNOMIAL * (crc & 1));
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of BEP 42.
    #[test]
    fn bep42_vectors() {
        for (ip, id) in [
            ("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"),
            ("21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"),
            ("65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"),
            ("84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"),
            ("43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"),
        ] {
            let (ip, id) = (ip.parse().unwrap(), id.parse::<Id>().unwrap());
            assert!(id_fits_addr(&id, ip), "{ip}");
            let mut other = *id.as_bytes();
            other[0] ^= 1;
            assert!(!id_fits_addr(&Id::new(other), ip), "{ip}");
        }
    }

    #[test]
    fn crc_check_value() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn local_addresses_may_have_any_id() {
        assert!(id_fits_addr(&Id::default(), "10.1.2.3".parse().unwrap()));
        assert!(!id_fits_addr(&Id::default(), "8.8.8.8".parse().unwrap()));
    }
}
