//! What a check found out.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Id, Instant};

use crate::{Causes, Confidence, Letter, Lifetime, Pattern};

/// How a node came to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It queried us.
    Queried,
    /// The user named it.
    Named,
}

/// One node's check, when it is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The node's address, as it queried us or was named.
    pub node: SocketAddr,
    /// Its ID, if it told one.
    pub id: Option<Id>,
    /// Why it was checked.
    pub origin: Origin,
    /// The instrumented node that it queried, counted from 0.
    pub identity: u16,
    /// When the check began.
    pub began: Instant,
    /// The six letters.
    pub pattern: Pattern,
    /// The pings behind each.
    pub confidence: [[Confidence; 3]; 2],
    /// Round-trip time of the first answer to the own socket.
    pub rtt: Option<Duration>,
    /// Reachability from the own socket at each age asked for.
    pub survival: Vec<(Duration, Letter)>,
    /// Whether it was still there after the second burst: it queried us, or
    /// answered, later. `None` if nobody watched longer than that.
    pub still_there: Option<bool>,
    /// Lifetime of its NAT's mapping, if it was searched for.
    pub mapping: Option<Lifetime>,
    /// The client code and version it sent.
    pub version: Option<[u8; 4]>,
    /// Another ID that it answered with, if it did.
    pub changed_id: Option<Id>,
    /// Node IDs met at its IP address, itself included; 0 if it has no ID.
    pub ids_at_ip: u16,
    /// IP addresses at which its ID was met, itself included.
    pub ips_of_id: u16,
    /// Answers to our pings that came from another address.
    pub strays: u16,
}

impl Report {
    /// What is probably behind the pattern.
    pub fn likely(&self) -> Causes {
        Causes::of(&self.pattern).watched(self.still_there)
    }
}
