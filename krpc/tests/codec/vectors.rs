//! The examples of BEP 5, byte for byte, and messages as real clients write them.

use std::net::SocketAddr;

use mdht_krpc::{
    Body, Contact, ErrorReply, Family, Id, ItemFields, Message, Method, Nodes, Oddities, Query,
    Response, Values, error_code,
};

const ASKER: Id = Id::new(*b"abcdefghij0123456789");
const ANSWERER: Id = Id::new(*b"mnopqrstuvwxyz123456");
/// The infohash or target of the examples; BEP 5 reuses the answerer's ID.
const KEY: Id = ANSWERER;

fn peers() -> [SocketAddr; 2] {
    // "axje.u" and "idhtnm"
    ["97.120.106.101:11893", "105.100.104.116:28269"].map(|text| text.parse().unwrap())
}

/// Both readers read `bytes` as `body`, and `body` is written as `bytes`.
fn reads_and_writes(bytes: &[u8], body: Body<'_>) {
    let message = Message::new(b"aa", body);
    assert_eq!(Message::scan(bytes).unwrap(), message);
    assert_eq!(Message::decode_strict(bytes).unwrap(), message);
    assert_eq!(
        message.encode().escape_ascii().to_string(),
        bytes.escape_ascii().to_string()
    );
}

#[test]
fn bep5_queries() {
    let announce = Query {
        implied_port: true,
        ..Query::announce_peer(ASKER, KEY, 6881, b"aoeusnth")
    };
    for (bytes, query) in [
        (
            &b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"[..],
            Query::new(Method::Ping, ASKER),
        ),
        (
            b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
            Query::find_node(ASKER, KEY),
        ),
        (
            b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
            Query::get_peers(ASKER, KEY),
        ),
        (
            b"d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
            announce,
        ),
    ] {
        reads_and_writes(bytes, Body::Query(query));
    }
}

#[test]
fn bep5_responses() {
    reads_and_writes(
        b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
        Body::Response(Response::new(ANSWERER)),
    );
    reads_and_writes(
        b"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
        Body::Response(Response {
            token: Some(b"aoeusnth"),
            values: Some(Values::from_peers(&peers())),
            ..Response::new(ASKER)
        }),
    );
}

/// BEP 44: the item may be any bencoded value, and is kept as it came.
#[test]
fn bep44_items_are_seen() {
    for item in ["5:Hello", "i42e", "l1:ad1:bi1eee", "d1:a1:be"] {
        let bytes = format!("d1:rd2:id20:mnopqrstuvwxyz1234561:v{item}e1:t2:aa1:y1:re");
        let message = Message::scan(bytes.as_bytes()).unwrap();
        let response = Response {
            item: ItemFields::immutable(item.as_bytes()),
            ..Response::new(ANSWERER)
        };
        assert_eq!(message.body, Body::Response(response));
        assert_eq!(Message::decode_strict(bytes.as_bytes()).unwrap(), message);
    }
}

/// BEP 44's messages, with all that each may hold.
#[test]
fn bep44_messages() {
    let (key, signature) = ([b'K'; 32], [b'S'; 64]);
    let item = ItemFields {
        public_key: Some(&key),
        sequence: Some(4),
        signature: Some(&signature),
        value: Some(b"12:Hello world!"),
    };
    let (k, s) = ("K".repeat(32), "S".repeat(64));
    let get = Query::get(ASKER, KEY);
    reads_and_writes(
        b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q3:get1:t2:aa1:y1:qe",
        Body::Query(get.clone()),
    );
    let newer = Query {
        item: ItemFields {
            sequence: Some(-1),
            ..ItemFields::NONE
        },
        ..get
    };
    reads_and_writes(
        b"d1:ad2:id20:abcdefghij01234567893:seqi-1e6:target20:mnopqrstuvwxyz123456e1:q3:get1:t2:aa1:y1:qe",
        Body::Query(newer),
    );
    reads_and_writes(
        b"d1:ad2:id20:abcdefghij01234567895:token2:tk1:v5:helloe1:q3:put1:t2:aa1:y1:qe",
        Body::Query(Query::put(ASKER, ItemFields::immutable(b"5:hello"), b"tk")),
    );
    let put = Query {
        salt: Some(b"foobar"),
        cas: Some(3),
        ..Query::put(ASKER, item, b"tk")
    };
    let bytes = format!(
        "d1:ad3:casi3e2:id20:abcdefghij01234567891:k32:{k}4:salt6:foobar3:seqi4e3:sig64:{s}\
         5:token2:tk1:v12:Hello world!e1:q3:put1:t2:aa1:y1:qe"
    );
    reads_and_writes(bytes.as_bytes(), Body::Query(put));
    let bytes = format!(
        "d1:rd2:id20:mnopqrstuvwxyz1234561:k32:{k}5:nodes0:3:seqi4e3:sig64:{s}\
         5:token2:tk1:v12:Hello world!e1:t2:aa1:y1:re"
    );
    let found = Response {
        nodes: Some(Nodes::new(Family::V4, b"")),
        token: Some(b"tk"),
        item,
        ..Response::new(ANSWERER)
    };
    reads_and_writes(bytes.as_bytes(), Body::Response(found));
    for (code, text) in [
        (error_code::VALUE_TOO_LONG, "205"),
        (error_code::BAD_SIGNATURE, "206"),
        (error_code::SALT_TOO_LONG, "207"),
        (error_code::CAS_MISMATCH, "301"),
        (error_code::SEQUENCE_TOO_LOW, "302"),
    ] {
        let message = b"";
        let bytes = format!("d1:eli{text}e0:e1:t2:aa1:y1:ee");
        reads_and_writes(bytes.as_bytes(), Body::Error(ErrorReply { code, message }));
    }
}

/// The nodes of these two examples are the placeholder `def456...`, 9 bytes:
/// flagged by one reader, refused by the other, kept by the writer.
#[test]
fn bep5_responses_with_nodes_left_out() {
    for (bytes, id, token) in [
        (
            &b"d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re"[..],
            Id::new(*b"0123456789abcdefghij"),
            None,
        ),
        (
            b"d1:rd2:id20:abcdefghij01234567895:nodes9:def456...5:token8:aoeusnthe1:t2:aa1:y1:re",
            ASKER,
            Some(&b"aoeusnth"[..]),
        ),
    ] {
        let message = Message::scan(bytes).unwrap();
        let nodes = Some(Nodes::new(Family::V4, b"def456..."));
        let response = Response {
            nodes,
            token,
            ..Response::new(id)
        };
        assert_eq!(message.body, Body::Response(response));
        assert_eq!(message.oddities, Oddities::BAD_NODES);
        assert!(Message::decode_strict(bytes).is_err());
        assert_eq!(message.encode(), bytes);
    }
}

/// The same two examples with whole contacts where BEP 5 writes dots.
#[test]
fn bep5_responses_with_nodes_filled_in() {
    let contact = Contact::new(KEY, "1.2.3.4:6881".parse().unwrap());
    let compact = b"mnopqrstuvwxyz123456\x01\x02\x03\x04\x1a\xe1".repeat(8);
    let mut written = Vec::new();
    (0..8).for_each(|_| Nodes::write(&contact, &mut written));
    assert_eq!(written, compact);
    for (token, tail) in [
        (None, &b""[..]),
        (Some(&b"aoeusnth"[..]), b"5:token8:aoeusnth"),
    ] {
        let head = &b"d1:rd2:id20:abcdefghij01234567895:nodes208:"[..];
        let bytes = [head, &compact, tail, b"e1:t2:aa1:y1:re"].concat();
        let nodes = Nodes::new(Family::V4, &compact);
        let response = Response {
            nodes: Some(nodes),
            token,
            ..Response::new(ASKER)
        };
        reads_and_writes(&bytes, Body::Response(response));
        assert!(nodes.iter().eq([contact; 8]));
    }
}

#[test]
fn bep5_error() {
    reads_and_writes(
        b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
        Body::Error(ErrorReply {
            code: error_code::GENERIC,
            message: b"A Generic Error Ocurred",
        }),
    );
}

fn response(bytes: &[u8]) -> (Response<'_>, Oddities) {
    let message = Message::scan(bytes).unwrap();
    let oddities = message.oddities;
    match message.body {
        Body::Response(response) => (response, oddities),
        other => panic!("{other:?}"),
    }
}

/// Correct, but easy to read wrongly.
#[test]
fn habits_of_real_clients_are_not_odd() {
    // librqbit: always `values`, empty without peers, and no `v`
    let empty = b"d1:rd2:id20:-rQ9100-jihgfedcba985:token4:abcd6:valueslee1:t2:aa1:y1:re";
    let (librqbit, oddities) = response(empty);
    assert!(librqbit.values.is_some() && !librqbit.has_values());
    assert!(oddities.is_empty() && Message::decode_strict(empty).is_ok());

    // mainline: `ro` is always there, 0 in server mode
    let server = b"d1:rd2:id20:mnopqrstuvwxyz123456e2:roi0e1:t4:abcd1:v4:RS\0\x051:y1:re";
    let message = Message::decode_strict(server).unwrap();
    assert!(!message.read_only);
    assert_eq!(message.version, Some(&b"RS\0\x05"[..]));

    // bittorrent-dht: its whole table, here 131 contacts
    let table = [7; 131 * 26];
    let head = &b"d1:rd2:id20:mnopqrstuvwxyz1234565:nodes3406:"[..];
    let whole = [head, &table, b"e1:t2:aa1:y1:re"].concat();
    assert_eq!(response(&whole).0.nodes.unwrap().len(), 131);
    assert!(Message::decode_strict(&whole).is_ok());

    // libtorrent: `ip`, and keys of its own
    let ip = b"d2:ip6:\x0a\0\0\x01\x1a\xe11:rd2:id20:mnopqrstuvwxyz1234561:pi6881ee1:t2:aa1:v4:LT\x02\x011:y1:re";
    let message = Message::decode_strict(ip).unwrap();
    assert_eq!(message.external_addr, "10.0.0.1:6881".parse().ok());
    let bs = b"d1:ad2:bsi1e2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q9:get_peers1:t2:aa1:y1:qe";
    assert!(Message::decode_strict(bs).is_ok());
}

/// Wrong, yet sent by real clients: read as far as it can be, and flagged.
#[test]
fn non_canonical_messages_are_read_and_flagged() {
    let plain = b"d1:rd2:id20:mnopqrstuvwxyz1234565:token2:xye1:t2:aa1:v4:LT\x02\x011:y1:re";
    let meant = Message::decode_strict(plain).unwrap();
    for (name, bytes, oddities) in [
        (
            "keys in the order they were thought of",
            &b"d1:t2:aa1:y1:r1:v4:LT\x02\x011:rd5:token2:xy2:id20:mnopqrstuvwxyz123456ee"[..],
            Oddities::NON_CANONICAL,
        ),
        (
            "a key twice, the first counts",
            b"d1:rd2:id20:mnopqrstuvwxyz1234565:token2:xy5:token1:ze1:t2:aa1:v4:LT\x02\x011:y1:re",
            Oddities::NON_CANONICAL,
        ),
        (
            "a length with leading zeros",
            b"d1:rd2:id20:mnopqrstuvwxyz1234565:token02:xye1:t2:aa1:v4:LT\x02\x011:y1:re",
            Oddities::NON_CANONICAL,
        ),
        (
            "the line end of a text protocol",
            b"d1:rd2:id20:mnopqrstuvwxyz1234565:token2:xye1:t2:aa1:v4:LT\x02\x011:y1:re\r\n",
            Oddities::TRAILING_BYTES,
        ),
        (
            "no `y`",
            b"d1:rd2:id20:mnopqrstuvwxyz1234565:token2:xye1:t2:aa1:v4:LT\x02\x01e",
            Oddities::NO_KIND,
        ),
    ] {
        assert!(Message::decode_strict(bytes).is_err(), "{name}");
        let message = Message::scan(bytes).unwrap();
        assert_eq!(message.oddities, oddities, "{name}");
        let plain = Message {
            oddities: Oddities::NONE,
            ..message
        };
        assert_eq!(plain, meant, "{name}");
    }
}
