//! The instrumented nodes in their world, and the checker beside them.

use std::collections::HashMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::fast::FixedState;
use mdht_connectivity::{Checker, Config as CheckerConfig, Identity, Limits, Port, Report};
use mdht_krpc::{Id, Instant, Rng};
use mdht_node::core::{Config, SocketId};
use mdht_overlay::parameters::Connectivity;
use mdht_overlay::{FullNodeSetup, NodeIndex, Simulation, World};
use mdht_plugins::Registry;

use super::passive::Listener;
use super::{Agreement, SurveyError, SurveyScript};

/// Datagrams that reached the station since it last looked: when, from whom,
/// by which socket, and what.
type Arrivals = Arc<Mutex<Vec<(Instant, SocketAddr, Port, Vec<u8>)>>>;

/// Everything on our side.
pub(super) struct Station {
    pub(super) checker: Checker,
    simulation: Simulation,
    nodes: Vec<NodeIndex>,
    arrivals: Arrivals,
    /// Looks at the instrumented nodes' own traffic.
    listener: Option<Listener>,
    /// By which instrumented node's second host a node is asked from
    /// elsewhere: the one that it queried.
    asked_by: HashMap<SocketAddr, u16, FixedState>,
    probe: Vec<u8>,
}

/// Places of the sockets of an instrumented node.
const OWN: SocketId = SocketId(0);
const LOCAL: SocketId = SocketId(1);
const REMOTE: SocketId = SocketId(2);

impl Station {
    pub(super) fn new(
        script: &SurveyScript,
        registry: &Registry,
        world: &Arc<World>,
    ) -> Result<Self, SurveyError> {
        let mut rng = Rng::from_u64(script.overlay.seed);
        let mut simulation = Simulation::new(Arc::clone(world), 0);
        let arrivals = Arrivals::default();
        let (mut identities, mut nodes) = (Vec::new(), Vec::new());
        let listened_to = 0..script.listened_to.min(script.identities);
        let listened_to: Vec<_> = listened_to
            .map(|number| world.free_addr(number.into()))
            .collect();
        let listener = match listened_to.is_empty() {
            true => None,
            false => Some(Listener::start(&listened_to)?),
        };
        for number in 0..script.identities {
            let own = world.free_addr(u64::from(number));
            let local = SocketAddrV4::new(*own.ip(), own.port() ^ 1);
            let remote = world.free_addr(u64::from(script.identities + number));
            let id = spread_id(number, script.identities, &mut rng);
            let routing = registry.routing(&script.routing)?;
            let lookup = registry.lookup("standard")?;
            let sockets = [own, local, remote].map(SocketAddr::from).into();
            let mut config = Config::new(sockets, routing, lookup);
            config.id = Some(id);
            config.rate_limit = None;
            let mut seed = [0; 32];
            rng.fill(&mut seed);
            let mut setup = FullNodeSetup::new(own, config, seed);
            let mut ear = ear(&arrivals, number, [own, local, remote]);
            let own_traffic = listener.as_ref().and_then(|l| l.ear(number, own));
            setup.tap = Some(match own_traffic {
                None => Box::new(ear),
                Some(mut listen) => Box::new(move |at, from, to, payload: &[u8]| {
                    ear(at, from, to, payload);
                    listen(at, from, to, payload);
                }),
            });
            let node = simulation.add(setup);
            simulation.bootstrap(node);
            nodes.push(node);
            identities.push(Identity {
                id,
                own: own.into(),
                local: local.into(),
            });
        }
        // each identity has a second host of its own, so that what a NAT remembers
        // is kept with the identity; to the checker they are one
        let remote = world.free_addr(u64::from(script.identities));
        let config = CheckerConfig {
            remote: Some(remote.into()),
            survey: true,
            own_answers: true,
            limits: Limits {
                open: usize::MAX >> 8,
                probes_per_second: 1_000_000,
                remembered: 7 << 20,
                ..Limits::default()
            },
            ..CheckerConfig::new(identities)
        };
        Ok(Self {
            checker: Checker::new(config, rng)?,
            simulation,
            nodes,
            arrivals,
            listener,
            asked_by: HashMap::default(),
            probe: Vec::new(),
        })
    }

    pub(super) fn now(&self) -> Instant {
        self.simulation.now()
    }

    /// What was planted between a node and the world, by the address that it
    /// showed; `None` where it cannot be told any more.
    pub(super) fn planted(&mut self, node: SocketAddrV4) -> Option<Connectivity> {
        self.asked_by.remove(&node.into());
        let identity = self.simulation.shown_at(node)?;
        Some(self.simulation.world().population().connectivity(identity))
    }

    /// A check has ended, to be compared with what own traffic tells.
    pub(super) fn compare(&mut self, report: &Report) {
        if let Some(listener) = &mut self.listener {
            listener.add(report);
        }
    }

    /// What the instrumented nodes' own traffic told, if it was looked at.
    pub(super) fn end_listening(&mut self) -> Result<Option<Agreement>, SurveyError> {
        self.listener.take().map(Listener::finish).transpose()
    }

    /// Lets time pass, with what the checker has to do in it.
    pub(super) fn pass(&mut self, time: Duration) {
        self.simulation.run_for(time);
        self.simulation.take_events();
        let taken = self
            .arrivals
            .lock()
            .map(|mut all| std::mem::take(&mut *all));
        for (at, from, port, payload) in taken.unwrap_or_default() {
            let _ = self.checker.handle_datagram(at, port, from, &payload);
        }
        self.checker.handle_timeout(self.simulation.now());
        while let Some(transmit) = self.checker.poll_transmit() {
            let (number, socket) = match transmit.port {
                Port::Own(number) => (number, OWN),
                Port::Local(number) => (number, LOCAL),
                Port::Remote => (
                    self.asked_by.get(&transmit.to).copied().unwrap_or(0),
                    REMOTE,
                ),
            };
            self.asked_by.insert(transmit.to, number);
            self.probe.clear();
            transmit.encode_into(&mut self.probe);
            if let (SocketAddr::V4(to), Some(node)) =
                (transmit.to, self.nodes.get(usize::from(number)))
            {
                let listener = self.listener.as_ref();
                listener.inspect(|listener| listener.set_probing(true));
                self.simulation.inject(*node, socket, to, &self.probe);
                listener.inspect(|listener| listener.set_probing(false));
            }
        }
    }
}

/// Hears what reaches an instrumented node.
fn ear(
    arrivals: &Arrivals,
    number: u16,
    [own, local, remote]: [SocketAddrV4; 3],
) -> impl FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send + 'static {
    let arrivals = Arc::clone(arrivals);
    let ports = [
        (SocketAddr::V4(own), Port::Own(number)),
        (local.into(), Port::Local(number)),
        (remote.into(), Port::Remote),
    ];
    move |at, from, to, payload| {
        let port = ports.iter().find(|(addr, _)| *addr == to);
        if let (Some((_, port)), Ok(mut arrivals)) = (port, arrivals.lock()) {
            arrivals.push((at, from, *port, payload.to_vec()));
        }
    }
}

/// A random ID whose first four bits no other of `of` identities has.
fn spread_id(number: u16, of: u16, rng: &mut Rng) -> Id {
    let mut bytes = *Id::random(rng).as_bytes();
    let top = u8::try_from(16 * number / of.max(1)).unwrap_or(0);
    bytes[0] = (top << 4) | (bytes[0] & 0x0f);
    Id::new(bytes)
}
