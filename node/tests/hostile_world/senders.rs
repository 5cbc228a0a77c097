//! Datagrams that lie about who sent them.

use super::*;

const ODD_ADDRESSES: [&str; 24] = [
    "0.0.0.0:1",
    "0.1.2.3:1",
    "10.0.0.9:1",
    "100.64.0.1:1",
    "127.0.0.1:1",
    "169.254.1.1:1",
    "172.16.0.1:1",
    "192.0.2.1:1",
    "192.168.1.1:1",
    "198.18.0.1:1",
    "203.0.113.1:1",
    "224.0.0.1:1",
    "240.0.0.1:1",
    "255.255.255.255:1",
    "9.9.9.9:0",
    "[::]:1",
    "[::1]:1",
    "[::ffff:9.9.9.9]:1",
    "[fe80::1]:1",
    "[fc00::1]:1",
    "[ff02::1]:1",
    "[2001::1]:1",
    "[2002:909:909::1]:1",
    "[2001:db8::1]:1",
];

#[test]
fn addresses_that_cannot_be_are_neither_asked_nor_told_nor_answered() {
    for text in ODD_ADDRESSES {
        let odd: SocketAddr = text.parse().unwrap();
        let mut public = Public::new("nr128");
        let asked = public.look_up();
        let mut nodes = Vec::new();
        Nodes::write(&Contact::new(Id::new([0x54; 20]), odd), &mut nodes);
        let family = Family::of(&odd);
        let list = Nodes::new(family, &nodes);
        let response = Response {
            nodes: (family == Family::V4).then_some(list),
            nodes6: (family == Family::V6).then_some(list),
            values: Some(Values::from_peers(std::slice::from_ref(&odd))),
            ..Response::default()
        };
        let sent = public.answer(&asked, Id::new([1; 20]), &response);
        assert!(sent.iter().all(|transmit| transmit.to != odd), "{text}");
        let later = public.later(Duration::from_secs(600));
        assert!(later.iter().all(|transmit| transmit.to != odd), "{text}");
        let events = std::iter::from_fn(|| public.core.poll_event());
        let told = events.filter(|event| matches!(event, Event::Peer { .. }));
        assert_eq!(told.count(), 0, "{text}");
        assert!(public.query(odd, Id::new([9; 20])).is_empty(), "{text}");
        assert!(public.held().iter().all(|c| c.addr != odd), "{text}");
    }
}

/// A reflector, or somebody who took our ID: neither answered nor remembered.
#[test]
fn a_query_under_our_own_id_is_left_alone() {
    for routing in ["nr128", "bep5", "harvest:contacts=512"] {
        let mut public = Public::new(routing);
        let own = public.core.id(Family::V4).unwrap();
        assert!(public.query(stranger(1), own).is_empty(), "{routing}");
        assert!(public.core.table(Family::V4).is_empty(), "{routing}");
    }
}

#[test]
fn all_short_transaction_ids_are_guessed_in_vain() {
    let mut public = Public::new("nr128");
    public.core.add_bootstrap(public.now, &[stranger(1)]);
    let asked = public.sent().remove(0);
    let response = Response::new(Id::new([1; 20]));
    for guess in 0..=u16::MAX {
        let id = guess.to_be_bytes();
        let bytes = Message::new(&id, Body::Response(response.clone())).encode();
        public.receive(asked.to, &bytes);
    }
    assert_eq!(public.core.stats().unmatched, 65_536);
    assert!(!public.core.is_joined(Family::V4));
}

/// The address that announces is the one stored, whatever else it says.
#[test]
fn nobody_is_announced_by_another() {
    let mut public = Public::new("nr128");
    let (from, victim) = (stranger(1), stranger(2));
    let get = Message::new(b"aa", Body::Query(Query::get_peers(Id::new([9; 20]), KEY)));
    let answer = public.receive(from, &get.encode()).remove(0);
    let Body::Response(response) = Message::scan(&answer.payload).unwrap().body else {
        panic!("no response");
    };
    let token = response.token.unwrap();
    let announce = Query::announce_peer(Id::new([9; 20]), KEY, 1, token);
    let bytes = Message::new(b"aa", Body::Query(announce)).encode();
    public.receive(victim, &bytes);
    assert_eq!(public.core.stored_peers(), (0, 0), "another's token");
    // with `ip` of the victim's beside it
    let mut named = Message::scan(&bytes).unwrap();
    named.external_addr = Some(victim);
    public.receive(from, &named.encode());
    let answer = public.receive(stranger(3), &get.encode()).remove(0);
    let Body::Response(response) = Message::scan(&answer.payload).unwrap().body else {
        panic!("no response");
    };
    let peers: Vec<_> = response.values.unwrap().iter().collect();
    assert_eq!(peers, [SocketAddr::new(from.ip(), 1)]);
}
