//! An emulated Mainline DHT of up to 16 million nodes, in virtual time or on
//! real UDP.
//!
//! A [`World`] is made from [`Parameters`](parameters::Parameters): who is out
//! there, what their tables hold, who has which values. All of it is derived on
//! demand. A [`Simulation`] runs full nodes, the code that runs on the Internet,
//! in that world; [`serve`] lets real clients into it, [`attack`] attackers.
//!
//! ```
//! use mdht_overlay::{World, parameters::Parameters};
//! let parameters = Parameters { nodes: 10_000, seed: 7, ..Parameters::default() };
//! let world = World::new(parameters)?;
//! assert_eq!(world.routers().len(), 3);
//! # Ok::<(), mdht_overlay::parameters::ParameterError>(())
//! ```

pub mod attack;
pub mod describe;
mod draws;
mod full_world;
mod modelled;
mod nat;
mod nearest_holder;
pub mod parameters;
pub mod population;
mod runner;
pub mod serve;
mod simulation;
mod swarms;
mod tables;
pub mod wheel;
mod world;

pub use full_world::{FullWorld, FullWorldError, PluginShare, Start};
pub use runner::run_all;
pub use simulation::{CaptureTap, Counters, FullNodeSetup, NodeIndex, Simulation, Tap};
pub use swarms::SwarmPlan;
pub use tables::Kind;
pub use world::World;
