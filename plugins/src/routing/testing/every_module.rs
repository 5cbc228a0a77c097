//! What every routing module must keep to.

use super::population::Population;
use super::*;

/// A contact in the table of a module that has just admitted it.
fn admitted(harness: &mut Harness, bucket: usize) -> Contact {
    let contact = harness.stranger(bucket);
    harness.answer(contact, 50);
    harness.advance(secs(240));
    let asked = harness.actions.iter().find_map(|(_, action)| match action {
        RoutingAction::Query(query) if query.contact == contact => Some(query.tag),
        _ => None,
    });
    let origin = asked.map_or(Origin::Lookup, Origin::Routing);
    harness.answer_with(contact, 50, &[], origin);
    assert!(harness.is_in_table(&contact));
    contact
}

#[test]
fn read_only_queriers_never_enter() {
    for name in ALL {
        let mut harness = Harness::new(name);
        let contact = harness.stranger(0);
        harness.query_as(contact, true);
        assert_eq!(harness.standing(&contact), None, "{name}");
    }
}

#[test]
fn nothing_is_dropped_while_offline() {
    for name in ALL {
        let mut harness = Harness::new(name);
        let contacts: Vec<Contact> = (0..5)
            .map(|bucket| admitted(&mut harness, bucket))
            .collect();
        let waiting = harness.stranger(0);
        harness.query(waiting);
        let waiting_before = harness.standing(&waiting);
        harness.online = false;
        for contact in contacts.iter().chain([&waiting]) {
            (0..300).for_each(|_| harness.fail(*contact));
        }
        let held = contacts
            .iter()
            .filter(|contact| harness.is_in_table(contact))
            .count();
        assert_eq!(held, contacts.len(), "{name}");
        assert_eq!(harness.standing(&waiting), waiting_before, "{name}");
        assert_eq!(harness.closest(Purpose::Lookup, 5).len(), 5, "{name}");
    }
}

#[test]
fn a_contact_that_changes_its_id_leaves_under_the_old_one() {
    for name in ALL {
        let mut harness = Harness::new(name);
        let old = admitted(&mut harness, 2);
        let new = Contact::new(
            harness.own_id.random_in_bucket(3, &mut harness.rng),
            old.addr,
        );
        harness.answer_under(old.id, new, 50, (&[], Origin::Lookup));
        assert_eq!(harness.standing(&old), None, "{name}");
        assert!(harness.standing(&new).is_some(), "{name}");
    }
}

#[test]
fn an_id_is_not_taken_over_by_another_address() {
    for name in ALL {
        let mut harness = Harness::new(name);
        let contact = admitted(&mut harness, 0);
        let thief = Contact::new(contact.id, harness.stranger(0).addr);
        harness.query(thief);
        harness.answer(thief, 1);
        assert!(harness.is_in_table(&contact), "{name}");
        assert_eq!(harness.standing(&thief), None, "{name}");
    }
}

#[test]
fn a_saved_table_comes_back() {
    for name in ALL {
        let mut first = Harness::new(name);
        let contacts: Vec<Contact> = (0..6).map(|bucket| admitted(&mut first, bucket)).collect();
        let saved = first.module.save(first.now);
        assert_eq!(saved.contacts.len(), contacts.len());

        // The node ID is another; contacts are sorted in anew.
        let mut second = Harness::before_start(name, 2);
        second.call(|module, cx| module.restore(cx, &saved));
        for contact in &contacts {
            assert_eq!(
                second.standing(contact),
                Some(Standing::Questionable),
                "{name}"
            );
        }
        assert_eq!(
            second.closest(Purpose::Lookup, 100).len(),
            contacts.len(),
            "{name}"
        );
        assert!(
            second.closest(Purpose::Serve, 100).is_empty(),
            "{name}: not verified yet"
        );
        let again = second.module.save(second.now);
        let by_id = |saved: &SavedTable| {
            let mut contacts: Vec<_> = saved.contacts.iter().map(|c| (c.contact, c.rtt)).collect();
            contacts.sort_unstable();
            contacts
        };
        assert_eq!(by_id(&again), by_id(&saved), "{name}");
    }
}

#[test]
fn garbage_in_a_saved_table_does_no_harm() {
    for name in ALL {
        let mut harness = Harness::before_start(name, 1);
        let own = Contact::new(harness.own_id, "1.2.3.4:5".parse().unwrap());
        let saved = SavedContact {
            contact: own,
            rtt: None,
            idle: Duration::MAX,
        };
        let saved = SavedTable {
            contacts: vec![saved; 1000],
            private: vec![0xff; 10],
        };
        harness.call(|module, cx| module.restore(cx, &saved));
        assert!(harness.in_table(None).is_empty(), "{name}");
    }
}

#[test]
fn the_same_seed_gives_the_same_actions() {
    for name in ALL {
        let run = |seed| {
            let mut population = Population::new(name, seed);
            population.run(400);
            population.log
        };
        assert_eq!(run(5), run(5), "{name}");
    }
}

#[test]
fn most_of_the_table_is_alive_among_nodes_that_die() {
    for name in ALL {
        let mut population = Population::new(name, 6);
        population.run(2400);
        let (alive, held) = population.health();
        assert!(
            alive >= 20 && 3 * alive >= held,
            "{name}: {alive} of {held}"
        );
    }
}

/// One random thing that happens to a module.
fn random_event(harness: &mut Harness, known: &[Contact]) {
    let mut contact = known[harness.rng.below(known.len())];
    if harness.rng.below(20) == 0 {
        contact.id = harness.own_id.random_in_bucket(159, &mut harness.rng);
    }
    let rtt_ms = harness.rng.below(3000) as u64;
    let origin = Origin::Routing(harness.rng.below(4) as u64);
    match harness.rng.below(8) {
        0 | 1 => harness.query(contact),
        2 => harness.answer(contact, rtt_ms),
        3 => {
            let nodes = [0; 8].map(|_| known[harness.rng.below(known.len())]);
            harness.answer_with(contact, rtt_ms, &nodes, origin);
        }
        4 => harness.fail_to(contact, origin),
        5 => harness.error(contact),
        6 => {
            let old_id = known[harness.rng.below(known.len())].id;
            harness.answer_under(old_id, contact, rtt_ms, (&[], origin));
        }
        _ => {
            harness.online = harness.rng.below(10) > 0;
            let time = millis(harness.rng.below(20_000) as u64);
            harness.advance(time);
        }
    }
}

/// Most contacts in table and waiting together: bucket capacities twice over
/// and k replacements, for NR128's 232 + 8 * 8 in the twelve buckets used.
const BOUND: usize = 2 * 304 + 12 * 8;

#[test]
fn a_hundred_thousand_random_events_leave_it_bounded() {
    for name in ALL {
        let mut harness = Harness::new(name);
        let known: Vec<Contact> = (0..5000).map(|i| harness.stranger(i % 11)).collect();
        for event in 0..100_000 {
            random_event(&mut harness, &known);
            if event % 1000 == 0 {
                harness.actions.clear();
                let entries = harness.module.entries(harness.now);
                assert!(entries.len() <= BOUND, "{name}: {}", entries.len());
                let mut ids: Vec<Id> = entries.iter().map(|entry| entry.contact.id).collect();
                ids.sort_unstable();
                ids.dedup();
                assert_eq!(ids.len(), entries.len(), "{name}: an ID is held twice");
            }
        }
    }
}

/// One /24 under many IDs: those let in are few in a bucket and in all.
#[test]
fn a_subnet_has_so_many_places_in_every_module() {
    for name in ALL {
        let with = |limits: &str| {
            let separator = if name.contains(':') { ',' } else { ':' };
            let mut harness = Harness::new(&format!("{name}{separator}{limits}"));
            let contacts: Vec<Contact> = (1..=60)
                .map(|host: u8| {
                    let id = harness
                        .own_id
                        .random_in_bucket(usize::from(host % 6), &mut harness.rng);
                    Contact::new(id, ([8, 8, 8, host], 6881).into())
                })
                .collect();
            for contact in &contacts {
                harness.query(*contact);
                harness.answer(*contact, 50);
            }
            harness.advance(secs(240));
            for contact in &contacts {
                harness.answer(*contact, 40);
            }
            // whoever is asked answers
            for _ in 0..120 {
                harness.advance(secs(6));
                for query in harness.take_queries() {
                    let origin = Origin::Routing(query.tag);
                    harness.answer_with(query.contact, 40, &[], origin);
                }
            }
            harness
        };
        if name.starts_with("harvest") {
            // its cells are smaller than buckets, and it has no others
            let limited = with("per_subnet=1").in_table(None).len();
            assert!(limited < with("per_subnet=0").in_table(None).len());
            continue;
        }
        let free = with("per_subnet=0");
        assert!(free.in_table(None).len() > 12, "{name}");
        let in_all = with("per_subnet=3");
        assert_eq!(in_all.in_table(None).len(), 3, "{name}");
        let in_bucket = with("per_subnet_bucket=2");
        for bucket in 0..6 {
            assert_eq!(in_bucket.in_table(Some(bucket)).len(), 2, "{name} {bucket}");
        }
    }
}
