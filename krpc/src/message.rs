//! KRPC messages as values that borrow the datagram they came in.

use std::fmt;
use std::net::SocketAddr;

use crate::scrape::FilterBytes;
use crate::{Id, ItemFields, Nodes, Oddities, Samples, Values};

/// One KRPC message (BEP 5, "KRPC Protocol").
///
/// What a datagram did not hold, or held in a form that cannot be used, is
/// `None`; [`Message::oddities`] tells the two apart. Unknown keys are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `t`: chosen by the asker, echoed in the answer. Any length; empty if absent.
    pub transaction_id: &'a [u8],
    /// `y` and what goes with it.
    pub body: Body<'a>,
    /// `v`: client version, usually two letters and two version bytes.
    pub version: Option<&'a [u8]>,
    /// `ip`: the receiver's address as the sender sees it (BEP 42).
    pub external_addr: Option<SocketAddr>,
    /// `ro`: the sender answers no queries (BEP 43). Absent and 0 are `false`.
    pub read_only: bool,
    /// What was unusual about the datagram; empty in a message to be sent.
    pub oddities: Oddities,
}

impl<'a> Message<'a> {
    /// A message without version, `ip` and `ro`.
    pub const fn new(transaction_id: &'a [u8], body: Body<'a>) -> Self {
        Self {
            transaction_id,
            body,
            version: None,
            external_addr: None,
            read_only: false,
            oddities: Oddities::NONE,
        }
    }
}

/// The three kinds of message (BEP 5, "KRPC Protocol").
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // lives on the stack, once per datagram
pub enum Body<'a> {
    /// `y` = `q`.
    Query(Query<'a>),
    /// `y` = `r`.
    Response(Response<'a>),
    /// `y` = `e`.
    Error(ErrorReply<'a>),
}

/// The method of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method<'a> {
    /// BEP 5.
    Ping,
    /// BEP 5.
    FindNode,
    /// BEP 5.
    GetPeers,
    /// BEP 5.
    AnnouncePeer,
    /// BEP 44.
    Get,
    /// BEP 44.
    Put,
    /// BEP 51.
    SampleInfohashes,
    /// Any other, by its name.
    Unknown(&'a [u8]),
}

impl<'a> Method<'a> {
    /// The method of this name.
    #[inline(always)] // in registers: through memory it costs a tenth of a scan
    pub const fn from_name(name: &'a [u8]) -> Self {
        match name {
            b"ping" => Self::Ping,
            b"find_node" => Self::FindNode,
            b"get_peers" => Self::GetPeers,
            b"announce_peer" => Self::AnnouncePeer,
            b"get" => Self::Get,
            b"put" => Self::Put,
            b"sample_infohashes" => Self::SampleInfohashes,
            _ => Self::Unknown(name),
        }
    }

    /// The name on the wire.
    pub const fn name(&self) -> &'a [u8] {
        match self {
            Self::Ping => b"ping",
            Self::FindNode => b"find_node",
            Self::GetPeers => b"get_peers",
            Self::AnnouncePeer => b"announce_peer",
            Self::Get => b"get",
            Self::Put => b"put",
            Self::SampleInfohashes => b"sample_infohashes",
            Self::Unknown(name) => name,
        }
    }

    /// The method apart from the datagram that named it; `None` for one that
    /// has no other name than there.
    pub const fn known(self) -> Option<Method<'static>> {
        match self {
            Self::Ping => Some(Method::Ping),
            Self::FindNode => Some(Method::FindNode),
            Self::GetPeers => Some(Method::GetPeers),
            Self::AnnouncePeer => Some(Method::AnnouncePeer),
            Self::Get => Some(Method::Get),
            Self::Put => Some(Method::Put),
            Self::SampleInfohashes => Some(Method::SampleInfohashes),
            Self::Unknown(_) => None,
        }
    }
}

impl fmt::Debug for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name().escape_ascii())
    }
}

/// Address families that the asker wants contacts of: `want` of BEP 32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// `n4`: IPv4 contacts.
    pub v4: bool,
    /// `n6`: IPv6 contacts.
    pub v6: bool,
}

impl Want {
    /// Nothing named: the answer holds contacts of the family that carried the query.
    pub const fn is_empty(self) -> bool {
        !self.v4 && !self.v6
    }
}

/// A query and its arguments (BEP 5, "DHT Queries").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// `q`.
    pub method: Method<'a>,
    /// `id`: the asker's node ID.
    pub id: Option<Id>,
    /// `target` of find_node and of queries unknown to BEP 5.
    pub target: Option<Id>,
    /// `info_hash` of get_peers and announce_peer.
    pub info_hash: Option<Id>,
    /// `port` of announce_peer.
    pub port: Option<u16>,
    /// `implied_port`: the peer's port is the source port of the datagram.
    pub implied_port: bool,
    /// `token` of announce_peer and put.
    pub token: Option<&'a [u8]>,
    /// `want` (BEP 32).
    pub want: Want,
    /// The item of a put; of a get only the sequence number (BEP 44).
    pub item: ItemFields<'a>,
    /// `salt` of a put (BEP 44). Empty is as good as absent.
    pub salt: Option<&'a [u8]>,
    /// `cas` of a put: the sequence number that the item it replaces must have
    /// (BEP 44).
    pub cas: Option<i64>,
    /// `seed` of announce_peer: the peer has the whole torrent (BEP 33). Any
    /// value but 1 is `false`.
    pub seed: bool,
    /// `noseed` of get_peers: the asker wants no seeds (BEP 33).
    pub no_seeds: bool,
    /// `scrape` of get_peers: the asker wants filters to count peers by (BEP 33).
    pub scrape: bool,
}

impl<'a> Query<'a> {
    /// A query of `method` by the node `id`, without further arguments.
    pub const fn new(method: Method<'a>, id: Id) -> Self {
        Self {
            method,
            id: Some(id),
            target: None,
            info_hash: None,
            port: None,
            implied_port: false,
            token: None,
            want: Want {
                v4: false,
                v6: false,
            },
            item: ItemFields::NONE,
            salt: None,
            cas: None,
            seed: false,
            no_seeds: false,
            scrape: false,
        }
    }

    /// A find_node query for `target`.
    pub const fn find_node(id: Id, target: Id) -> Self {
        Self::new(Method::FindNode, id).about(target)
    }

    /// A get_peers query for `info_hash`.
    pub const fn get_peers(id: Id, info_hash: Id) -> Self {
        let mut query = Self::new(Method::GetPeers, id);
        query.info_hash = Some(info_hash);
        query
    }

    /// An announce_peer query for `info_hash`, with the token that the asked
    /// node gave before.
    pub const fn announce_peer(id: Id, info_hash: Id, port: u16, token: &'a [u8]) -> Self {
        let mut query = Self::new(Method::AnnouncePeer, id);
        query.info_hash = Some(info_hash);
        query.port = Some(port);
        query.token = Some(token);
        query
    }

    /// A get query for the item at `target` (BEP 44).
    pub const fn get(id: Id, target: Id) -> Self {
        Self::new(Method::Get, id).about(target)
    }

    /// A sample_infohashes query, which also asks for contacts close to
    /// `target` (BEP 51).
    pub const fn sample_infohashes(id: Id, target: Id) -> Self {
        Self::new(Method::SampleInfohashes, id).about(target)
    }

    /// A put query for an item without salt, with the token that the asked
    /// node gave before (BEP 44).
    pub const fn put(id: Id, item: ItemFields<'a>, token: &'a [u8]) -> Self {
        let mut query = Self::new(Method::Put, id);
        query.item = item;
        query.token = Some(token);
        query
    }

    const fn about(mut self, target: Id) -> Self {
        self.target = Some(target);
        self
    }

    /// The key the query is about: `info_hash`, else `target`.
    pub fn key(&self) -> Option<Id> {
        self.info_hash.or(self.target)
    }
}

/// A response (BEP 5, "DHT Queries").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response<'a> {
    /// `id`: the answering node's ID.
    pub id: Option<Id>,
    /// `nodes`: IPv4 contacts.
    pub nodes: Option<Nodes<'a>>,
    /// `nodes6`: IPv6 contacts (BEP 32).
    pub nodes6: Option<Nodes<'a>>,
    /// `token` for a later announce_peer or put.
    pub token: Option<&'a [u8]>,
    /// `values`: peers. The list may be there and empty.
    pub values: Option<Values<'a>>,
    /// The item, or its sequence number alone (BEP 44).
    pub item: ItemFields<'a>,
    /// `BFsd`: a filter of the swarm's seeds (BEP 33).
    pub seeds: Option<&'a FilterBytes>,
    /// `BFpe`: a filter of the swarm's other peers (BEP 33).
    pub leeches: Option<&'a FilterBytes>,
    /// `samples`: infohashes that the node holds peers of, 20 bytes each (BEP 51).
    pub samples: Option<Samples<'a>>,
    /// `num`: how many infohashes the node holds peers of (BEP 51).
    pub num: Option<u32>,
    /// `interval`: seconds until the node has other samples (BEP 51 allows 0
    /// to 21,600).
    pub interval: Option<u32>,
}

impl Response<'_> {
    /// A response that holds only the answering node's ID.
    pub fn new(id: Id) -> Self {
        Self {
            id: Some(id),
            ..Self::default()
        }
    }

    /// Whether the response holds an item: `v` of BEP 44.
    pub const fn has_item(&self) -> bool {
        self.item.value.is_some()
    }

    /// Whether the response holds at least one peer.
    pub fn has_values(&self) -> bool {
        self.values.is_some_and(|values| !values.is_empty())
    }
}

/// An error message: code and text (BEP 5, "Errors").
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorReply<'a> {
    /// See [`error_code`].
    pub code: i64,
    /// Text for a person.
    pub message: &'a [u8],
}

impl fmt::Debug for ErrorReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message.escape_ascii())
    }
}

/// Error codes of BEP 5 and BEP 44, "Errors".
pub mod error_code {
    /// Generic error.
    pub const GENERIC: i64 = 201;
    /// Server error.
    pub const SERVER: i64 = 202;
    /// Malformed packet, invalid arguments or bad token.
    pub const PROTOCOL: i64 = 203;
    /// Method unknown.
    pub const METHOD_UNKNOWN: i64 = 204;
    /// `v` of a put is too long (BEP 44).
    pub const VALUE_TOO_LONG: i64 = 205;
    /// The signature of a put does not fit (BEP 44).
    pub const BAD_SIGNATURE: i64 = 206;
    /// `salt` of a put is too long (BEP 44).
    pub const SALT_TOO_LONG: i64 = 207;
    /// The item to be replaced has another sequence number than `cas` says:
    /// read it again (BEP 44).
    pub const CAS_MISMATCH: i64 = 301;
    /// The sequence number of a put is not above that of the item held (BEP 44).
    pub const SEQUENCE_TOO_LOW: i64 = 302;
}
