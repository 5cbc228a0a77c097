//! Share of node IDs that BEP 42 allows.

use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span, in_words, percentage};
use crate::{IdFit, Remotes};

/// Distinct remote IP addresses on the public Internet, by whether the first
/// node ID they showed is derived from the address.
#[derive(Clone, Debug, Default)]
pub(super) struct SecureIds {
    valid: u64,
    invalid: u64,
    exempt: u64,
}

impl Measurement for SecureIds {
    fn hooks(&self) -> Hooks {
        Hooks::NONE
    }

    fn on_remotes(&mut self, remotes: &Remotes) {
        for sender in remotes.senders() {
            match sender.id_fit {
                IdFit::Valid => self.valid += 1,
                IdFit::Invalid => self.invalid += 1,
                IdFit::Exempt => self.exempt += 1,
                IdFit::Unknown => {}
            }
        }
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let Self {
            valid,
            invalid,
            exempt,
        } = *self;
        let valid_pct = percentage(valid, valid + invalid);
        let share = in_words(valid_pct, 1);
        Section {
            key: "bep42_ids",
            json: json!({
                "valid": valid,
                "invalid": invalid,
                "exempt": exempt,
                "valid_pct": valid_pct,
            }),
            rows: vec![Row::line(
                "BEP 42 IDs",
                format!(
                    "{valid} valid ({share} %), {invalid} not; \
                     {exempt} not on the public Internet"
                ),
            )],
            ..Section::default()
        }
    }
}
