//! Client codes: what the `v` of a message starts with.

use std::fmt;

/// The two letters that name a client in `v` [thesis 8.VIII.D].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientCode([u8; 2]);

impl ClientCode {
    /// The code of this `v`; `None` if it is too short to hold one, or empty
    /// of letters.
    pub fn of(version: &[u8]) -> Option<Self> {
        let code = *version.first_chunk()?;
        (code != [0, 0]).then_some(Self(code))
    }

    /// Name of the client, where it is known.
    pub fn name(self) -> Option<&'static str> {
        let mut known = NAMES.iter();
        known
            .find(|(code, _)| *code == &self.0)
            .map(|(_, name)| *name)
    }

    /// The two bytes.
    pub(crate) const fn bytes(self) -> [u8; 2] {
        self.0
    }
}

/// Escaped: it may be any two bytes.
impl fmt::Display for ClientCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

/// Codes that are known from a client's sources, its documents or its
/// packets.
const NAMES: &[(&[u8; 2], &str)] = &[
    (b"A2", "aria2"),
    (b"GR", "GetRight"),
    // what Azureus and BiglyBT carry
    (b"ml", "mldht"),
    // rasterbar's: Deluge, qBittorrent and others
    (b"LT", "libtorrent"),
    // rakshasa's
    (b"lt", "libTorrent (rTorrent)"),
    (b"MD", "mdht"),
    (b"MO", "MonoTorrent"),
    (b"MP", "MooPolice"),
    (b"NS", "pymdht"),
    (b"RS", "mainline (Rust)"),
    (b"TR", "Transmission"),
    // BitTorrent is the same client
    (b"UT", "uTorrent"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names() {
        let code = |version: &[u8]| ClientCode::of(version);
        assert_eq!(code(b"LT\x01\x02"), code(b"LT"));
        assert_ne!(code(b"LT"), code(b"lt"));
        assert_eq!(code(b"UT\xb5\x16").unwrap().name(), Some("uTorrent"));
        assert_eq!(code(b"RS\0\x05").unwrap().name(), Some("mainline (Rust)"));
        assert_eq!(code(b"??").unwrap().name(), None);
        assert_eq!(code(b"\x01\"ab").unwrap().to_string(), r#"\x01\""#);
        assert_eq!(
            (code(b"L"), code(b""), code(b"\0\0\0\0")),
            (None, None, None)
        );
    }
}
