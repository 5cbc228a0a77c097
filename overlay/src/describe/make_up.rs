//! A world's make-up, from its parameters and its ID space.

use std::net::SocketAddrV4;

use mdht_krpc::Instant;
use serde::Serialize;

use super::lifetimes::Lifetimes;
use super::{RTT_PERCENTILES, SESSION_PERCENTILES, checker};
use crate::draws::{Draws, Subject};
use crate::parameters::{Acquaintances, Class, Client, Connectivity, Sessions};
use crate::population::interpolate;
use crate::tables::K;
use crate::world::World;

/// What a world is made of. Its [`Display`](std::fmt::Display) is a table for
/// people, its serde form the JSON of `mdht overlay describe`.
#[derive(Clone, Debug, Serialize)]
pub struct MakeUp {
    /// Modelled nodes online at once.
    pub nodes: u32,
    /// The seed.
    pub seed: u64,
    /// Bytes held for the population.
    pub population_bytes: usize,
    /// The same for each node.
    pub bytes_per_node: f64,
    /// Addresses of the bootstrap nodes.
    pub routers: Vec<SocketAddrV4>,
    /// Share of nodes whose ID fits their address.
    pub secure_ids: f64,
    /// Client versions.
    pub clients: Vec<Client>,
    /// Connectivity classes with the pattern that each shows.
    pub connectivity: Vec<ClassRow>,
    /// Percentiles of round-trip times: percent and milliseconds.
    pub rtt_ms: Vec<(f64, f64)>,
    /// Share of the spread of round-trip times that networks bring.
    pub network_share: f64,
    /// Mean extra delay of a packet, as a share of its delay.
    pub jitter: f64,
    /// Share of packets lost, each way.
    pub loss: f64,
    /// How long nodes stay.
    pub sessions: SessionRows,
    /// Who announces what.
    pub swarms: SwarmRows,
    /// What tables hold.
    pub tables: TableRows,
    /// How a node under test becomes known.
    pub acquaintances: Acquaintances,
}

/// A connectivity class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassRow {
    /// The class.
    pub class: Class,
    /// Seconds until a NAT forgets a mapping; `None` where there is no NAT.
    pub mapping_timeout_s: Option<u32>,
    /// Share of nodes.
    pub share: f64,
    /// What the thesis's checker sees of it; `None` for any pattern.
    pub pattern: Option<String>,
}

/// How long nodes stay.
#[derive(Clone, Debug, Serialize)]
pub struct SessionRows {
    /// The model with its parameters.
    pub model: Sessions,
    /// Percentiles of whole sessions: percent and minutes; none if endless.
    pub length_min: Vec<(f64, f64)>,
    /// Mean length in minutes; `None` if endless.
    pub mean_min: Option<f64>,
    /// Share of those online at a moment that leave within an hour.
    pub leaving_per_hour: f64,
}

/// Swarms.
#[derive(Clone, Debug, Serialize)]
pub struct SwarmRows {
    /// Number of `top` swarms.
    pub top: u32,
    /// Their sizes at ranks 0, 25, 50, 75 and 100 % of the list: percent and
    /// peers.
    pub top_peers: Vec<(f64, f64)>,
    /// Share of `top` swarms of more than 200 peers [8.VIII.A].
    pub top_over_200: f64,
    /// Share of `top` swarms of at most 50 peers.
    pub top_up_to_50: f64,
    /// Number of background swarms.
    pub background: u64,
    /// Their mean size in peers.
    pub background_mean: f64,
    /// XOR rank up to which one peer's announces reach nodes with near
    /// certainty.
    pub replica_reach: f64,
    /// The power of the rank with which that falls beyond.
    pub replica_spread: f64,
}

/// Tables of modelled nodes.
#[derive(Clone, Debug, Serialize)]
pub struct TableRows {
    /// Share of entries of full buckets that answer anybody.
    pub good: f64,
    /// Share behind a NAT.
    pub natted: f64,
    /// Share behind a firewall.
    pub firewalled: f64,
    /// Share that has left.
    pub stale: f64,
    /// Share of the nodes nearest to the owner that answer anybody.
    pub near_good: f64,
    /// Minutes after which an entry is another one.
    pub epoch_min: f64,
    /// Depth of the table: buckets before the subtree in which a node knows
    /// most nodes.
    pub depth: u32,
    /// Places in those buckets, mean over clients.
    pub places: f64,
    /// Share of the reachable nodes in that subtree that a node knows.
    pub near_known: f64,
}

impl MakeUp {
    /// Of a world.
    pub fn of(world: &World) -> Self {
        let parameters = world.parameters();
        let links = &parameters.links;
        let bytes = world.population().bytes();
        Self {
            nodes: parameters.nodes,
            seed: parameters.seed,
            population_bytes: bytes,
            bytes_per_node: bytes as f64 / f64::from(parameters.nodes),
            routers: world.routers().to_vec(),
            secure_ids: parameters.secure_ids,
            clients: parameters.clients.clone(),
            connectivity: parameters.connectivity.iter().map(ClassRow::of).collect(),
            rtt_ms: RTT_PERCENTILES
                .map(|percent| (percent, interpolate(&links.rtt_percentiles, percent)))
                .to_vec(),
            network_share: links.network_share,
            jitter: links.jitter,
            loss: links.loss,
            sessions: SessionRows::of(parameters.sessions),
            swarms: SwarmRows::of(world),
            tables: TableRows::of(world),
            acquaintances: parameters.acquaintances.clone(),
        }
    }
}

impl ClassRow {
    fn of(what: &Connectivity) -> Self {
        Self {
            class: what.class,
            mapping_timeout_s: what.class.has_mappings().then_some(what.mapping_timeout_s),
            share: what.share,
            pattern: shown_by(*what),
        }
    }
}

/// The pattern of a class whose nodes stay online; `None` if it differs from
/// node to node.
pub(super) fn shown_by(what: Connectivity) -> Option<String> {
    let coins = Draws::new(0, Subject::Anomaly);
    let pattern = checker::pattern(what, Instant::ZERO, Instant::from_micros(u64::MAX), coins);
    (what.class != Class::Erratic).then(|| pattern.to_string())
}

impl SessionRows {
    fn of(model: Sessions) -> Self {
        let lifetimes = Lifetimes::of(&model);
        let length = |percent: f64| (percent, model.length_min(1.0 - percent / 100.0));
        Self {
            model,
            length_min: match lifetimes {
                Some(_) => SESSION_PERCENTILES.map(length).to_vec(),
                None => Vec::new(),
            },
            mean_min: lifetimes.as_ref().map(Lifetimes::mean),
            leaving_per_hour: lifetimes.map_or(0.0, |lifetimes| lifetimes.leaving_within(60.0)),
        }
    }
}

impl SwarmRows {
    fn of(world: &World) -> Self {
        let swarms = &world.parameters().swarms;
        let last = swarms.top.saturating_sub(1);
        let at = |quarter: u32| {
            let rank = u64::from(last) * u64::from(quarter) / 4;
            let rank = u32::try_from(rank).unwrap_or(last);
            (f64::from(quarter) * 25.0, world.swarms().top_size(rank))
        };
        let share = |fits: &dyn Fn(f64) -> bool| {
            let ranks = (0..swarms.top).filter(|rank| fits(world.swarms().top_size(*rank)));
            ranks.map(|_| 1.0).sum::<f64>() / f64::from(swarms.top.max(1))
        };
        Self {
            top: swarms.top,
            top_peers: if swarms.top == 0 {
                Vec::new()
            } else {
                (0..=4).map(at).collect()
            },
            top_over_200: share(&|peers| peers > 200.0),
            top_up_to_50: share(&|peers| peers <= 50.0),
            background: background_swarms(world),
            background_mean: swarms.background_mean,
            replica_reach: swarms.replica_reach,
            replica_spread: swarms.replica_spread,
        }
    }
}

/// Number of background swarms.
#[allow(clippy::cast_possible_truncation)] // at most 2²⁴
pub(super) fn background_swarms(world: &World) -> u64 {
    let parameters = world.parameters();
    (parameters.swarms.background_per_node * f64::from(parameters.nodes)) as u64
}

impl TableRows {
    fn of(world: &World) -> Self {
        let tables = &world.parameters().tables;
        let depth = world.tables.near_depth();
        let [good, natted, firewalled, stale] = tables.shares(tables.good);
        Self {
            good,
            natted,
            firewalled,
            stale,
            near_good: tables.near_good,
            epoch_min: tables.epoch_min,
            depth,
            places: (0..depth).map(|bucket| bucket_places(world, bucket)).sum(),
            near_known: tables.near_known,
        }
    }
}

/// Places in a bucket, mean over clients.
pub(super) fn bucket_places(world: &World, bucket: u32) -> f64 {
    let clients = world.parameters().clients.iter();
    let places = clients.map(|client| {
        let named = client.buckets.get(bucket as usize).copied();
        client.share * named.map_or(K as f64, f64::from)
    });
    places.sum()
}
