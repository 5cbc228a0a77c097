//! Queries matched with their answers.
//!
//! An answer is a response or an error with the same transaction ID, from the
//! queried address, to the querying socket [thesis 8.VIII.C]. Queries are
//! open for [`LATE_LIMIT`]; an answer after that belongs to none.
//!
//! **The same transaction ID to the same address again**, while the first is
//! open: both are queries of their own (some clients send every query twice).
//! An answer goes to the oldest one that is unanswered and within the
//! timeout, so that two answers match two queries; where none is, to the
//! newest that is unanswered, since an ID that comes round again after the
//! timeout means the new query.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use foldhash::fast::RandomState;
use mdht_krpc::{Body, Id, Message, Method, Query};

use crate::chains::Chains;
use crate::timestamp::nanoseconds;
use crate::transaction::TransactionId;
use crate::{LookupId, Observed, Timestamp};

/// A query that a node under test sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SentQuery {
    /// When it was sent.
    pub time: Timestamp,
    /// The querying socket.
    pub local: SocketAddr,
    /// The queried address.
    pub remote: SocketAddr,
    /// Its method.
    pub kind: QueryKind,
    /// The infohash or target it names.
    pub key: Option<Id>,
    /// The lookup it belongs to, of a get_peers or get query.
    pub lookup: Option<LookupId>,
    /// Hop count: the length of the chain of responses that led the lookup to
    /// the queried node, by the first response that named it. 0 for a node
    /// that none had named, from the asker's own routing table. `None` outside
    /// lookups, or where there were too many nodes to remember.
    pub hops: Option<u8>,
    /// Bits of the XOR distance from the infohash to the ID that the response
    /// named the node with: 160 far, 0 equal.
    pub distance_bits: Option<u8>,
}

impl SentQuery {
    pub(crate) fn new(observed: &Observed<'_>, query: &Query<'_>) -> Self {
        Self {
            time: observed.time,
            local: observed.local,
            remote: observed.remote,
            kind: QueryKind::of(&query.method),
            key: query.key(),
            lookup: None,
            hops: None,
            distance_bits: None,
        }
    }
}

/// The method of a query, without the name of an unknown one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum QueryKind {
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
    /// Any other.
    Other,
}

impl QueryKind {
    /// The kind of a query with this method.
    pub const fn of(method: &Method<'_>) -> Self {
        match method {
            Method::Ping => Self::Ping,
            Method::FindNode => Self::FindNode,
            Method::GetPeers => Self::GetPeers,
            Method::AnnouncePeer => Self::AnnouncePeer,
            Method::Get => Self::Get,
            Method::Put => Self::Put,
            Method::SampleInfohashes => Self::SampleInfohashes,
            _ => Self::Other,
        }
    }
}

/// A query and what became of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange<'a> {
    /// The query.
    pub query: SentQuery,
    /// What became of it.
    pub outcome: Outcome<'a>,
}

/// What became of a query.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// Answered within the timeout (`--timeout`, 2 s by default).
    Answered(Answer<'a>),
    /// Answered after the timeout, at most [`LATE_LIMIT`] after the query.
    AnsweredLate(Answer<'a>),
    /// Not answered; also a query too short before the end of the capture.
    Unanswered,
}

impl<'a> Outcome<'a> {
    /// The answer, in time or late.
    pub const fn answer(&self) -> Option<&Answer<'a>> {
        match self {
            Self::Answered(answer) | Self::AnsweredLate(answer) => Some(answer),
            Self::Unanswered => None,
        }
    }
}

/// A response or an error to a query.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// When it was received.
    pub time: Timestamp,
    /// RTT: from the query to the answer.
    pub rtt: Duration,
    /// The answer.
    pub message: &'a Message<'a>,
}

/// An answer to no open query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// The query was answered before.
    Duplicate,
    /// No query with this transaction ID was sent from this socket to this
    /// address, or it was longer ago than [`LATE_LIMIT`].
    Unmatched,
}

/// The queries of one node that may still be answered.
///
/// They lie in a queue, in the order they were sent, and are found again by a
/// digest of what an answer must agree in; those of other transactions with
/// the same digest are passed over.
#[derive(Clone, Debug)]
pub(crate) struct Exchanges {
    timeout: Duration,
    /// How long queries are open, in nanoseconds: it is asked for at every
    /// message.
    limit: u64,
    open: Chains<Open>,
    digest: RandomState,
}

#[derive(Clone, Debug)]
struct Open {
    query: SentQuery,
    transaction_id: TransactionId,
    answered: bool,
}

impl Open {
    /// Whether `observed`, with this transaction ID, may be the answer.
    fn is_asked_by(&self, observed: &Observed<'_>, id: &TransactionId) -> bool {
        self.query.remote == observed.remote
            && self.query.local == observed.local
            && self.transaction_id == *id
    }
}

impl Exchanges {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            limit: nanoseconds(late_limit(timeout)),
            open: Chains::default(),
            digest: RandomState::default(),
        }
    }

    /// Notes a query that was sent.
    pub(crate) fn open(&mut self, query: SentQuery, transaction_id: &[u8]) {
        let transaction_id = TransactionId::new(transaction_id);
        let digest = self.digest(&query.local, &query.remote, &transaction_id);
        let open = Open {
            query,
            transaction_id,
            answered: false,
        };
        self.open.push_back(digest, open);
    }

    /// Forgets a query that can no longer be answered and returns it if it
    /// never was. To be called until `None` whenever time has passed.
    #[inline]
    pub(crate) fn expire(&mut self, now: Timestamp) -> Option<Exchange<'static>> {
        while let Some(front) = self.open.front() {
            // far apart in either direction: a clock that was set back must
            // not keep queries from a time that never comes
            let over = front.query.time.nanos_apart(now) > self.limit || self.open.len() > MAX_OPEN;
            if !over {
                break;
            }
            if let Some(unanswered) = self.forget_front() {
                return Some(unanswered);
            }
        }
        None
    }

    /// Forgets every query, at the end of the capture.
    pub(crate) fn expire_all(&mut self) -> Option<Exchange<'static>> {
        while self.open.front().is_some() {
            if let Some(unanswered) = self.forget_front() {
                return Some(unanswered);
            }
        }
        None
    }

    fn forget_front(&mut self) -> Option<Exchange<'static>> {
        let open = self.open.pop_front()?;
        (!open.answered).then_some(Exchange {
            query: open.query,
            outcome: Outcome::Unanswered,
        })
    }

    /// Finds the query that a received response or error answers.
    pub(crate) fn answer<'a>(&mut self, observed: &Observed<'a>) -> Result<Exchange<'a>, Stray> {
        let message = observed.message;
        debug_assert!(!matches!(message.body, Body::Query(_)), "not an answer");
        let index = self.asked_by(observed)?;
        let open = self.open.get_mut(index);
        open.answered = true;
        let rtt = observed.time.since(open.query.time);
        let answer = Answer {
            time: observed.time,
            rtt,
            message,
        };
        let outcome = match rtt <= self.timeout {
            true => Outcome::Answered(answer),
            false => Outcome::AnsweredLate(answer),
        };
        Ok(Exchange {
            query: open.query,
            outcome,
        })
    }

    /// Index of the query that `observed` answers; see the module's rule.
    fn asked_by(&self, observed: &Observed<'_>) -> Result<usize, Stray> {
        let id = TransactionId::new(observed.message.transaction_id);
        let digest = self.digest(&observed.local, &observed.remote, &id);
        let (mut oldest_in_time, mut newest_unanswered) = (None, None);
        let mut stray = Stray::Unmatched;
        for index in self.open.find(digest).take(MAX_SAME) {
            let open = self.open.get(index);
            if !open.is_asked_by(observed, &id) {
                continue;
            }
            stray = Stray::Duplicate;
            if !open.answered {
                newest_unanswered.get_or_insert(index);
                if observed.time.since(open.query.time) <= self.timeout {
                    oldest_in_time = Some(index);
                }
            }
        }
        oldest_in_time.or(newest_unanswered).ok_or(stray)
    }

    /// A digest of the querying socket, the queried address and the
    /// transaction ID. The socket is a port: its IP address is the node's.
    fn digest(&self, local: &SocketAddr, remote: &SocketAddr, id: &TransactionId) -> u64 {
        let mut hasher = self.digest.build_hasher();
        let ports = u64::from(remote.port()) << 16 | u64::from(local.port());
        match remote.ip() {
            IpAddr::V4(ip) => hasher.write_u64(u64::from(ip.to_bits()) << 32 | ports),
            IpAddr::V6(ip) => {
                hasher.write_u128(ip.to_bits());
                hasher.write_u64(ports);
            }
        }
        id.hash(&mut hasher);
        hasher.finish()
    }
}

/// How long after a query an answer to it is still recognised.
pub(crate) fn late_limit(timeout: Duration) -> Duration {
    timeout.max(LATE_LIMIT)
}

/// An answer that comes later than this, or than the timeout if that is
/// longer, belongs to no query.
pub const LATE_LIMIT: Duration = Duration::from_secs(60);

/// Most queries of one node that are open at once, about 60 MB; beyond it
/// the oldest can no longer be answered. Enough for 4,000 queries a second.
const MAX_OPEN: usize = 1 << 18;

/// Most open queries of one transaction that an answer is held against.
const MAX_SAME: usize = 8;

#[cfg(test)]
mod tests {
    use mdht_krpc::Response;

    use super::*;
    use crate::Direction;

    fn ping(nanos: u64, remote: SocketAddr) -> SentQuery {
        SentQuery {
            time: Timestamp::from_nanos(nanos),
            local: "10.0.0.1:1".parse().unwrap(),
            remote,
            kind: QueryKind::Ping,
            key: None,
            lookup: None,
            hops: None,
            distance_bits: None,
        }
    }

    #[test]
    fn a_flood_of_queries_stays_within_bounds() {
        let mut exchanges = Exchanges::new(Duration::from_secs(2));
        let remote = "10.0.0.2:1".parse().unwrap();
        let mut unanswered = 0;
        for i in 0..MAX_OPEN as u64 + 1000 {
            while exchanges.expire(Timestamp::from_nanos(i)).is_some() {
                unanswered += 1;
            }
            // few transaction IDs: long chains of the same
            exchanges.open(ping(i, remote), &[i.to_le_bytes()[0]]);
        }
        assert_eq!(unanswered, 999);
        assert_eq!(exchanges.open.len(), MAX_OPEN + 1);
        while exchanges.expire_all().is_some() {
            unanswered += 1;
        }
        assert_eq!(unanswered, MAX_OPEN + 1000);
        assert_eq!(exchanges.open.len(), 0);
    }

    #[test]
    fn two_transactions_of_one_digest_are_told_apart() {
        let mut exchanges = Exchanges::new(Duration::from_secs(2));
        let remotes: [SocketAddr; 2] = ["10.0.0.2:1", "10.0.0.3:1"].map(|a| a.parse().unwrap());
        let local = "10.0.0.1:1".parse().unwrap();
        let id = TransactionId::new(b"1");
        let first = exchanges.digest(&local, &remotes[0], &id);
        for remote in remotes {
            // as if the second had the digest of the first
            let open = Open {
                query: ping(0, remote),
                transaction_id: id,
                answered: false,
            };
            exchanges.open.push_back(first, open);
        }
        let body = Body::Response(Response::default());
        let message = Message::new(b"1", body);
        let answer = Observed {
            time: Timestamp::from_nanos(5),
            direction: Direction::Received,
            local,
            remote: remotes[0],
            ip_len: 0,
            message: &message,
        };
        let exchange = exchanges.answer(&answer).unwrap();
        assert_eq!(exchange.query.remote, remotes[0]);
        assert!(
            exchanges
                .answer(&answer)
                .is_err_and(|stray| stray == Stray::Duplicate)
        );
    }
}
