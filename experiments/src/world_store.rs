//! The worlds of an experiment: each is made when its first run begins, shared
//! by its runs, and dropped after the last, since a large one takes 100 MB.

use std::sync::{Arc, Mutex, PoisonError};

use mdht_overlay::World;
use mdht_overlay::parameters::ParameterError;

use crate::job::Job;
use crate::script::Script;

/// Worlds by repetition and number.
pub(crate) struct WorldStore<'s> {
    script: &'s Script,
    places: Vec<Mutex<Place>>,
}

struct Place {
    world: Option<Arc<World>>,
    runs_left: usize,
}

impl<'s> WorldStore<'s> {
    pub(crate) fn new(script: &'s Script) -> Self {
        let place = |_| {
            Mutex::new(Place {
                world: None,
                runs_left: script.combinations() * script.schedule.nodes_each as usize,
            })
        };
        let count = script.worlds.len() * script.repetitions as usize;
        Self {
            script,
            places: (0..count).map(place).collect(),
        }
    }

    /// The world of a run, made by whoever comes first while the others wait.
    pub(crate) fn world(&self, job: Job) -> Result<Arc<World>, ParameterError> {
        let mut place = self
            .place(job)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = &place.world {
            return Ok(Arc::clone(world));
        }
        let number = self.script.variants[job.variant].world;
        let mut parameters = self.script.worlds[number].overlay.clone();
        parameters.seed = self.script.seed_of(job.repetition);
        let world = Arc::new(World::new(parameters)?);
        place.world = Some(Arc::clone(&world));
        Ok(world)
    }

    /// A run needs its world no more.
    pub(crate) fn done(&self, job: Job) {
        let mut place = self
            .place(job)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        place.runs_left = place.runs_left.saturating_sub(1);
        if place.runs_left == 0 {
            place.world = None;
        }
    }

    fn place(&self, job: Job) -> &Mutex<Place> {
        let world = self.script.variants[job.variant].world;
        &self.places[job.repetition as usize * self.script.worlds.len() + world]
    }
}
