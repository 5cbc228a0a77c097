//! One node under test: its messages, exchanges and lookups, handed to the
//! measurements in time order.

use std::net::{IpAddr, SocketAddr};

use foldhash::{HashMap, HashMapExt};
use mdht_krpc::{Body, Message, Method};

use crate::capture::Datagram;
use crate::exchange::{Exchange, Exchanges, SentQuery};
use crate::lookup::{Closed, Lookups};
use crate::measurement::{Factory, Measurement, Span};
use crate::{LookupId, NodeProfile, NodeSpec, Options, Timestamp};

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
pub(crate) struct Observers {
    nodes: Vec<Observer>,
    /// Indices into `nodes`.
    by_ip: HashMap<IpAddr, Vec<usize>>,
}

impl Observers {
    pub(crate) fn new(specs: Vec<NodeSpec>, options: &Options, factories: &[Factory]) -> Self {
        let mut by_ip: HashMap<IpAddr, Vec<usize>> = HashMap::new();
        for (index, spec) in specs.iter().enumerate() {
            by_ip.entry(spec.ip).or_default().push(index);
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
    pub(crate) fn on_message(&mut self, datagram: &Datagram<'_>, message: &Message<'_>) {
        let (source, destination) = (datagram.source, datagram.destination);
        self.hand_out(datagram, message, Direction::Sent, source, destination);
        self.hand_out(datagram, message, Direction::Received, destination, source);
    }

    fn hand_out(
        &mut self,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        direction: Direction,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        for &index in self.by_ip.get(&local.ip()).into_iter().flatten() {
            let node = &mut self.nodes[index];
            if node.spec.matches(&local) {
                node.on_message(&Observed {
                    time: datagram.time,
                    direction,
                    local,
                    remote,
                    ip_len: datagram.ip_len,
                    message,
                });
            }
        }
    }

    pub(crate) fn finish(self, span: &Span) -> Vec<NodeProfile> {
        let nodes = self.nodes.into_iter();
        nodes.map(|node| node.finish(span)).collect()
    }
}

/// One node under test.
struct Observer {
    spec: NodeSpec,
    messages: u64,
    exchanges: Exchanges,
    lookups: Lookups,
    measurements: Vec<Box<dyn Measurement>>,
}

impl Observer {
    fn new(spec: NodeSpec, options: &Options, factories: &[Factory]) -> Self {
        Self {
            spec,
            messages: 0,
            exchanges: Exchanges::new(options.timeout),
            lookups: Lookups::new(options),
            measurements: factories.iter().map(|make| make(options)).collect(),
        }
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        self.messages += 1;
        self.on_time(observed.time);
        for measurement in &mut self.measurements {
            measurement.on_message(observed);
        }
        match (observed.direction, &observed.message.body) {
            (Direction::Sent, Body::Query(query)) => {
                let lookup = self.lookup_of(&query.method, query.info_hash, observed.time);
                let sent = SentQuery::new(observed, query, lookup);
                self.exchanges.open(sent, observed.message.transaction_id);
            }
            (Direction::Received, Body::Response(_) | Body::Error(_)) => self.on_answer(observed),
            _ => {}
        }
    }

    fn lookup_of(
        &mut self,
        method: &Method<'_>,
        infohash: Option<mdht_krpc::Id>,
        now: Timestamp,
    ) -> Option<LookupId> {
        let infohash = infohash?;
        match method {
            Method::GetPeers => Some(self.lookups.on_query(infohash, now)),
            Method::AnnouncePeer => {
                self.lookups.on_announce(&infohash);
                None
            }
            _ => None,
        }
    }

    fn on_answer(&mut self, observed: &Observed<'_>) {
        match self.exchanges.answer(observed) {
            Ok(exchange) => self.on_exchange(&exchange),
            Err(stray) => {
                for measurement in &mut self.measurements {
                    measurement.on_stray(observed, stray);
                }
            }
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
        for measurement in &mut self.measurements {
            measurement.on_exchange(exchange);
        }
    }

    fn on_closed(&mut self, closed: &Closed) {
        for measurement in &mut self.measurements {
            match closed {
                Closed::Lookup(lookup) => measurement.on_lookup(lookup),
                Closed::Refresh(group) => measurement.on_refresh(group),
            }
        }
    }

    fn finish(mut self, span: &Span) -> NodeProfile {
        while let Some(exchange) = self.exchanges.expire_all() {
            self.on_exchange(&exchange);
        }
        while let Some(closed) = self.lookups.close_all() {
            self.on_closed(&closed);
        }
        let measurements = self.measurements.into_iter();
        NodeProfile {
            node: self.spec,
            messages: self.messages,
            sections: measurements.map(|m| m.finish(span)).collect(),
        }
    }
}
