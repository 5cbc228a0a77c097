//! All attackers of a world: what reaches them, when they act, what they know.

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_krpc::{
    Body, Contact, Family, Id, Instant, Message, Method, Nodes, Query, Response, Rng, Values,
};

use super::hosts::{Hosts, Persona};
use super::{Attack, Kind, Strength};
use crate::draws::{Draws, Subject};
use crate::world::World;

/// Contacts in an answer [B5].
pub(super) const NAMED: u32 = 8;
/// False peers in an answer.
const FALSE_PEERS: u64 = 50;
/// Tokens that are remembered.
const MOST_TOKENS: usize = 4096;

/// A datagram of the adversary.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The source that it bears.
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    pub(crate) payload: Vec<u8>,
    /// How much later than now.
    pub(crate) after: Duration,
}

/// What was answered to honest queries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Observed {
    pub(crate) answered: u64,
    /// Those that held a peer which is not false.
    pub(crate) with_values: u64,
}

/// The adversary.
#[derive(Debug)]
pub(crate) struct Adversary {
    pub(super) attack: Attack,
    pub(super) hosts: Hosts,
    pub(super) draws: Draws,
    pub(super) rng: Rng,
    pub(super) victim: SocketAddrV4,
    /// The keys that the node under attack looks up, in their order: the
    /// adversary chose them, or it has been on the DHT for long.
    pub(super) keys: Vec<Id>,
    numbers: HashMap<Id, u16, FixedState>,
    /// Number of the key that was looked up last.
    pub(super) looked_up: usize,
    /// When it next acts of its own accord.
    pub(super) next: Instant,
    /// Datagrams it is behind by, less than one.
    pub(super) owed: f64,
    pub(super) sent: u64,
    /// Keys for which tokens were asked, as they will come back.
    pub(super) tokens: VecDeque<(Persona, Id, Vec<u8>)>,
    /// What it asked the node for, by transaction ID.
    pub(super) asked: HashMap<[u8; 4], Id, FixedState>,
    /// What came back to the observers.
    observed: Observed,
}

impl Adversary {
    pub(crate) fn new(
        attack: Attack,
        seed: u64,
        (victim, victim_id): (SocketAddrV4, Id),
        keys: Vec<Id>,
        begins: Instant,
    ) -> Self {
        let numbered = (0..=u16::MAX).zip(&keys);
        Self {
            hosts: Hosts::new(attack, seed, victim_id),
            draws: Draws::new(seed, Subject::Attack),
            rng: Rng::from_u64(seed),
            numbers: numbered.map(|(number, key)| (*key, number)).collect(),
            attack,
            victim,
            keys,
            looked_up: 0,
            next: begins,
            owed: 0.0,
            sent: 0,
            tokens: VecDeque::new(),
            asked: HashMap::default(),
            observed: Observed::default(),
        }
    }

    /// Whether it receives what is sent to an address.
    pub(crate) fn is_at(&self, addr: &SocketAddrV4) -> bool {
        self.hosts.at(addr).is_some()
    }

    /// Whether a contact is the adversary's or does not exist.
    pub(crate) fn is_hostile(&self, addr: &SocketAddr) -> bool {
        match addr {
            SocketAddr::V4(addr) => self.hosts.is_hostile(addr),
            SocketAddr::V6(_) => false,
        }
    }

    /// When it acts of its own accord next.
    pub(crate) fn next_act(&self) -> Option<Instant> {
        let is_by_rate = self.attack.kind.strength() == Strength::Rate;
        (is_by_rate || self.attack.kind.is_courting()).then_some(self.next)
    }

    /// Acts; whatever is to be sent comes after the others in `out`.
    pub(crate) fn act(&mut self, now: Instant, world: &World, out: &mut Vec<Sent>) {
        match self.attack.kind.is_courting() {
            true => self.court(now, out),
            false => self.flood(now, world, out),
        }
    }

    /// The node under attack begins to look up the key with this number.
    pub(crate) fn note_lookup(&mut self, number: usize) {
        self.looked_up = number;
    }

    /// The number of a key that it surrounds.
    pub(super) fn number_of(&self, key: &Id) -> Option<u16> {
        self.numbers.get(key).copied()
    }

    /// Takes what has reached one of its addresses.
    pub(crate) fn receive(
        &mut self,
        from: SocketAddrV4,
        to: SocketAddrV4,
        payload: &[u8],
        out: &mut Vec<Sent>,
    ) {
        let (Some(persona), Ok(message)) = (self.hosts.at(&to), Message::scan(payload)) else {
            return;
        };
        match &message.body {
            Body::Query(query) if self.answers(persona) => {
                let payload = self.answer(persona, message.transaction_id, query);
                out.push(Sent {
                    from: to,
                    to: from,
                    payload,
                    after: Duration::ZERO,
                });
            }
            Body::Response(response) => self.take_response(persona, &message, response, out),
            Body::Query(_) | Body::Error(_) => {}
        }
    }

    /// Who watches, and who floods, answers nobody: those attacks are played
    /// by themselves, without a place in the table.
    fn answers(&self, persona: Persona) -> bool {
        self.attack.kind.strength() != Strength::Rate && !self.hosts.is_observer(persona)
    }

    /// What an attacker answers under its own ID.
    fn answer(&mut self, persona: Persona, transaction_id: &[u8], query: &Query<'_>) -> Vec<u8> {
        let mut response = Response::new(self.hosts.id(persona, &self.keys));
        let (mut nodes, mut peers) = (Vec::new(), Vec::new());
        if let Some(key) = query.key() {
            for contact in self.others(&key) {
                Nodes::write(&contact, &mut nodes);
            }
            response.nodes = Some(Nodes::new(Family::V4, &nodes));
        }
        if query.method == Method::GetPeers {
            response.token = Some(b"hostile");
            if self.attack.kind == Kind::Poison {
                peers.extend(self.false_peers());
                response.values = Some(Values::from_peers(&peers));
            }
        }
        Message::new(transaction_id, Body::Response(response)).encode()
    }

    /// Attackers that are named to who asks for a key: Sybils near it, if it is
    /// known beforehand.
    fn others(&mut self, key: &Id) -> Vec<Contact> {
        let number = self.number_of(key);
        let hosts = self.hosts.len().max(1);
        let first = self.rng.below(hosts as usize);
        let persona = |i: u32| Persona {
            host: (u32::try_from(first).unwrap_or(0) + i) % hosts,
            key: number,
        };
        let named = (0..NAMED.min(hosts)).map(persona);
        named
            .map(|one| self.hosts.contact(one, &self.keys))
            .collect()
    }

    /// Peers that are none, others at each call.
    pub(super) fn false_peers(&mut self) -> impl Iterator<Item = SocketAddr> + use<'_> {
        let first = self.rng.next_u64();
        let numbers = (0..FALSE_PEERS).map(move |i| first.wrapping_add(i));
        numbers.map(|number| self.hosts.false_peer(number).into())
    }

    fn take_response(
        &mut self,
        persona: Persona,
        message: &Message<'_>,
        response: &Response<'_>,
        out: &mut Vec<Sent>,
    ) {
        let asked = <[u8; 4]>::try_from(message.transaction_id).ok();
        let Some(key) = asked.and_then(|asked| self.asked.remove(&asked)) else {
            return;
        };
        if self.hosts.is_observer(persona) {
            let values = response.values.iter().flat_map(Values::iter);
            let is_true =
                |peer: SocketAddr| matches!(peer, SocketAddr::V4(peer) if !Hosts::is_false(&peer));
            self.observed.answered += 1;
            self.observed.with_values += u64::from(values.into_iter().any(is_true));
            return;
        }
        let Some(token) = response.token else {
            return;
        };
        if self.attack.kind == Kind::Announces {
            out.push(self.announce(persona, key, token));
        } else if self.attack.kind == Kind::Items {
            let number = u32::from_be_bytes(asked.unwrap_or_default());
            out.extend(self.put(persona, number, token));
        } else if self.tokens.len() < MOST_TOKENS {
            self.tokens.push_back((persona, key, token.to_vec()));
        }
    }

    /// A query to the node under attack. What it answers to a transaction ID of
    /// four bytes that is in `asked` is taken.
    pub(super) fn query(&mut self, from: SocketAddrV4, query: Query<'_>) -> Sent {
        let number = self.sent;
        self.sent += 1;
        #[allow(clippy::cast_possible_truncation)] // those in flight differ
        let transaction_id = (number as u32).to_be_bytes();
        /// More than are on their way at once.
        const MOST_ASKED: usize = 65_536;
        let gives_token = matches!(query.method, Method::GetPeers | Method::Get);
        if let Some(key) = query.key().filter(|_| gives_token) {
            if self.asked.len() >= MOST_ASKED {
                self.asked.clear();
            }
            self.asked.insert(transaction_id, key);
        }
        let persona = self.hosts.at(&from);
        let message = Message {
            // and says so [BEP 43]
            read_only: persona.is_some_and(|persona| !self.answers(persona)),
            ..Message::new(&transaction_id, Body::Query(query))
        };
        Sent {
            from,
            to: self.victim,
            payload: message.encode(),
            after: Duration::ZERO,
        }
    }

    /// Asks the node under attack for the peers of keys, each from an address
    /// of its own that does not attack.
    pub(crate) fn observe(&mut self, keys: &[Id], out: &mut Vec<Sent>) {
        self.observed = Observed::default();
        for (number, key) in (0..).zip(keys) {
            let persona = self.hosts.observer(number);
            let own = self.hosts.id(persona, &self.keys);
            let from = self.hosts.addr(persona);
            let asked = self.query(from, Query::get_peers(own, *key));
            out.push(asked);
        }
    }

    /// What has come back since [`Self::observe`].
    pub(crate) const fn observed(&self) -> Observed {
        self.observed
    }
}
