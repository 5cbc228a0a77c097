//! What a `get` is answered with.

use super::*;

#[test]
fn a_get_answer_has_token_contacts_and_the_item() {
    let mut bench = Bench::new();
    bench.meet_many();
    let item = signed(3, "Hello World!");
    let before = bench.get(addr(7), item.target());
    let before = response(&before);
    assert!(before.token.is_some() && before.nodes.is_some());
    assert_eq!(before.item, ItemFields::NONE);
    assert_eq!(bench.put(addr(7), &item, None), Ok(()));
    let after = bench.get(addr(8), item.target());
    let after = response(&after);
    assert_eq!(after.item, item.fields());
    assert_eq!(
        (after.id, after.nodes.unwrap().len()),
        (bench.core.id(Family::V4), 8)
    );
    // an immutable one has its value only
    assert_eq!(bench.put_immutable(addr(7), &text("here")), Ok(()));
    let found = bench.get(addr(8), text("here").target());
    assert_eq!(response(&found).item, ItemFields::immutable(b"4:here"));
    assert_eq!(bench.core.stored_items().0, 2);
}

#[test]
fn values_of_any_type_are_kept_to_the_byte() {
    let mut bench = Bench::new();
    // the last is not canonical; its hash is that of these bytes
    for bencode in ["i-7e", "0:", "l3:abci1ee", "d1:ad1:b0:ee", "d1:b0:1:ai01ee"] {
        let value = Value::from_bencode(bencode.as_bytes()).unwrap();
        let token = bench.token(addr(7), value.target());
        let fields = ItemFields::immutable(value.as_bencode());
        let put = Message::new(b"aa", Body::Query(Query::put(ASKER, fields, &token))).encode();
        assert!(bench.send(addr(7), &put).is_ok(), "{bencode}");
        let get = Query::get(ASKER, value.target());
        let get = Message::new(b"aa", Body::Query(get)).encode();
        bench.core.handle_datagram(bench.now, SOCKET, addr(8), &get);
        let sent = std::iter::from_fn(|| bench.core.poll_transmit());
        let sent = sent.filter(|sent| sent.to == addr(8)).last().unwrap();
        let Body::Response(found) = Message::scan(&sent.payload).unwrap().body else {
            panic!("no response");
        };
        assert_eq!(found.item.value, Some(bencode.as_bytes()));
    }
}

#[test]
fn only_newer_items_are_sent_to_who_names_a_sequence_number() {
    let mut bench = Bench::new();
    let item = signed(5, "five");
    bench.put(addr(7), &item, None).unwrap();
    for (known, whole) in [(4, true), (5, false), (6, false), (-1, true)] {
        let query = Query {
            item: ItemFields {
                sequence: Some(known),
                ..ItemFields::NONE
            },
            ..Query::get(ASKER, item.target())
        };
        let answer = bench.ask(addr(8), query).unwrap();
        let found = response(&answer).item;
        assert_eq!(found.sequence, Some(5));
        let rest = (found.value, found.signature, found.public_key);
        let fields = item.fields();
        match whole {
            true => assert_eq!(rest, (fields.value, fields.signature, fields.public_key)),
            false => assert_eq!(rest, (None, None, None), "{known}"),
        }
    }
}

/// The longest value there is, with all else that an answer may hold: contacts
/// give way.
#[test]
fn no_answer_is_longer_than_1400_bytes() {
    let both = vec![addr(0), "[2001:db8::1]:6881".parse().unwrap()];
    let mut bench = Bench::with(Config {
        sockets: both,
        ..config(0, "bep5", "standard")
    });
    bench.meet_many();
    for n in 1..60 {
        let mut id = [0; 20];
        id[0] = u8::try_from(4 * n).unwrap();
        let from: SocketAddr = format!("[2001:db8:{n}::1]:6881").parse().unwrap();
        let query = Query::find_node(Id::new(id), ASKER);
        let bytes = Message::new(b"aa", Body::Query(query)).encode();
        bench
            .core
            .handle_datagram(bench.now, SocketId(1), from, &bytes);
        while bench.core.poll_transmit().is_some() {}
    }
    let value = Value::from_bytes(&[b'v'; 996]).unwrap();
    let item = MutableItem::sign(&key(), &[b's'; 64], i64::MAX, value).unwrap();
    bench.put(addr(70), &item, None).unwrap();
    let mut answers = Vec::new();
    for (v4, v6) in [(false, false), (true, true), (false, true)] {
        let query = Query {
            want: Want { v4, v6 },
            ..Query::get(ASKER, item.target())
        };
        let answer = bench.ask(addr(71), query).unwrap();
        let found = response(&answer);
        assert_eq!(found.item, item.fields());
        let count = |nodes: Option<Nodes<'_>>| nodes.map(|nodes| nodes.len());
        answers.push((count(found.nodes), count(found.nodes6)));
        assert!(answer.len() <= 1400, "{}", answer.len());
        assert!(
            answer.len() > 1300,
            "more contacts would have fit: {}",
            answer.len()
        );
    }
    assert_eq!(
        answers,
        [(Some(6), None), (Some(5), Some(0)), (None, Some(4))]
    );
    // a short value leaves room for all
    bench.put_immutable(addr(70), &text("short")).unwrap();
    let query = Query {
        want: Want { v4: true, v6: true },
        ..Query::get(ASKER, text("short").target())
    };
    let answer = bench.ask(addr(71), query).unwrap();
    let found = response(&answer);
    assert_eq!(
        (found.nodes.unwrap().len(), found.nodes6.unwrap().len()),
        (8, 8)
    );
}

#[test]
fn a_get_without_target_and_a_read_only_node() {
    let mut bench = Bench::new();
    let query = Query {
        target: None,
        ..Query::get(ASKER, Id::default())
    };
    assert_eq!(bench.ask(addr(7), query), Err(error_code::PROTOCOL));
    let mut quiet = Bench::with(Config {
        read_only: true,
        ..config(0, "bep5", "standard")
    });
    let bytes = Message::new(b"aa", Body::Query(Query::get(ASKER, ASKER))).encode();
    quiet
        .core
        .handle_datagram(quiet.now, SOCKET, addr(7), &bytes);
    assert!(quiet.core.poll_transmit().is_none());
}
