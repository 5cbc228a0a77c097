//! Every key of the section with what it means and what it may be: the one list
//! that checking, error texts and the printed parameters go by.

use super::{MOST_NODES, Parameters};

/// Least modelled nodes. Derived tables need buckets beyond the 16 or so nodes
/// that each node knows best, and enough nodes in the subtrees of those buckets
/// to draw every kind of entry from; a hundred leaves two such buckets.
pub const LEAST_NODES: u32 = 100;
/// Most tables that a full node is in.
const MOST_HOLDERS: u32 = 4096;
/// Most background swarms: their numbers have 24 bits.
pub(super) const MOST_SWARMS: u32 = 1 << 24;
/// What a key may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Allowed {
    /// A whole number between two bounds, both included.
    Whole(f64, f64),
    /// A finite number between two bounds, both included.
    Number(f64, f64),
    /// Checked by the reader or with other keys; said in words.
    Words(&'static str),
}

impl Allowed {
    /// The bounds, if there are any.
    pub(super) const fn bounds(self) -> Option<(f64, f64)> {
        match self {
            Self::Whole(least, most) | Self::Number(least, most) => Some((least, most)),
            Self::Words(_) => None,
        }
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Number(least, most) => write!(f, "a number from {least} to {most}"),
            Self::Words(words) => f.write_str(words),
        }
    }
}

/// One key: its path below the section with `[]` for the places of a list, what
/// it may be, and what it means with unit and source.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: &'static str,
    pub(super) allowed: Allowed,
    pub(super) help: &'static str,
}

/// The entry of a key path, whatever the places in its lists.
pub(super) fn entry(path: &str) -> Option<&'static Entry> {
    let path = path.strip_prefix(Parameters::SECTION).unwrap_or(path);
    let pattern = pattern(path.trim_start_matches('.'));
    ENTRIES.iter().find(|entry| entry.key == pattern)
}

/// A path without the places in its lists.
fn pattern(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

const SHARE: Allowed = Allowed::Number(0.0, 1.0);
const MINUTES: Allowed = Allowed::Number(1.0, 1e7);

const fn key(key: &'static str, allowed: Allowed, help: &'static str) -> Entry {
    Entry { key, allowed, help }
}

/// All keys, in the order in which they are printed.
#[rustfmt::skip] // one line a key and its bounds
pub(super) const ENTRIES: &[Entry] = &[
    key("nodes", Allowed::Whole(LEAST_NODES as f64, MOST_NODES as f64),
        "Modelled nodes online at once. The thesis cites up to 9.5 million [8.I]."),
    key("seed", Allowed::Words("a whole number from 0 to 9223372036854775807"),
        "Everything that is drawn is drawn from this."),
    key("secure_ids", SHARE,
        "Share of nodes whose ID fits their address [BEP 42]. The thesis is older."),
    key("clients", Allowed::Words("at least one client; shares that add up to 1"),
        "Client versions [8.VIII.D, Table III]: `code` is two letters of `v` [BEP 20] or empty for none; \
         `share` of nodes, all add up to 1; `buckets` is the number of contacts in the buckets nearest \
         the root, outermost first (1 to 1024), and those that are not named hold 8."),
    key("clients[].code", Allowed::Words("two ASCII letters or signs, or nothing"), ""),
    key("clients[].share", SHARE, ""),
    key("clients[].buckets", Allowed::Words("at most 64 sizes"), ""),
    key("clients[].buckets[]", Allowed::Whole(1.0, 1024.0), ""),
    key("connectivity", Allowed::Words("at least one class; shares that add up to 1"),
        "Connectivity classes [7, Table 1]: `class` is open, full-cone, restricted-cone, \
         port-restricted-cone, symmetric, firewalled, late, late-for-others or erratic; \
         `mapping_timeout_s` is the seconds without traffic after which a NAT forgets a mapping \
         [7, section 2.2.3], needed for the four kinds of NAT; `share` of nodes, all add up to 1."),
    key("connectivity[].class", Allowed::Words(
        "open, full-cone, restricted-cone, port-restricted-cone, symmetric, firewalled, late, \
         late-for-others or erratic"), ""),
    key("connectivity[].mapping_timeout_s", Allowed::Whole(0.0, 86_400.0), ""),
    key("connectivity[].share", SHARE, ""),
    key("links", Allowed::Words("a table"), "Round-trip times, jitter and loss."),
    key("links.rtt_percentiles", Allowed::Words(
        "points [percent, milliseconds]: percents rising from 0 to 100, times from 0.1 to 60000 that never fall"),
        "Points (percent, milliseconds) of the distribution of round-trip times, linear in between. \
         2, 25 to 98 %: thesis 8.VI, Fig. 2; the ends and the point at 5 % are an assumption."),
    key("links.network_share", SHARE,
        "How much of the spread comes from the networks of the two ends; the rest comes from the hosts. \
         An assumption."),
    key("links.jitter", Allowed::Number(0.0, 10.0),
        "Mean of the extra delay of a packet, as a share of its delay. An assumption."),
    key("links.loss", SHARE, "Share of packets lost, each way. Fitted."),
    key("sessions", Allowed::Words("a table with a model"),
        "How long nodes stay. Half of all sessions are below 200 min, 3 % above 9,000 min (Wang and \
         Kangasharju, IEEE P2P 2013). Other models: log-normal (median_min, sigma; 200 and 2.02 have the same \
         quantiles), exponential (mean_min), endless."),
    key("sessions.model", Allowed::Words("weibull, log-normal, exponential or endless"), ""),
    key("sessions.shape", Allowed::Number(0.1, 10.0), "Weibull: shape, no unit."),
    key("sessions.scale_min", MINUTES, "Weibull: scale in minutes."),
    key("sessions.median_min", MINUTES, "Log-normal: median in minutes."),
    key("sessions.sigma", Allowed::Number(0.0, 10.0),
        "Log-normal: standard deviation of the natural logarithm, no unit."),
    key("sessions.mean_min", MINUTES, "Exponential: mean in minutes."),
    key("swarms", Allowed::Words("a table"), "Who announces what."),
    key("swarms.top", Allowed::Whole(0.0, 1e6),
        "Number of `top` swarms: those that nodes under test look up [8.VI]."),
    key("swarms.top_largest", Allowed::Number(1.0, 1e7), "Peers of the largest `top` swarm."),
    key("swarms.top_exponent", Allowed::Number(0.0, 20.0),
        "Peers of the swarm of rank r: largest * (1 + r / flat)^-exponent (Zipf-Mandelbrot)."),
    key("swarms.top_flat", Allowed::Number(0.001, 1e9), "The rank up to which that curve is flat."),
    key("swarms.background_per_node", Allowed::Number(0.0, 1000.0),
        "Background swarms for each modelled node, 16,777,216 in all at most. Default: 4.51 million swarms on \
         the three largest trackers (TorrentFreak, 6 July 2013) among 9.5 million nodes."),
    key("swarms.background_mean", Allowed::Number(1.0, 1e6),
        "Background: mean peers of a swarm, geometrically distributed. Default: 29.4 million peers in those \
         swarms (same source)."),
    key("swarms.replica_reach", Allowed::Number(0.001, 1e6),
        "XOR rank up to which an announce of one peer reaches nodes with near certainty. Fitted."),
    key("swarms.replica_spread", Allowed::Number(0.1, 20.0),
        "How fast the chance falls beyond: with this power of the rank. Fitted."),
    key("swarms.most_values", Allowed::Whole(1.0, 100.0),
        "Most values in one response; a datagram of 1,400 bytes has no room for more than 100."),
    key("tables", Allowed::Words("a table"), "What the modelled nodes' routing tables hold."),
    key("tables.good", SHARE,
        "Share of entries of full buckets that are online and answer anybody: who does not is replaced there \
         sooner or later. Fitted."),
    key("tables.near_good", SHARE,
        "The same among the nodes nearest to the table's owner, whose buckets are never full, so that \
         everybody stays until found bad. Fitted."),
    key("tables.natted", SHARE,
        "Of the other entries, the share behind a NAT that lets only those in that the node sent to. Fitted."),
    key("tables.firewalled", SHARE,
        "Of the other entries, the share behind a firewall. The rest is stale: nodes gone since."),
    key("tables.epoch_min", Allowed::Number(0.1, 1e6), "Minutes after which an entry is another one."),
    key("tables.near_known", SHARE,
        "Share of the reachable nodes nearest to its own ID that a node knows."),
    key("acquaintances", Allowed::Words("a table"), "How a node under test becomes known."),
    key("acquaintances.admission", SHARE,
        "Chance that a node far away in the ID space takes up one that sends it a query."),
    key("acquaintances.near_admission", SHARE, "The same among the nodes nearest to it."),
    key("acquaintances.memory_min", Allowed::Number(0.1, 1e6),
        "Mean minutes until a table forgets a contact; not below query_min, which is when it is checked."),
    key("acquaintances.query_min", Allowed::Number(0.1, 1e6),
        "Mean minutes between queries of one that holds the contact."),
    key("acquaintances.strangers_per_s", Allowed::Number(0.0, 1e4),
        "Queries a second from nodes that heard of it, once it is well known. Between 1.7 unique addresses a \
         second met by each of nine nodes in 80 h [8.VIII.D] and 2.7 unique nodes a second that queried each \
         of 16 identities in 24 h [7.5]."),
    key("acquaintances.get_peers", SHARE,
        "Share of get_peers among the queries of strangers; the others are find_node. An assumption."),
    key("acquaintances.announces", SHARE,
        "Share of the responses with a token after which the modelled node announces a peer."),
    key("acquaintances.well_known", Allowed::Whole(1.0, MOST_HOLDERS as f64),
        "Number of tables in which it is well known."),
];
