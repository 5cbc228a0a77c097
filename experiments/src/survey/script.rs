//! What a survey is made of.

use std::time::Duration;

use mdht_overlay::parameters::Parameters;
use serde::Deserialize;

use crate::published::Published;
use crate::script::{ScriptError, check_name, has_section, one, overlay_of, read};

/// A script with a section `[survey]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyScript {
    /// Its name, which names the output folder.
    pub name: String,
    /// What it is for, in a line.
    pub about: String,
    /// The world, drawn from the script's seed.
    pub overlay: Parameters,
    /// Instrumented nodes, 1 to 16.
    pub identities: u16,
    /// How long nodes are taken in; checks that are open then are completed.
    pub length: Duration,
    /// Routing module of the instrumented nodes.
    pub routing: String,
    /// Instrumented nodes whose own traffic is looked at as well, beginning
    /// with the first: none to all of them.
    pub listened_to: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default = "one")]
    seed: u64,
    overlay: Option<toml::Table>,
    survey: Section,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    identities: u16,
    hours: f64,
    routing: String,
    listened_to: Option<u16>,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            identities: 16,
            hours: 24.0,
            routing: "bep5".to_owned(),
            listened_to: None,
        }
    }
}

impl SurveyScript {
    /// Whether a script is one of a survey: it has a section `[survey]`.
    pub fn is_one(text: &str) -> bool {
        has_section(text, "survey")
    }

    /// Whether as many nodes can be met as the thesis met [7.5].
    pub(super) fn is_of_thesis(&self) -> bool {
        let day = Duration::from_secs(24 * 3600);
        Published::is_of(&self.overlay) && self.identities == 16 && self.length == day
    }

    /// Whether as many nodes of each class are planted as the thesis found
    /// [7.5], as by default.
    pub(super) fn has_thesis_shares(&self) -> bool {
        self.overlay.connectivity == Parameters::default().connectivity
    }

    /// Reads a script from its text.
    ///
    /// # Errors
    /// What it says cannot be run. The error names the key and, of what is not
    /// TOML or stands in `[overlay]`, the line.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let (written, places) = read::<Written>(text)?;
        Self::checked(written, text).map_err(|error| places.locate(error))
    }

    fn checked(written: Written, text: &str) -> Result<Self, ScriptError> {
        let Section {
            identities,
            hours,
            routing,
            listened_to,
        } = written.survey;
        if !(1..=16).contains(&identities) {
            let error = ScriptError::new("survey.identities", "the first four ID bits must differ");
            return Err(error.allowed("1 to 16"));
        }
        if listened_to.is_some_and(|listened_to| listened_to > identities) {
            let error = ScriptError::new("survey.listened_to", "there are not so many identities");
            return Err(error.allowed("0 to survey.identities"));
        }
        if !(0.01..=10_000.0).contains(&hours) {
            let error = ScriptError::new("survey.hours", "it is out of range");
            return Err(error.allowed("a number from 0.01 to 10000"));
        }
        check_name(&written.name)?;
        let overlay = overlay_of(written.overlay.as_ref(), text)?;
        Ok(Self {
            name: written.name,
            about: written.about,
            overlay: Parameters {
                seed: written.seed,
                ..overlay
            },
            identities,
            length: Duration::from_secs_f64(hours * 3600.0),
            routing,
            listened_to: listened_to.unwrap_or(identities),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_run_is_refused_with_the_key() {
        for (text, told) in [
            ("name = 'a'\n[survey]\nidentities = 17", "survey.identities"),
            ("name = 'a'\n[survey]\nhours = 0", "survey.hours"),
            (
                "name = 'a'\n[survey]\nidentities = 2\nlistened_to = 3",
                "survey.listened_to",
            ),
            ("name = 'a b'\n[survey]", "name"),
            ("name = 'a'\n[survey]\nhuors = 1", "line 3"),
            (
                "name = 'a'\n[survey]\n[overlay]\nnodes = 3",
                "overlay.nodes",
            ),
        ] {
            let error = SurveyScript::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        let script = SurveyScript::parse("name = 'a'\nseed = 4\n[survey]\nhours = 2").unwrap();
        assert_eq!((script.identities, script.overlay.seed), (16, 4));
        assert_eq!(script.listened_to, 16);
        assert_eq!(script.length, Duration::from_secs(7200));
    }
}
