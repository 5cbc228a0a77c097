//! The measurements of one node, each called for what it asks for.

use crate::lookup::{Closed, LookupKind};
use crate::measurement::{Factory, Hooks, KINDS, Measurement, Section, Span, kind_of};
use crate::{Exchange, NodeSpec, Observed, Options, Remotes, Stray};

/// The measurements of one node in their order.
#[derive(Clone)]
pub(crate) struct Measuring {
    all: Vec<Box<dyn Measurement>>,
    /// Indices of those that are told of messages, by their kind.
    on_message: [Vec<usize>; KINDS.len()],
    /// Indices of those that are told of exchanges.
    on_exchange: Vec<usize>,
}

impl Measuring {
    pub(crate) fn new(node: &NodeSpec, options: &Options, factories: &[Factory]) -> Self {
        let mut all: Vec<_> = factories.iter().map(|make| make(options)).collect();
        for measurement in &mut all {
            measurement.on_node(node);
        }
        let asking_for = |hook| {
            let asking = |index: &usize| all[*index].hooks().contains(hook);
            (0..all.len()).filter(asking).collect()
        };
        Self {
            on_message: KINDS.map(asking_for),
            on_exchange: asking_for(Hooks::EXCHANGES),
            all,
        }
    }

    #[inline]
    pub(crate) fn on_message(&mut self, observed: &Observed<'_>) {
        for &index in &self.on_message[kind_of(observed)] {
            self.all[index].on_message(observed);
        }
    }

    #[inline]
    pub(crate) fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        for &index in &self.on_exchange {
            self.all[index].on_exchange(exchange);
        }
    }

    pub(crate) fn on_stray(&mut self, observed: &Observed<'_>, stray: Stray) {
        for measurement in &mut self.all {
            measurement.on_stray(observed, stray);
        }
    }

    pub(crate) fn on_closed(&mut self, closed: &Closed) {
        for measurement in &mut self.all {
            match closed {
                Closed::Lookup(lookup) if lookup.kind == LookupKind::Get => {
                    measurement.on_get_lookup(lookup);
                }
                Closed::Lookup(lookup) => measurement.on_lookup(lookup),
                Closed::Refresh(group) => measurement.on_refresh(group),
            }
        }
    }

    pub(crate) fn finish(mut self, remotes: &Remotes, span: &Span) -> Vec<Section> {
        for measurement in &mut self.all {
            measurement.on_remotes(remotes);
        }
        self.all.into_iter().map(|m| m.finish(span)).collect()
    }
}
