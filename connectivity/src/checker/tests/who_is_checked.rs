//! Who is probed, from where, and who is not.

use super::*;

#[test]
fn a_querier_is_probed_from_three_sockets_and_reported() {
    let mut bed = Bed::new(config());
    assert_eq!(
        bed.query(Port::Own(1), addr(NODE), id(9)),
        Incoming::Other,
        "the instrumented node answers it"
    );
    bed.run(secs(400), |now, probe| {
        let own = probe.port == Port::Own(1);
        (own && now < Instant::ZERO + secs(100)).then(|| id(9))
    });
    let ports: Vec<_> = bed.sent[..3].iter().map(|(_, probe)| probe.port).collect();
    assert_eq!(ports, [Port::Own(1), Port::Local(1), Port::Remote]);
    assert!(bed.sent.iter().all(|(_, probe)| probe.to == addr(NODE)));
    let reports = bed.reports();
    let [report] = reports[..] else {
        panic!("{reports:?}")
    };
    assert_eq!(report.pattern.to_string(), "RUU-UUU");
    assert_eq!(
        report.likely().only(),
        Some(Cause::PortRestrictedOrSymmetric)
    );
    assert_eq!((report.id, report.identity), (Some(id(9)), 1));
    assert_eq!(bed.checker.open(), 0);
    assert_eq!(bed.checker.poll_timeout(), None, "nothing is left armed");
}

#[test]
fn who_says_that_it_answers_nobody_is_counted_and_not_checked() {
    let mut bed = Bed::new(config());
    let mut message = Message::new(b"aa", Body::Query(Query::new(Method::Ping, id(9))));
    message.read_only = true;
    let own = Port::Own(0);
    bed.checker
        .handle_datagram(bed.now, own, addr(NODE), &message.encode());
    bed.run(secs(400), |_, _| None);
    assert!(bed.sent.is_empty());
    let stats = bed.checker.stats();
    assert_eq!((stats.read_only, stats.started), (1, 0));
    bed.query(own, addr(NODE), id(9));
    assert_eq!(bed.checker.stats().started, 1, "it has become a full node");
}

#[test]
fn a_node_is_checked_once_by_ip_and_id() {
    let mut bed = Bed::new(config());
    for (from, name) in [
        ("8.8.8.8:7", 9),
        ("8.8.8.8:8", 9),
        ("8.8.8.8:7", 10),
        ("8.8.4.4:7", 9),
    ] {
        bed.query(Port::Own(0), addr(from), id(name));
    }
    bed.run(secs(1000), |_, _| None);
    bed.query(Port::Own(1), addr(NODE), id(9));
    let stats = bed.checker.stats();
    assert_eq!((stats.started, stats.repeats), (3, 2));
    let shared: BTreeMap<_, _> = bed
        .reports()
        .iter()
        .map(|report| {
            (
                (report.node, report.id),
                (report.ids_at_ip, report.ips_of_id),
            )
        })
        .collect();
    assert_eq!(shared[&(addr("8.8.8.8:7"), Some(id(9)))], (2, 2));
    assert_eq!(shared[&(addr("8.8.8.8:7"), Some(id(10)))], (2, 1));
    assert_eq!(shared[&(addr("8.8.4.4:7"), Some(id(9)))], (1, 2));
}

#[test]
fn nobody_is_probed_who_did_not_ask_and_was_not_named() {
    let mut bed = Bed::new(Config {
        survey: false,
        ..config()
    });
    bed.query(Port::Own(0), addr(NODE), id(9));
    assert_eq!(bed.checker.stats().not_asked_for, 1);
    let mut survey = Bed::new(config());
    // the checkers' sockets take no orders
    survey.query(Port::Local(0), addr(NODE), id(9));
    survey.query(Port::Remote, addr(NODE), id(9));
    assert_eq!(survey.checker.stats().uninvited, 2);
    for from in ["224.0.0.1:7", "8.8.8.8:0", "5.5.5.5:1000", "10.0.0.1:7"] {
        survey.query(Port::Own(0), addr(from), id(9));
    }
    // one of our own nodes, at an address that we do not know to be ours
    survey.query(Port::Own(0), addr(NODE), Id::new([0; 20]));
    assert_eq!(survey.checker.stats().refused, 5);
    for bed in [&mut bed, &mut survey] {
        bed.run(secs(10), |_, _| None);
        assert!(bed.sent.is_empty());
    }
}

#[test]
fn named_nodes_are_checked_and_their_id_learned() {
    let mut bed = Bed::new(Config {
        survey: false,
        remote: None,
        ..config()
    });
    let named = bed.checker.check_node(bed.now, 0, addr(NODE));
    assert_eq!(named, Ok(()));
    let again = bed.checker.check_node(bed.now, 0, addr(NODE));
    assert_eq!(again, Err(Refusal::Known));
    for (bad, refusal) in [
        ("8.8.8.8:0", Refusal::PortZero),
        ("224.0.0.1:7", Refusal::NotAHost),
        ("5.5.5.5:1001", Refusal::Own),
        ("[2a00::1]:7", Refusal::OtherFamily),
    ] {
        let named = bed.checker.check_node(bed.now, 0, addr(bad));
        assert_eq!(named, Err(refusal), "{bad}");
    }
    bed.run(secs(400), |_, _| Some(id(9)));
    let report = bed.reports()[0].clone();
    assert_eq!(report.pattern.to_string(), "RR?-RR?");
    assert_eq!((report.id, report.origin), (Some(id(9)), Origin::Named));
    assert_eq!(bed.sent.len(), 4);
}
