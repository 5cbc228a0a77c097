//! Tables that are to be flooded or emptied.

use super::*;

/// A node that knows twenty contacts, each of which has answered.
fn acquainted(routing: &str) -> (Public, Vec<Contact>) {
    let mut public = Public::new(routing);
    let mut rng = Rng::from_u64(5);
    let all: Vec<_> = (1..=20)
        .map(|n| Contact::new(Id::random(&mut rng), stranger(n)))
        .collect();
    for contact in &all {
        public
            .core
            .ping(public.now, contact.addr, Duration::from_secs(2));
    }
    let asked = public.sent();
    public.live_among(&all, asked, Duration::from_secs(600));
    assert!(
        public.held().len() > 10,
        "{routing}: {}",
        public.held().len()
    );
    (public, all)
}

#[test]
fn a_hundred_thousand_spoofed_queries_put_nobody_into_the_table() {
    for routing in ["nr128", "nice", "checked"] {
        let mut public = Public::new(routing);
        let mut rng = Rng::from_u64(1);
        let mut asked = 0;
        for n in 0..100_000 {
            public.query(stranger(n), Id::random(&mut rng));
            if n % 1000 == 0 {
                asked += public.later(Duration::from_secs(6)).len();
            }
        }
        asked += public.later(Duration::from_secs(600)).len();
        assert_eq!(public.held(), [], "{routing}");
        // 20 minutes: nor is the node made to send by it
        assert!(asked < 1200, "{routing}: {asked} queries");
        assert!(public.core.table(Family::V4).len() < 2000, "{routing}");
    }
}

/// Each packet from one address under another ID.
#[test]
fn a_node_that_changes_its_id_in_each_packet_is_one_node() {
    let mut public = Public::new("nr128");
    let mut rng = Rng::from_u64(1);
    for _ in 0..10_000 {
        public.query(stranger(1), Id::random(&mut rng));
    }
    assert_eq!(public.core.table(Family::V4).len(), 1);
}

#[test]
fn errors_and_answers_that_nobody_asked_for_flush_nothing() {
    for routing in ["nr128", "bep5", "harvest:contacts=512"] {
        let (mut public, all) = acquainted(routing);
        let before: BTreeSet<_> = public.held().into_iter().collect();
        for n in 0..1000_u16 {
            for contact in &all {
                let error = ErrorReply {
                    code: 202,
                    message: b"go away",
                };
                let tid = n.to_be_bytes();
                public.receive(
                    contact.addr,
                    &Message::new(&tid, Body::Error(error)).encode(),
                );
                // and under another ID
                let other = Response::new(Id::new([n.to_be_bytes()[1]; 20]));
                let bytes = Message::new(&tid, Body::Response(other)).encode();
                public.receive(contact.addr, &bytes);
            }
        }
        let after: BTreeSet<_> = public.held().into_iter().collect();
        assert_eq!(after, before, "{routing}");
    }
}

/// 8 to 256 nodes with IDs next to ours, that query, are named and answer: they
/// get the deepest buckets, and the contacts that were there stay.
#[test]
fn an_eclipse_from_many_networks_takes_no_contact_and_from_one_few_places() {
    for routing in ["nr128", "bep5"] {
        for count in [8_u32, 64, 256] {
            for one_network in [false, true] {
                let (mut public, all) = acquainted(routing);
                let before: BTreeSet<_> = public.held().into_iter().collect();
                let own = public.core.id(Family::V4).unwrap();
                let mut rng = Rng::from_u64(2);
                let liars: Vec<_> = (0..count)
                    .map(|n| {
                        let id = own.random_in_bucket(30 + (n % 60) as usize, &mut rng);
                        let addr = match one_network {
                            true => ([7, 7, 7, n.to_be_bytes()[3]], 6881).into(),
                            false => stranger(10_000 + n),
                        };
                        Contact::new(id, addr)
                    })
                    .collect();
                let everybody: Vec<_> = all.iter().chain(&liars).copied().collect();
                for _ in 0..5 {
                    let mut asked = Vec::new();
                    for liar in &liars {
                        asked.extend(public.query(liar.addr, liar.id));
                        public
                            .core
                            .ping(public.now, liar.addr, Duration::from_secs(2));
                        asked.extend(public.sent());
                    }
                    public.live_among(&everybody, asked, Duration::from_secs(120));
                }
                let after: BTreeSet<_> = public.held().into_iter().collect();
                let told = format!("{routing}, {count}, one network: {one_network}");
                assert!(before.is_subset(&after), "{told}");
                if one_network {
                    assert!(after.len() <= before.len() + 4, "{told}: {}", after.len());
                }
            }
        }
    }
}

/// The same in the other family: a /64 is one host, and what is mapped is none.
#[test]
fn ipv6_hosts_of_one_64_are_limited_as_those_of_one_24() {
    let mut public = Public::new("bep5");
    let mut rng = Rng::from_u64(1);
    for n in 1..200_u16 {
        let ip = Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0, n, 1);
        public.query((ip, 6881).into(), Id::random(&mut rng));
    }
    assert!(public.held().len() <= 4, "{}", public.held().len());
    for n in 1..200_u16 {
        let ip = Ipv6Addr::new(0x2a00, 1, 2, n + 3, 0, 0, 0, 1);
        public.query((ip, 6881).into(), Id::random(&mut rng));
    }
    assert!(public.held().len() > 20, "{}", public.held().len());
}

#[test]
fn a_clock_that_jumps_by_a_day_breaks_nothing() {
    const DAY: u64 = 86_400_000_000;
    let (mut public, all) = acquainted("nr128");
    let now = public.now.as_micros();
    let held = public.held().len();
    for at in [now + DAY, now, now + DAY, 0, now + 2 * DAY, now + DAY] {
        public.core.handle_timeout(Instant::from_micros(at));
        public.sent();
        let ping = Message::new(b"aa", Body::Query(Query::new(Method::Ping, all[0].id)));
        let at = Instant::from_micros(at);
        public
            .core
            .handle_datagram(at, SocketId(0), all[0].addr, &ping.encode());
        let answered = public.sent();
        assert!(answered.iter().any(|transmit| transmit.to == all[0].addr));
        assert!(public.core.poll_timeout().is_some());
    }
    // a sleep is nobody's fault
    assert_eq!(public.held().len(), held);
}
