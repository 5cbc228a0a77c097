//! A BitTorrent Mainline DHT node.
//!
//! [`Dht`] is the node as an application uses it: tokio drives it over real
//! sockets. [`core`] is the node itself, a state machine without sockets and
//! clock, for those who drive it some other way.

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
