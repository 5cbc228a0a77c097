//! Arbitrary messages.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mdht_krpc::{
    Body, Contact, ErrorReply, Family, FilterBytes, Id, ItemFields, Message, Method, Nodes, Query,
    Response, Samples, Values, Want,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::tree::canonical;

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
pub(crate) fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
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

fn error() -> impl Strategy<Value = OwnedBody> {
    let code = prop_oneof![201_i64..=204, any::<i64>()];
    (code, bytes(200)).prop_map(|(code, message)| OwnedBody::Error(code, message))
}
