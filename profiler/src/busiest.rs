//! The busiest addresses of a capture, from which a node under test is
//! chosen when none is named.

use std::cmp::Reverse;
use std::net::SocketAddr;

use foldhash::{HashMap, HashMapExt};
use serde::Serialize;

use crate::capture::Datagram;

/// An address that both sent and received KRPC messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BusyAddress {
    /// The address.
    pub address: SocketAddr,
    /// KRPC messages it sent.
    pub sent: u64,
    /// KRPC messages it received.
    pub received: u64,
}

/// Messages by address, in bounded space: when there are too many addresses,
/// the quietest are dropped, and count anew if they come back. The busiest stay,
/// since a node under test takes part in most messages of its capture.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    counts: HashMap<SocketAddr, Count>,
    /// Source and destination of messages not counted yet: looked up many at
    /// once, the cache misses overlap.
    waiting: Vec<(SocketAddr, SocketAddr)>,
    most: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    sent: u64,
    received: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            counts: HashMap::new(),
            waiting: Vec::with_capacity(MAX_WAITING),
            most: MAX_ADDRESSES,
        }
    }

    pub(crate) fn add(&mut self, datagram: &Datagram<'_>) {
        self.waiting.push((datagram.source, datagram.destination));
        if self.waiting.len() >= MAX_WAITING {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (source, destination) in self.waiting.drain(..) {
            self.counts.entry(source).or_default().sent += 1;
            self.counts.entry(destination).or_default().received += 1;
        }
        if self.counts.len() > self.most {
            self.drop_the_quietest();
        }
    }

    /// Down to half, so that it is not done again for the next address.
    fn drop_the_quietest(&mut self) {
        let mut quiet = 1;
        while self.counts.len() > self.most / 2 {
            self.counts
                .retain(|_, count| count.sent + count.received > quiet);
            quiet *= 2;
        }
    }

    /// The addresses that both send and receive, busiest first, at most
    /// [`MAX_LISTED`].
    pub(crate) fn busiest(mut self) -> Vec<BusyAddress> {
        self.settle();
        let both = self.counts.into_iter().filter_map(|(address, count)| {
            let Count { sent, received } = count;
            (sent > 0 && received > 0).then_some(BusyAddress {
                address,
                sent,
                received,
            })
        });
        let mut busiest: Vec<_> = both.collect();
        busiest.sort_unstable_by_key(|busy| (Reverse(busy.sent + busy.received), busy.address));
        busiest.truncate(MAX_LISTED);
        busiest
    }
}

/// Most addresses that are counted at once, about 20 MB.
const MAX_ADDRESSES: usize = 1 << 18;

/// Messages that wait to be counted.
const MAX_WAITING: usize = 512;

/// Most addresses that are listed.
const MAX_LISTED: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn add(tally: &mut Tally, source: &str, destination: &str) {
        tally.add(&Datagram {
            time: Timestamp::default(),
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ip_len: 0,
            payload: b"",
            snapped: false,
        });
    }

    #[test]
    fn busiest_first_and_only_those_that_do_both() {
        let mut tally = Tally::new();
        for _ in 0..2 {
            add(&mut tally, "10.0.0.1:1", "10.0.0.2:1");
            add(&mut tally, "10.0.0.2:1", "10.0.0.1:1");
            add(&mut tally, "10.0.0.2:1", "10.0.0.3:1");
        }
        let busiest = tally.busiest();
        let found: Vec<_> = busiest
            .iter()
            .map(|b| (b.address.to_string(), b.sent, b.received))
            .collect();
        let expected = [("10.0.0.2:1".into(), 4, 2), ("10.0.0.1:1".into(), 2, 2)];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_busiest_stay_when_there_are_too_many() {
        let mut tally = Tally::new();
        tally.most = 2000;
        for i in 1..=10_000 {
            let stranger = format!("10.1.{}.{}:1", i / 256, i % 256);
            add(&mut tally, "10.0.0.1:1", &stranger);
            add(&mut tally, &stranger, "10.0.0.1:1");
            assert!(tally.counts.len() <= 2000 + MAX_WAITING);
        }
        let first = tally.busiest()[0];
        assert_eq!(first.address, "10.0.0.1:1".parse().unwrap());
        assert_eq!((first.sent, first.received), (10_000, 10_000));
    }
}
