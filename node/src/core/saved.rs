//! A node's memory across restarts.

use mdht_krpc::{Family, Id, Instant};
use mdht_plugins::routing::SavedTable;

use super::Core;
use super::overlay::Overlay;

/// A node's memory across restarts, one entry for each family it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedNode {
    /// Family, own node ID and routing table.
    pub overlays: Vec<(Family, Id, SavedTable)>,
}

impl Core {
    /// What to keep across a restart.
    pub fn save(&self) -> SavedNode {
        let table = |overlay: &Overlay| overlay.routing.save(self.now);
        let overlays = self
            .overlays
            .iter()
            .map(|o| (o.family, o.own_id, table(o)))
            .collect();
        SavedNode { overlays }
    }

    /// Takes up what [`Core::save`] gave. Call it before anything else. A node
    /// ID given in the configuration stays.
    pub fn restore(&mut self, now: Instant, saved: &SavedNode) {
        self.advance(now);
        for (family, id, table) in &saved.overlays {
            let keep_id = self.config.id.is_some() || !self.may_keep(*family, id);
            let Some(overlay) = self.overlays.iter_mut().find(|o| o.family == *family) else {
                continue;
            };
            overlay.restore(
                if keep_id { overlay.own_id } else { *id },
                &self.config,
                table,
            );
            self.with_routing(*family, |module, cx| module.restore(cx, table));
            self.start_joining(*family);
        }
    }
}
