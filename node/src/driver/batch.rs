//! Memory for a batch of datagrams that come in.

use super::socket::Received;

/// Most datagrams taken from, or given to, a socket at once.
pub(crate) const BATCH: usize = 64;
/// Longest datagram that is read whole, in bytes; a longer one is cut and then
/// counts as malformed. The largest KRPC messages met were answers with a whole
/// routing table, a few kilobytes. Pages that nothing is written to take no memory.
const LONGEST: usize = 16 << 10;
/// From one datagram's place to the next: not a power of two, or all of them
/// would compete for the same few lines of the processor's caches.
const STRIDE: usize = LONGEST + 192;
/// Datagrams that are looked for when few have come lately.
const FEW: usize = 4;

/// Datagrams as they came, until the next are received.
#[derive(Debug)]
pub(crate) struct Inbox {
    buffers: Vec<u8>,
    received: Vec<Received>,
    /// Datagrams to look for: what prepares for many costs time too.
    expected: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            buffers: vec![0; BATCH * STRIDE],
            received: Vec::with_capacity(BATCH),
            expected: FEW,
        }
    }

    /// Number of datagrams.
    pub(crate) fn len(&self) -> usize {
        self.received.len()
    }

    /// One of them, with its content.
    pub(crate) fn datagram(&self, n: usize) -> (Received, &[u8]) {
        let received = self.received[n];
        let from = n * STRIDE;
        (received, &self.buffers[from..from + received.len])
    }

    /// Forgets what was received, and gives the places for what comes next,
    /// about as many as have come lately, with the list to note it in.
    pub(super) fn places(&mut self) -> (impl Iterator<Item = &mut [u8]>, &mut Vec<Received>) {
        let came = self.received.len();
        if came == self.expected {
            self.expected = (2 * came).min(BATCH);
        } else if came < self.expected / 4 {
            self.expected = (self.expected / 2).max(FEW);
        }
        self.received.clear();
        let places = self.buffers.chunks_exact_mut(STRIDE).take(self.expected);
        (
            places.map(|place| &mut place[..LONGEST]),
            &mut self.received,
        )
    }
}
