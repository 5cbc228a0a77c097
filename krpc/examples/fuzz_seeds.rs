//! Writes the seeds of the fuzz target `krpc_scan` into a directory, one
//! datagram a file:
//!
//! ```text
//! cargo run -p mdht-krpc --example fuzz_seeds -- fuzz/seeds/krpc_scan
//! ```

use std::net::SocketAddr;
use std::path::Path;
use std::{env, fs, io};

use mdht_krpc::{
    Body, Contact, ErrorReply, Family, Id, ItemFields, Message, Method, Nodes, Query, Response,
    Samples, ScrapeFilter, Values, Want,
};

const OWN: Id = Id::new(*b"abcdefghij0123456789");
const OTHER: Id = Id::new(*b"mnopqrstuvwxyz123456");

fn main() -> io::Result<()> {
    let Some(directory) = env::args_os().nth(1) else {
        return Err(io::Error::other("usage: fuzz_seeds DIRECTORY"));
    };
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let bodies = queries().into_iter().chain(replies());
    for (name, bytes) in bodies.chain(odd_datagrams()) {
        fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}

type Seed = (&'static str, Vec<u8>);

fn queries() -> Vec<Seed> {
    let query = |name, query| (name, Message::new(b"aa", Body::Query(query)).encode());
    let announce = Query {
        implied_port: true,
        seed: true,
        ..Query::announce_peer(OWN, OTHER, 6881, b"aoeusnth")
    };
    let vote = Query {
        target: Some(OTHER),
        ..Query::new(Method::Unknown(b"vote"), OWN)
    };
    let scrape = Query {
        scrape: true,
        no_seeds: true,
        ..Query::get_peers(OWN, OTHER)
    };
    let both = Query {
        want: Want { v4: true, v6: true },
        ..Query::find_node(OWN, OTHER)
    };
    let put = Query {
        salt: Some(b"foobar"),
        cas: Some(3),
        ..Query::put(OWN, mutable_item(), b"aoeusnth")
    };
    vec![
        query("ping", Query::new(Method::Ping, OWN)),
        query("find_node", both),
        query("get_peers", Query::get_peers(OWN, OTHER)),
        query("scrape", scrape),
        query("sample_infohashes", Query::sample_infohashes(OWN, OTHER)),
        query("announce_peer", announce),
        query("unknown_method", vote),
        query("get", Query::get(OWN, OTHER)),
        query("put_mutable", put),
        query(
            "put_immutable",
            Query::put(OWN, ItemFields::immutable(b"d1:ali1e0:ee"), b"aoeusnth"),
        ),
    ]
}

fn mutable_item() -> ItemFields<'static> {
    ItemFields {
        public_key: Some(&[7; 32]),
        sequence: Some(4),
        signature: Some(&[9; 64]),
        value: Some(b"12:Hello world!"),
    }
}

fn replies() -> Vec<Seed> {
    let v4 = SocketAddr::from(([1, 2, 3, 4], 6881));
    let v6 = SocketAddr::from(([0x2a00, 0, 0, 0, 0, 0, 0, 1], 6881));
    let (mut nodes, mut nodes6) = (Vec::new(), Vec::new());
    Nodes::write(&Contact::new(OTHER, v4), &mut nodes);
    Nodes::write(&Contact::new(OTHER, v6), &mut nodes6);
    let peers = [v4, v6];
    let full = Response {
        nodes: Some(Nodes::new(Family::V4, &nodes)),
        nodes6: Some(Nodes::new(Family::V6, &nodes6)),
        token: Some(b"aoeusnth"),
        values: Some(Values::from_peers(&peers)),
        ..Response::new(OWN)
    };
    let full = Message {
        version: Some(b"LT\x02\x01"),
        external_addr: Some(v4),
        read_only: true,
        ..Message::new(b"aa", Body::Response(full))
    };
    let error = ErrorReply {
        code: 201,
        message: b"A Generic Error Ocurred",
    };
    let with_item = Response {
        token: Some(b"aoeusnth"),
        item: mutable_item(),
        ..Response::new(OWN)
    };
    let with_item = Message::new(b"aa", Body::Response(with_item));
    let mut filter = ScrapeFilter::new();
    filter.insert(v4.ip());
    let scraped = Response {
        seeds: Some(filter.as_bytes()),
        leeches: Some(filter.as_bytes()),
        token: Some(b"aoeusnth"),
        ..Response::new(OWN)
    };
    let sampled = Response {
        samples: Samples::new(b"abcdefghij0123456789mnopqrstuvwxyz123456"),
        num: Some(2),
        interval: Some(1800),
        ..Response::new(OWN)
    };
    let plain = Message::new(b"", Body::Response(Response::new(OWN)));
    vec![
        ("response", plain.encode()),
        ("response_with_item", with_item.encode()),
        ("response_with_everything", full.encode()),
        (
            "scraped",
            Message::new(b"aa", Body::Response(scraped)).encode(),
        ),
        (
            "sampled",
            Message::new(b"aa", Body::Response(sampled)).encode(),
        ),
        ("error", Message::new(b"aa", Body::Error(error)).encode()),
    ]
}

/// What the writer never writes: strange, or refused.
fn odd_datagrams() -> Vec<Seed> {
    [
        (
            "strange_all_kinds",
            "d1:ade1:eli201e1:xe1:q4:ping1:rde1:t2:aa1:y1:re",
        ),
        (
            "strange_unknown_keys",
            "d1:ad1:zli-1ed0:leee2:zz0:e1:q1:x1:t0:1:y1:q1:zi99999999999999999999ee",
        ),
        (
            "strange_empty_values",
            "d1:rd5:token0:6:valueslee1:t2:aa1:y1:re",
        ),
        (
            "strange_zero_flags",
            "d1:ad12:implied_porti0e4:porti0e4:wantl2:n9ee1:q1:x2:roi0e1:t0:1:y1:qe",
        ),
        (
            "odd_unsorted",
            "d1:y1:q1:t2:aa1:q4:ping1:ad5:token1:x2:id20:abcdefghij0123456789ee",
        ),
        (
            "odd_duplicate_keys",
            "d1:rde1:rd5:token0:5:token0:e1:t2:aa1:t2:bb1:y1:re",
        ),
        (
            "odd_numbers",
            "d1:ad4:porti007e5:token01:x2:roi-0ee1:q4:ping1:t2:aa1:y1:qe",
        ),
        (
            "odd_lengths",
            "d2:ip4:abcd1:rd2:id3:abc5:nodes9:def4566..6:valuesl5:abcde1:xi1eee1:t2:aa1:y1:re",
        ),
        (
            "odd_types",
            "d1:ali1ee1:e3:bad1:qi1e1:rd5:nodesle6:valuesi1ee1:tle1:vde1:y1:re",
        ),
        (
            "odd_item",
            "d1:ad3:cas0:1:k3:abc4:salti1e3:seqi9223372036854775808e3:sig0:1:vd1:b0:1:ai01eee1:q3:put1:t0:1:y1:qe",
        ),
        ("odd_error", "d1:el3:badi201elee1:t2:aa1:y1:ee"),
        ("odd_no_kind", "d1:rde1:t2:aae5:trail"),
        ("bad_length", "d1:rd2:id99999999999:"),
        ("bad_nesting", "d1:zllllllllllllllllllll"),
        ("bad_key", "di1ei1ee"),
    ]
    .map(|(name, text)| (name, text.as_bytes().to_vec()))
    .into()
}
