//! What a checker holds and sends is bounded.

use super::*;

#[test]
fn a_flood_of_ids_from_one_address_is_bounded_and_counted() {
    let mut bed = Bed::new(config());
    for n in 1..=200 {
        bed.query(Port::Own(0), addr(NODE), id(n));
    }
    let stats = bed.checker.stats();
    assert_eq!((stats.started, stats.flooding), (16, 184));
    bed.run(secs(400), |_, _| None);
    assert_eq!(bed.sent.len(), 16 * 30);
}

#[test]
fn the_oldest_check_is_dropped_when_there_are_too_many() {
    let mut limited = config();
    limited.limits.open = 10;
    let mut bed = Bed::new(limited);
    bed.queries_of_hosts(15);
    assert_eq!(bed.checker.open(), 10);
    bed.run(secs(400), |_, _| None);
    let dropped = bed.events.iter().filter_map(|event| match event {
        Event::Dropped { node } => Some(node.to_string()),
        _ => None,
    });
    let expected: Vec<_> = (1..=5).map(|n| format!("8.8.8.{n}:7")).collect();
    assert_eq!(dropped.collect::<Vec<_>>(), expected);
    let stats = bed.checker.stats();
    assert_eq!((stats.dropped, stats.finished), (5, 10));
}

#[test]
fn probes_keep_to_the_rate_and_none_is_lost() {
    let mut limited = config();
    limited.limits.probes_per_second = 20;
    let mut bed = Bed::new(limited);
    bed.queries_of_hosts(100);
    bed.run(secs(1000), |_, _| Some(id(1)));
    let mut in_second = BTreeMap::<u64, u32>::new();
    for (at, _) in &bed.sent {
        *in_second.entry(at.as_micros() / 1_000_000).or_default() += 1;
    }
    assert!(in_second.values().all(|sent| *sent <= 26), "{in_second:?}");
    assert!(bed.checker.stats().delayed > 0);
    let reports = bed.reports();
    assert_eq!(reports.len(), 100);
    let open = |report: &&Report| report.pattern.to_string() == "RRR-RRR";
    assert!(reports.iter().all(open));
}

#[test]
fn no_probe_is_held_longer_than_it_is_waited_for() {
    let mut limited = config();
    limited.limits.probes_per_second = 20;
    let mut bed = Bed::new(limited);
    bed.queries_of_hosts(200);
    let mut most = 0;
    for second in 0..2000 {
        bed.run(secs(second), |_, _| None);
        most = most.max(bed.checker.in_flight.len());
    }
    assert!((1000..=20 * 60 + 20).contains(&most), "{most}");
    assert_eq!(bed.reports().len(), 200);
    bed.query(Port::Remote, addr(NODE), id(1));
    assert_eq!(bed.checker.in_flight.len(), 0);
}
