//! Policy of a Mainline DHT node: which contacts are kept, refreshed and
//! replaced, which are queried next, how long an answer is waited for, and
//! when a lookup is over [thesis 8.IV].
//!
//! Two traits hold all of it. A [`RoutingModule`] keeps the routing table of
//! one address family; a [`LookupModule`] makes the state of each lookup, a
//! [`Lookup`]. Both are object-safe and pure: time and randomness are handed
//! in with every call, and what is to be done goes out as a list of actions
//! that the node carries out. The node itself decides nothing of the kind.
//!
//! The [`Registry`] names the modules and their declared parameters, builds
//! them from texts such as `nr128:refresh=3s,first=256`, and takes the
//! modules of third parties beside ours.
//!
//! ```
//! use mdht_plugins::{Registry, combination_label};
//! let registry = Registry::builtin();
//! let routing = registry.routing("nr128:refresh=3s,first=256")?;
//! let lookup = registry.lookup("aggressive")?;
//! assert_eq!(combination_label(&routing, &lookup), "NR128-A");
//! # Ok::<(), mdht_plugins::SpecError>(())
//! ```

pub mod lookup;
mod network_rtt;
mod parameter;
mod registry;
pub mod routing;
mod subnet;
mod suggestion;

pub use lookup::{Lookup, LookupModule};
pub use parameter::{Kind, Parameter, ParameterError, Parameters, Value};
pub use registry::{
    LookupFactory, ModuleInfo, Registry, RoutingFactory, SpecError, combination_label,
};
pub use routing::{ContactSource, RoutingModule};
pub use suggestion::{did_you_mean, nearest_name};
