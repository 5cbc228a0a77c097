//! What a node is made with.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_plugins::{LookupFactory, RoutingFactory};

use super::{Budget, ItemStoreConfig, PeerStoreConfig, RateLimit, ReachabilityWatch, SampleConfig};

/// Client code and version in `v`, BEP 20 style: `MD`, version 0.1.
pub const VERSION: [u8; 4] = *b"MD\x00\x01";

/// Configuration of a [`Core`](super::Core).
#[derive(Clone, Debug)]
pub struct Config {
    /// The sockets, in the order of their [`SocketId`](super::SocketId). The
    /// first of each family is the one the node is known by.
    pub sockets: Vec<SocketAddr>,
    /// Routing policy.
    pub routing: RoutingFactory,
    /// Lookup policy.
    pub lookup: LookupFactory,
    /// Client code and version in `v` of our messages; `None` sends no `v`.
    /// Default [`VERSION`].
    pub version: Option<[u8; 4]>,
    /// Our node ID; random if `None`, and one per family.
    pub id: Option<Id>,
    /// Ask, but answer nobody, and say so (BEP 43). Default false.
    pub read_only: bool,
    /// Become read-only when nobody reaches us, and no longer when somebody
    /// does again; each family for itself. Default `None`: never.
    pub read_only_if_unreachable: Option<ReachabilityWatch>,
    /// Accept private and loopback addresses even where our own bind address
    /// and the bootstrap nodes are public. Default false.
    pub allow_private: bool,
    /// How much is taken from others and answered; `None` is all. Default: see
    /// [`RateLimit`].
    pub rate_limit: Option<RateLimit>,
    /// What may be sent at all. Default: no limit.
    pub budget: Budget,
    /// Bounds on stored peers.
    pub peers: PeerStoreConfig,
    /// Bounds on stored items.
    pub items: ItemStoreConfig,
    /// How often an item is put again that we were asked to keep there.
    /// Default 1 h, as BEP 44 says.
    pub republish_every: Duration,
    /// What is told of the infohashes that we hold peers of (BEP 51).
    pub samples: SampleConfig,
    /// Take a node ID that fits our external address, as others agree to see
    /// it (BEP 42), unless [`Config::id`] gives one. Default false: whoever
    /// compares policies wants the IDs that the seed gives.
    pub follow_address: bool,
    /// Give each further socket of a family a node ID of its own (BEP 45).
    /// Default false: one ID seen at several ports is what the second vantage
    /// point of [thesis 7.4.3] was.
    pub id_per_socket: bool,
    /// How long a lookup waits for the node to join before it ends with
    /// nothing. Default [`Config::PATIENCE`].
    pub patience: Duration,
}

impl Config {
    /// How long a lookup waits for the node to join, where nothing else is
    /// chosen.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// A configuration with the defaults named at each field.
    pub fn new(sockets: Vec<SocketAddr>, routing: RoutingFactory, lookup: LookupFactory) -> Self {
        Self {
            sockets,
            routing,
            lookup,
            version: Some(VERSION),
            id: None,
            read_only: false,
            read_only_if_unreachable: None,
            allow_private: false,
            rate_limit: Some(RateLimit::default()),
            budget: Budget::default(),
            peers: PeerStoreConfig::default(),
            items: ItemStoreConfig::default(),
            republish_every: Duration::from_secs(3600),
            samples: SampleConfig::default(),
            follow_address: false,
            id_per_socket: false,
            patience: Self::PATIENCE,
        }
    }
}
