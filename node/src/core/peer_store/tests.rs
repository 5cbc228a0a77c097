//! Bounds, expiry and floods, and how answers are drawn.

use super::*;

fn peer(n: u8) -> SocketAddr {
    ([10, 0, 0, n], 6881).into()
}

fn key(n: u8) -> Id {
    Id::new([n; 20])
}

fn sample(store: &mut PeerStore, n: u8, family: Family, limits: (usize, bool)) -> Vec<SocketAddr> {
    let (mut rng, mut out) = (Rng::from_u64(1), Vec::new());
    store.sample(&key(n), family, limits, &mut rng, &mut out);
    out
}

#[test]
fn announces_expire_and_renewals_do_not() {
    let mut store = PeerStore::new(PeerStoreConfig::default());
    let minute = |n: u64| Instant::from_micros(n * 60_000_000);
    store.announce(minute(0), key(1), peer(1), false);
    store.announce(minute(0), key(1), peer(2), false);
    store.announce(minute(20), key(1), peer(1), false);
    store.expire(minute(30));
    assert_eq!(sample(&mut store, 1, Family::V4, (9, true)), [peer(1)]);
    assert!(sample(&mut store, 1, Family::V6, (9, true)).is_empty());
    store.expire(minute(50));
    assert_eq!(store.len(), (0, 0));
    assert!(store.ages.all.is_empty() && store.ages.by_opener.is_empty());
    assert!(store.ages.by_count.is_empty());
}

#[test]
fn both_bounds_hold_and_the_oldest_goes() {
    let config = PeerStoreConfig {
        max_swarms: 3,
        max_peers: 2,
        ..Default::default()
    };
    let mut store = PeerStore::new(config);
    for n in 0..5 {
        let now = Instant::from_micros(n.into());
        store.announce(now, key(n), peer(1), false);
        store.announce(now, key(n), peer(2), false);
        store.announce(now, key(n), peer(3), false);
    }
    assert_eq!(store.len(), (3, 6));
    assert_eq!(store.ages.all.len(), 3);
    assert!(sample(&mut store, 1, Family::V4, (9, true)).is_empty());
    assert_eq!(
        sample(&mut store, 4, Family::V4, (9, true)),
        [peer(2), peer(3)]
    );
    assert_eq!(sample(&mut store, 4, Family::V4, (1, true)).len(), 1);
}

#[test]
fn one_public_host_is_one_peer_of_a_swarm() {
    let mut store = PeerStore::new(PeerStoreConfig::default());
    let now = Instant::ZERO;
    let at = |port| SocketAddr::from(([8, 8, 8, 8], port));
    store.announce(now, key(1), at(1), false);
    store.announce(now, key(1), at(2), true);
    store.announce(now, key(2), at(3), false);
    let of = |n| store.peers(&key(n), Family::V4).collect::<Vec<_>>();
    assert_eq!(of(1), [(at(2), true)], "port and seed are renewed");
    assert_eq!(of(2), [(at(3), false)]);
}

#[test]
fn seeds_are_left_out_where_they_are_not_wanted() {
    let mut store = PeerStore::new(PeerStoreConfig::default());
    store.announce(Instant::ZERO, key(1), peer(1), true);
    store.announce(Instant::ZERO, key(1), peer(2), false);
    assert_eq!(sample(&mut store, 1, Family::V4, (9, false)), [peer(2)]);
    assert_eq!(sample(&mut store, 1, Family::V4, (9, true)).len(), 2);
    assert_eq!(store.swarms(Family::V4).count(), 1);
    assert_eq!(store.swarms(Family::V6).count(), 0);
}

#[test]
fn a_flood_of_infohashes_drives_out_its_own() {
    let config = PeerStoreConfig {
        max_swarms: 100,
        ..Default::default()
    };
    let mut store = PeerStore::new(config);
    let mut rng = Rng::from_u64(1);
    let second = |n: u64| Instant::from_micros(n * 1_000_000);
    let home = |n: u8| SocketAddr::from(([81, n, 0, 1], 6881));
    for n in 0..40 {
        store.announce(second(0), key(n), home(n), false);
    }
    // ten addresses of one network, and one each of ten
    for n in 0..20_000_u32 {
        let place = u8::try_from(n % 10).unwrap();
        let ip = match n.is_multiple_of(2) {
            true => [45, 0, 0, place],
            false => [45, place, 0, 1],
        };
        let flood = Id::random(&mut rng);
        store.announce(second(1 + u64::from(n)), flood, (ip, 1).into(), false);
    }
    assert_eq!(store.len().0, 100);
    assert_eq!(store.ages.all.len(), 100);
    let kept = (0..40).filter(|n| !sample(&mut store, *n, Family::V4, (1, true)).is_empty());
    assert_eq!(kept.count(), 40);
}

#[test]
fn among_networks_with_one_swarm_each_the_oldest_goes() {
    let config = PeerStoreConfig {
        max_swarms: 3,
        ..Default::default()
    };
    let mut store = PeerStore::new(config);
    for n in 0..5 {
        let home = SocketAddr::from(([81, 200 - n, 0, 1], 6881));
        store.announce(Instant::from_micros(n.into()), key(n), home, false);
    }
    let held: Vec<_> = store.swarms.keys().copied().collect();
    assert_eq!(held, [key(2), key(3), key(4)]);
    assert_eq!(store.ages.by_opener.len(), 3);
}

#[test]
fn any_peers_of_a_swarm_are_drawn_equally_often() {
    let mut store = PeerStore::new(PeerStoreConfig::default());
    let host = |n: u8| SocketAddr::from(([81, 0, n, 1], 6881));
    let other_family = SocketAddr::from(([0x2a00, 0, 0, 0, 0, 0, 0, 1], 6881));
    for n in 0..200 {
        // unwanted ones stand between them
        let now = Instant::from_micros(n.into());
        store.announce(now, key(1), host(n), n % 2 == 0);
    }
    store.announce(Instant::ZERO, key(1), other_family, false);
    let (mut rng, mut out) = (Rng::from_u64(7), Vec::new());
    let (mut first, mut drawn) = ([0_u32; 256], [0_u32; 256]);
    for _ in 0..20_000 {
        store.sample(&key(1), Family::V4, (10, false), &mut rng, &mut out);
        assert_eq!(out.len(), 10);
        let places = out.iter().map(|peer| match peer.ip() {
            IpAddr::V4(ip) => usize::from(ip.octets()[2]),
            IpAddr::V6(_) => panic!("of the other family"),
        });
        for (rank, place) in places.enumerate() {
            drawn[place] += 1;
            first[place] += u32::from(rank == 0);
        }
    }
    for n in (0..200).step_by(2) {
        assert_eq!(drawn[n], 0, "a seed");
    }
    // a hundred of them: 2000 and 200 expected; 99.9 % of such sums stay below 149
    let chi_squared = |counts: &[u32; 256], expected: f64| -> f64 {
        let deviation = |count: &u32| (f64::from(*count) - expected).powi(2) / expected;
        counts[..200].iter().skip(1).step_by(2).map(deviation).sum()
    };
    assert!(chi_squared(&drawn, 2000.0) < 149.0);
    assert!(chi_squared(&first, 200.0) < 149.0);
}

#[test]
fn drawing_leaves_what_is_held_as_it_was() {
    let config = PeerStoreConfig {
        max_peers: 20,
        ..Default::default()
    };
    let mut store = PeerStore::new(config);
    let (mut rng, mut out) = (Rng::from_u64(3), Vec::new());
    for n in 0..100 {
        let now = Instant::from_micros(n.into());
        store.announce(now, key(1), peer(n), n % 3 == 0);
        store.sample(&key(1), Family::V4, (5, n % 2 == 0), &mut rng, &mut out);
        let mut held: Vec<_> = store.peers(&key(1), Family::V4).collect();
        held.sort_unstable();
        let expected = (0..=n).skip(usize::from(n + 1).saturating_sub(20));
        let expected: Vec<_> = expected.map(|n| (peer(n), n % 3 == 0)).collect();
        assert_eq!(held, expected, "the oldest went");
    }
}
