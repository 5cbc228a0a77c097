//! How many bytes an answer has for each byte of the query, by query: the
//! table of docs/security.md, from the core itself.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::net::SocketAddr;
use std::path::Path;

use mdht_krpc::{Body, Family, Id, Instant, Message, Rng};
use mdht_node::core::{Config, Core, MOST_ANSWER, RateLimit, SocketId, free_answer};
use mdht_node::item::Value;
use mdht_plugins::Registry;

const KEY: Id = Id::new([0x55; 20]);
const TOKEN: &[u8] = b"the token";

/// A node that knows so many nodes and peers that no answer could be longer.
fn full_node(limit: Option<RateLimit>) -> Core {
    let registry = Registry::builtin();
    let (routing, lookup) = (registry.routing("bep5"), registry.lookup("standard"));
    let sockets = vec![
        "0.0.0.0:6881".parse().unwrap(),
        "[::]:6881".parse().unwrap(),
    ];
    let mut config = Config::new(sockets, routing.unwrap(), lookup.unwrap());
    config.rate_limit = limit;
    let mut core = Core::new(config, [1; 32], Instant::ZERO);
    let mut rng = Rng::from_u64(1);
    for n in 0..100 {
        for family in Family::ALL {
            let id = Id::random(&mut rng);
            let ping = query(&id, "ping", "", "1:t2:aa1:y1:q");
            ask(&mut core, asker(family, n), &ping);
            core.hold_peer(Instant::ZERO, KEY, asker(family, 1000 + n));
        }
    }
    for n in 0..60_u8 {
        // more swarms than a sample has
        core.hold_peer(Instant::ZERO, Id::new([n; 20]), asker(Family::V4, 1));
        core.hold_peer(Instant::ZERO, Id::new([n; 20]), asker(Family::V6, 1));
    }
    hold_item(&mut core);
    core
}

/// The largest item there is.
fn item() -> Value {
    Value::from_bytes(&[0x61; 996]).unwrap()
}

fn hold_item(core: &mut Core) {
    let from = asker(Family::V4, 1);
    let target = string(item().target().as_bytes());
    let get = [b"6:target".as_slice(), &target].concat();
    let id = Id::new([0x41; 20]);
    let answer = ask(core, from, &query_of(&id, "get", &get, ORDINARY[0])).unwrap();
    let token = string(&token_in(&answer));
    let put = [b"5:token".as_slice(), &token, b"1:v", item().as_bencode()].concat();
    let stored = ask(core, from, &query_of(&id, "put", &put, ORDINARY[0])).unwrap();
    assert!(matches!(
        Message::scan(&stored).unwrap().body,
        Body::Response(_)
    ));
}

/// A public address, another for each number.
fn asker(family: Family, n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    match family {
        Family::V4 => ([8, 9, high, low], 6881).into(),
        Family::V6 => ([0x2a00, 0, 0, n, 0, 0, 0, 1], 6881).into(),
    }
}

fn ask(core: &mut Core, from: SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
    let socket = SocketId(usize::from(from.is_ipv6()));
    core.handle_datagram(Instant::ZERO, socket, from, bytes);
    let sent = std::iter::from_fn(|| core.poll_transmit());
    let mut to_asker = sent.filter(|transmit| transmit.to == from);
    let answer = to_asker.find(|transmit| {
        !matches!(
            Message::scan(&transmit.payload).unwrap().body,
            Body::Query(_)
        )
    });
    answer.map(|transmit| transmit.payload)
}

/// A query by hand: `args` behind the ID, `tail` behind the method.
fn query(id: &Id, method: &str, args: &str, tail: &str) -> Vec<u8> {
    query_of(id, method, args.as_bytes(), tail)
}

fn query_of(id: &Id, method: &str, args: &[u8], tail: &str) -> Vec<u8> {
    let id = string(id.as_bytes());
    let q = string(method.as_bytes());
    let parts: [&[u8]; 8] = [
        b"d1:ad2:id",
        &id,
        args,
        b"e1:q",
        &q,
        tail.as_bytes(),
        b"e",
        b"",
    ];
    parts.concat()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [format!("{}:", bytes.len()).as_bytes(), bytes].concat()
}

/// One kind of query: its name, its method, the shortest method that is
/// answered alike, and its arguments.
struct Kind {
    name: &'static str,
    method: &'static str,
    shortest: &'static str,
    args: Vec<u8>,
    is_error: bool,
}

fn kinds() -> Vec<Kind> {
    let key = String::from_utf8(KEY.as_bytes().to_vec()).unwrap();
    let kind = |name, method, args: String| Kind {
        name,
        method,
        shortest: method,
        args: args.into_bytes(),
        is_error: false,
    };
    let both = "4:wantl2:n42:n6e";
    let (target, hash) = (format!("6:target20:{key}"), format!("9:info_hash20:{key}"));
    let token = String::from_utf8(string(TOKEN)).unwrap();
    let error = |kind: Kind| Kind {
        is_error: true,
        ..kind
    };
    vec![
        kind("ping", "ping", String::new()),
        Kind {
            shortest: "",
            ..kind("find_node", "find_node", target.clone())
        },
        Kind {
            shortest: "",
            ..kind(
                "find_node, both families",
                "find_node",
                format!("{target}{both}"),
            )
        },
        kind("get_peers, 50 peers", "get_peers", hash.clone()),
        kind(
            "get_peers, 50 peers, both families",
            "get_peers",
            format!("{hash}{both}"),
        ),
        kind(
            "get_peers with scrape",
            "get_peers",
            format!("{hash}6:scrapei1e"),
        ),
        kind("sample_infohashes", "sample_infohashes", target.clone()),
        Kind {
            args: [b"6:target".as_slice(), &string(item().target().as_bytes())].concat(),
            ..kind("get, item of 1,000 bytes", "get", String::new())
        },
        kind(
            "announce_peer",
            "announce_peer",
            format!("{hash}4:porti1e5:token{token}"),
        ),
        error(kind("announce_peer, bad token", "announce_peer", hash)),
        error(kind("find_node without target", "find_node", String::new())),
        error(kind("unknown method", "x", String::new())),
    ]
}

/// Bytes of a query and of its answer.
#[derive(Clone, Copy)]
struct Pair(usize, usize);

impl Pair {
    #[allow(clippy::cast_precision_loss)] // thousands
    fn ratio(self) -> f64 {
        self.1 as f64 / self.0 as f64
    }
}

/// The query as anybody writes it, and what answers it.
const ORDINARY: [&str; 1] = ["1:t2:aa1:y1:q"];
/// What a forger leaves out.
const FORGED: [&str; 4] = ["1:t2:aa1:y1:q", "1:y1:q", "1:t2:aa", ""];

/// The form of the query with the largest answer for its length; `None` if
/// none of them is answered.
fn worst(limit: Option<RateLimit>, kind: &Kind, family: Family, forms: &[&str]) -> Option<Pair> {
    let mut core = full_node(limit);
    let id = Id::new([0x41; 20]);
    let forged = forms.len() > 1;
    let method = if forged { kind.shortest } else { kind.method };
    let pairs = forms.iter().zip(2000_u16..).filter_map(|(tail, n)| {
        let from = asker(family, n);
        let mut bytes = query_of(&id, method, &kind.args, tail);
        if !kind.is_error && kind.method == "announce_peer" {
            let token = token(&mut core, from);
            let place = bytes.windows(TOKEN.len()).position(|w| w == TOKEN).unwrap();
            let written = place - "9:".len()..place + TOKEN.len();
            bytes.splice(written, string(&token));
        }
        let answer = ask(&mut core, from, &bytes)?;
        Some(Pair(bytes.len(), answer.len()))
    });
    pairs.max_by(|a, b| a.ratio().total_cmp(&b.ratio()))
}

fn token(core: &mut Core, from: SocketAddr) -> Vec<u8> {
    let hash = format!("9:info_hash20:{}", "U".repeat(20));
    let bytes = query(&Id::new([0x41; 20]), "get_peers", &hash, ORDINARY[0]);
    token_in(&ask(core, from, &bytes).unwrap())
}

fn token_in(answer: &[u8]) -> Vec<u8> {
    match Message::scan(answer).unwrap().body {
        Body::Response(response) => response.token.unwrap().to_vec(),
        other => panic!("{other:?}"),
    }
}

/// No budget beyond the plain multiple.
fn spent() -> Option<RateLimit> {
    Some(RateLimit {
        excess: 0,
        excess_burst: 0,
        ..RateLimit::default()
    })
}

fn table() -> String {
    let mut lines = vec![
        "| query | by | query, B | answer, B | times | smallest query, B | answer, B | times | budget spent: times |".to_owned(),
        "|---|---|---:|---:|---:|---:|---:|---:|---:|".to_owned(),
    ];
    let fresh = Some(RateLimit::default());
    for kind in kinds() {
        for family in Family::ALL {
            let by = if family == Family::V4 { "IPv4" } else { "IPv6" };
            let cells = [
                worst(fresh, &kind, family, &ORDINARY),
                worst(fresh, &kind, family, &FORGED),
            ];
            let cells = cells.map(|pair| match pair {
                Some(pair) => format!("{} | {} | {:.2}", pair.0, pair.1, pair.ratio()),
                None => "- | - | -".to_owned(),
            });
            let spent = worst(spent(), &kind, family, &FORGED);
            let spent = spent.map_or("-".to_owned(), |pair| format!("{:.2}", pair.ratio()));
            let [ordinary, forged] = cells;
            lines.push(format!(
                "| {} | {by} | {ordinary} | {forged} | {spent} |",
                kind.name
            ));
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn no_answer_is_larger_than_it_may_be() {
    for kind in kinds() {
        for family in Family::ALL {
            let (name, is_error) = (kind.name, kind.is_error);
            for forms in [&ORDINARY[..], &FORGED[..]] {
                // without limits, too
                for limit in [Some(RateLimit::default()), None] {
                    let pair = worst(limit, &kind, family, forms);
                    let largest = if is_error {
                        pair.map_or(0, |p| p.0)
                    } else {
                        MOST_ANSWER
                    };
                    assert!(pair.is_none_or(|p| p.1 <= largest), "{name} {family:?}");
                }
                let Some(Pair(asked, answer)) = worst(spent(), &kind, family, forms) else {
                    assert!(is_error, "{name} {family:?} is not answered at all");
                    continue;
                };
                assert!(
                    answer <= free_answer(asked),
                    "{name} {family:?}: {asked} {answer}"
                );
            }
        }
    }
    // a plain answer of one family needs no budget
    for name in ["ping", "find_node", "announce_peer"] {
        let all = kinds();
        let kind = all.iter().find(|kind| kind.name == name).unwrap();
        let pair = worst(Some(RateLimit::default()), kind, Family::V4, &ORDINARY).unwrap();
        assert!(pair.ratio() <= 3.5, "{name}: {}", pair.ratio());
    }
}

#[test]
fn who_is_asked_for_by_many_queries_gets_little_more_than_3_5_times_as_much() {
    let mut core = full_node(Some(RateLimit::default()));
    let hash = format!("9:info_hash20:{}", "U".repeat(20));
    let bytes = query(&Id::new([0x41; 20]), "get_peers", &hash, "");
    let victim = asker(Family::V4, 5000);
    let (mut sent, mut received) = (0, 0);
    // the rate limit lets a hundred through
    for _ in 0..1000 {
        let answer = ask(&mut core, victim, &bytes);
        sent += bytes.len();
        received += answer.map_or(0, |answer| answer.len());
    }
    let burst = RateLimit::default().excess_burst as usize;
    let most = free_answer(100 * bytes.len()) + burst;
    assert!(received <= most, "{received} of {most} for {sent}");
    assert!(received > burst, "{received}");
    let stats = core.stats();
    assert!(
        stats.answers_trimmed > 50 && stats.rate_limited == 900,
        "{stats:?}"
    );
    // another address has a budget of its own
    let other = ask(&mut core, asker(Family::V4, 5001), &bytes).unwrap();
    assert!(other.len() > 600);
}

/// What they are not, an error is not answered by: no ping-pong between two
/// nodes, and no answer to an answer.
#[test]
fn neither_errors_nor_responses_are_answered() {
    let mut core = full_node(None);
    for bytes in [
        &b"d1:eli203e3:bade1:t2:aa1:y1:ee"[..],
        b"d1:e0:1:t2:aa1:y1:ee",
        b"d1:rd2:id20:AAAAAAAAAAAAAAAAAAAAe1:t2:aa1:y1:re",
        b"d1:rde1:t0:1:y1:re",
        b"d1:t2:aa1:y1:xe",
        b"de",
    ] {
        assert_eq!(
            ask(&mut core, asker(Family::V4, 6000), bytes),
            None,
            "{bytes:?}"
        );
    }
}

#[test]
fn the_table_in_the_documentation_is_this_one() {
    let table = table();
    println!("{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text.contains(&table),
        "put this into docs/security.md:\n{table}"
    );
}
