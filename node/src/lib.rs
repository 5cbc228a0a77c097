//! A BitTorrent Mainline DHT node.
//!
//! [`Dht`] is the node as an application uses it: tokio drives it over real
//! sockets. [`core`] is the node itself, a state machine without sockets and
//! clock, for those who drive it some other way.
//!
//! A DHT of two nodes on one machine; without `no_default_bootstrap` they
//! would join the public one:
//!
//! ```
//! use mdht_node::{AnnouncePort, Dht};
//! # async fn two() -> Result<(), Box<dyn std::error::Error>> {
//! let node = |bind: &str| -> Result<_, std::net::AddrParseError> {
//!     Ok(Dht::builder().bind(bind.parse()?).no_default_bootstrap())
//! };
//! let first = node("127.0.0.1:0")?.build().await?;
//! let addr = first.status().await?.local[0];
//! let second = node("127.0.0.2:0")?.bootstrap(addr.to_string()).build().await?;
//!
//! let swarm = "2c6b6858d61da9543d4231a71db4b1c9264b0685".parse()?;
//! let announce = second.announce(swarm, AnnouncePort::Explicit(51413)).await?;
//! assert_eq!(announce.report().await?.announced, 1);
//! let found = second.get_peers(swarm).await?.next().await.ok_or("nobody")?;
//! assert_eq!(found.peer.to_string(), "127.0.0.2:51413");
//! # Ok(())
//! # }
//! # let runtime = tokio::runtime::Runtime::new().expect("a runtime");
//! # runtime.block_on(two()).expect("a peer");
//! ```

mod capture;
pub mod core;
mod crawl;
mod driver;
pub mod item;

pub use capture::CaptureWriter;
pub use core::{
    AnnouncePort, Budget, ItemQuery, ItemReport, LookupReport, LookupStep, QueryOutcome, RateLimit,
    Sample, ScrapeReport,
};
pub use crawl::{Crawl, CrawlReport};
pub use driver::{
    BuildError, Clock, DEFAULT_BOOTSTRAP, Dht, DhtBuilder, FoundPeer, Logged, LookupMoment,
    LookupNews, Notice, OverlayStatus, Peers, Received, Republishing, Socket, StateError, Status,
    Stopped,
};
