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

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use mdht_krpc::{Body, Id, Message, Method, Query};

use crate::transaction::Transaction;
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
    /// The lookup it belongs to; only get_peers queries have one so far.
    pub lookup: Option<LookupId>,
}

impl SentQuery {
    pub(crate) fn new(
        observed: &Observed<'_>,
        query: &Query<'_>,
        lookup: Option<LookupId>,
    ) -> Self {
        Self {
            time: observed.time,
            local: observed.local,
            remote: observed.remote,
            kind: QueryKind::of(&query.method),
            key: query.key(),
            lookup,
        }
    }
}

/// The method of a query, without the name of an unknown one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum QueryKind {
    /// [B5]
    Ping,
    /// [B5]
    FindNode,
    /// [B5]
    GetPeers,
    /// [B5]
    AnnouncePeer,
    /// [B44]
    Get,
    /// [B44]
    Put,
    /// [B51]
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
#[derive(Debug)]
pub(crate) struct Exchanges {
    timeout: Duration,
    limit: Duration,
    /// In the order they were sent; `first` is the number of the one in front.
    open: VecDeque<Open>,
    first: u64,
    /// Number of the newest query of a transaction.
    newest: HashMap<Transaction, u64>,
}

#[derive(Debug)]
struct Open {
    query: SentQuery,
    transaction: Transaction,
    /// Number of the query of the same transaction before this one.
    previous: Option<u64>,
    answered: bool,
}

impl Exchanges {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            limit: late_limit(timeout),
            open: VecDeque::new(),
            first: 0,
            newest: HashMap::new(),
        }
    }

    /// Notes a query that was sent.
    pub(crate) fn open(&mut self, query: SentQuery, transaction_id: &[u8]) {
        let transaction = Transaction::new(&query.local, &query.remote, transaction_id);
        let number = self.first + self.open.len() as u64;
        let previous = self.newest.insert(transaction, number);
        self.open.push_back(Open {
            query,
            transaction,
            previous,
            answered: false,
        });
    }

    /// Forgets a query that can no longer be answered and returns it if it
    /// never was. To be called until `None` whenever time has passed.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Option<Exchange<'static>> {
        while let Some(front) = self.open.front() {
            // far apart in either direction: a clock that was set back must
            // not keep queries from a time that never comes
            let over = front.query.time.apart(now) > self.limit || self.open.len() > MAX_OPEN;
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
        while !self.open.is_empty() {
            if let Some(unanswered) = self.forget_front() {
                return Some(unanswered);
            }
        }
        None
    }

    fn forget_front(&mut self) -> Option<Exchange<'static>> {
        let number = self.first;
        let open = self.open.pop_front()?;
        self.first += 1;
        if self.newest.get(&open.transaction) == Some(&number) {
            self.newest.remove(&open.transaction);
        }
        (!open.answered).then_some(Exchange {
            query: open.query,
            outcome: Outcome::Unanswered,
        })
    }

    /// Finds the query that a received response or error answers.
    pub(crate) fn answer<'a>(&mut self, observed: &Observed<'a>) -> Result<Exchange<'a>, Stray> {
        let message = observed.message;
        debug_assert!(!matches!(message.body, Body::Query(_)), "not an answer");
        let transaction =
            Transaction::new(&observed.local, &observed.remote, message.transaction_id);
        let newest = *self.newest.get(&transaction).ok_or(Stray::Unmatched)?;
        let index = self
            .answered_by(newest, observed.time)
            .ok_or(Stray::Duplicate)?;
        let open = &mut self.open[index];
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

    /// Index of the query that an answer at `now` belongs to, among those of
    /// the transaction whose newest is `newest`; see the module's rule.
    fn answered_by(&self, newest: u64, now: Timestamp) -> Option<usize> {
        let (mut oldest_in_time, mut newest_unanswered) = (None, None);
        let mut number = Some(newest);
        for _ in 0..MAX_SAME {
            let Some(index) = number.and_then(|n| usize::try_from(n.checked_sub(self.first)?).ok())
            else {
                break;
            };
            let open = &self.open[index];
            if !open.answered {
                newest_unanswered.get_or_insert(index);
                if now.since(open.query.time) <= self.timeout {
                    oldest_in_time = Some(index);
                }
            }
            number = open.previous;
        }
        oldest_in_time.or(newest_unanswered)
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
