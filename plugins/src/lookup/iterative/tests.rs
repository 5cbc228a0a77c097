use super::*;
use crate::lookup::LookupKind;
use crate::registry::Registry;
use crate::routing::{Candidate, ContactSource};
use mdht_krpc::{Instant, Rng};
use std::collections::BTreeSet;

/// A table that hands out what it was given.
struct Table(Vec<Contact>);

impl ContactSource for Table {
    fn closest(&self, request: &ClosestRequest, out: &mut Vec<Candidate>) {
        let mut contacts = self.0.clone();
        contacts.sort_by_key(|contact| request.target.distance(&contact.id));
        contacts.truncate(request.count);
        out.extend(contacts.into_iter().map(|contact| Candidate {
            contact,
            rtt: None,
            last_seen: None,
            answer_chance: None,
        }));
    }
}

/// One lookup for the all-zero target, driven by hand.
pub(super) struct Driven {
    lookup: Box<dyn Lookup>,
    table: Table,
    rng: Rng,
    pub(super) in_flight: Vec<Contact>,
    pub(super) announced: Vec<Contact>,
    pub(super) finished: bool,
}

impl Driven {
    pub(super) fn new(spec: &str, table: Vec<Contact>) -> Self {
        Self::with_goal(spec, table, Goal::Closest)
    }

    pub(super) fn with_goal(spec: &str, table: Vec<Contact>, goal: Goal) -> Self {
        let mut module = Registry::builtin().lookup(spec).unwrap().make();
        let request = LookupRequest {
            target: Id::default(),
            kind: LookupKind::GetPeers,
            goal,
            announce: true,
        };
        let mut driven = Self {
            lookup: module.make(&request),
            table: Table(table),
            rng: Rng::from_u64(1),
            in_flight: Vec::new(),
            announced: Vec::new(),
            finished: false,
        };
        driven.step(|lookup, cx| lookup.start(cx));
        driven
    }

    /// Calls one hook; returns the contacts it queried.
    fn step(&mut self, hook: impl FnOnce(&mut dyn Lookup, &mut LookupCx<'_>)) -> Vec<Contact> {
        assert!(!self.finished, "called after the end");
        let mut actions = Vec::new();
        let mut cx = LookupCx {
            now: Instant::ZERO,
            rng: &mut self.rng,
            contacts: &self.table,
            actions: &mut actions,
        };
        hook(self.lookup.as_mut(), &mut cx);
        let mut queried = Vec::new();
        for action in actions {
            match action {
                LookupAction::Query { contact, .. } => queried.push(contact),
                LookupAction::Announce(contact) => self.announced.push(contact),
                LookupAction::Finish => self.finished = true,
                LookupAction::WakeAt(_) => unreachable!("this lookup sets no alarm"),
            }
        }
        self.in_flight.extend(&queried);
        queried
    }

    pub(super) fn respond(&mut self, from: Contact, nodes: &[Contact]) -> Vec<Contact> {
        self.respond_with(from, nodes, false, 0)
    }

    pub(super) fn respond_with(
        &mut self,
        from: Contact,
        nodes: &[Contact],
        has_values: bool,
        peers_found: usize,
    ) -> Vec<Contact> {
        self.in_flight.retain(|contact| *contact != from);
        let response = LookupResponse {
            contact: &from,
            id: from.id,
            rtt: Duration::from_millis(10),
            nodes,
            has_values,
            peers_found,
            has_token: true,
        };
        self.step(|lookup, cx| lookup.on_response(cx, &response))
    }

    pub(super) fn time_out(&mut self, contact: Contact, timeout: Timeout) -> Vec<Contact> {
        if timeout == Timeout::Hard {
            self.in_flight.retain(|other| *other != contact);
        }
        self.step(|lookup, cx| lookup.on_timeout(cx, &contact, timeout))
    }
}

/// A contact at a distance that grows with `rank`, on an IP of its own.
pub(super) fn contact(rank: u32) -> Contact {
    let mut id = [0; 20];
    id[..4].copy_from_slice(&rank.to_be_bytes());
    let [_, b, c, d] = rank.to_be_bytes();
    Contact::new(
        Id::new(id),
        (std::net::Ipv4Addr::new(10, b, c, d), 6881).into(),
    )
}

pub(super) fn contacts(ranks: std::ops::Range<u32>) -> Vec<Contact> {
    ranks.map(contact).collect()
}

#[test]
fn alpha_queries_at_the_start_closest_first() {
    for spec in ["standard", "aggressive"] {
        let driven = Driven::new(spec, contacts(100..120));
        assert_eq!(driven.in_flight, contacts(100..104), "{spec}");
    }
    assert_eq!(
        Driven::new("standard:alpha=7", contacts(1..20))
            .in_flight
            .len(),
        7
    );
}

#[test]
fn standard_sends_one_query_on_a_response_and_keeps_four_in_flight() {
    let mut driven = Driven::new("standard", contacts(100..120));
    assert_eq!(
        driven.respond(contact(100), &contacts(50..58)),
        [contact(50)]
    );
    assert_eq!(driven.in_flight.len(), 4);
    assert_eq!(driven.time_out(contact(101), Timeout::Hard), [contact(51)]);
    assert_eq!(driven.in_flight.len(), 4);
}

#[test]
fn aggressive_sends_up_to_three_on_a_response_without_bound() {
    let mut driven = Driven::new("aggressive", contacts(100..120));
    assert_eq!(
        driven.respond(contact(100), &contacts(50..58)),
        contacts(50..53)
    );
    assert_eq!(
        driven.respond(contact(101), &contacts(40..42)),
        [contact(40), contact(41), contact(53)]
    );
    assert_eq!(
        driven.time_out(contact(102), Timeout::Hard),
        contacts(54..57)
    );
    assert_eq!(driven.in_flight.len(), 10);
}

#[test]
fn only_contacts_closer_than_the_mark_are_queried() {
    let mut driven = Driven::new("aggressive", contacts(100..104));
    driven.respond(contact(100), &[]);
    driven.respond(contact(101), &[]);
    // the third-closest responder is 102: nothing beyond it is asked any more
    assert_eq!(driven.respond(contact(102), &contacts(103..110)), []);
    assert_eq!(
        driven.respond(contact(103), &[contact(90), contact(105)]),
        [contact(90)]
    );
    let mut textbook = Driven::new("aggressive:mark=8", contacts(100..104));
    for rank in 100..102 {
        textbook.respond(contact(rank), &[]);
    }
    assert_eq!(
        textbook.respond(contact(102), &contacts(104..110)),
        contacts(104..107)
    );
}

#[test]
fn ends_when_nothing_closer_is_left_and_none_is_in_flight() {
    let mut driven = Driven::new("standard", contacts(100..110));
    for rank in 100..103 {
        driven.respond(contact(rank), &[]);
    }
    assert!(!driven.finished, "103 and later ones are still in flight");
    for waiting in driven.in_flight.clone() {
        assert!(!driven.finished);
        driven.time_out(waiting, Timeout::Hard);
    }
    assert!(driven.finished);
    assert_eq!(driven.announced, contacts(100..103));
}

#[test]
fn an_empty_table_ends_the_lookup_at_once() {
    assert!(Driven::new("aggressive", Vec::new()).finished);
}

#[test]
fn an_answer_after_the_soft_timeout_still_counts() {
    let mut driven = Driven::new("standard:soft=1s", contacts(100..104));
    assert_eq!(
        driven.time_out(contact(100), Timeout::Soft),
        [],
        "nobody left to ask"
    );
    assert_eq!(driven.respond(contact(100), &[contact(7)]), [contact(7)]);
    // a soft timeout frees its place in the bound, and the hard one frees none again
    let mut bounded = Driven::new("standard:soft=1s", contacts(100..120));
    assert_eq!(
        bounded.time_out(contact(100), Timeout::Soft),
        [contact(104)]
    );
    assert_eq!(bounded.time_out(contact(100), Timeout::Hard), []);
}

#[test]
fn libtorrent_asks_five_nearest_whatever_is_in_flight_farther_away() {
    let mut driven = Driven::new("lt", contacts(100..120));
    assert_eq!(driven.in_flight, contacts(100..105));
    // five nearer ones are at the top now, and four farther ones in flight
    assert_eq!(
        driven.respond(contact(100), &contacts(50..58)),
        contacts(50..55)
    );
    assert_eq!(driven.in_flight.len(), 9);
    assert_eq!(driven.respond(contact(101), &[]), []);
    assert_eq!(driven.respond(contact(50), &[]), [contact(55)]);
    let mut all = Driven::new("lt:counted=all", contacts(100..120));
    assert_eq!(all.respond(contact(100), &contacts(50..58)), [contact(50)]);
}

#[test]
fn m3_a4_slows_down_with_the_first_values_or_timeout() {
    let fast = || Driven::new("m3_a4", contacts(100..120));
    let mut driven = fast();
    assert_eq!(driven.respond(contact(100), &[]).len(), 3);
    assert_eq!(driven.in_flight.len(), 6);
    assert_eq!(driven.time_out(contact(101), Timeout::Hard), []);
    let mut driven = fast();
    assert_eq!(driven.respond_with(contact(100), &[], true, 1).len(), 1);
    assert_eq!(driven.respond(contact(101), &[]).len(), 1);
}

#[test]
fn mldht_asks_another_when_an_answer_is_later_than_most() {
    let mut module = Registry::builtin().lookup("ml").unwrap().make();
    let mut soft = |rtt_ms: u64| {
        for _ in 0..500 {
            module.on_outcome(&QueryOutcome {
                contact: contact(1),
                rtt: Some(Duration::from_millis(rtt_ms)),
                now: Instant::ZERO,
            });
        }
        let mut lookup = module.make(&LookupRequest {
            target: Id::default(),
            kind: LookupKind::GetPeers,
            goal: Goal::Closest,
            announce: false,
        });
        let mut actions = Vec::new();
        lookup.start(&mut LookupCx {
            now: Instant::ZERO,
            rng: &mut Rng::from_u64(1),
            contacts: &Table(contacts(100..120)),
            actions: &mut actions,
        });
        assert_eq!(actions.len(), 10);
        match actions[0] {
            LookupAction::Query { soft, .. } => soft.unwrap(),
            _ => panic!("{actions:?}"),
        }
    };
    assert_eq!(soft(20), Duration::from_millis(150));
    assert!(soft(1020) > Duration::from_secs(1));
}

#[test]
fn one_query_per_ip_address() {
    let twin = Contact::new(contact(1).id, (contact(100).addr.ip(), 7000).into());
    let mut driven = Driven::new("aggressive", contacts(100..104));
    assert_eq!(driven.respond(contact(101), &[twin]), []);
    let mut two = Driven::new("aggressive:per_ip=2", contacts(100..104));
    assert_eq!(two.respond(contact(101), &[twin, twin]), [twin]);
}

#[test]
fn goals_end_a_lookup_early() {
    let mut first = Driven::with_goal("standard", contacts(100..110), Goal::FirstValue);
    first.respond(contact(100), &[]);
    assert!(!first.finished);
    first.respond_with(contact(101), &[], true, 1);
    assert!(first.finished);
    let mut peers = Driven::with_goal("standard", contacts(100..110), Goal::Peers(50));
    peers.respond_with(contact(100), &[], true, 49);
    assert!(!peers.finished);
    peers.respond_with(contact(101), &[], true, 50);
    assert!(peers.finished);
}

#[test]
fn announces_to_the_closest_responders() {
    let mut driven = Driven::new("standard:announce=8,mark=8", contacts(1..5));
    for rank in 1..5 {
        driven.respond(contact(rank), &[]);
    }
    assert!(driven.finished);
    assert_eq!(driven.announced, contacts(1..5));
}

#[test]
fn a_flood_of_nodes_is_bounded_and_every_lookup_ends() {
    for spec in [
        "standard",
        "aggressive",
        "aggressive:queue=4",
        "standard:mark=64,soft=1s",
        "lt",
        "ml",
        "m3_a4",
    ] {
        let mut rng = Rng::from_u64(9);
        let mut driven = Driven::new(spec, contacts(500_000..500_040));
        let mut seen: BTreeSet<Contact> = driven.in_flight.iter().copied().collect();
        let mut steps = 0;
        while !driven.finished {
            steps += 1;
            assert!(steps < 200_000, "{spec} does not end");
            let chosen = driven.in_flight[rng.below(driven.in_flight.len())];
            let queried = match rng.below(3) {
                0 => driven.time_out(chosen, Timeout::Hard),
                1 => driven.respond(chosen, &[]),
                _ => {
                    let flood: Vec<_> = (0..1000)
                        .map(|_| contact(1 + u32::try_from(rng.below(500_000)).unwrap()))
                        .collect();
                    driven.respond(chosen, &flood)
                }
            };
            for contact in queried {
                assert!(seen.insert(contact), "{spec} asks {contact:?} twice");
            }
        }
    }
}

#[test]
fn so_many_queries_per_subnet() {
    let neighbour = |rank: u32, host: u8| {
        let ip = std::net::Ipv4Addr::new(8, 8, 8, host);
        Contact::new(contact(rank).id, (ip, 6881).into())
    };
    let table = || -> Vec<Contact> { (1..60).map(|n| neighbour(n.into(), n)).collect() };
    let queried = |spec: &str| Driven::new(spec, table()).in_flight.len();
    assert_eq!(queried("standard"), 4);
    assert_eq!(queried("standard:per_subnet=2"), 2);
    // private networks are one subnet with everybody in it
    let private = Driven::new("standard:per_subnet=2", contacts(1..60));
    assert_eq!(private.in_flight.len(), 4);
    // whatever others name later, and on whichever path
    for spec in ["standard:per_subnet=2", "standard:per_subnet=2,paths=4"] {
        let mut driven = Driven::new(spec, contacts(1000..1064));
        let mut asked = BTreeSet::new();
        while let Some(next) = driven.in_flight.first().copied() {
            asked.insert(next);
            driven.respond(next, &table());
        }
        let of_it = asked
            .iter()
            .filter(|c| c.addr.ip().to_string().starts_with("8.8.8."));
        assert_eq!(of_it.count(), 2, "{spec}");
    }
}

#[test]
fn those_that_name_each_other_end_a_lookup_soon() {
    let (a, b) = (contact(1), contact(2));
    for spec in ["standard", "aggressive", "standard:paths=2"] {
        let mut driven = Driven::new(spec, vec![a]);
        let mut queries = 0;
        while let Some(next) = driven.in_flight.first().copied() {
            queries += 1;
            let other = if next == a { b } else { a };
            driven.respond(next, &[other, next, other]);
        }
        assert!(driven.finished && queries == 2, "{spec}: {queries}");
    }
}

/// BEP 42: who answers under an ID that does not fit does not end a lookup,
/// and is not announced to.
#[test]
fn responders_whose_id_does_not_fit_count_only_where_that_is_not_enforced() {
    use mdht_krpc::{id_fits_addr, secure_prefix};
    let fitting = |n: u8| {
        // close to the target among those that fit: the best of many addresses
        let all = (0..60_000_u32).map(|m| {
            let ip = std::net::Ipv4Addr::from(0x5000_0000 + (u32::from(n) << 16) + m);
            let prefix = secure_prefix(ip.into(), 0).to_be_bytes();
            let mut bytes = [0; 20];
            bytes[..3].copy_from_slice(&prefix[..3]);
            Contact::new(Id::new(bytes), (ip, 6881).into())
        });
        all.min_by_key(|contact| contact.id).unwrap()
    };
    let misfit = |n: u8| {
        let mut bytes = [0; 20];
        bytes[10] = n + 1;
        Contact::new(Id::new(bytes), ([60, n, 1, 1], 6881).into())
    };
    let misfits: Vec<_> = (0..3).map(misfit).collect();
    let others: Vec<_> = (0..4).map(fitting).collect();
    assert!(misfits.iter().all(|c| !id_fits_addr(&c.id, c.addr.ip())));
    let mut closest = others.clone();
    closest.sort_by_key(|contact| contact.id);
    for (mode, expected) in [("off", &misfits[..]), ("enforce", &closest[..3])] {
        let table = misfits.iter().chain(&others).copied().collect();
        let mut driven = Driven::new(&format!("standard:bep42={mode}"), table);
        while !driven.finished {
            let asked = driven.in_flight[0];
            driven.respond(asked, &[]);
        }
        assert_eq!(driven.announced, expected, "{mode}");
    }
}
