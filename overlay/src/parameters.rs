//! Everything that can be chosen about the world, with the sources of the
//! defaults: one set for every node under test, never one per variant.

mod catalogue;
mod check;
mod error;
mod reading;
mod suggestion;
mod writing;

use serde::{Deserialize, Serialize};

pub use catalogue::LEAST_NODES;
pub use error::ParameterError;

/// Most modelled nodes online at once: a rank has 24 bits.
pub const MOST_NODES: u32 = 1 << 24;

/// The make-up of a world. In a script it is the section `[overlay]`; what is
/// left out has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Modelled nodes online at once, [`LEAST_NODES`] to [`MOST_NODES`].
    /// Default 8 million: the thesis cites up to 9.5 million [8.I].
    pub nodes: u32,
    /// Everything that is drawn is drawn from this. TOML writes seeds below
    /// 2⁶³; larger ones are refused.
    pub seed: u64,
    /// Share of nodes whose ID fits their address [BEP 42], 0 to 1. Default 0:
    /// the thesis is older than BEP 42.
    pub secure_ids: f64,
    /// Client versions.
    pub clients: Vec<Client>,
    /// Connectivity.
    pub connectivity: Vec<Connectivity>,
    /// Round-trip times, jitter and loss.
    pub links: Links,
    /// How long nodes stay.
    pub sessions: Sessions,
    /// Who announces what.
    pub swarms: Swarms,
    /// What the modelled nodes' routing tables hold.
    pub tables: Tables,
    /// How a node under test becomes known.
    pub acquaintances: Acquaintances,
}

/// Nodes of one client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The two letters of `v` [BEP 20], ASCII; empty for a node that sends
    /// none.
    pub code: String,
    /// Share of nodes, 0 to 1. All shares add up to 1.
    pub share: f64,
    /// Contacts in the buckets nearest the root, outermost first, 1 to 1,024
    /// each, at most 64 buckets; those that are not named hold 8 [BEP 5].
    #[serde(default)]
    pub buckets: Vec<u16>,
}

/// What lies between a node and the rest of the world [thesis 7, section 2.2].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing: everybody reaches it. Pattern RRR-RRR.
    Open,
    /// Whoever sends to its mapping reaches it while the mapping lasts. RRR.
    FullCone,
    /// An IP address that it sent to reaches it. RRU.
    RestrictedCone,
    /// An address and port that it sent to reaches it. RUU.
    PortRestrictedCone,
    /// The same, and it has another port towards everybody it sends to. RUU.
    Symmetric,
    /// It sends; nothing reaches it. UUU-UUU.
    Firewalled,
    /// Anomalous: unreachable just after its query, reachable minutes later.
    /// UUU-RRR.
    Late,
    /// Anomalous: a third party reaches it only minutes later. RRU-RRR.
    LateForOthers,
    /// Anomalous: reachable now and then, any pattern.
    Erratic,
}

/// A connectivity class with its share of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connectivity {
    /// The class.
    pub class: Class,
    /// Seconds without traffic after which a NAT forgets a mapping, 1 to
    /// 86,400 [thesis 7, section 2.2.3]. It means nothing for classes without a
    /// NAT, and may be left out there.
    #[serde(default)]
    pub mapping_timeout_s: u32,
    /// Share of nodes, 0 to 1. All shares add up to 1.
    pub share: f64,
}

/// Round-trip times, jitter and loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Links {
    /// Points (percent, milliseconds) of the distribution of round-trip times,
    /// linear in between: percents rise from 0 to 100, times from 0.1 to 60,000
    /// never fall. Default: thesis 8.VI, Fig. 2, with ends of our own and a
    /// point at 5 %, where nothing is published: near nodes are few.
    pub rtt_percentiles: Vec<(f64, f64)>,
    /// How much of the spread comes from the networks of the two ends, 0 to 1;
    /// the rest comes from the host. With 1, all nodes of a network are equally
    /// far. An assumption.
    pub network_share: f64,
    /// Mean of the extra delay of a packet, as a share of its delay, 0 to 10;
    /// exponentially distributed. An assumption.
    pub jitter: f64,
    /// Share of packets lost, each way, 0 to 1. Fitted.
    pub loss: f64,
}

/// How long nodes stay online.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sessions {
    /// Weibull. Default: shape 0.426, scale 473 min, which has the published
    /// quantiles: half below 200 min, 3 % above 9,000 min (Wang and
    /// Kangasharju, "Measuring large-scale distributed systems: case of
    /// BitTorrent Mainline DHT", IEEE P2P 2013).
    Weibull {
        /// Shape.
        shape: f64,
        /// Scale in minutes.
        scale_min: f64,
    },
    /// Log-normal. The same quantiles: median 200 min, sigma 2.02.
    LogNormal {
        /// Median in minutes.
        median_min: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Exponential.
    Exponential {
        /// Mean in minutes.
        mean_min: f64,
    },
    /// Nobody comes or goes.
    Endless,
}

/// Who announces what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Swarms {
    /// Number of `top` swarms: those that nodes under test look up. Default
    /// 3,078 [8.VI].
    pub top: u32,
    /// Peers of the largest `top` swarm. The three figures of their sizes are an
    /// assumption: swarms of tens to thousands of peers [8.VIII.A].
    pub top_largest: f64,
    /// Peers of the swarm of rank r: `largest * (1 + r / flat)^-exponent`
    /// (Zipf-Mandelbrot). Top swarms: the exponent.
    pub top_exponent: f64,
    /// Top swarms: the rank up to which the curve is flat.
    pub top_flat: f64,
    /// Background swarms for each modelled node. Default 0.5: 4.51 million
    /// swarms on the three largest trackers (TorrentFreak, 6 July 2013) among
    /// 9.5 million nodes.
    pub background_per_node: f64,
    /// Background: mean peers of a swarm, geometrically distributed. Default
    /// 6.5: 29.4 million peers in those swarms (same source).
    pub background_mean: f64,
    /// XOR rank up to which an announce of one peer reaches nodes with
    /// near certainty. Fitted.
    pub replica_reach: f64,
    /// How fast the chance falls beyond: with the power of the rank. Fitted.
    pub replica_spread: f64,
    /// Most values in one response. Default 50 (1,400 bytes hold no more with
    /// the contacts).
    pub most_values: u32,
}

/// What the modelled nodes' routing tables hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tables {
    /// Share of entries of full buckets that are online and answer anybody:
    /// who does not is replaced there sooner or later. Fitted.
    pub good: f64,
    /// The same among the nodes nearest to the table's owner, whose buckets are
    /// never full, so that everybody stays until found bad. Fitted.
    pub near_good: f64,
    /// Of the other entries, the share behind a NAT that lets only those in
    /// that the node sent to. Fitted.
    pub natted: f64,
    /// Of the other entries, the share behind a firewall. The rest is stale:
    /// nodes gone since.
    pub firewalled: f64,
    /// Minutes after which an entry is another one.
    pub epoch_min: f64,
    /// Share of the reachable nodes nearest to its own ID that a node knows.
    pub near_known: f64,
}

impl Tables {
    /// Shares of entries that are good, behind a NAT, behind a firewall and
    /// stale, where `good` of them are good.
    pub fn shares(&self, good: f64) -> [f64; 4] {
        let others = 1.0 - good;
        let stale = (1.0 - self.natted - self.firewalled).max(0.0);
        [
            good,
            others * self.natted,
            others * self.firewalled,
            others * stale,
        ]
    }
}

/// How a node under test becomes known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acquaintances {
    /// Chance that a node far away in the ID space takes up one that sends it
    /// a query, 0 to 1.
    pub admission: f64,
    /// The same among the nodes nearest to it.
    pub near_admission: f64,
    /// Mean minutes until a table forgets a contact.
    pub memory_min: f64,
    /// Mean minutes between queries of one that holds the contact.
    pub query_min: f64,
    /// Queries a second from nodes that heard of it, once it is well known.
    /// Default 1.5: between 1.7 unique addresses a second met by each of nine
    /// nodes in 80 h [8.VIII.D] and 2.7 unique nodes a second that queried each
    /// of 16 identities in 24 h [7.5].
    pub strangers_per_s: f64,
    /// Share of get_peers among the queries of strangers; the others are
    /// find_node. An assumption.
    pub get_peers: f64,
    /// Share of the responses with a token after which the modelled node
    /// announces a peer. Default 0.03: the background swarms' peers announce to
    /// every node about once a minute.
    pub announces: f64,
    /// Number of tables in which it is well known.
    pub well_known: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            nodes: 8_000_000,
            seed: 1,
            secure_ids: 0.0,
            clients: published_clients(),
            connectivity: published_connectivity(),
            links: Links::default(),
            sessions: Sessions::default(),
            swarms: Swarms::default(),
            tables: Tables::default(),
            acquaintances: Acquaintances::default(),
        }
    }
}

/// Thesis 8, Table III; the 0.1 % of others count as nodes without a version.
fn published_clients() -> Vec<Client> {
    let client = |code: &str, share, buckets: &[u16]| Client {
        code: code.to_owned(),
        share,
        buckets: buckets.to_vec(),
    };
    vec![
        client("UT", 0.600, &[]),
        client("LT", 0.073, &[]),
        client("TR", 0.002, &[]),
        client("", 0.325, &[]),
    ]
}

/// Thesis 7, Table 1. How the pattern RUU divides into port-restricted and
/// symmetric is an assumption: the patterns do not tell them apart.
fn published_connectivity() -> Vec<Connectivity> {
    let row = |class, mapping_timeout_s, percent: f64| Connectivity {
        class,
        mapping_timeout_s,
        // the nearest to the decimal, so that it prints as it is written
        share: (percent * 10.0).round() / 1000.0,
    };
    vec![
        row(Class::Open, 0, 35.5),
        row(Class::FullCone, SHORT_S, 2.7),
        row(Class::RestrictedCone, SHORT_S, 0.8),
        row(Class::RestrictedCone, LONG_S, 2.0),
        row(Class::PortRestrictedCone, SHORT_S, 23.3),
        row(Class::PortRestrictedCone, LONG_S, 2.8),
        row(Class::Symmetric, SHORT_S, 8.0),
        row(Class::Firewalled, 0, 10.6),
        row(Class::Late, 0, 7.6),
        row(Class::LateForOthers, 0, 1.7),
        row(Class::Erratic, 0, 5.0),
    ]
}

/// The mapping timeout of more than 60 % of NATs [thesis 7, section 2.2.3].
const SHORT_S: u32 = 120;
/// Long enough to be reachable after the five minutes of the checker.
const LONG_S: u32 = 600;

impl Default for Links {
    fn default() -> Self {
        Self {
            rtt_percentiles: vec![
                (0.0, 0.3),
                (2.0, 2.13),
                (5.0, 40.0),
                (25.0, 94.8),
                (50.0, 175.2),
                (75.0, 343.6),
                (98.0, 1093.9),
                (100.0, 2000.0),
            ],
            network_share: 0.5,
            jitter: 0.02,
            loss: 0.0124,
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self::Weibull {
            shape: 0.426,
            scale_min: 473.0,
        }
    }
}

impl Default for Swarms {
    fn default() -> Self {
        Self {
            top: 3078,
            top_largest: 10_000.0,
            top_exponent: 2.5,
            top_flat: 600.0,
            background_per_node: 0.5,
            background_mean: 6.5,
            replica_reach: 3.2,
            replica_spread: 1.425,
            most_values: 50,
        }
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            good: 0.74,
            near_good: 0.40,
            natted: 0.21,
            firewalled: 0.1,
            epoch_min: 15.0,
            near_known: 0.4,
        }
    }
}

impl Default for Acquaintances {
    fn default() -> Self {
        Self {
            admission: 0.04,
            near_admission: 0.8,
            memory_min: 120.0,
            query_min: 12.0,
            strangers_per_s: 1.5,
            get_peers: 0.4,
            announces: 0.03,
            well_known: 200,
        }
    }
}
