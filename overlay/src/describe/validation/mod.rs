//! Planted against observed: samples of the model itself, taken as somebody who
//! knows only the world's surface would, beside what was asked for.

mod connectivity;
mod links;
mod sampler;
mod sessions;
mod shares;
mod swarms;
mod tables;

use serde::Serialize;

use crate::world::World;
use sampler::Sampler;

/// One subject with its rows.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What is compared.
    pub subject: &'static str,
    /// Unit of planted, observed, gap and published.
    pub unit: &'static str,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// What the parameters ask for; `None` where they do not say.
    pub planted: Option<f64>,
    /// What the samples show.
    pub observed: f64,
    /// Observed less planted.
    pub gap: Option<f64>,
    /// What was measured on the Internet, where it was.
    pub published: Option<f64>,
    /// Number of samples.
    pub samples: u64,
}

impl Row {
    fn new(name: impl Into<String>, planted: impl Into<Option<f64>>, observed: f64) -> Self {
        let planted = planted.into();
        Self {
            name: name.into(),
            planted,
            observed,
            gap: planted.map(|planted| observed - planted),
            published: None,
            samples: 0,
        }
    }

    fn published(mut self, published: Option<f64>) -> Self {
        self.published = published;
        self
    }

    fn samples(mut self, samples: u64) -> Self {
        self.samples = samples;
        self
    }
}

/// Samples a world and compares. The same world gives the same rows; the time
/// it takes hardly depends on the number of nodes.
pub fn validate(world: &World) -> Vec<Comparison> {
    let sampler = Sampler::new(world);
    let comparisons = [
        vec![links::round_trips(&sampler)],
        vec![shares::clients(&sampler), shares::classes(&sampler)],
        vec![connectivity::patterns(&sampler)],
        sessions::all(&sampler),
        tables::all(&sampler),
        swarms::all(&sampler),
        vec![shares::secure_ids(&sampler)],
    ];
    comparisons.into_iter().flatten().collect()
}
