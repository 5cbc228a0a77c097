//! Arbitrary messages, arbitrary bencode in the shape of KRPC, and what can
//! happen to a datagram on its way.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mdht_krpc::{
    Body, Contact, ErrorReply, Family, FilterBytes, Id, ItemFields, Message, Method, Nodes, Query,
    Response, Samples, Values, Want,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// A message that owns what [`Message`] borrows.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    transaction_id: Vec<u8>,
    body: OwnedBody,
    version: Option<Vec<u8>>,
    external_addr: Option<SocketAddr>,
    read_only: bool,
}

/// What [`ItemFields`] borrows, the salt with it.
#[derive(Clone, Debug)]
struct OwnedItem {
    key: Option<[u8; 32]>,
    sequence: Option<i64>,
    signature: Option<Box<[u8; 64]>>,
    value: Option<Vec<u8>>,
    salt: Option<Vec<u8>>,
}

impl OwnedItem {
    fn fields(&self) -> ItemFields<'_> {
        ItemFields {
            public_key: self.key.as_ref(),
            sequence: self.sequence,
            signature: self.signature.as_deref(),
            value: self.value.as_deref(),
        }
    }
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // a few at a time
enum OwnedBody {
    Query(Vec<u8>, Option<Vec<u8>>, OwnedItem, Query<'static>),
    Response {
        id: Option<Id>,
        nodes: [Option<Vec<u8>>; 2],
        token: Option<Vec<u8>>,
        values: Option<Vec<SocketAddr>>,
        item: OwnedItem,
        indexing: Indexing,
    },
    Error(i64, Vec<u8>),
}

/// What BEPs 33 and 51 add to a response.
#[derive(Clone, Debug)]
struct Indexing {
    filters: [Option<Box<FilterBytes>>; 2],
    samples: Option<Vec<u8>>,
    num: Option<u32>,
    interval: Option<u32>,
}

impl Owned {
    pub(crate) fn message(&self) -> Message<'_> {
        let body = match &self.body {
            OwnedBody::Query(name, token, item, query) => Body::Query(Query {
                method: Method::from_name(name),
                token: token.as_deref(),
                item: item.fields(),
                salt: item.salt.as_deref(),
                ..query.clone()
            }),
            OwnedBody::Response {
                id,
                nodes: [nodes, nodes6],
                token,
                values,
                item,
                indexing,
            } => Body::Response(Response {
                id: *id,
                nodes: nodes.as_ref().map(|b| Nodes::new(Family::V4, b)),
                nodes6: nodes6.as_ref().map(|b| Nodes::new(Family::V6, b)),
                token: token.as_deref(),
                values: values.as_ref().map(|peers| Values::from_peers(peers)),
                item: item.fields(),
                seeds: indexing.filters[0].as_deref(),
                leeches: indexing.filters[1].as_deref(),
                samples: indexing.samples.as_deref().and_then(Samples::new),
                num: indexing.num,
                interval: indexing.interval,
            }),
            OwnedBody::Error(code, message) => Body::Error(ErrorReply {
                code: *code,
                message,
            }),
        };
        Message {
            version: self.version.as_deref(),
            external_addr: self.external_addr,
            read_only: self.read_only,
            ..Message::new(&self.transaction_id, body)
        }
    }
}

pub(crate) fn message() -> impl Strategy<Value = Owned> {
    let body = prop_oneof![query(), response(), error()];
    let about = (option::of(bytes(8)), option::of(addr()), any::<bool>());
    (bytes(1024), body, about).prop_map(|(transaction_id, body, about)| Owned {
        transaction_id,
        body,
        version: about.0,
        external_addr: about.1,
        read_only: about.2,
    })
}

/// Up to `most` bytes, usually few.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => vec(any::<u8>(), 0..=most.min(8)), 1 => vec(any::<u8>(), 0..=most)]
}

fn id() -> impl Strategy<Value = Id> {
    any::<[u8; 20]>().prop_map(Id::new)
}

fn v4() -> impl Strategy<Value = SocketAddr> {
    any::<(u32, u16)>().prop_map(|(ip, port)| (Ipv4Addr::from(ip), port).into())
}

fn v6() -> impl Strategy<Value = SocketAddr> {
    any::<(u128, u16)>().prop_map(|(ip, port)| (Ipv6Addr::from(ip), port).into())
}

fn addr() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![v4(), v6()]
}

fn nodes(addr: impl Strategy<Value = SocketAddr>) -> impl Strategy<Value = Vec<u8>> {
    vec((id(), addr), 0..20).prop_map(|contacts| {
        let mut bytes = Vec::new();
        for (id, addr) in contacts {
            Nodes::write(&Contact::new(id, addr), &mut bytes);
        }
        bytes
    })
}

fn method() -> impl Strategy<Value = Vec<u8>> {
    let known = select(
        &[
            "ping",
            "find_node",
            "get_peers",
            "announce_peer",
            "get",
            "put",
            "sample_infohashes",
        ][..],
    )
    .prop_map(|name| name.as_bytes().to_vec());
    prop_oneof![3 => known, 1 => bytes(40)]
}

fn query() -> impl Strategy<Value = OwnedBody> {
    let ids = (option::of(id()), option::of(id()), option::of(id()));
    let port = (option::of(any::<u16>()), any::<bool>());
    let rest = (option::of(bytes(1024)), any::<[bool; 5]>());
    let item = (item(), option::of(any::<i64>()));
    (method(), ids, port, rest, item).prop_map(|(name, ids, port, (token, flags), (item, cas))| {
        let [v4, v6, seed, no_seeds, scrape] = flags;
        let query = Query {
            id: ids.0,
            target: ids.1,
            info_hash: ids.2,
            port: port.0,
            implied_port: port.1,
            want: Want { v4, v6 },
            seed,
            no_seeds,
            scrape,
            cas,
            ..Query::new(Method::Ping, Id::default())
        };
        OwnedBody::Query(name, token, item, query)
    })
}

fn response() -> impl Strategy<Value = OwnedBody> {
    let nodes = (option::of(nodes(v4())), option::of(nodes(v6())));
    let token = option::of(bytes(1024));
    let values = (option::of(vec(addr(), 0..60)), item());
    let all = (option::of(id()), nodes, token, values, indexing());
    all.prop_map(
        |(id, nodes, token, (values, item), indexing)| OwnedBody::Response {
            id,
            nodes: nodes.into(),
            token,
            values,
            item,
            indexing,
        },
    )
}

fn indexing() -> impl Strategy<Value = Indexing> {
    let filter = || option::weighted(0.2, any::<u8>().prop_map(|byte| Box::new([byte; 256])));
    let samples = option::weighted(
        0.3,
        vec(any::<[u8; 20]>(), 0..25).prop_map(|all| all.concat()),
    );
    let numbers = (option::of(any::<u32>()), option::of(0..30_000_u32));
    (filter(), filter(), samples, numbers).prop_map(|(seeds, leeches, samples, (num, interval))| {
        Indexing {
            filters: [seeds, leeches],
            samples,
            num,
            interval,
        }
    })
}

/// Fields of an item, each there or not; the value is canonical.
fn item() -> impl Strategy<Value = OwnedItem> {
    let value = canonical().prop_map(|tree| tree.encode());
    let salt = option::of(bytes(80));
    let sequence = option::of(any::<i64>());
    let key = (
        option::of(any::<[u8; 32]>()),
        option::of(vec(any::<u8>(), 64)),
    );
    (key, sequence, option::of(value), salt).prop_map(
        |((key, signature), sequence, value, salt)| OwnedItem {
            key,
            sequence,
            signature: signature.map(|bytes| Box::new(bytes.try_into().unwrap())),
            value,
            salt,
        },
    )
}

/// A value that every reader accepts, and about as long as an item may be.
fn canonical() -> impl Strategy<Value = Tree> {
    let integer = any::<i64>().prop_map(|n| Tree::Integer(n.to_string()));
    let plain = prop_oneof![integer, bytes(1200).prop_map(Tree::Bytes)];
    plain.prop_recursive(8, 24, 4, |inner| {
        let entries = prop::collection::btree_map(vec(any::<u8>(), 0..3), inner.clone(), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Tree::List),
            entries.prop_map(|entries| Tree::Dictionary(entries.into_iter().collect())),
        ]
    })
}

fn error() -> impl Strategy<Value = OwnedBody> {
    let code = prop_oneof![201_i64..=204, any::<i64>()];
    (code, bytes(200)).prop_map(|(code, message)| OwnedBody::Error(code, message))
}

/// A bencoded value; dictionaries keep the order and repetition of their keys.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// The text between `i` and `e`.
    Integer(String),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Dictionary(Vec<(Vec<u8>, Tree)>),
}

impl Tree {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(text) => out.extend_from_slice(format!("i{text}e").as_bytes()),
            Self::Bytes(bytes) => write_bytes(bytes, out),
            Self::List(items) => {
                out.push(b'l');
                items.iter().for_each(|item| item.write(out));
                out.push(b'e');
            }
            Self::Dictionary(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    write_bytes(key, out);
                    value.write(out);
                }
                out.push(b'e');
            }
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}

fn integer() -> BoxedStrategy<Tree> {
    let strange = select(&["-0", "00", "01", "", "-", "65536", "9223372036854775808"][..]);
    let plain = any::<i64>().prop_map(|n| n.to_string());
    let small = (0..3_u8).prop_map(|n| n.to_string());
    prop_oneof![9 => small, 9 => plain, 1 => strange.prop_map(str::to_owned)]
        .prop_map(Tree::Integer)
        .boxed()
}

/// A string of `len` bytes.
fn sized(len: impl Into<proptest::collection::SizeRange>) -> BoxedStrategy<Tree> {
    vec(any::<u8>(), len).prop_map(Tree::Bytes).boxed()
}

fn one_of(names: &'static [&'static str]) -> BoxedStrategy<Tree> {
    let name = select(names).prop_map(|name| Tree::Bytes(name.as_bytes().to_vec()));
    name.boxed()
}

fn list(item: BoxedStrategy<Tree>) -> BoxedStrategy<Tree> {
    vec(item, 0..4).prop_map(Tree::List).boxed()
}

/// Any value, of any depth the readers allow and a little more.
pub(crate) fn tree() -> BoxedStrategy<Tree> {
    prop_oneof![integer(), sized(0..30)]
        .prop_recursive(20, 40, 4, |inner| {
            let entries = vec((vec(any::<u8>(), 0..3), inner.clone()), 0..4);
            prop_oneof![
                vec(inner, 0..4).prop_map(Tree::List),
                entries.prop_map(Tree::Dictionary),
            ]
        })
        .boxed()
}

/// A dictionary that holds some of `keys`, each mostly with the value meant
/// for it, mostly in order and mostly once.
fn dictionary(keys: Vec<(&'static str, u32, BoxedStrategy<Tree>)>) -> BoxedStrategy<Tree> {
    let entries: Vec<_> = keys
        .into_iter()
        .map(|(key, percent, value)| {
            let value = prop_oneof![40 => value, 1 => tree()];
            let entry = value.prop_map(move |value| (key.as_bytes().to_vec(), value));
            option::weighted(f64::from(percent) / 100.0, entry)
        })
        .collect();
    let unknown = option::weighted(0.2, (vec(any::<u8>(), 0..4), tree()));
    let disorder = option::weighted(0.1, any::<(prop::sample::Index, bool)>());
    (entries, unknown, disorder)
        .prop_map(|(entries, unknown, disorder)| {
            let mut entries: Vec<_> = entries.into_iter().chain([unknown]).flatten().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            if let Some((at, again)) = disorder.filter(|_| !entries.is_empty()) {
                let at = at.index(entries.len());
                if again {
                    entries.insert(at, entries[at].clone());
                } else {
                    entries.rotate_left(at);
                }
            }
            Tree::Dictionary(entries)
        })
        .boxed()
}

/// Bencode in the shape of a KRPC message, with everything wrong now and then.
pub(crate) fn krpc_tree() -> BoxedStrategy<Tree> {
    let compact = |unit: usize| {
        let whole = (0..9_usize).prop_flat_map(move |n| sized(n * unit));
        prop_oneof![9 => whole, 1 => sized(0..60)].boxed()
    };
    let want = list(one_of(&["n4", "n6", "n9"]));
    let arguments = dictionary(vec![
        ("cas", 10, integer()),
        ("id", 95, sized(20)),
        ("implied_port", 20, integer()),
        ("info_hash", 40, sized(20)),
        ("k", 20, sized(32)),
        ("noseed", 20, integer()),
        (
            "port",
            20,
            (0..70_000_u32)
                .prop_map(|n| Tree::Integer(n.to_string()))
                .boxed(),
        ),
        ("salt", 20, sized(0..70)),
        ("scrape", 20, integer()),
        ("seed", 20, integer()),
        ("seq", 20, integer()),
        ("sig", 20, sized(64)),
        ("target", 40, sized(20)),
        ("token", 30, sized(0..12)),
        ("v", 30, tree()),
        ("want", 30, want),
    ]);
    let peer = prop_oneof![9 => sized(6), 9 => sized(18), 1 => sized(0..20)].boxed();
    let filter = prop_oneof![9 => sized(256), 1 => sized(250..260)].boxed();
    let response = dictionary(vec![
        ("BFpe", 15, filter.clone()),
        ("BFsd", 15, filter),
        ("id", 95, sized(20)),
        ("interval", 15, integer()),
        ("k", 20, sized(32)),
        ("nodes", 60, compact(26)),
        ("nodes6", 30, compact(38)),
        ("num", 15, integer()),
        ("samples", 15, compact(20)),
        ("seq", 20, integer()),
        ("sig", 20, sized(64)),
        ("token", 50, sized(0..12)),
        ("v", 30, tree()),
        ("values", 50, list(peer)),
    ]);
    let error = (integer(), sized(0..20), option::weighted(0.2, tree()))
        .prop_map(|(code, text, more)| Tree::List([code, text].into_iter().chain(more).collect()));
    dictionary(vec![
        ("a", 70, arguments),
        ("e", 50, error.boxed()),
        ("ip", 20, prop_oneof![sized(6), sized(18)].boxed()),
        (
            "q",
            70,
            one_of(&["ping", "find_node", "get_peers", "put", "vote", ""]),
        ),
        ("r", 70, response),
        ("ro", 20, integer()),
        ("t", 95, sized(0..6)),
        ("v", 40, sized(4)),
        ("y", 97, one_of(&["q", "r", "e"])),
    ])
}

/// One thing that happens to a datagram.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Truncate(prop::sample::Index),
    FlipBit(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    /// A run of bytes appears again behind itself.
    Repeat(prop::sample::Index, usize),
}

impl Mutation {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
            Self::FlipBit(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << (bit % 8);
            }
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Self::Remove(at) => _ = bytes.remove(at.index(bytes.len())),
            Self::Repeat(at, len) => {
                let from = at.index(bytes.len());
                let run = bytes[from..(from + len).min(bytes.len())].to_vec();
                bytes.splice(from..from, run);
            }
        }
    }
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    // bytes that mean something in bencode are more likely to matter
    let byte = prop_oneof![select(&b"0123456789deil:-"[..]), any::<u8>()];
    let at = any::<prop::sample::Index>;
    prop_oneof![
        1 => at().prop_map(Mutation::Truncate),
        4 => (at(), any::<u8>()).prop_map(|(at, bit)| Mutation::FlipBit(at, bit)),
        1 => (at(), byte).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => at().prop_map(Mutation::Remove),
        1 => (at(), 1..40_usize).prop_map(|(at, len)| Mutation::Repeat(at, len)),
    ]
}
