//! Whom to ask for samples, to see much of the DHT and ask nobody twice (BEP 51).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use mdht_krpc::{Contact, Id, is_public};

use crate::core::QueryOutcome;

/// A bounded walk over the ID space: each node is asked once, so no interval
/// that a node names can be violated.
///
/// Targets are spread over the space evenly, the next always into the middle
/// of the widest gap. Each goes to the contact known closest to it, whose
/// answer names others there. It sends nothing itself: take
/// [`Crawl::next_query`], ask with
/// [`Dht::sample_infohashes`](crate::Dht::sample_infohashes), and hand the
/// outcome to [`Crawl::take_in`].
#[derive(Debug)]
pub struct Crawl {
    most_nodes: usize,
    /// Contacts not asked yet.
    waiting: BTreeMap<Id, SocketAddr>,
    /// Who was asked; on the public Internet with port 0, for one host counts once.
    asked: BTreeSet<SocketAddr>,
    info_hashes: BTreeSet<Id>,
    targets: u32,
    report: CrawlReport,
}

/// What a crawl has found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrawlReport {
    /// Nodes asked.
    pub asked: usize,
    /// Nodes that answered.
    pub answered: usize,
    /// Nodes that answered with samples: they know BEP 51.
    pub sampled: usize,
    /// Infohashes in all samples, those met before included.
    pub samples: usize,
    /// Distinct infohashes, of the first [`Crawl::MOST_INFO_HASHES`].
    pub distinct: usize,
    /// Sum of what the nodes say they hold: a swarm counts once for each node.
    pub held: u64,
}

impl Crawl {
    /// Distinct infohashes that are told apart; later ones all count as met before.
    pub const MOST_INFO_HASHES: usize = 1_000_000;
    /// Contacts that wait to be asked; more are not remembered.
    const MOST_WAITING: usize = 4096;

    /// A crawl that asks at most so many nodes.
    pub const fn new(most_nodes: usize) -> Self {
        Self {
            most_nodes,
            waiting: BTreeMap::new(),
            asked: BTreeSet::new(),
            info_hashes: BTreeSet::new(),
            targets: 0,
            report: CrawlReport {
                asked: 0,
                answered: 0,
                sampled: 0,
                samples: 0,
                distinct: 0,
                held: 0,
            },
        }
    }

    /// Contacts that may be asked.
    pub fn add(&mut self, contacts: impl IntoIterator<Item = Contact>) {
        for contact in contacts {
            let is_new = !self.asked.contains(&host(contact.addr));
            if is_new && self.waiting.len() < Self::MOST_WAITING {
                self.waiting.entry(contact.id).or_insert(contact.addr);
            }
        }
    }

    /// Whom to ask next, and for contacts close to which target; `None` when
    /// nobody is left, or enough have been asked. Answers to earlier queries
    /// may bring more.
    pub fn next_query(&mut self) -> Option<(Contact, Id)> {
        while self.report.asked < self.most_nodes {
            let target = spread(self.targets);
            let (id, _) = self
                .waiting
                .iter()
                .min_by_key(|(id, _)| id.distance(&target))?;
            let id = *id;
            let addr = self.waiting.remove(&id)?;
            if self.asked.insert(host(addr)) {
                self.targets = self.targets.wrapping_add(1);
                self.report.asked += 1;
                return Some((Contact::new(id, addr), target));
            }
        }
        None
    }

    /// Takes in what came of a query; returns the infohashes not met before.
    pub fn take_in(&mut self, outcome: &QueryOutcome) -> Vec<Id> {
        let QueryOutcome::Response { nodes, sample, .. } = outcome else {
            return Vec::new();
        };
        self.report.answered += 1;
        self.add(nodes.iter().copied());
        let Some(sample) = sample else {
            return Vec::new();
        };
        self.report.sampled += 1;
        self.report.samples += sample.info_hashes.len();
        self.report.held += u64::from(sample.num.unwrap_or(0));
        let mut fresh = Vec::new();
        for id in &sample.info_hashes {
            if self.info_hashes.len() < Self::MOST_INFO_HASHES && self.info_hashes.insert(*id) {
                fresh.push(*id);
            }
        }
        self.report.distinct = self.info_hashes.len();
        fresh
    }

    /// What has been found so far.
    pub const fn report(&self) -> CrawlReport {
        self.report
    }
}

/// What counts as one host: an IP address of the public Internet, or one
/// address and port elsewhere.
fn host(addr: SocketAddr) -> SocketAddr {
    let port = if is_public(addr.ip()) { 0 } else { addr.port() };
    SocketAddr::new(addr.ip(), port)
}

/// The `n`-th of the points 0, 1/2, 1/4, 3/4, 1/8, … of the ID space.
fn spread(n: u32) -> Id {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&n.reverse_bits().to_be_bytes());
    Id::new(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::Sample;

    fn contact(n: u8) -> Contact {
        Contact::new(Id::new([n; 20]), ([8, 8, n, 1], 6881).into())
    }

    fn answer(nodes: &[Contact], info_hashes: &[u8]) -> QueryOutcome {
        let info_hashes = info_hashes.iter().map(|n| Id::new([*n; 20])).collect();
        let sample = Sample {
            info_hashes,
            num: Some(100),
            interval: Duration::from_secs(60),
        };
        QueryOutcome::Response {
            id: Id::default(),
            rtt: Duration::ZERO,
            version: None,
            nodes: nodes.to_vec(),
            sample: Some(Box::new(sample)),
        }
    }

    #[test]
    fn nobody_is_asked_twice() {
        let mut crawl = Crawl::new(100);
        crawl.add((0..50).map(contact));
        let mut asked = Vec::new();
        while let Some((whom, _)) = crawl.next_query() {
            asked.push(whom);
            let other_port = Contact::new(Id::new([0xee; 20]), ([8, 8, 3, 1], 7).into());
            let everybody = (0..50).map(contact).chain([other_port]);
            crawl.take_in(&answer(&everybody.collect::<Vec<_>>(), &[]));
        }
        let hosts: BTreeSet<_> = asked.iter().map(|c| c.addr.ip()).collect();
        assert_eq!((asked.len(), hosts.len()), (50, 50));
    }

    #[test]
    fn the_bound_holds_and_the_walk_covers_the_space() {
        let mut crawl = Crawl::new(16);
        crawl.add((0..=255).map(contact));
        let asked: Vec<_> = std::iter::from_fn(|| crawl.next_query()).collect();
        let heads: BTreeSet<_> = asked.iter().map(|(c, _)| c.id.as_bytes()[0] >> 4).collect();
        assert_eq!((asked.len(), heads.len()), (16, 16));
    }

    #[test]
    fn infohashes_are_told_once() {
        let mut crawl = Crawl::new(10);
        assert_eq!(crawl.take_in(&answer(&[], &[1, 2])).len(), 2);
        assert_eq!(crawl.take_in(&answer(&[], &[2, 3])), [Id::new([3; 20])]);
        crawl.take_in(&QueryOutcome::NoAnswer);
        let report = crawl.report();
        assert_eq!((report.samples, report.distinct, report.held), (4, 3, 200));
        assert_eq!((report.answered, report.sampled), (2, 2));
    }
}
