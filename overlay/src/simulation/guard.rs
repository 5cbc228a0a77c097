//! The NAT or firewall in front of a full node: what it remembers of the
//! datagrams that went out, and what it lets in [thesis 7, section 2.2].

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use mdht_krpc::Instant;

use crate::draws::Draws;
use crate::nat::{LastSent, lets_in};
use crate::parameters::{Class, Connectivity};

/// Most destinations remembered: beyond it the older half is forgotten.
const MOST: usize = 4096;
/// Destinations at which the table is first swept.
const FIRST_SWEEP: usize = 32;
/// How long the class that answers only those it sent to remembers them: well
/// beyond the pause after which it lets in everybody.
const LATE_MEMORY: Duration = Duration::from_secs(600);

/// State of one guarded host. Only what goes out renews it, as RFC 4787,
/// REQ-6 demands at least.
#[derive(Debug)]
pub(crate) struct Guard {
    what: Connectivity,
    coins: Draws,
    anyone: Option<Instant>,
    /// When it last sent to a destination, as far as the class's filter looks:
    /// with port 0 if ports mean nothing to it.
    sent: BTreeMap<SocketAddrV4, Instant>,
    sweep_at: usize,
}

impl Guard {
    /// `None` if nothing stands in between.
    pub(crate) fn new(what: Connectivity, coins: Draws) -> Option<Box<Self>> {
        let guard = Self {
            what,
            coins,
            anyone: None,
            sent: BTreeMap::new(),
            sweep_at: FIRST_SWEEP,
        };
        (what.class != Class::Open).then(|| Box::new(guard))
    }

    /// Whether it shows another port towards each destination.
    pub(crate) fn is_symmetric(&self) -> bool {
        self.what.class == Class::Symmetric
    }

    /// How long it remembers a destination.
    pub(crate) fn memory(&self) -> Duration {
        match self.what.class {
            Class::LateForOthers => LATE_MEMORY,
            _ => Duration::from_secs(self.what.mapping_timeout_s.into()),
        }
    }

    /// Notes a datagram that goes out.
    pub(crate) fn note_sent(&mut self, to: SocketAddrV4, now: Instant) {
        self.anyone = Some(now);
        let Some(key) = self.key(to) else {
            return;
        };
        self.sent.insert(key, now);
        if self.sent.len() >= self.sweep_at {
            self.sweep(now);
        }
    }

    /// Whether a datagram from `from` gets in.
    pub(crate) fn lets_in(&self, from: SocketAddrV4, now: Instant) -> bool {
        let at = self.key(from).and_then(|key| self.sent.get(&key)).copied();
        let sent = LastSent {
            addr: at,
            ip: at,
            anyone: self.anyone,
        };
        lets_in(self.what, sent, now, self.coins)
    }

    /// What the filter knows a destination by; `None` if by nothing.
    fn key(&self, addr: SocketAddrV4) -> Option<SocketAddrV4> {
        match self.what.class {
            Class::RestrictedCone | Class::LateForOthers => Some(SocketAddrV4::new(*addr.ip(), 0)),
            Class::PortRestrictedCone | Class::Symmetric => Some(addr),
            Class::Open | Class::FullCone | Class::Firewalled | Class::Late | Class::Erratic => {
                None
            }
        }
    }

    /// Forgets what has timed out. The next sweep is when the table has grown
    /// to twice what is left, so that each entry is looked at about once.
    fn sweep(&mut self, now: Instant) {
        let memory = self.memory();
        self.sent.retain(|_, at| now.since(*at) <= memory);
        if self.sent.len() >= MOST {
            let mut times: Vec<_> = self.sent.values().copied().collect();
            let (_, median, _) = times.select_nth_unstable(MOST / 2);
            let median = *median;
            self.sent.retain(|_, at| *at > median);
        }
        self.sweep_at = (self.sent.len() * 2).clamp(FIRST_SWEEP, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Subject;

    fn guard(class: Class) -> Guard {
        let what = Connectivity {
            class,
            mapping_timeout_s: 120,
            share: 1.0,
        };
        *Guard::new(what, Draws::new(1, Subject::Anomaly)).unwrap()
    }

    fn addr(number: u32) -> SocketAddrV4 {
        SocketAddrV4::new((0x0909_0000 + number).into(), 5)
    }

    #[test]
    fn what_has_timed_out_is_swept() {
        let mut guard = guard(Class::PortRestrictedCone);
        for second in 0..10_000 {
            let now = Instant::from_micros(u64::from(second) * 1_000_000);
            guard.note_sent(addr(second), now);
            // 120 are within the timeout: at most twice that are held
            assert!(guard.sent.len() <= 2 * 121 + 1, "{}", guard.sent.len());
        }
    }

    #[test]
    fn a_flood_is_bounded_and_the_latest_stay() {
        let mut guard = guard(Class::RestrictedCone);
        for micros in 0..20_000 {
            guard.note_sent(addr(micros), Instant::from_micros(micros.into()));
            assert!(guard.sent.len() <= MOST);
        }
        let now = Instant::from_micros(20_000);
        assert!(guard.lets_in(addr(19_999), now));
        assert!(!guard.lets_in(addr(3), now));
    }
}
