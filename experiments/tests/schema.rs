//! The schema for editors says the same as the reader of scripts.

#![allow(clippy::unwrap_used)] // a panic fails the test

use mdht_experiments::script::MEASUREMENTS;
use mdht_experiments::{AttackScript, Script, SurveyScript, shipped};
use mdht_overlay::parameters::Parameters;
use mdht_plugins::Registry;
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("../schema.json")).unwrap()
}

/// As much of JSON schema as ours uses: the first thing that does not fit.
fn misfit(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let is_of = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("the schema has a type {other}"),
    };
    if !types.iter().any(is_of) {
        return Some(format!("{at}: not {types:?}"));
    }
    let allowed = schema["enum"].as_array();
    if allowed.is_some_and(|allowed| !allowed.contains(value)) {
        return Some(format!("{at}: not one of {allowed:?}"));
    }
    if let Some(number) = value.as_f64() {
        let least = schema["minimum"].as_f64().unwrap_or(f64::MIN);
        let most = schema["maximum"].as_f64().unwrap_or(f64::MAX);
        if !(least..=most).contains(&number) {
            return Some(format!("{at}: out of bounds"));
        }
    }
    match value {
        Value::Array(values) => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            if (values.len() as u64) < least {
                return Some(format!("{at}: too short"));
            }
            let mut misfits = values
                .iter()
                .map(|value| misfit(&schema["items"], value, at));
            misfits.find_map(|misfit| misfit)
        }
        Value::Object(members) => {
            let known = schema["properties"].as_object().unwrap();
            let required = schema["required"].as_array().into_iter().flatten();
            let mut missing = required.filter(|key| !members.contains_key(key.as_str().unwrap()));
            if let Some(key) = missing.next() {
                return Some(format!("{at}: no {key}"));
            }
            members
                .iter()
                .find_map(|(key, value)| match known.get(key) {
                    None => Some(format!("{at}: unknown key {key}")),
                    Some(schema) => misfit(schema, value, &format!("{at}.{key}")),
                })
        }
        _ => None,
    }
}

fn of_text(text: &str) -> Option<String> {
    let value: toml::Table = toml::from_str(text).unwrap();
    misfit(&schema(), &serde_json::to_value(value).unwrap(), "")
}

#[test]
fn every_shipped_script_is_named_by_its_file_fits_the_schema_and_can_be_run() {
    for script in shipped() {
        assert!(
            script.text.starts_with("#:schema ../schema.json\n"),
            "{}",
            script.name
        );
        assert_eq!(of_text(script.text), None, "{}", script.name);
        let registry = Registry::builtin();
        let is_of_attacks = AttackScript::is_one(script.text);
        let (name, about) = match SurveyScript::is_one(script.text) {
            true => {
                let read = SurveyScript::parse(script.text).unwrap();
                (read.name, read.about)
            }
            false if is_of_attacks => {
                let read = AttackScript::parse(script.text, &registry).unwrap();
                (read.name, read.about)
            }
            false => {
                let read = Script::parse(script.text, &Registry::builtin()).unwrap();
                (read.name, read.about)
            }
        };
        assert_eq!(name, script.name);
        assert!(!about.is_empty());
    }
}

#[test]
fn what_the_reader_refuses_for_its_shape_the_schema_refuses() {
    for bad in [
        "about = 'no name'",
        "name = 'a'\nreptitions = 2",
        "name = 'a'\nrepetitions = 0",
        "name = 'a'\ncaptures = 'zip'",
        "name = 'a'\nreport = ['rtt']",
        "name = 'a'\nschedule.interval_s = 0",
        "name = 'a'\noverlay.seed = 3",
        "name = 'a'\noverlay.links.loss = 2",
        "name = 'a'\nschedule.nodes_each = 0",
        "name = 'a'\noverlay.full_nodes.plugins = [{ routing = 'bep5' }]",
        "name = 'a'\noverlay = 'live'\nlive.bootstrap = []",
        "name = 'a'\nmatrix = { routing = [], lookup = ['standard'] }",
        "name = 'a'\nvariant = [{ routing = 'bep5' }]",
    ] {
        assert!(of_text(bad).is_some(), "{bad}");
        assert!(Script::parse(bad, &Registry::builtin()).is_err(), "{bad}");
    }
}

#[test]
fn a_live_script_fits_the_schema() {
    let text = "name = 'a'\noverlay = 'live'\n[live]\ninfohashes = 'f'\nbind = '127.0.0.1'\n\
                bootstrap = ['127.0.0.1:6881']\nannounce = true\n\
                [[variant]]\nrouting = 'bep5'\nlookup = 'standard'\n";
    assert_eq!(of_text(text), None);
    let script = Script::parse(text, &Registry::builtin()).unwrap();
    assert!(script.live.is_some_and(|live| live.announce));
}

#[test]
fn the_schema_knows_every_measurement_and_every_key_of_a_world() {
    let schema = schema();
    let properties = &schema["properties"];
    assert_eq!(properties["report"]["items"]["enum"], json!(MEASUREMENTS));
    let mut world = serde_json::to_value(Parameters::default()).unwrap();
    // the script's own seed takes its place
    world.as_object_mut().unwrap().remove("seed");
    for (section, schema) in [
        ("overlay", &properties["overlay"]),
        ("world", &properties["world"]["items"]),
    ] {
        assert_eq!(misfit(schema, &world, section), None);
    }
}

#[test]
fn the_schema_knows_every_kind_of_attack() {
    use mdht_overlay::attack::Kind;
    let schema = schema();
    let kinds = &schema["properties"]["attack"]["items"]["properties"]["kind"]["enum"];
    assert_eq!(kinds, &json!(Kind::ALL));
}
