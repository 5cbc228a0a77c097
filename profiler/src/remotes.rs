//! Every remote address that a node under test met, in bounded space.
//!
//! The addresses are random, and the maps are larger than the caches: what
//! was seen waits until there is some of it, since the processor can look
//! several addresses up at once when nothing else is between them.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use foldhash::{HashMap, HashMapExt};
use mdht_krpc::{Body, Id, id_fits_addr, is_public};

use crate::exchange::{Exchange, Outcome};
use crate::{ClientCode, Observed, Series, Timestamp};

/// Every remote address: those that sent something, by IP address, and those
/// that were queried, by IP address and port.
#[derive(Clone, Debug, Default)]
pub struct Remotes {
    v4: Senders<u32>,
    v6: Senders<u128>,
    queried_v4: Queried<u64>,
    queried_v6: Queried<(u128, u16)>,
    new_senders: Series<1>,
}

/// An IP address that sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sender {
    /// The first client code that it showed.
    pub client: Option<ClientCode>,
    /// Whether the first node ID that it showed may be used there.
    pub id_fit: IdFit,
}

/// Whether BEP 42 allows a node ID at an IP address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdFit {
    /// No message held an ID.
    #[default]
    Unknown,
    /// The address is not on the public Internet, where any ID may be used.
    Exempt,
    /// It is derived from the address.
    Valid,
    /// It is not.
    Invalid,
}

/// What became of the queries to one address and port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueriedAddress {
    /// What came from its IP address; `None` if nothing ever did.
    pub sender: Option<Sender>,
    /// Queries that were answered within the timeout.
    pub answered: u32,
    /// Queries that were answered later.
    pub answered_late: u32,
    /// Unanswered queries sent before the first one that was answered; all of
    /// them where none was.
    pub timeouts_before: u32,
    /// Unanswered queries sent between the first answer and the last.
    pub timeouts_between: u32,
    /// Unanswered queries sent after the last answer.
    pub timeouts_after: u32,
}

impl QueriedAddress {
    /// Queries of any outcome.
    pub fn queries(&self) -> u64 {
        let timeouts = [
            self.timeouts_before,
            self.timeouts_between,
            self.timeouts_after,
        ];
        let answers = [self.answered, self.answered_late];
        timeouts.into_iter().chain(answers).map(u64::from).sum()
    }
}

impl Remotes {
    /// Most IP addresses of each family that are told apart, about 75 MB for
    /// IPv4; further ones are left out. The thesis met 4.44 million with nine
    /// nodes [8.VIII.D].
    pub const MAX_SENDERS: usize = 7 << 20;

    /// Most queried addresses of each family that are told apart, about
    /// 60 MB for IPv4; queries to further ones are left out.
    pub const MAX_QUERIED: usize = 7 << 17;

    /// The IP addresses that sent something, in no order.
    #[allow(clippy::disallowed_methods)] // whoever counts them orders the counts
    pub fn senders(&self) -> impl Iterator<Item = Sender> {
        let (v4, v6) = (self.v4.known.values(), self.v6.known.values());
        v4.chain(v6).map(|sighting| sighting.sender())
    }

    /// New IP addresses that sent something, over time.
    pub const fn new_senders(&self) -> &Series<1> {
        &self.new_senders
    }

    /// Whether every IP address that sent something is among the
    /// [`senders`](Self::senders).
    pub fn senders_complete(&self) -> bool {
        self.v4.known.len() < Self::MAX_SENDERS && self.v6.known.len() < Self::MAX_SENDERS
    }

    /// The addresses and ports that were queried, in no order.
    #[allow(clippy::disallowed_methods)] // whoever counts them orders the counts
    pub fn queried(&self) -> impl Iterator<Item = QueriedAddress> {
        let (v4, v6) = (
            self.queried_v4.known.values(),
            self.queried_v6.known.values(),
        );
        v4.chain(v6).map(Asked::summary)
    }

    /// Whether every query is counted in the [`queried`](Self::queried).
    pub fn queried_complete(&self) -> bool {
        self.queried_v4.known.len() < Self::MAX_QUERIED
            && self.queried_v6.known.len() < Self::MAX_QUERIED
    }

    /// Notes a message that was received.
    pub(crate) fn on_received(&mut self, observed: &Observed<'_>) {
        let message = observed.message;
        let id = match &message.body {
            Body::Query(query) => query.id.as_ref(),
            Body::Response(response) => response.id.as_ref(),
            Body::Error(_) => None,
        };
        let code = message.version.and_then(ClientCode::of);
        let seen = Seen {
            time: observed.time,
            code: code.map_or(NO_CODE, ClientCode::bytes),
            id: id.map(Ends::of),
        };
        match observed.remote.ip() {
            IpAddr::V4(ip) => self.v4.note(ip.to_bits(), seen, &mut self.new_senders),
            IpAddr::V6(ip) => self.v6.note(ip.to_bits(), seen, &mut self.new_senders),
        }
    }

    /// Notes what became of a query.
    pub(crate) fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        let decided = Decided::of(exchange);
        match exchange.query.remote {
            SocketAddr::V4(addr) => {
                let ip = u64::from(addr.ip().to_bits());
                self.queried_v4
                    .note(ip << 16 | u64::from(addr.port()), decided);
            }
            SocketAddr::V6(addr) => {
                self.queried_v6
                    .note((addr.ip().to_bits(), addr.port()), decided);
            }
        }
    }

    /// To be called once, when all has been noted.
    pub(crate) fn settle(&mut self) {
        self.v4.settle(&mut self.new_senders);
        self.v6.settle(&mut self.new_senders);
        self.queried_v4.settle();
        self.queried_v6.settle();
        for (key, asked) in &mut self.queried_v4.known {
            asked.sender = self.v4.sender(&high_bits(*key));
        }
        for ((ip, _), asked) in &mut self.queried_v6.known {
            asked.sender = self.v6.sender(ip);
        }
    }
}

/// The IP address of a queried address.
fn high_bits(key: u64) -> u32 {
    u32::try_from(key >> 16).unwrap_or_default()
}

/// The IP addresses of one family that sent something.
#[derive(Clone, Debug)]
struct Senders<K> {
    known: HashMap<K, Sighting>,
    waiting: Vec<(K, Seen)>,
}

/// What is kept of an IP address, in little space.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    code: [u8; 2],
    id_fit: IdFit,
}

impl Sighting {
    fn sender(&self) -> Sender {
        Sender {
            client: ClientCode::of(&self.code),
            id_fit: self.id_fit,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    time: Timestamp,
    code: [u8; 2],
    id: Option<Ends>,
}

/// The bytes of a node ID that BEP 42 fixes or derives them from.
#[derive(Clone, Copy, Debug)]
struct Ends([u8; 4]);

impl Ends {
    fn of(id: &Id) -> Self {
        let [a, b, c, .., last] = *id.as_bytes();
        Self([a, b, c, last])
    }

    fn fit(self, ip: IpAddr) -> IdFit {
        let Self([a, b, c, last]) = self;
        let mut bytes = [0; Id::LEN];
        bytes[..3].copy_from_slice(&[a, b, c]);
        bytes[Id::LEN - 1] = last;
        match id_fits_addr(&Id::new(bytes), ip) {
            _ if !is_public(ip) => IdFit::Exempt,
            true => IdFit::Valid,
            false => IdFit::Invalid,
        }
    }
}

impl<K> Default for Senders<K> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            waiting: Vec::new(),
        }
    }
}

impl<K: Bits> Senders<K> {
    fn note(&mut self, key: K, seen: Seen, new: &mut Series<1>) {
        self.waiting.push((key, seen));
        if self.waiting.len() >= MAX_WAITING {
            self.settle(new);
        }
    }

    fn settle(&mut self, new: &mut Series<1>) {
        for (key, seen) in self.waiting.drain(..) {
            if let Some(known) = self.known.get_mut(&key) {
                if known.code == NO_CODE {
                    known.code = seen.code;
                }
                if let (IdFit::Unknown, Some(id)) = (known.id_fit, seen.id) {
                    known.id_fit = id.fit(key.ip());
                }
            } else if self.known.len() < Remotes::MAX_SENDERS {
                let id_fit = seen.id.map_or(IdFit::Unknown, |id| id.fit(key.ip()));
                let code = seen.code;
                self.known.insert(key, Sighting { code, id_fit });
                new.add(seen.time, 0, 1);
            }
        }
    }

    fn sender(&self, key: &K) -> Option<Sender> {
        self.known.get(key).map(Sighting::sender)
    }
}

/// An IP address as a number.
trait Bits: Copy + Eq + Hash {
    fn ip(self) -> IpAddr;
}

impl Bits for u32 {
    fn ip(self) -> IpAddr {
        Ipv4Addr::from_bits(self).into()
    }
}

impl Bits for u128 {
    fn ip(self) -> IpAddr {
        Ipv6Addr::from_bits(self).into()
    }
}

/// The addresses of one family that were queried.
#[derive(Clone, Debug)]
struct Queried<K> {
    known: HashMap<K, Asked>,
    waiting: Vec<(K, Decided)>,
}

/// A query that was answered or can no longer be.
#[derive(Clone, Copy, Debug)]
struct Decided {
    sent: Timestamp,
    outcome: DecidedAs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DecidedAs {
    Answered,
    Late,
    Timeout,
}

impl Decided {
    fn of(exchange: &Exchange<'_>) -> Self {
        Self {
            sent: exchange.query.time,
            outcome: match exchange.outcome {
                Outcome::Answered(_) => DecidedAs::Answered,
                Outcome::AnsweredLate(_) => DecidedAs::Late,
                Outcome::Unanswered => DecidedAs::Timeout,
            },
        }
    }
}

/// The queries to one address.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// When the first and the last of the answered queries were sent.
    answered: Option<(Timestamp, Timestamp)>,
    counts: QueriedCounts,
    /// What came from its IP address, told in the end.
    sender: Option<Sender>,
}

#[derive(Clone, Copy, Debug, Default)]
struct QueriedCounts {
    answered: u32,
    late: u32,
    before: u32,
    between: u32,
    after: u32,
}

impl Asked {
    fn on_decided(&mut self, decided: Decided) {
        let counts = &mut self.counts;
        match (decided.outcome, self.answered) {
            (DecidedAs::Timeout, None) => counts.before += 1,
            (DecidedAs::Timeout, Some((first, last))) => match decided.sent {
                sent if sent < first => counts.before += 1,
                sent if sent < last => counts.between += 1,
                _ => counts.after += 1,
            },
            (answered, times) => {
                match answered {
                    DecidedAs::Answered => counts.answered += 1,
                    _ => counts.late += 1,
                }
                // a timeout is decided long after its query: those that were
                // counted as after the last answer are before this one
                counts.between += std::mem::take(&mut counts.after);
                let (first, last) = times.unwrap_or((decided.sent, decided.sent));
                self.answered = Some((first.min(decided.sent), last.max(decided.sent)));
            }
        }
    }

    fn summary(&self) -> QueriedAddress {
        QueriedAddress {
            sender: self.sender,
            answered: self.counts.answered,
            answered_late: self.counts.late,
            timeouts_before: self.counts.before,
            timeouts_between: self.counts.between,
            timeouts_after: self.counts.after,
        }
    }
}

impl<K> Default for Queried<K> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            waiting: Vec::new(),
        }
    }
}

impl<K: Eq + Hash> Queried<K> {
    fn note(&mut self, key: K, decided: Decided) {
        self.waiting.push((key, decided));
        if self.waiting.len() >= MAX_WAITING {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (key, decided) in self.waiting.drain(..) {
            if let Some(known) = self.known.get_mut(&key) {
                known.on_decided(decided);
            } else if self.known.len() < Remotes::MAX_QUERIED {
                self.known.entry(key).or_default().on_decided(decided);
            }
        }
    }
}

/// No code was shown, or none that tells a client.
const NO_CODE: [u8; 2] = [0, 0];

/// Sightings that wait to be looked up.
const MAX_WAITING: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(outcome: DecidedAs, sent: u64) -> Decided {
        let sent = Timestamp::from_nanos(sent);
        Decided { sent, outcome }
    }

    #[test]
    fn timeouts_before_between_and_after_answers() {
        use DecidedAs::{Answered, Late, Timeout};
        let mut asked = Asked::default();
        for (outcome, sent) in [
            (Answered, 20),
            (Timeout, 10), // decided after the answer, sent before it
            (Timeout, 30),
            (Late, 50),
            (Timeout, 40), // decided after it, sent before it
            (Timeout, 60),
            (Timeout, 70),
        ] {
            asked.on_decided(decided(outcome, sent));
        }
        let address = asked.summary();
        assert_eq!((address.answered, address.answered_late), (1, 1));
        let timeouts = (
            address.timeouts_before,
            address.timeouts_between,
            address.timeouts_after,
        );
        assert_eq!(timeouts, (1, 2, 2));
        assert_eq!(address.queries(), 7);
    }

    #[test]
    fn ids_of_bep_42() {
        // the first vector of BEP 42
        let id: Id = "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401".parse().unwrap();
        let fit = |ip: &str| Ends::of(&id).fit(ip.parse().unwrap());
        assert_eq!(fit("124.31.75.21"), IdFit::Valid);
        assert_eq!(fit("120.31.75.21"), IdFit::Valid); // the first 6 bits are free
        assert_eq!(fit("21.75.31.124"), IdFit::Invalid);
        assert_eq!(fit("10.0.0.1"), IdFit::Exempt);
    }

    #[test]
    fn sightings_are_small() {
        assert_eq!(size_of::<(u32, Sighting)>(), 8);
        assert!(size_of::<(u64, Asked)>() <= 56);
    }
}
