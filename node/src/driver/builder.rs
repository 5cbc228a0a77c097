//! Configuring and starting a node.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_krpc::{Id, Instant};
use mdht_plugins::{LookupFactory, Registry, RoutingFactory, SpecError};
use tokio::sync::{broadcast, mpsc};

use super::clock::{Clock, wall_clock};
use super::items::ItemTasks;
use super::socket::Socket;
use super::state::{StateDir, StateError};
use super::tap::Tap;
use super::task::Task;
use super::watch::{self, Watch};
use super::{Dht, Notice};
use crate::core::{Budget, Config, Core, RateLimit, ReachabilityWatch};

/// Public nodes to join by, run by client makers.
pub const DEFAULT_BOOTSTRAP: [&str; 4] = [
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "router.utorrent.com:6881",
    "dht.libtorrent.org:25401",
];

/// Commands that wait for the node.
const COMMAND_BACKLOG: usize = 1024;
/// Notices that wait for a slow listener; the oldest are lost first.
const NOTICE_BACKLOG: usize = 256;

/// Why a node could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A socket could not be bound.
    #[error("cannot bind {addr}: {error}{}", hint(error))]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// The system's word.
        error: io::Error,
    },
    /// A module or one of its parameters does not exist.
    #[error(transparent)]
    Module(#[from] SpecError),
    /// The folder for the state cannot be used.
    #[error("cannot keep state in {0}")]
    State(StateError),
    /// The capture file cannot be written.
    #[error("cannot write the capture {path}: {error}")]
    Capture {
        /// The file.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
    /// The operating system gave no random seed.
    #[error("no randomness from the operating system: {0}")]
    Seed(io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            " (another program has this port: choose another one, or port 0 for any)"
        }
        io::ErrorKind::AddrNotAvailable => " (this machine does not have that address)",
        io::ErrorKind::PermissionDenied => " (ports below 1024 need privileges)",
        _ => "",
    }
}

/// Configures a node.
#[derive(Clone, Debug)]
pub struct DhtBuilder {
    bind: Vec<SocketAddr>,
    bootstrap: Vec<String>,
    default_bootstrap: bool,
    routing: Option<RoutingFactory>,
    lookup: Option<LookupFactory>,
    state: Option<PathBuf>,
    save_every: Duration,
    capture: Option<PathBuf>,
    id: Option<Id>,
    read_only: bool,
    read_only_if_unreachable: Option<ReachabilityWatch>,
    allow_private: bool,
    rate_limit: Option<RateLimit>,
    budget: Budget,
    join_timeout: Duration,
    log_addresses: bool,
}

impl Default for DhtBuilder {
    fn default() -> Self {
        Self {
            bind: Vec::new(),
            bootstrap: Vec::new(),
            default_bootstrap: true,
            routing: None,
            lookup: None,
            state: None,
            save_every: Self::SAVE_EVERY,
            capture: None,
            id: None,
            read_only: false,
            read_only_if_unreachable: None,
            allow_private: false,
            rate_limit: Some(RateLimit::default()),
            budget: Budget::default(),
            join_timeout: Config::PATIENCE,
            log_addresses: false,
        }
    }
}

impl DhtBuilder {
    /// How often the state is saved where nothing else is chosen.
    pub const SAVE_EVERY: Duration = Duration::from_secs(5 * 60);
    /// Routing module where none is chosen: the best measured for a node that
    /// stays (`docs/results.md`). A full store takes 31 MB; with
    /// `harvest:contacts=…` less.
    pub const DEFAULT_ROUTING: &str = "harvest";
    /// Lookup module where none is chosen: the soonest first peer at half the
    /// queries of `aggressive`, which finds about twice as many peers.
    pub const DEFAULT_LOOKUP: &str = "hedged";

    /// Binds one more socket. The first of each family is the one that the
    /// node is known by. Default: any IPv4 address, any port.
    #[must_use]
    pub fn bind(mut self, addr: SocketAddr) -> Self {
        self.bind.push(addr);
        self
    }

    /// One more node to join by, `host:port` or `address:port`.
    #[must_use]
    pub fn bootstrap(mut self, host: impl Into<String>) -> Self {
        self.bootstrap.push(host.into());
        self
    }

    /// Leaves [`DEFAULT_BOOTSTRAP`] out.
    #[must_use]
    pub const fn no_default_bootstrap(mut self) -> Self {
        self.default_bootstrap = false;
        self
    }

    /// The routing module. Default: [`Self::DEFAULT_ROUTING`] of
    /// [`Registry::live`]; one of [`Registry::builtin`] has no limit per subnet.
    #[must_use]
    pub fn routing(mut self, factory: RoutingFactory) -> Self {
        self.routing = Some(factory);
        self
    }

    /// The lookup module. Default: [`Self::DEFAULT_LOOKUP`] of [`Registry::live`].
    #[must_use]
    pub fn lookup(mut self, factory: LookupFactory) -> Self {
        self.lookup = Some(factory);
        self
    }

    /// Keeps node ID and routing table in this folder across runs.
    #[must_use]
    pub fn state(mut self, dir: impl Into<PathBuf>) -> Self {
        self.state = Some(dir.into());
        self
    }

    /// How often the state is saved while the node runs, beside at its end: what
    /// a crash costs at most. Default [`Self::SAVE_EVERY`].
    #[must_use]
    pub const fn save_every(mut self, interval: Duration) -> Self {
        self.save_every = interval;
        self
    }

    /// Writes every packet sent and received to this pcap file.
    #[must_use]
    pub fn capture(mut self, file: impl Into<PathBuf>) -> Self {
        self.capture = Some(file.into());
        self
    }

    /// Our node ID, in both families. Default: the saved one, or a random one;
    /// it changes where others agree that it does not fit our address (BEP 42).
    #[must_use]
    pub const fn id(mut self, id: Id) -> Self {
        self.id = Some(id);
        self
    }

    /// Asks, but answers nobody (BEP 43).
    #[must_use]
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Becomes read-only when it finds that nobody reaches it, and takes part
    /// again when somebody does.
    #[must_use]
    pub const fn read_only_if_unreachable(mut self, watch: Option<ReachabilityWatch>) -> Self {
        self.read_only_if_unreachable = watch;
        self
    }

    /// Accepts private and loopback addresses even in a public world.
    #[must_use]
    pub const fn allow_private(mut self, allow: bool) -> Self {
        self.allow_private = allow;
        self
    }

    /// How much is taken from others and answered; `None` is all.
    #[must_use]
    pub const fn rate_limit(mut self, limit: Option<RateLimit>) -> Self {
        self.rate_limit = limit;
        self
    }

    /// What may be sent: packets, bytes, distinct hosts. Default: no limit.
    #[must_use]
    pub const fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// How long a lookup waits for the first answer of the DHT before it ends
    /// with nothing. Default [`Config::PATIENCE`], 30 s.
    #[must_use]
    pub const fn join_timeout(mut self, timeout: Duration) -> Self {
        self.join_timeout = timeout;
        self
    }

    /// Shows addresses of others whole in what is written to `tracing`.
    /// Default: their networks only.
    #[must_use]
    pub const fn log_addresses(mut self, whole: bool) -> Self {
        self.log_addresses = whole;
        self
    }

    /// Starts the node. It joins in the background; lookups wait for that.
    ///
    /// # Errors
    /// A socket, the state folder or the capture file cannot be used. A state
    /// file that is damaged is no error: the node starts anew and says so.
    #[allow(clippy::unused_async)] // must run inside a tokio runtime
    pub async fn build(self) -> Result<Dht, BuildError> {
        let sockets = self.bind_all()?;
        let registry = Registry::builtin().live();
        let routing = self
            .routing
            .clone()
            .map_or_else(|| registry.routing(Self::DEFAULT_ROUTING), Ok)?;
        let lookup = self
            .lookup
            .clone()
            .map_or_else(|| registry.lookup(Self::DEFAULT_LOOKUP), Ok)?;
        let local = sockets.iter().map(Socket::local).collect();
        let config = Config {
            id: self.id,
            read_only: self.read_only,
            read_only_if_unreachable: self.read_only_if_unreachable,
            allow_private: self.allow_private,
            rate_limit: self.rate_limit,
            budget: self.budget,
            patience: self.join_timeout,
            follow_address: true,
            id_per_socket: true,
            ..Config::new(local, routing, lookup)
        };
        let mut core = Core::new(config, seed().map_err(BuildError::Seed)?, Instant::ZERO);
        let (commands, received) = mpsc::channel(COMMAND_BACKLOG);
        let (notices, first_notices) = broadcast::channel(NOTICE_BACKLOG);
        let moments = watch::channel();
        let mut early = Vec::new();
        let clock = Clock::start();
        let state = self.state.as_deref().map(StateDir::open).transpose();
        let state = state.map_err(BuildError::State)?;
        let restored = state
            .as_ref()
            .map(|state| state.load(wall_clock()))
            .transpose();
        match restored {
            Ok(saved) => core.restore(clock.now(), &saved.flatten().unwrap_or_default()),
            // without its memory a node still is one
            Err(error) => early.push(Notice::StateUnusable(error.to_string())),
        }
        let tap = self.capture.as_ref().map(|path| {
            let created = Tap::create(path, &sockets);
            created.map_err(|error| BuildError::Capture {
                path: path.clone(),
                error,
            })
        });
        for socket in &sockets {
            // of use to a capture only
            socket.tell_destinations(self.capture.is_some());
        }
        let task = Task {
            core,
            clock,
            tap: tap.transpose()?,
            sockets,
            commands: received,
            own_commands: commands.downgrade(),
            notices: notices.clone(),
            watch: Watch::new(moments.clone(), self.log_addresses),
            bootstrap: self.bootstrap_hosts(),
            state,
            lookups: BTreeMap::new(),
            items: ItemTasks::default(),
            pings: BTreeMap::new(),
            outbox: Vec::new(),
            first_socket: 0,
            save_every: self.save_every,
            next_save: Instant::ZERO,
            send_fault: None,
            save_fault: None,
        };
        for notice in early {
            let _ = notices.send(notice);
        }
        tokio::spawn(task.run());
        let first_notices = Arc::new(Mutex::new(Some(first_notices)));
        Ok(Dht {
            commands,
            notices,
            moments,
            first_notices,
        })
    }

    fn bind_all(&self) -> Result<Vec<Socket>, BuildError> {
        let any = [SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)];
        let addrs = if self.bind.is_empty() {
            &any[..]
        } else {
            &self.bind[..]
        };
        let bind = |addr: &SocketAddr| {
            Socket::bind(*addr).map_err(|error| BuildError::Bind { addr: *addr, error })
        };
        addrs.iter().map(bind).collect()
    }

    fn bootstrap_hosts(&self) -> Vec<String> {
        let default = DEFAULT_BOOTSTRAP.iter().map(|host| (*host).to_owned());
        let default = default.filter(|_| self.default_bootstrap);
        self.bootstrap.iter().cloned().chain(default).collect()
    }
}

/// Randomness from the operating system, to seed everything else.
fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}
