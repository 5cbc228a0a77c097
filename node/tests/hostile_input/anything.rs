//! Whatever arrives, and whenever.

use super::*;

#[test]
fn early_repeated_and_backward_time_does_no_harm() {
    let mut bench = Bench::new();
    bench
        .core
        .add_bootstrap(Instant::from_micros(5_000_000), &[addr(1)]);
    let first = bench.sent().len();
    for micros in [0, 5_000_000, 4_999_999, 5_000_000] {
        bench.core.handle_timeout(Instant::from_micros(micros));
    }
    assert_eq!((first, bench.sent().len()), (1, 0));
    assert!(bench.core.poll_timeout() > Some(Instant::from_micros(5_000_000)));
}

#[test]
fn a_storm_of_garbage_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let mut rng = Rng::from_u64(1);
    let valid = Message::new(b"aa", Body::Query(Query::get_peers(id(9), KEY))).encode();
    for n in 0..20_000_usize {
        let mut bytes = match n % 4 {
            0 => vec![0; rng.below(600)],
            1 => valid[..rng.below(valid.len())].to_vec(),
            2 => valid.clone(),
            _ => vec![b'd'; 65_507],
        };
        match n % 4 {
            0 => rng.fill(&mut bytes),
            2 => {
                let at = rng.below(bytes.len());
                bytes[at] ^= 1 << rng.below(8);
            }
            _ => {}
        }
        bench.receive(addr(rng.below(50_000)), &bytes);
    }
    let stats = bench.core.stats();
    assert!(stats.malformed > 10_000, "{stats:?}");
    assert!(bench.core.table(Family::V4).len() <= 160 * 8 * 2);
    assert!(bench.core.in_flight() < 2000);
    assert_eq!(bench.core.stored_peers().0, 0);
}

proptest! {
    /// Whatever arrives, from wherever and in whatever order of time.
    #[test]
    fn arbitrary_datagrams_never_panic(
        datagrams in prop::collection::vec(
            (0_u64..10_000_000, 0_usize..300, prop::collection::vec(any::<u8>(), 0..200)), 0..50,
        ),
        mutate in prop::collection::vec((0_usize..100, any::<u8>()), 0..50),
    ) {
        let mut bench = Bench::new();
        bench.join();
        bench.core.get_peers(bench.now, KEY, Goal::Closest);
        for ((micros, from, bytes), (at, byte)) in datagrams.iter().zip(mutate.iter().cycle()) {
            bench.core.handle_datagram(Instant::from_micros(*micros), SOCKET, addr(*from), bytes);
            let mut close = Message::new(b"aa", Body::Query(Query::get_peers(id(9), KEY))).encode();
            if let Some(target) = close.get_mut(*at) {
                *target = *byte;
            }
            bench.core.handle_datagram(Instant::from_micros(*micros), SOCKET, addr(*from), &close);
            bench.core.handle_timeout(Instant::from_micros(*micros));
        }
    }
}
