//! Every remote address that a node under test met, in bounded space.

mod met;
mod queried;
mod senders;

use std::net::{IpAddr, SocketAddr};

use crate::exchange::Exchange;
use crate::{ClientCode, Observed, Series};
pub use met::MetAddresses;
use queried::{Decided, Queried};
use senders::{Seen, Senders};

/// Every remote address: those that sent something, by IP address, and those
/// that were queried, by IP address and port.
#[derive(Clone, Debug)]
pub struct Remotes {
    v4: Senders<u32>,
    v6: Senders<u128>,
    queried_v4: Queried<(u32, u16)>,
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

impl Default for Remotes {
    fn default() -> Self {
        Self {
            v4: Senders::new(Self::MAX_SENDERS),
            v6: Senders::new(Self::MAX_SENDERS),
            queried_v4: Queried::new(Self::MAX_QUERIED),
            queried_v6: Queried::new(Self::MAX_QUERIED),
            new_senders: Series::default(),
        }
    }
}

impl Remotes {
    /// Most IP addresses of each family that are told apart, about 70 MB for
    /// IPv4; further ones are left out. The thesis met 4.44 million with nine
    /// nodes [8.VIII.D].
    pub const MAX_SENDERS: usize = 7 << 20;

    /// Most queried addresses of each family that are told apart, about
    /// 50 MB for IPv4; queries to further ones are left out.
    pub const MAX_QUERIED: usize = 7 << 17;

    /// The IP addresses that sent something, in no order.
    pub fn senders(&self) -> impl Iterator<Item = Sender> {
        self.v4.iter().chain(self.v6.iter())
    }

    /// The IP addresses that sent something, to be put together with those
    /// that other nodes met.
    pub fn met(&self) -> MetAddresses {
        let (v4, v6) = (self.v4.ips(), self.v6.ips());
        MetAddresses::of(v4.collect(), v6.collect(), self.senders_complete())
    }

    /// New IP addresses that sent something, over time.
    pub const fn new_senders(&self) -> &Series<1> {
        &self.new_senders
    }

    /// Whether every IP address that sent something is among the
    /// [`senders`](Self::senders).
    pub fn senders_complete(&self) -> bool {
        self.v4.is_complete() && self.v6.is_complete()
    }

    /// The addresses and ports that were queried, in no order.
    pub fn queried(&self) -> impl Iterator<Item = QueriedAddress> {
        self.queried_v4.iter().chain(self.queried_v6.iter())
    }

    /// Whether every query is counted in the [`queried`](Self::queried).
    pub fn queried_complete(&self) -> bool {
        self.queried_v4.is_complete() && self.queried_v6.is_complete()
    }

    /// Notes a message that was received.
    #[inline]
    pub(crate) fn on_received(&mut self, observed: &Observed<'_>) {
        let (seen, new) = (Seen::of(observed), &mut self.new_senders);
        match observed.remote.ip() {
            IpAddr::V4(ip) => self.v4.note(ip.to_bits(), seen, new),
            IpAddr::V6(ip) => self.v6.note(ip.to_bits(), seen, new),
        }
    }

    /// Notes what became of a query.
    pub(crate) fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        let decided = Decided::of(exchange);
        match exchange.query.remote {
            SocketAddr::V4(addr) => {
                self.queried_v4
                    .note((addr.ip().to_bits(), addr.port()), decided);
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
        let (v4, v6) = (&self.v4, &self.v6);
        self.queried_v4.settle(|(ip, _)| v4.get(ip));
        self.queried_v6.settle(|(ip, _)| v6.get(ip));
    }
}
