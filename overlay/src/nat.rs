//! What NATs and firewalls let through [thesis 7, section 2.2].

use std::time::Duration;

use mdht_krpc::Instant;

use crate::draws::{Draws, unit};
use crate::parameters::{Class, Connectivity};

/// How long an anomalous node stays unreachable after a query: longer than a
/// burst of the checker, shorter than the pause to the next [thesis 7.4.1].
const LATE: Duration = Duration::from_secs(150);
/// How long an erratic node stays as it is.
const ERRATIC: Duration = Duration::from_secs(120);

/// When a guarded host last sent: to the address that now sends to it, to any
/// port of that host, and to anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastSent {
    /// To that address and port.
    pub(crate) addr: Option<Instant>,
    /// To that IP address.
    pub(crate) ip: Option<Instant>,
    /// To anybody.
    pub(crate) anyone: Option<Instant>,
}

/// Whether a datagram gets in.
///
/// `coins` are the draws of that host, for the class that is unreachable now
/// and then.
pub(crate) fn lets_in(what: Connectivity, sent: LastSent, now: Instant, coins: Draws) -> bool {
    let timeout = Duration::from_secs(what.mapping_timeout_s.into());
    let mapped = |at: Option<Instant>| at.is_some_and(|at| now.since(at) <= timeout);
    let long_ago = |at: Option<Instant>| at.is_none_or(|at| now.since(at) > LATE);
    match what.class {
        Class::Open => true,
        Class::FullCone => mapped(sent.anyone),
        Class::RestrictedCone => mapped(sent.ip),
        Class::PortRestrictedCone | Class::Symmetric => mapped(sent.addr),
        Class::Firewalled => false,
        Class::Late => long_ago(sent.anyone),
        Class::LateForOthers => sent.ip.is_some() || long_ago(sent.anyone),
        Class::Erratic => {
            let slot = now.as_micros() / u64::try_from(ERRATIC.as_micros()).unwrap_or(1);
            // a coin for each who asks from where: with one for all, a checker
            // would see only the patterns of the other classes
            let relation = u64::from(sent.addr.is_some()) + u64::from(sent.ip.is_some());
            unit(coins.draw(slot, relation)) < 0.5
        }
    }
}
