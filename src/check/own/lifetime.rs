//! How long our own NAT keeps a mapping.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_connectivity::{Lifetime, MappingSearch, SearchLimits};
use mdht_krpc::Rng;
use mdht_node::Clock;

use super::super::document::lifetime_text;
use super::super::outside::{Voice, calls_through};
use super::Args;
use crate::output::{Failure, note};

/// A search for the lifetime of our NAT's mapping, with a socket of its own.
pub(super) struct Search {
    own: Voice,
    /// Who sends after each gap, if there is a second address outside whose
    /// answers get in.
    second: Option<Voice>,
    limits: SearchLimits,
    patience: Duration,
    preserves_ports: Option<bool>,
}

impl Search {
    pub(super) fn new(
        args: &Args,
        rng: &mut Rng,
        preserves_ports: Option<bool>,
        answers_get_in: bool,
    ) -> Result<Self, Failure> {
        let second = args
            .remote_bind
            .filter(|_| answers_get_in)
            .map(|addr| Voice::bind(SocketAddr::new(addr.ip(), 0), rng));
        Ok(Self {
            own: Voice::bind(SocketAddr::new(args.bind.ip(), 0), rng)?,
            second: second.transpose()?,
            limits: SearchLimits {
                first: args.first_gap,
                longest: args.longest_gap,
                pings: 1,
                ..SearchLimits::default()
            },
            patience: args.timeout / 2,
            preserves_ports,
        })
    }

    /// With a second address: does its call still get in after the gap?
    /// Without one: does a node still see the same port? A NAT that keeps
    /// ports gives an ended mapping the same one again, which shows nothing.
    pub(super) async fn run(
        mut self,
        clock: &Clock,
        voter: Option<SocketAddr>,
    ) -> Result<Option<Lifetime>, Failure> {
        if self.second.is_none() && self.preserves_ports != Some(false) {
            note(
                "the lifetime of a mapping cannot be told from outside where the NAT keeps the \
                 port, or there is none",
            );
            return Ok(None);
        }
        let Some(mut seen) = self.opens(clock, voter).await else {
            return Ok(None);
        };
        if self.is_alive(clock, voter, seen).await.is_none() {
            note("not even an answer at once gets in: there is no mapping to measure");
            return Ok(None);
        }
        let mut search = MappingSearch::new(self.limits, Lifetime::default(), Some(clock.now()));
        while !search.is_over() {
            let Some(next) = search.next(Duration::ZERO) else {
                // the mapping has ended: make a new one
                let Some(new) = self.opens(clock, voter).await else {
                    break;
                };
                seen = new;
                search.heard(clock.now());
                continue;
            };
            tokio::time::sleep(next.since(clock.now())).await;
            let asked = clock.now();
            if search.ping(asked, Duration::ZERO).is_none() {
                continue;
            }
            note(&format!(
                "mapping lives {}",
                lifetime_text(search.lifetime())
            ));
            if let Some(new) = self.is_alive(clock, voter, seen).await {
                seen = new;
                search.answered(clock.now());
            }
        }
        Ok(Some(search.lifetime()))
    }

    /// Sends something out; where it is seen to come from.
    async fn opens(&mut self, clock: &Clock, voter: Option<SocketAddr>) -> Option<SocketAddr> {
        match (&mut self.second, voter) {
            (Some(second), _) => {
                let to = second.socket.local();
                calls_through(clock, (&mut self.own, to), second, self.patience).await
            }
            (None, Some(voter)) => {
                let answers = self.own.ask(clock, &[voter], self.patience).await;
                answers.first()?.sees
            }
            (None, None) => None,
        }
    }

    /// Whether the mapping `seen` lives; where it is seen now that it was used.
    async fn is_alive(
        &mut self,
        clock: &Clock,
        voter: Option<SocketAddr>,
        seen: SocketAddr,
    ) -> Option<SocketAddr> {
        if let Some(second) = &mut self.second {
            let caller = (&mut *second, seen);
            calls_through(clock, caller, &mut self.own, self.patience).await?;
        }
        // what we send renews it
        let now = self.opens(clock, voter).await?;
        (now == seen).then_some(now)
    }
}
