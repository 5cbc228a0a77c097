//! Counting swarms (BEP 33) and telling which there are (BEP 51), as others see it.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod bench;
mod world;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use bench::{Bench, config, id, response};
use mdht_krpc::{Contact, Family, Id, Query, Rng, ScrapeFilter, Want};
use mdht_node::core::{AnnouncePort, Event, LookupReport, PeerStoreConfig, QueryOutcome};
use mdht_node::{Crawl, Sample};
use world::{World, addr};

const KEY: Id = Id::new([0x55; 20]);
const BOTH: Want = Want { v4: true, v6: true };

fn scrape(want: Want) -> Query<'static> {
    Query {
        scrape: true,
        want,
        ..Query::get_peers(id(9), KEY)
    }
}

/// A node of both families with many contacts in each.
fn crowded() -> Bench {
    let mut bench = Bench::new(config(&["0.0.0.0:6881", "[::]:6881"]));
    let mut rng = Rng::from_u64(3);
    for n in 0..200 {
        let ping = || Query::new(mdht_krpc::Method::Ping, Id::random(&mut Rng::from_u64(n)));
        bench.ask(0, &format!("60.{n}.1.1:6881"), ping());
        bench.ask(1, &format!("[2a00:{n:x}::1]:6881"), ping());
    }
    for _ in 0..300 {
        let n = rng.next_u64();
        let [a, b, c, ..] = n.to_le_bytes();
        let v4 = format!("{}.{b}.{c}.1:6881", 60 + a % 8);
        let v6 = format!("[2a01:{b:x}:{c:x}::1]:6881");
        bench.announce_by(0, &v4, KEY, 1, n.is_multiple_of(3));
        bench.announce_by(1, &v6, KEY, 1, n.is_multiple_of(3));
    }
    bench
}

trait AnnounceBy {
    fn announce_by(&mut self, socket: usize, from: &str, info_hash: Id, port: u16, seed: bool);
}

impl AnnounceBy for Bench {
    fn announce_by(&mut self, socket: usize, from: &str, info_hash: Id, port: u16, seed: bool) {
        let bytes = self.ask(socket, from, Query::get_peers(id(9), info_hash));
        let token = response(&bytes).token.unwrap().to_vec();
        let query = Query {
            seed,
            ..Query::announce_peer(id(9), info_hash, port, &token)
        };
        self.ask(socket, from, query);
    }
}

#[test]
fn filters_hold_seeds_and_others_and_only_come_when_asked_for() {
    let mut bench = Bench::new(config(&["0.0.0.0:6881"]));
    let nothing = bench.ask(0, "60.1.1.1:1", scrape(Want::default()));
    assert!(response(&nothing).seeds.is_none(), "no entries, no filters");
    bench.announce("60.1.1.1:1", KEY, 1000, true);
    bench.announce("60.2.2.2:1", KEY, 1000, false);
    let plain = bench.ask(0, "60.3.3.3:1", Query::get_peers(id(9), KEY));
    let plain = response(&plain);
    assert!(plain.seeds.is_none() && plain.leeches.is_none());
    assert_eq!(plain.values.unwrap().iter().count(), 2);
    let filter = |ip: [u8; 4]| {
        let mut filter = ScrapeFilter::new();
        filter.insert(ip.into());
        *filter.as_bytes()
    };
    let scraped = bench.ask(0, "60.3.3.3:1", scrape(Want::default()));
    let scraped = response(&scraped);
    assert_eq!(scraped.seeds, Some(&filter([60, 1, 1, 1])));
    assert_eq!(scraped.leeches, Some(&filter([60, 2, 2, 2])));
    // a peer that has become a seed, at another port
    bench.announce("60.2.2.2:1", KEY, 2000, true);
    let again = bench.ask(0, "60.3.3.3:1", scrape(Want::default()));
    assert_eq!(response(&again).leeches, Some(&[0; 256]));
    let no_seeds = Query {
        no_seeds: true,
        ..Query::get_peers(id(9), KEY)
    };
    let no_seeds = bench.ask(0, "60.3.3.3:1", no_seeds);
    assert!(response(&no_seeds).values.is_none());
}

#[test]
fn no_answer_is_longer_than_bep32_allows() {
    let mut bench = crowded();
    let keys = 0..100_u8;
    for n in keys {
        bench.announce_by(0, "60.1.1.1:1", id(n), 1, false);
        bench.announce_by(1, "[2a00:1::1]:1", id(n), 1, false);
    }
    let sources = [(0, "60.9.9.9:1"), (1, "[2a00:9::9]:1")];
    for (socket, from) in sources {
        for want in [Want::default(), BOTH] {
            let queries = [
                Query {
                    want,
                    ..Query::get_peers(id(9), KEY)
                },
                scrape(want),
                Query {
                    want,
                    ..Query::sample_infohashes(id(9), KEY)
                },
                Query {
                    want,
                    ..Query::find_node(id(9), KEY)
                },
            ];
            for query in queries {
                let bytes = bench.ask(socket, from, query.clone());
                assert!(bytes.len() <= 1024, "{} bytes for {query:?}", bytes.len());
                let found = response(&bytes);
                let contacts = if socket == 0 {
                    found.nodes
                } else {
                    found.nodes6
                };
                assert_eq!(contacts.unwrap().len(), 8, "{query:?}");
                let asked_for_peers = query.info_hash.is_some();
                assert_eq!(found.has_values(), asked_for_peers, "{query:?}");
                assert_eq!(found.seeds.is_some(), query.scrape);
                let other = if socket == 0 {
                    found.nodes6
                } else {
                    found.nodes
                };
                assert_eq!(other.is_some(), want == BOTH && !query.scrape, "{query:?}");
            }
        }
    }
}

#[test]
fn a_swarm_too_large_for_filters_gets_no_token() {
    let mut settings = config(&["0.0.0.0:6881"]);
    settings.peers = PeerStoreConfig {
        max_peers: 10_000,
        ..PeerStoreConfig::default()
    };
    let mut bench = Bench::new(settings);
    for n in 0..6000_u32 {
        let peer = SocketAddr::from((std::net::Ipv4Addr::from(0x3c00_0000 + n), 1));
        let has_token = |bench: &mut Bench| {
            let bytes = bench.ask(0, "61.1.1.1:1", Query::get_peers(id(9), KEY));
            response(&bytes).token.is_some()
        };
        if n % 1000 == 0 {
            assert!(has_token(&mut bench), "{n} peers");
        }
        bench.core.hold_peer(bench.now, KEY, peer);
        assert!(n < 5999 || !has_token(&mut bench));
    }
}

fn samples_of(bytes: &[u8]) -> (Vec<Id>, u32, u32) {
    let found = response(bytes);
    let samples = found.samples.unwrap().iter().collect();
    (samples, found.num.unwrap(), found.interval.unwrap())
}

#[test]
fn samples_change_with_the_interval_and_not_before() {
    let mut bench = Bench::new(config(&["0.0.0.0:6881"]));
    let sample = |bench: &mut Bench, target: u8| {
        let query = Query::sample_infohashes(id(9), id(target));
        samples_of(&bench.ask(0, "60.1.1.1:1", query))
    };
    assert_eq!(sample(&mut bench, 0), (vec![], 0, 1800));
    for n in 0..10 {
        bench.announce("60.1.1.1:1", id(n), 1, false);
    }
    let (few, num, _) = sample(&mut bench, 1);
    let all: BTreeSet<_> = (0..10).map(id).collect();
    assert_eq!((few.into_iter().collect::<BTreeSet<_>>(), num), (all, 10));
    for n in 10..110 {
        bench.announce("60.1.1.1:1", id(n), 1, false);
    }
    let (first, num, _) = sample(&mut bench, 2);
    assert_eq!((first.len(), num), (20, 110));
    bench.later(Duration::from_secs(1700));
    for n in 0..110 {
        bench.announce("60.1.1.1:1", id(n), 1, false);
    }
    assert_eq!(sample(&mut bench, 200).0, first, "the same for everybody");
    bench.later(Duration::from_secs(200));
    let (second, ..) = sample(&mut bench, 2);
    assert_eq!(second.len(), 20);
    assert_ne!(first, second, "another choice of 110");
    // what has expired is not told, though the choice stands
    bench.later(Duration::from_secs(1790));
    assert_eq!(sample(&mut bench, 2), (vec![], 0, 1800));
}

#[test]
fn samples_of_one_family_say_nothing_of_the_other() {
    let mut bench = Bench::new(config(&["0.0.0.0:6881", "[::]:6881"]));
    bench.announce_by(0, "60.1.1.1:1", id(1), 1, false);
    bench.announce_by(1, "[2a00::1]:1", id(2), 1, false);
    let sample = |bench: &mut Bench, socket, from| {
        samples_of(&bench.ask(socket, from, Query::sample_infohashes(id(9), KEY))).0
    };
    assert_eq!(sample(&mut bench, 0, "60.1.1.1:1"), [id(1)]);
    assert_eq!(sample(&mut bench, 1, "[2a00::1]:1"), [id(2)]);
}

fn reports(world: &World, n: usize) -> Vec<LookupReport> {
    world.events_of(n, |event| match event {
        Event::LookupDone { report, .. } => Some(report.clone()),
        _ => None,
    })
}

#[test]
fn a_scrape_counts_the_swarm_over_all_who_hold_it() {
    let mut world = World::joined(5, 60, "bep5", Duration::from_secs(120));
    for n in 0..40 {
        let seed = n % 4 == 0;
        world.with(n, |node, now| {
            node.announce_as(now, KEY, AnnouncePort::Implied, seed)
        });
        world.run_for(Duration::from_secs(5));
    }
    world.with(50, |node, now| node.scrape(now, KEY));
    world.with(51, |node, now| node.scrape(now, id(0x77)));
    world.run_for(Duration::from_secs(30));
    let report = reports(&world, 50).pop().unwrap();
    let found = report.scrape.unwrap();
    assert!(found.nodes_with_filters >= 3, "{found:?}");
    assert_eq!((found.refused, found.nodes_with_values_only), (0, 0));
    let (seeds, leeches) = (found.seed_count().unwrap(), found.leech_count().unwrap());
    assert!((9.0..=11.0).contains(&seeds), "{seeds} of 10 seeds");
    assert!((27.0..=33.0).contains(&leeches), "{leeches} of 30 others");
    let nothing = reports(&world, 51).pop().unwrap().scrape.unwrap();
    assert_eq!((nothing.seed_count(), nothing.leech_count()), (None, None));
}

#[test]
fn a_crawl_sees_every_swarm_of_a_small_overlay() {
    let mut world = World::joined(6, 60, "bep5", Duration::from_secs(120));
    let mut rng = Rng::from_u64(9);
    let keys: BTreeSet<_> = (0..30).map(|_| Id::random(&mut rng)).collect();
    for (n, key) in keys.iter().enumerate() {
        world.with(n, |node, now| {
            node.announce(now, *key, AnnouncePort::Implied)
        });
    }
    world.run_for(Duration::from_secs(30));
    let crawler = 59;
    let mut crawl = Crawl::new(100);
    let table = world.nodes[crawler].table(Family::V4);
    crawl.add(table.iter().map(|entry| entry.contact));
    let mut seen = BTreeSet::new();
    while let Some((Contact { addr, .. }, target)) = crawl.next_query() {
        world.with(crawler, |node, now| {
            node.sample_infohashes(now, addr, target, Duration::from_secs(2))
        });
        world.run_for(Duration::from_millis(200));
        let outcome = world.events_of(crawler, |event| match event {
            Event::QueryDone {
                addr: to, outcome, ..
            } if *to == addr => Some(outcome.clone()),
            _ => None,
        });
        if let Some(QueryOutcome::Response { sample, .. }) = outcome.last() {
            let interval = sample.as_ref().unwrap().interval;
            assert!(interval <= Sample::LONGEST_INTERVAL);
        }
        seen.extend(crawl.take_in(outcome.last().unwrap()));
    }
    let report = crawl.report();
    assert!(seen.is_superset(&keys), "{} of 30, {report:?}", seen.len());
    assert_eq!(report.distinct, seen.len());
    assert!((50..60).contains(&report.asked), "{report:?}");
    assert_eq!(report.sampled, report.asked);
    assert!(addr(0).port() == 6881);
}
