//! Which attacks are played on which combinations.

use mdht_overlay::attack::{Attack, Kind};
use mdht_overlay::parameters::Parameters;
use mdht_plugins::Registry;
use serde::Deserialize;

use crate::script::{
    ScriptError, Variant, check_name, has_section, one, overlay_of, read, variants,
};

/// Most sieges of a script, repetitions included.
const MOST_SIEGES: usize = 10_000;

/// A script with `[[attack]]` sections.
#[derive(Clone, Debug, PartialEq)]
pub struct AttackScript {
    /// Its name, which names the output folder.
    pub name: String,
    /// What it is for, in a line.
    pub about: String,
    /// The first repetition's seed; each next one has the next.
    pub seed: u64,
    /// Worlds in which everything is played.
    pub repetitions: u32,
    /// The world.
    pub overlay: Parameters,
    /// Lookups of each node in each world.
    pub lookups: u32,
    /// Seconds before the first; attacks begin at half of it.
    pub warm_up_s: f64,
    /// Seconds between two.
    pub interval_s: f64,
    /// The attacks, none first.
    pub attacks: Vec<Attack>,
    /// The combinations of modules.
    pub variants: Vec<Variant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "one")]
    repetitions: u32,
    overlay: Option<toml::Table>,
    #[serde(default)]
    siege: Section,
    attack: Vec<WrittenAttack>,
    variant: Vec<Variant>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    lookups: u32,
    warm_up_s: f64,
    interval_s: f64,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            lookups: 100,
            warm_up_s: 1800.0,
            interval_s: 10.0,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAttack {
    kind: Kind,
    strength: Vec<f64>,
    #[serde(default = "one")]
    per_24: u32,
}

impl AttackScript {
    /// Whether a script is one of attacks: it has a section `[[attack]]`.
    pub fn is_one(text: &str) -> bool {
        has_section(text, "attack")
    }

    /// Reads a script from its text and checks it against the modules of
    /// `registry`.
    ///
    /// # Errors
    /// What it says cannot be run. The error names the key and, of what is not
    /// TOML or stands in `[overlay]`, the line.
    pub fn parse(text: &str, registry: &Registry) -> Result<Self, ScriptError> {
        let (written, places) = read::<Written>(text)?;
        Self::checked(written, text, registry).map_err(|error| places.locate(error))
    }

    fn checked(written: Written, text: &str, registry: &Registry) -> Result<Self, ScriptError> {
        check_name(&written.name)?;
        written.siege.check()?;
        let overlay = overlay_of(written.overlay.as_ref(), text)?;
        let script = Self {
            attacks: attacks(&written.attack)?,
            variants: variants(None, written.variant, registry)?,
            name: written.name,
            about: written.about,
            seed: written.seed,
            repetitions: written.repetitions,
            overlay,
            lookups: written.siege.lookups,
            warm_up_s: written.siege.warm_up_s,
            interval_s: written.siege.interval_s,
        };
        let all = script.sieges().saturating_mul(script.repetitions as usize);
        if !(1..=MOST_SIEGES).contains(&all) {
            let error = ScriptError::new("repetitions", format!("it makes {all} sieges"));
            return Err(error.allowed(format!("1 to {MOST_SIEGES} in all")));
        }
        Ok(script)
    }

    /// Sieges in each world: each variant under each attack.
    pub const fn sieges(&self) -> usize {
        self.attacks.len() * self.variants.len()
    }

    /// Variant and attack of a siege.
    pub(super) const fn siege(&self, number: usize) -> (usize, usize) {
        (number / self.attacks.len(), number % self.attacks.len())
    }

    /// Virtual time of all sieges together, about.
    pub fn virtual_time(&self) -> std::time::Duration {
        let each = self.warm_up_s + f64::from(self.lookups) * self.interval_s;
        let count = u32::try_from(self.sieges()).unwrap_or(u32::MAX);
        let all = count.saturating_mul(self.repetitions);
        std::time::Duration::from_secs_f64(each).saturating_mul(all)
    }
}

impl Section {
    fn check(&self) -> Result<(), ScriptError> {
        for (key, value, least, most) in [
            ("siege.lookups", f64::from(self.lookups), 1.0, 3000.0),
            ("siege.warm_up_s", self.warm_up_s, 60.0, 86_400.0),
            ("siege.interval_s", self.interval_s, 0.1, 3600.0),
        ] {
            if !(least..=most).contains(&value) {
                let error = ScriptError::new(key, format!("{value} is out of range"));
                return Err(error.allowed(format!("a number from {least} to {most}")));
            }
        }
        Ok(())
    }
}

/// Each attack in each of its strengths, after none.
fn attacks(written: &[WrittenAttack]) -> Result<Vec<Attack>, ScriptError> {
    let mut all = vec![Attack::NONE];
    for (place, written) in written.iter().enumerate() {
        let at = |key| format!("attack[{place}].{key}");
        if written.strength.is_empty() {
            return Err(ScriptError::new(at("strength"), "there is none"));
        }
        for strength in &written.strength {
            let attack = Attack {
                kind: written.kind,
                strength: *strength,
                per_24: written.per_24,
            };
            let checked = attack.check();
            checked.map_err(|error| ScriptError::new(at("strength"), error.to_string()))?;
            all.push(attack);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIANT: &str = "[[variant]]\nrouting = 'bep5'\nlookup = 'standard'\n";

    fn parse(text: &str) -> Result<AttackScript, ScriptError> {
        AttackScript::parse(&format!("{text}\n{VARIANT}"), &Registry::builtin())
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_the_key() {
        let attack = |rest: &str| format!("name = 'a'\n[[attack]]\n{rest}");
        for (text, told) in [
            (attack("kind = 'sybill'\nstrength = [1]"), "line 3"),
            (
                attack("kind = 'sybil'\nstrength = []"),
                "attack[0].strength",
            ),
            (
                attack("kind = 'sybil'\nstrength = [0.5]"),
                "attack[0].strength",
            ),
            (attack("kind = 'silent'\nstrength = [2]"), "not from 0 to 1"),
            (
                attack("kind = 'sybil'\nstrength = [1]\nper_24 = 255"),
                "per_24",
            ),
            (
                attack("kind = 'sybil'\nstrength = [1]\n[siege]\nlookups = 0"),
                "siege.lookups",
            ),
            ("name = 'a b'\nattack = []".to_owned(), "name"),
            (
                attack("kind = 'sybil'\nstrength = [1]\n[overlay]\nnodes = 3"),
                "overlay.nodes",
            ),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        let script = parse(&attack("kind = 'sybil'\nstrength = [1, 8]")).unwrap();
        assert_eq!(script.attacks.len(), 3);
        assert_eq!(script.attacks[0], Attack::NONE);
        assert_eq!(script.siege(2), (0, 2));
    }
}
