//! A second address of ours, which is not behind the NAT: what gets in.

use std::net::{IpAddr, SocketAddr};

use mdht_connectivity::{OwnView, SecondAddress};
use mdht_krpc::Rng;
use mdht_node::{Clock, Socket};

use super::super::outside::{Voice, calls_through};
use super::Args;
use crate::output::{Failure, note};

/// A second address of ours, with two ports.
pub(super) struct Second {
    known: Voice,
    other_port: Voice,
}

impl Second {
    pub(super) fn bind(addr: SocketAddr, own: IpAddr, rng: &mut Rng) -> Result<Self, Failure> {
        if addr.ip() == own || addr.ip().is_unspecified() {
            return Err(Failure::Usage(format!(
                "--remote-bind {addr}: it takes another address than {own}, from which our socket sends"
            )));
        }
        Ok(Self {
            known: Voice::bind(addr, rng)?,
            other_port: Voice::bind(SocketAddr::new(addr.ip(), 0), rng)?,
        })
    }

    /// Tries in this order: a call that nobody asked for, our own call there,
    /// an answer, and a call from a port that we never sent to.
    ///
    /// Packets between two addresses of one machine do not leave it, unless it
    /// is told to route them. So without that a machine that has its external
    /// address itself cannot try its firewall, and behind a NAT the call from
    /// outside counts, but those that need one of ours to go out first only if
    /// that is seen to come from the NAT. `nodes` are asked whether what the
    /// second address sends leaves it.
    pub(super) async fn try_out(
        &mut self,
        args: &Args,
        clock: &Clock,
        own: &mut Voice,
        (view, nodes): (&mut OwnView, &[SocketAddr]),
    ) -> SecondAddress {
        let patience = args.timeout / 2;
        let mut result = SecondAddress::default();
        if view.behind_nat() != Some(true) && self.stays_inside(own) {
            note(
                "as far as is known this machine has its external address itself, and packets \
                 between its two addresses do not leave it, so that --remote-bind shows nothing; \
                 run `mdht check node` on another machine",
            );
            return result;
        }
        let external = view.external_ip();
        let votes = view.votes();
        let mut seen = votes.iter().map(|(addr, _)| *addr);
        if let Some(seen) = seen.find(|addr| Some(addr.ip()) == external) {
            let caller = (&mut self.known, seen);
            let heard = calls_through(clock, caller, own, patience).await;
            result.unsolicited = believed(heard.is_some());
        }
        let answers = self.known.ask(clock, nodes, args.timeout).await;
        result.outside = Some(!answers.is_empty());
        let here = self.known.socket.local();
        let caller = (&mut *own, here);
        let seen = calls_through(clock, caller, &mut self.known, patience).await;
        // where nobody told our address, this is known to have left the machine
        let real = |seen: &SocketAddr| external.is_none_or(|external| seen.ip() == external);
        let Some(seen) = seen.filter(real) else {
            note(&format!(
                "what we send to {here} does not come there from our external address"
            ));
            return result;
        };
        view.vote(here, seen);
        let caller = (&mut self.known, seen);
        let answer = calls_through(clock, caller, own, patience).await;
        result.answer = believed(answer.is_some());
        let caller = (&mut self.other_port, seen);
        let other = calls_through(clock, caller, own, patience).await;
        result.other_port = Some(other.is_some());
        let there = self.other_port.socket.local();
        let caller = (&mut *own, there);
        if let Some(seen) = calls_through(clock, caller, &mut self.other_port, patience).await {
            view.vote(there, seen);
        }
        result
    }

    /// Whether packets between our socket and this address, either way, are
    /// handed over inside the machine, or may be for all that is known: then no
    /// NAT and no firewall has a say.
    fn stays_inside(&self, own: &Voice) -> bool {
        let here = self.known.socket.local();
        let Some(source) = own.socket.source_toward(here) else {
            return true;
        };
        let there = SocketAddr::new(source, own.socket.local().port());
        let ways = [(&own.socket, here), (&self.known.socket, there)];
        let leaves = |(from, to): (&Socket, _)| from.is_short_cut(to) == Some(false);
        !ways.into_iter().all(leaves)
    }
}

/// That nothing got in counts only if the system itself would let it in.
fn believed(heard: bool) -> Option<bool> {
    let counts = heard || takes_own_packets();
    if !counts {
        note(
            "nothing got in, which proves nothing: the system drops packets that come in with an \
             address of its own as their source (on Linux unless net.ipv4.conf.all.accept_local \
             is 1)",
        );
    }
    counts.then_some(heard)
}

/// Whether the system lets packets in whose source is an address of its own:
/// only then does silence say that the NAT dropped them.
fn takes_own_packets() -> bool {
    let setting = std::fs::read_to_string("/proc/sys/net/ipv4/conf/all/accept_local");
    setting.is_ok_and(|setting| setting.trim() == "1")
}
