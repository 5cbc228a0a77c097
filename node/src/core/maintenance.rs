//! Calling the routing module, and doing what it asks for.

use mdht_krpc::{Family, Instant, Method, Query};
use mdht_plugins::RoutingModule;
use mdht_plugins::routing::{Ask, MaintenanceQuery, RoutingAction, RoutingCx, Vantage};

use super::Core;
use super::sending::Destination;
use super::timers::Timer;
use super::transactions::Purpose;

impl Core {
    /// Calls one hook of a family's routing module, then does what it asked for.
    pub(crate) fn with_routing<R>(
        &mut self,
        family: Family,
        hook: impl FnOnce(&mut dyn RoutingModule, &mut RoutingCx<'_>) -> R,
    ) -> Option<R> {
        let overlay = self
            .overlays
            .iter_mut()
            .find(|overlay| overlay.family == family)?;
        let mut actions = Vec::new();
        let mut cx = RoutingCx {
            now: self.now,
            rng: &mut self.rng,
            online: overlay.online,
            sockets: overlay.sockets.len(),
            actions: &mut actions,
        };
        let result = hook(overlay.routing.as_mut(), &mut cx);
        for action in &actions {
            self.do_routing_action(family, action);
        }
        Some(result)
    }

    /// The routing module's turn: it says when it wants the next one.
    pub(crate) fn do_maintenance(&mut self, family: Family) {
        let Some(overlay) = self.overlay(family) else {
            return;
        };
        overlay.wake = None;
        let next = self
            .with_routing(family, |module, cx| module.do_maintenance(cx))
            .flatten();
        if let Some(at) = next {
            self.wake_routing_at(family, at);
        }
    }

    /// Gives the routing module a turn at `at`, or sooner if so planned.
    pub(crate) fn wake_routing_at(&mut self, family: Family, at: Instant) {
        let at = at.max(self.now);
        let planned = self.overlay_ref(family).and_then(|overlay| overlay.wake);
        if planned.is_some_and(|key| key.at() <= at) {
            return;
        }
        self.timers.cancel(planned);
        let key = self.timers.set(at, Timer::Routing(family));
        if let Some(overlay) = self.overlay(family) {
            overlay.wake = Some(key);
        }
    }

    fn do_routing_action(&mut self, family: Family, action: &RoutingAction) {
        match action {
            RoutingAction::Query(query) => self.send_maintenance_query(family, query),
            RoutingAction::Lookup { target } => self.start_maintenance_lookup(family, *target),
            RoutingAction::WakeAt(at) => self.wake_routing_at(family, *at),
            RoutingAction::Changed { change, .. } => self.stats.table.count(*change),
            _ => {}
        }
    }

    fn send_maintenance_query(&mut self, family: Family, asked: &MaintenanceQuery) {
        let Some(overlay) = self.overlay_ref(family) else {
            return;
        };
        let own_id = overlay.own_id;
        let socket = match asked.from {
            Vantage::Other => overlay.sockets.get(1),
            _ => overlay.sockets.first(),
        };
        let mut destination = Destination {
            to: asked.contact.addr,
            expected_id: Some(asked.contact.id),
            purpose: Purpose::Routing(asked.tag),
            soft: None,
            hard: asked.timeout,
        };
        let query = match asked.ask {
            Ask::FindNode(target) => Query::find_node(own_id, target),
            _ => Query::new(Method::Ping, own_id),
        };
        match (socket.copied(), overlay.sockets[0]) {
            (Some(socket), _) => _ = self.send_query_by(socket, &destination, query),
            (None, main) => {
                // there is no such vantage point: unanswered at once
                destination.hard = std::time::Duration::ZERO;
                self.open_transaction(main, &destination);
            }
        }
    }
}
