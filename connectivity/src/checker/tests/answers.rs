//! Probes, and which answers to them count.

use std::collections::BTreeSet;

use super::*;

#[test]
fn probes_of_checkers_say_that_they_answer_nobody() {
    let mut bed = Bed::new(Config {
        own_answers: true,
        ..config()
    });
    bed.query(Port::Own(0), addr(NODE), id(9));
    bed.run(secs(1), |_, _| None);
    let read_only = bed.sent.iter().map(|(_, probe)| {
        let mut datagram = Vec::new();
        probe.encode_into(&mut datagram);
        let message = Message::decode_strict(&datagram).unwrap();
        assert!(matches!(&message.body, Body::Query(q) if q.method == Method::Ping));
        message.read_only
    });
    assert_eq!(read_only.collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn a_node_that_changes_its_id_is_noted() {
    let mut bed = Bed::new(config());
    bed.query(Port::Own(0), addr(NODE), id(9));
    bed.run(secs(400), |now, _| {
        Some(id(if now < Instant::ZERO + secs(100) {
            9
        } else {
            10
        }))
    });
    let report = bed.reports()[0];
    assert_eq!((report.id, report.changed_id), (Some(id(9)), Some(id(10))));
    assert_eq!(report.pattern.to_string(), "RRR-RRR", "it is there");
    assert_eq!(bed.checker.stats().changed_ids, 1);
}

#[test]
fn every_probe_has_a_transaction_id_of_four_bytes_of_its_own() {
    let mut bed = Bed::new(config());
    bed.query(Port::Own(0), addr(NODE), id(9));
    bed.run(secs(400), |_, _| None);
    let ids = bed.sent.iter().map(|(_, probe)| {
        let mut datagram = Vec::new();
        probe.encode_into(&mut datagram);
        let message = Message::decode_strict(&datagram).unwrap();
        u32::from_be_bytes(message.transaction_id.try_into().unwrap())
    });
    let ids: BTreeSet<_> = ids.collect();
    assert_eq!(ids.len(), 30);
    // nor do they follow from each other
    let steps = ids.iter().zip(ids.iter().skip(1)).map(|(a, b)| b - a);
    assert_eq!(steps.collect::<BTreeSet<_>>().len(), 29);
}

#[test]
fn answers_from_elsewhere_to_elsewhere_or_made_up_do_not_count() {
    let mut bed = Bed::new(config());
    bed.query(Port::Own(0), addr(NODE), id(9));
    let probe = bed.checker.poll_transmit().unwrap();
    // an answer to the instrumented node may look like that
    for (port, from) in [
        (Port::Own(0), "8.8.8.8:8"),
        (Port::Own(0), "9.9.9.9:7"),
        (Port::Own(1), NODE),
        (Port::Local(0), NODE),
        (Port::Remote, NODE),
    ] {
        let taken = bed.answer(&probe, port, addr(from), id(9));
        assert_eq!(taken, Incoming::Other, "{port:?} {from}");
    }
    for bit in 0..32 {
        let mut made_up = probe;
        made_up.transaction[bit / 8] ^= 1 << (bit % 8);
        let taken = bed.answer(&made_up, Port::Own(0), addr(NODE), id(9));
        assert_eq!(taken, Incoming::Other, "bit {bit}");
        let taken = bed.answer(&made_up, Port::Local(0), addr(NODE), id(9));
        assert_eq!(taken, Incoming::Answer, "nobody else is there");
    }
    let stats = *bed.checker.stats();
    assert_eq!((stats.wrong_source, stats.wrong_socket), (2, 3));
    assert_eq!((stats.late, stats.answers), (32, 0));
    bed.checker
        .handle_datagram(bed.now, Port::Own(0), addr(NODE), b"d1:y1:");
    assert_eq!(bed.checker.stats().malformed, 1);
    bed.run(secs(400), |_, _| None);
    let report = bed.reports()[0];
    assert_eq!(report.pattern.to_string(), "UUU-UUU");
    assert_eq!(report.strays, 2);
}

#[test]
fn an_answer_counts_once_and_in_time() {
    let mut bed = Bed::new(config());
    bed.query(Port::Own(0), addr(NODE), id(9));
    let [own, local, remote] = [(); 3].map(|()| bed.checker.poll_transmit().unwrap());
    bed.run(secs(59), |_, _| None);
    for _ in 0..2 {
        let taken = bed.answer(&own, own.port, addr(NODE), id(9));
        assert_eq!(taken, Incoming::Answer);
    }
    let stats = bed.checker.stats();
    assert_eq!((stats.answers, stats.late), (1, 1));
    bed.run(secs(60), |_, _| None);
    bed.answer(&local, local.port, addr(NODE), id(9));
    let forgotten = bed.answer(&own, own.port, addr(NODE), id(9));
    assert_eq!(forgotten, Incoming::Other, "it may be the node's by now");
    // the last pings of the burst are still known, and too late
    let (_, last) = *bed.sent.last().unwrap();
    bed.answer(&last, last.port, addr(NODE), id(9));
    // and those of a burst before are none of the next
    bed.run(secs(301), |_, _| None);
    bed.answer(&remote, remote.port, addr(NODE), id(9));
    let stats = bed.checker.stats();
    assert_eq!((stats.answers, stats.late), (1, 4));
    bed.run(secs(400), |_, _| None);
    assert_eq!(bed.reports()[0].pattern.to_string(), "RUU-UUU");
}

/// The slot of a check that is over, taken by another one.
#[test]
fn a_probe_of_a_dropped_check_is_none_of_the_check_in_its_place() {
    let mut limited = config();
    limited.limits.open = 1;
    let mut bed = Bed::new(limited);
    bed.query(Port::Own(0), addr(NODE), id(8));
    let dropped = bed.checker.poll_transmit().unwrap();
    bed.query(Port::Own(0), addr(NODE), id(9));
    assert_eq!((bed.checker.open(), bed.checker.stats().dropped), (1, 1));
    bed.answer(&dropped, dropped.port, addr(NODE), id(8));
    assert_eq!(bed.checker.stats().late, 1);
    bed.run(secs(400), |_, _| None);
    assert_eq!(bed.reports()[0].pattern.to_string(), "UUU-UUU");
}
