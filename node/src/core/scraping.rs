//! Counting a swarm without naming its peers, both sides (BEP 33).

use std::collections::BTreeSet;
use std::net::IpAddr;

use mdht_krpc::{Family, FilterBytes, Id, Instant, Response, ScrapeFilter};
use mdht_plugins::lookup::{Goal, LookupKind, LookupRequest};

use super::user_lookup::Wish;
use super::{Core, LookupId};

/// The two filters of a swarm that we hold.
pub(crate) struct SwarmFilters {
    pub(crate) seeds: ScrapeFilter,
    pub(crate) leeches: ScrapeFilter,
}

impl Core {
    /// Looks up how large a swarm is: [`LookupReport::scrape`](super::LookupReport::scrape).
    /// Peers that are found on the way come as [`Event::Peer`](super::Event::Peer).
    pub fn scrape(&mut self, now: Instant, info_hash: Id) -> LookupId {
        let request = LookupRequest {
            target: info_hash,
            kind: LookupKind::GetPeers,
            goal: Goal::Closest,
            announce: false,
        };
        let wish = Wish {
            scrape: true,
            ..Wish::default()
        };
        self.look_up(now, request, wish)
    }

    /// Filters of the peers that we hold of a swarm and family; `None` of none.
    pub(crate) fn swarm_filters(&self, info_hash: &Id, family: Family) -> Option<SwarmFilters> {
        let mut filters = None;
        for (peer, seed) in self.peers.peers(info_hash, family) {
            let filters = filters.get_or_insert_with(|| SwarmFilters {
                seeds: ScrapeFilter::new(),
                leeches: ScrapeFilter::new(),
            });
            match seed {
                true => filters.seeds.insert(peer.ip()),
                false => filters.leeches.insert(peer.ip()),
            }
        }
        filters
    }

    /// Whether a swarm has as many peers as a filter can count.
    pub(crate) fn is_crowded(&self, info_hash: &Id, family: Family) -> bool {
        let at_once = self.config.peers.max_peers >= ScrapeFilter::MOST;
        at_once && self.peers.peers(info_hash, family).count() >= ScrapeFilter::MOST
    }
}

/// How large a swarm is, as far as the nodes closest to its infohash know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrapeReport {
    /// The seeds that any node holds.
    pub seeds: ScrapeFilter,
    /// The other peers that any node holds, and those that nodes without
    /// filters named, as far as no filter has them as seeds.
    pub leeches: ScrapeFilter,
    /// Nodes that sent filters.
    pub nodes_with_filters: u32,
    /// Nodes that named peers and sent no filters.
    pub nodes_with_values_only: u32,
    /// Nodes whose filters were refused: more in them than a node may hold, or
    /// not the peers that the same answer names.
    pub refused: u32,
}

impl ScrapeReport {
    /// Seeds, estimated; `None` if no node told.
    pub fn seed_count(&self) -> Option<f64> {
        (self.nodes_with_filters > 0).then(|| self.seeds.estimate())
    }

    /// Other peers, estimated; `None` if no node told.
    pub fn leech_count(&self) -> Option<f64> {
        let told = self.nodes_with_filters + self.nodes_with_values_only > 0;
        told.then(|| self.leeches.estimate())
    }
}

/// A scrape while it runs.
#[derive(Debug, Default)]
pub(crate) struct Scrape {
    report: ScrapeReport,
    /// Hosts that nodes without filters named.
    named: BTreeSet<IpAddr>,
}

impl Scrape {
    /// Most hosts that are remembered: more than filters can count are of no use.
    const MOST_NAMED: usize = ScrapeFilter::MOST;

    /// Takes in what one node told.
    pub(crate) fn take_in(&mut self, response: &Response<'_>) {
        let values = response.values.into_iter().flat_map(|values| values.iter());
        let named: Vec<_> = values.map(|peer| peer.ip()).collect();
        let report = &mut self.report;
        match (response.seeds, response.leeches) {
            (Some(seeds), Some(leeches)) if are_plausible(seeds, leeches, &named) => {
                report.nodes_with_filters += 1;
                report.seeds.unite(seeds);
                report.leeches.unite(leeches);
            }
            (Some(_), Some(_)) => report.refused += 1,
            _ if named.is_empty() => {}
            _ => {
                report.nodes_with_values_only += 1;
                let room = Self::MOST_NAMED.saturating_sub(self.named.len());
                self.named.extend(named.into_iter().take(room));
            }
        }
    }

    /// What came of it. Whom a filter has as a seed is no other peer too.
    pub(crate) fn report(mut self) -> ScrapeReport {
        for ip in self.named {
            if !self.report.seeds.may_hold(ip) {
                self.report.leeches.insert(ip);
            }
        }
        self.report
    }
}

/// Whether filters can be what a node holds: not fuller than allowed, and with
/// the peers in them that it names (BEP 33, "sanity checks"). One forged full
/// filter would be the sum of all otherwise.
fn are_plausible(seeds: &FilterBytes, leeches: &FilterBytes, named: &[IpAddr]) -> bool {
    #[allow(clippy::cast_precision_loss)] // a few thousand
    let most = ScrapeFilter::MOST as f64;
    let seeds = ScrapeFilter::from_bytes(seeds);
    let leeches = ScrapeFilter::from_bytes(leeches);
    let held = |ip: &IpAddr| seeds.may_hold(*ip) || leeches.may_hold(*ip);
    seeds.estimate() <= most && leeches.estimate() <= most && named.iter().all(held)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use mdht_krpc::Values;

    use super::*;

    fn ip(n: u8) -> IpAddr {
        [8, 8, 8, n].into()
    }

    fn filter(range: std::ops::Range<u8>) -> ScrapeFilter {
        let mut filter = ScrapeFilter::new();
        range.for_each(|n| filter.insert(ip(n)));
        filter
    }

    fn told(scrape: &mut Scrape, filters: Option<(&ScrapeFilter, &ScrapeFilter)>, named: &[u8]) {
        let peers: Vec<_> = named.iter().map(|n| SocketAddr::new(ip(*n), 1)).collect();
        scrape.take_in(&Response {
            values: (!peers.is_empty()).then(|| Values::from_peers(&peers)),
            seeds: filters.map(|(seeds, _)| seeds.as_bytes()),
            leeches: filters.map(|(_, leeches)| leeches.as_bytes()),
            ..Response::default()
        });
    }

    #[test]
    fn filters_of_several_nodes_are_united() {
        let mut scrape = Scrape::default();
        told(&mut scrape, Some((&filter(0..10), &filter(20..25))), &[3]);
        told(&mut scrape, Some((&filter(5..15), &filter(20..30))), &[]);
        let report = scrape.report();
        assert_eq!((report.nodes_with_filters, report.refused), (2, 0));
        assert_eq!(report.seeds, filter(0..15));
        assert_eq!(report.leeches, filter(20..30));
        assert!((report.seed_count().unwrap() - 15.0).abs() < 2.0);
    }

    #[test]
    fn named_peers_count_unless_they_are_seeds() {
        let mut scrape = Scrape::default();
        told(&mut scrape, None, &[1, 2, 3]);
        told(&mut scrape, Some((&filter(1..2), &filter(9..10))), &[]);
        told(&mut scrape, None, &[]);
        let report = scrape.report();
        assert_eq!(report.nodes_with_values_only, 1);
        let mut expected = filter(2..4);
        expected.insert(ip(9));
        assert_eq!(report.leeches, expected);
    }

    #[test]
    fn nobody_told_is_not_nobody_there() {
        let report = Scrape::default().report();
        assert_eq!((report.seed_count(), report.leech_count()), (None, None));
        let mut scrape = Scrape::default();
        told(&mut scrape, None, &[1]);
        let report = scrape.report();
        assert_eq!(report.seed_count(), None);
        assert!(report.leech_count().is_some());
    }

    #[test]
    fn forged_filters_are_refused() {
        let full = ScrapeFilter::from_bytes(&[0xff; 256]);
        let mut scrape = Scrape::default();
        told(&mut scrape, Some((&full, &filter(0..3))), &[]);
        told(&mut scrape, Some((&filter(0..3), &full)), &[]);
        told(&mut scrape, Some((&filter(0..3), &filter(3..6))), &[200]);
        let report = scrape.report();
        assert_eq!((report.nodes_with_filters, report.refused), (0, 3));
        assert!(report.seeds.is_empty() && report.leeches.is_empty());
    }
}
