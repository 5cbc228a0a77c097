//! What must hold of any bytes at all; shared with the fuzz target `captures`.

use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;

use mdht_profiler::{Input, Options, Profile, Profiler};

/// Reads `bytes` as a capture.
///
/// # Panics
/// Something did not hold.
pub fn check(bytes: &[u8]) {
    let whole = profile(Cursor::new(bytes.to_vec()));
    if let Ok(profile) = &whole {
        for capture in &profile.captures {
            let parts = [
                capture.krpc_messages,
                capture.not_krpc,
                capture.malformed,
                capture.snapped,
            ];
            assert_eq!(capture.packets, parts.iter().sum::<u64>());
            assert!(capture.packets > 0 || capture.faults.is_empty());
            assert!(capture.faults.iter().all(|fault| fault.count > 0));
            assert_eq!(capture.truncated, capture.truncated_at.is_some());
        }
    }
    // decoders may lose what they had before a fault, so only uncompressed
    if !is_compressed(bytes) {
        let trickled = profile(Trickle(Cursor::new(bytes.to_vec())));
        assert_eq!(whole, trickled, "it matters how much a read returns");
    }
}

fn profile(reader: impl Read + Send + 'static) -> Result<Profile, String> {
    let input = Input::reader("-", reader);
    Profiler::new(Options::default())
        .watch(vec![input], &mut |_| ControlFlow::Continue(()))
        .map_err(|error| error.to_string())
}

fn is_compressed(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0x1f, 0x8b, ..] | [0x28, 0xb5, ..] | [0x50..=0x5f, 0x2a, ..] | [0xfd, b'7', ..]
    )
}

/// Returns 13 bytes a read.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min(13);
        self.0.read(&mut buf[..len])
    }
}
