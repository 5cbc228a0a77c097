//! What is found out of a node after its pattern.

use super::*;

#[test]
fn longer_watching_tells_full_cone_from_churn() {
    let mut watched = config();
    watched.timing.survival = Timing::USUAL_SURVIVAL.to_vec();
    let mut bed = Bed::new(watched);
    let [cone, gone] = ["8.8.8.8:7", "9.9.9.9:7"].map(addr);
    bed.query(Port::Own(0), cone, id(8));
    bed.query(Port::Own(0), gone, id(9));
    let at_first = |now: Instant, probe: &Transmit| {
        let early = now < Instant::ZERO + secs(100);
        early.then(|| id(probe.to.ip().to_string()[..1].parse().unwrap()))
    };
    bed.run(secs(1000), at_first);
    bed.query(Port::Own(0), cone, id(8));
    bed.run(secs(4000), at_first);
    let likely: BTreeMap<_, _> = bed
        .reports()
        .iter()
        .map(|report| (report.node, report.likely().only()))
        .collect();
    assert_eq!(likely[&cone], Some(Cause::FullCone));
    assert_eq!(likely[&gone], Some(Cause::Churn));
    let letters = bed.reports()[0].survival.iter().map(|(_, letter)| *letter);
    let (r, u) = (Letter::Reachable, Letter::Unreachable);
    assert_eq!(letters.collect::<Vec<_>>(), [r, u, u, u]);
}

#[test]
fn the_lifetime_of_a_mapping_is_found_through_the_node_s_own_queries() {
    let mut searching = config();
    searching.mapping = Some(SearchLimits::default());
    let mut bed = Bed::new(searching);
    let lifetime = secs(100);
    let mut mapped_until = Instant::ZERO;
    // it queries us every 20 minutes, from behind a port-restricted cone
    for round in 0..12 {
        mapped_until = mapped_until.max(bed.now + lifetime);
        bed.query(Port::Own(0), addr(NODE), id(9));
        bed.run(secs(1200 * (round + 1)), |now, probe| {
            let let_in = probe.port.vantage() == Vantage::Own && now <= mapped_until;
            if let_in {
                mapped_until = now + lifetime;
            }
            let_in.then(|| id(9))
        });
    }
    let report = bed.reports()[0];
    assert_eq!(report.pattern.to_string(), "RUU-UUU");
    let found = report.mapping.unwrap();
    let under = found.under.unwrap();
    assert!(found.at_least <= lifetime && lifetime < under, "{found:?}");
    assert!(under - found.at_least <= secs(11), "{found:?}");
}
