//! A store that is to be filled.

use super::*;

#[test]
fn a_million_infohashes_and_a_million_peers_take_bounded_room() {
    let mut public = Public::new("nr128");
    let popular = Id::new([1; 20]);
    for n in 0..1_000_000_u32 {
        let now = Instant::from_micros(n.into());
        let mut id = [2; 20];
        id[..4].copy_from_slice(&n.to_be_bytes());
        public
            .core
            .hold_peer(now, Id::new(id), stranger(n % 65_536));
        public.core.hold_peer(now, popular, stranger(n % 65_536));
        if n % 100_000 == 0 {
            let (swarms, peers) = public.core.stored_peers();
            assert!(swarms <= 2000 && peers <= 2000 + 500, "{swarms} {peers}");
        }
    }
    // the one that is announced to all the time is still there, with the latest
    let bytes = Query::get_peers(Id::new([9; 20]), popular);
    let bytes = Message::new(b"aa", Body::Query(bytes)).encode();
    let answer = public.receive(stranger(70_000), &bytes);
    let Body::Response(response) = Message::scan(&answer[0].payload).unwrap().body else {
        panic!("no response");
    };
    assert_eq!(response.values.unwrap().iter().count(), 50);
}
