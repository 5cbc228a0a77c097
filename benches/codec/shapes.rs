//! KRPC messages as `serde` structures.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// What a comparison reads out of a message.
pub(crate) trait Ports {
    /// Sum of the ports of all contacts and peers.
    fn ports(&self) -> u64;
}

fn sum(nodes: Option<&[u8]>, values: Option<&[ByteBuf]>) -> u64 {
    let contacts = nodes.unwrap_or_default().chunks_exact(26);
    let peers = values.unwrap_or_default().iter().map(|peer| &peer[..]);
    let ports = contacts
        .chain(peers)
        .filter_map(|compact| compact.last_chunk());
    ports.map(|port| u64::from(u16::from_be_bytes(*port))).sum()
}

/// One structure for all messages, what may be missing as `Option`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Plain {
    a: Option<Arguments>,
    e: Option<(i64, ByteBuf)>,
    q: Option<String>,
    r: Option<Reply>,
    t: ByteBuf,
    v: Option<ByteBuf>,
    y: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Arguments {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    implied_port: Option<u8>,
    #[serde(default, with = "serde_bytes")]
    info_hash: Option<[u8; 20]>,
    port: Option<u16>,
    #[serde(default, with = "serde_bytes")]
    target: Option<[u8; 20]>,
    token: Option<ByteBuf>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Reply {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    nodes: Option<ByteBuf>,
    token: Option<ByteBuf>,
    values: Option<Vec<ByteBuf>>,
}

impl Ports for Plain {
    fn ports(&self) -> u64 {
        self.r.as_ref().map_or(0, |reply| {
            let nodes = reply.nodes.as_ref().map(|nodes| &nodes[..]);
            sum(nodes, reply.values.as_deref())
        })
    }
}

/// The shape in which mainline 8.0.1 puts `serde_bencode` on the wire, as far
/// as the messages compared go through it: kinds and methods are enums tagged
/// by `y` and `q`, responses are told apart by trying one after the other.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Mainline {
    #[serde(rename = "t", with = "serde_bytes")]
    transaction_id: [u8; 4],
    #[serde(default, rename = "v", with = "serde_bytes")]
    version: Option<[u8; 4]>,
    #[serde(flatten)]
    kind: Kind,
    #[serde(default, with = "serde_bytes")]
    ip: Option<[u8; 6]>,
    #[serde(default, rename = "ro")]
    read_only: Option<i32>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "y")]
enum Kind {
    #[serde(rename = "q")]
    Request(Request),
    #[serde(rename = "r")]
    Response(Response),
    #[serde(rename = "e")]
    Error { e: (i32, String) },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "q")]
enum Request {
    #[serde(rename = "ping")]
    Ping { a: OnlyId },
    #[serde(rename = "find_node")]
    FindNode { a: FindNode },
    #[serde(rename = "get_peers")]
    GetPeers { a: GetPeers },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Response {
    Mutable { r: MutableItem },
    OlderItem { r: OlderItem },
    Immutable { r: ImmutableItem },
    Peers { r: Peers },
    NoValues { r: NoValues },
    FindNode { r: Contacts },
    Ping { r: OnlyId },
}

#[derive(Clone, Serialize, Deserialize)]
struct OnlyId {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
}

#[derive(Clone, Serialize, Deserialize)]
struct FindNode {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    #[serde(with = "serde_bytes")]
    target: [u8; 20],
}

#[derive(Clone, Serialize, Deserialize)]
struct GetPeers {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    #[serde(with = "serde_bytes")]
    info_hash: [u8; 20],
}

#[derive(Clone, Serialize, Deserialize)]
struct MutableItem {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    #[serde(with = "serde_bytes")]
    token: Box<[u8]>,
    #[serde(default, with = "serde_bytes")]
    nodes: Option<Box<[u8]>>,
    #[serde(with = "serde_bytes")]
    v: Box<[u8]>,
    #[serde(with = "serde_bytes")]
    k: [u8; 32],
    #[serde(with = "serde_bytes")]
    sig: [u8; 64],
    seq: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct OlderItem {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    #[serde(with = "serde_bytes")]
    token: Box<[u8]>,
    #[serde(default, with = "serde_bytes")]
    nodes: Option<Box<[u8]>>,
    seq: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct ImmutableItem {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    #[serde(with = "serde_bytes")]
    token: Box<[u8]>,
    #[serde(default, with = "serde_bytes")]
    nodes: Option<Box<[u8]>>,
    #[serde(with = "serde_bytes")]
    v: Box<[u8]>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Peers {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    #[serde(with = "serde_bytes")]
    token: Box<[u8]>,
    #[serde(default, with = "serde_bytes")]
    nodes: Option<Box<[u8]>>,
    values: Vec<ByteBuf>,
}

#[derive(Clone, Serialize, Deserialize)]
struct NoValues {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    #[serde(with = "serde_bytes")]
    token: Box<[u8]>,
    #[serde(default, with = "serde_bytes")]
    nodes: Option<Box<[u8]>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Contacts {
    #[serde(with = "serde_bytes")]
    id: [u8; 20],
    #[serde(with = "serde_bytes")]
    nodes: Box<[u8]>,
}

impl Ports for Mainline {
    fn ports(&self) -> u64 {
        match &self.kind {
            Kind::Response(Response::Peers { r }) => sum(r.nodes.as_deref(), Some(&r.values)),
            Kind::Response(Response::NoValues { r }) => sum(r.nodes.as_deref(), None),
            Kind::Response(Response::FindNode { r }) => sum(Some(&r.nodes), None),
            _ => 0,
        }
    }
}
