//! One node under test: its messages, exchanges and lookups, handed to the
//! measurements in time order.

use std::net::{IpAddr, SocketAddr};

use foldhash::{HashMap, HashMapExt};
use mdht_krpc::{Body, Message, Query};

use crate::capture::Datagram;
use crate::exchange::{Exchange, Exchanges, QueryKind, SentQuery};
use crate::lookup::{Closed, LookupKind, Lookups};
use crate::measurement::{Factory, Span};
use crate::measuring::Measuring;
use crate::remotes::Remotes;
use crate::waterfall::Waterfalls;
use crate::{NodeProfile, NodeSpec, Options, Timestamp};

/// A KRPC message as seen from a node under test.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Observed<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// Whether the node sent or received it.
    pub direction: Direction,
    /// The node's socket.
    pub local: SocketAddr,
    /// The other side.
    pub remote: SocketAddr,
    /// Length of the IP packet in bytes, headers included.
    pub ip_len: usize,
    /// The message.
    pub message: &'a Message<'a>,
}

/// Which way a message goes, seen from the node under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The node sent it.
    Sent,
    /// The node received it.
    Received,
}

/// Every node under test.
#[derive(Clone)]
pub(crate) struct Observers {
    nodes: Vec<Observer>,
    /// Indices into `nodes`; empty where they are few, and all looked at.
    by_ip: HashMap<IpAddr, Vec<usize>>,
}

impl Observers {
    pub(crate) fn new(specs: Vec<NodeSpec>, options: &Options, factories: &[Factory]) -> Self {
        let mut by_ip: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        if specs.len() > FEW_NODES {
            for (index, spec) in specs.iter().enumerate() {
                by_ip.entry(spec.ip).or_default().push(index);
            }
        }
        let nodes = specs.into_iter();
        Self {
            nodes: nodes
                .map(|spec| Observer::new(spec, options, factories))
                .collect(),
            by_ip,
        }
    }

    /// A message between two nodes under test is sent first, then received.
    #[inline]
    pub(crate) fn on_message(&mut self, datagram: &Datagram<'_>, message: &Message<'_>) {
        let (source, destination) = (&datagram.source, &datagram.destination);
        let observed = |direction, local: &SocketAddr, remote: &SocketAddr| Observed {
            time: datagram.time,
            direction,
            local: *local,
            remote: *remote,
            ip_len: datagram.ip_len,
            message,
        };
        if self.nodes.len() > FEW_NODES {
            self.on_message_of_many(&observed(Direction::Sent, source, destination));
            self.on_message_of_many(&observed(Direction::Received, destination, source));
            return;
        }
        for node in &mut self.nodes {
            if node.spec.matches(source) {
                node.on_message(&observed(Direction::Sent, source, destination));
            }
        }
        for node in &mut self.nodes {
            if node.spec.matches(destination) {
                node.on_message(&observed(Direction::Received, destination, source));
            }
        }
    }

    fn on_message_of_many(&mut self, observed: &Observed<'_>) {
        let local = &observed.local;
        for &index in self.by_ip.get(&local.ip()).into_iter().flatten() {
            let node = &mut self.nodes[index];
            if node.spec.matches(local) {
                node.on_message(observed);
            }
        }
    }

    pub(crate) fn finish(self, span: &Span) -> Vec<NodeProfile> {
        let nodes = self.nodes.into_iter();
        nodes.map(|node| node.finish(span)).collect()
    }
}

/// One node under test.
#[derive(Clone)]
struct Observer {
    spec: NodeSpec,
    messages: u64,
    exchanges: Exchanges,
    lookups: Lookups,
    remotes: Remotes,
    waterfalls: Option<Waterfalls>,
    measuring: Measuring,
}

impl Observer {
    fn new(spec: NodeSpec, options: &Options, factories: &[Factory]) -> Self {
        let measuring = Measuring::new(&spec, options, factories);
        Self {
            spec,
            messages: 0,
            exchanges: Exchanges::new(options.timeout),
            lookups: Lookups::new(options),
            remotes: Remotes::default(),
            waterfalls: Waterfalls::new(options),
            measuring,
        }
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        self.messages += 1;
        self.on_time(observed.time);
        if observed.direction == Direction::Received {
            self.remotes.on_received(observed);
        }
        self.measuring.on_message(observed);
        match (observed.direction, &observed.message.body) {
            (Direction::Sent, Body::Query(query)) => {
                let mut sent = SentQuery::new(observed, query);
                self.join_lookup(&mut sent, query);
                self.exchanges.open(sent, observed.message.transaction_id);
            }
            (Direction::Received, Body::Response(_) | Body::Error(_)) => self.on_answer(observed),
            _ => {}
        }
    }

    fn join_lookup(&mut self, sent: &mut SentQuery, query: &Query<'_>) {
        match (sent.kind, query.info_hash, query.target) {
            (QueryKind::GetPeers, Some(infohash), _) => {
                self.lookups.on_query(LookupKind::GetPeers, infohash, sent);
            }
            (QueryKind::Get, _, Some(target)) => {
                self.lookups.on_query(LookupKind::Get, target, sent);
            }
            (QueryKind::AnnouncePeer, Some(infohash), _) => self.lookups.on_announce(infohash),
            _ => {}
        }
    }

    fn on_answer(&mut self, observed: &Observed<'_>) {
        match self.exchanges.answer(observed) {
            Ok(exchange) => self.on_exchange(&exchange),
            Err(stray) => self.measuring.on_stray(observed, stray),
        }
    }

    /// Ends what is over at `now`.
    fn on_time(&mut self, now: Timestamp) {
        while let Some(exchange) = self.exchanges.expire(now) {
            self.on_exchange(&exchange);
        }
        while let Some(closed) = self.lookups.close_due(now) {
            self.on_closed(&closed);
        }
    }

    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        self.lookups.on_exchange(exchange);
        self.remotes.on_exchange(exchange);
        if let Some(waterfalls) = &mut self.waterfalls {
            waterfalls.on_exchange(exchange);
        }
        self.measuring.on_exchange(exchange);
    }

    fn on_closed(&mut self, closed: &Closed) {
        if let Some(waterfalls) = &mut self.waterfalls {
            match closed {
                Closed::Lookup(lookup) => waterfalls.on_closed(lookup, true),
                Closed::Refresh(group) => waterfalls.on_closed(group, false),
            }
        }
        self.measuring.on_closed(closed);
    }

    fn finish(mut self, span: &Span) -> NodeProfile {
        while let Some(exchange) = self.exchanges.expire_all() {
            self.on_exchange(&exchange);
        }
        while let Some(closed) = self.lookups.close_all() {
            self.on_closed(&closed);
        }
        self.remotes.settle();
        NodeProfile {
            node: self.spec,
            messages: self.messages,
            sections: self.measuring.finish(&self.remotes, span),
            waterfalls: self.waterfalls.map_or_else(Vec::new, |w| w.finish(span)),
        }
    }
}

/// Up to so many nodes it is quicker to look at each than to look one up.
const FEW_NODES: usize = 4;
