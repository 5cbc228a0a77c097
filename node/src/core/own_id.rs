//! Our own node ID follows our address (BEP 42).
//!
//! Nodes that answer us say under which address they see us. Whoever could
//! make us believe in an address of his choice could choose our place in the
//! ID space, so:
//!
//! - only answers to queries of ours are heard: nobody votes unasked;
//! - a network (/16 of IPv4, /32 of IPv6) has one vote, its latest; the latest
//!   [`WINDOW`] networks count, none for longer than [`LIFETIME`];
//! - ports do not count (behind some NATs everybody sees another one), nor the
//!   lower half of IPv6 addresses, which privacy extensions change daily, and
//!   which the ID does not depend on;
//! - addresses that are not on the public Internet are no vote;
//! - the first decision of a run, when the table is nearly empty and little is
//!   lost, takes [`FIRST_QUORUM`] networks; a later one [`QUORUM`]; either
//!   takes three quarters of all votes that count;
//! - between two changes at least [`LEAST_BETWEEN`] pass.
//!
//! An attacker who wants to move a node that has been running for a while thus
//! has to answer its queries from 48 of the last 64 networks; a node that has
//! heard from no more than 21 networks lately, from 16.

use std::net::IpAddr;
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng, id_fits_addr, is_public, secure_prefix};
use mdht_plugins::routing::RoutingSetup;

use super::addresses::network;
use super::transactions::Purpose;
use super::{Core, Event};

/// Networks whose votes count: the latest.
const WINDOW: usize = 64;
/// Networks that must agree before the first decision of a run.
const FIRST_QUORUM: usize = 5;
/// Networks that must agree before a later one.
const QUORUM: usize = 16;
/// How long a vote counts.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Least time between two changes of the ID.
const LEAST_BETWEEN: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, Debug)]
struct Vote {
    network: (bool, u32),
    says: IpAddr,
    at: Instant,
}

/// Votes on the IP address that our ID must fit.
#[derive(Debug, Default)]
pub(crate) struct IdVotes {
    /// The latest last.
    votes: Vec<Vote>,
    /// Whether it has been decided, in this run, what our ID must fit.
    decided: bool,
    last_change: Option<Instant>,
}

impl IdVotes {
    /// Counts a vote; returns the address if a clear majority now names it.
    fn vote(&mut self, now: Instant, voter: IpAddr, says: IpAddr) -> Option<IpAddr> {
        if !is_public(says) || voter == says {
            return None;
        }
        let (network, says) = (network(voter), what_counts(says));
        self.votes
            .retain(|vote| vote.network != network && now.since(vote.at) < LIFETIME);
        if self.votes.len() == WINDOW {
            self.votes.remove(0);
        }
        let at = now;
        self.votes.push(Vote { network, says, at });
        let agreeing = self.votes.iter().filter(|vote| vote.says == says).count();
        let quorum = if self.decided { QUORUM } else { FIRST_QUORUM };
        let is_clear = agreeing >= quorum && 4 * agreeing >= 3 * self.votes.len();
        is_clear.then_some(says)
    }

    /// Whether the ID may change now.
    fn may_change(&self, now: Instant) -> bool {
        let long_ago = |at: Instant| now.since(at) >= LEAST_BETWEEN;
        self.last_change.is_none_or(long_ago)
    }
}

/// The part of an address that the ID depends on.
fn what_counts(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::from((ip.to_bits() >> 64 << 64).to_be_bytes()),
    }
}

/// An ID that BEP 42 allows for the address, otherwise random.
pub(crate) fn fitting_id(ip: IpAddr, rng: &mut Rng) -> Id {
    let mut bytes = *Id::random(rng).as_bytes();
    let prefix = secure_prefix(ip, bytes[19]).to_be_bytes();
    bytes[..2].copy_from_slice(&prefix[..2]);
    bytes[2] = (prefix[2] & 0xf8) | (bytes[2] & 0x07);
    Id::new(bytes)
}

impl Core {
    /// One node's word on our address. Our ID changes if it no longer fits
    /// what most say.
    pub(crate) fn vote_on_id(&mut self, family: Family, voter: IpAddr, says: IpAddr) {
        let now = self.now;
        if !self.config.follow_address || self.config.id.is_some() {
            return;
        }
        let Some(overlay) = self.overlay(family) else {
            return;
        };
        let Some(ip) = overlay.id_votes.vote(now, voter, says) else {
            return;
        };
        let votes = &mut overlay.id_votes;
        if id_fits_addr(&overlay.own_id, ip) {
            votes.decided = true;
            overlay.fits = Some(ip);
        } else if votes.may_change(now) {
            // the first decision may well be corrected soon
            votes.last_change = votes.decided.then_some(now);
            votes.decided = true;
            self.change_id(family, ip);
        }
    }

    /// Goes on under an ID that fits the address: contacts are kept, in the
    /// buckets that they now belong to.
    fn change_id(&mut self, family: Family, ip: IpAddr) {
        let new = fitting_id(ip, &mut self.rng);
        let Some(overlay) = self.overlays.iter_mut().find(|o| o.family == family) else {
            return;
        };
        let old = std::mem::replace(&mut overlay.own_id, new);
        overlay.fits = Some(ip);
        overlay.name_sockets(&self.config);
        self.tell(Event::IdChanged {
            family,
            old,
            new,
            ip,
        });
        let renamed = self.with_routing(family, |module, cx| module.rename(cx, new));
        if renamed != Some(true) {
            self.make_routing_anew(family, new);
        }
        self.wake_routing_at(family, self.now);
        // makes us known to our new neighbours
        self.start_maintenance_lookup(family, new);
    }

    /// For a routing module that cannot change its ID: another one takes up
    /// what it saves.
    fn make_routing_anew(&mut self, family: Family, own_id: Id) {
        let now = self.now;
        let Some(overlay) = self.overlays.iter_mut().find(|o| o.family == family) else {
            return;
        };
        let table = overlay.routing.save(now);
        let setup = RoutingSetup { own_id, family };
        overlay.routing = self.config.routing.make(setup);
        // what the module before asked is no business of the one after it
        self.transactions.retag(|transaction| {
            let asked_by_it = matches!(transaction.purpose, Purpose::Routing(_));
            if asked_by_it && transaction.family() == family {
                transaction.purpose = Purpose::Bootstrap;
            }
        });
        self.with_routing(family, |module, cx| module.restore(cx, &table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(n: u8) -> IpAddr {
        [9, n, 1, 1].into()
    }

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(5, 5, 5, 5));
    const LIE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(6, 6, 6, 6));

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    /// The first decision made, and votes of so many networks for [`HOME`].
    fn settled(networks: u8) -> IdVotes {
        let mut votes = IdVotes {
            decided: true,
            ..IdVotes::default()
        };
        (0..networks).for_each(|n| _ = votes.vote(at(0), net(n), HOME));
        votes
    }

    #[test]
    fn fitting_ids_fit() {
        let mut rng = Rng::from_u64(1);
        for ip in ["124.31.75.21", "8.8.8.8", "2a00:1450:4001::1"] {
            let ip = ip.parse().unwrap();
            let ids: Vec<_> = (0..20).map(|_| fitting_id(ip, &mut rng)).collect();
            assert!(ids.iter().all(|id| id_fits_addr(id, ip)));
            let mut heads: Vec<_> = ids.iter().map(|id| id.as_bytes()[0]).collect();
            heads.sort_unstable();
            heads.dedup();
            assert!(heads.len() > 2, "all eight places are used: {heads:?}");
        }
    }

    #[test]
    fn the_first_decision_takes_five_networks() {
        let mut votes = IdVotes::default();
        for n in 0..4 {
            assert_eq!(votes.vote(at(0), net(n), HOME), None);
        }
        assert_eq!(votes.vote(at(0), [9, 0, 200, 1].into(), HOME), None);
        assert_eq!(votes.vote(at(0), net(4), HOME), Some(HOME));
    }

    #[test]
    fn later_it_takes_three_quarters_of_the_window() {
        let mut votes = settled(64);
        let mut needed = 0;
        for n in 0..64 {
            let won = votes.vote(at(1), net(100 + n), LIE).is_some();
            needed += 1;
            if won {
                break;
            }
        }
        assert_eq!(needed, 48);
    }

    #[test]
    fn a_node_that_knows_few_networks_still_wants_sixteen() {
        let mut votes = settled(5);
        let mut needed = 0;
        while votes.vote(at(1), net(100 + needed), LIE).is_none() {
            needed += 1;
        }
        assert_eq!(needed + 1, 16);
    }

    #[test]
    fn many_votes_of_one_network_are_one() {
        let mut votes = settled(5);
        for n in 0..=255 {
            assert_eq!(votes.vote(at(1), [77, 7, 0, n].into(), LIE), None);
        }
    }

    #[test]
    fn old_votes_and_private_addresses_do_not_count() {
        let mut votes = IdVotes::default();
        (0..4).for_each(|n| _ = votes.vote(at(0), net(n), HOME));
        assert_eq!(votes.vote(at(3600), net(4), HOME), None);
        for n in 0..100 {
            let private = [192, 168, 1, 2].into();
            assert_eq!(votes.vote(at(3600), net(n), private), None);
        }
    }

    #[test]
    fn addresses_of_one_ipv6_prefix_are_one() {
        let mut votes = IdVotes::default();
        let voter = |n: u8| format!("2a00:{n:x}::1").parse().unwrap();
        let home = |n: u8| format!("2a02:8070:1:2::{n:x}").parse().unwrap();
        for n in 1..5 {
            assert_eq!(votes.vote(at(0), voter(n), home(n)), None);
        }
        let won = votes.vote(at(0), voter(5), home(5)).unwrap();
        let mut rng = Rng::from_u64(1);
        let id = fitting_id(won, &mut rng);
        assert!((1..=5).all(|n| id_fits_addr(&id, home(n))));
    }

    #[test]
    fn changes_are_an_hour_apart() {
        let mut votes = settled(0);
        assert!(votes.may_change(at(0)));
        votes.last_change = Some(at(10));
        assert!(!votes.may_change(at(3609)));
        assert!(votes.may_change(at(3610)));
    }
}
