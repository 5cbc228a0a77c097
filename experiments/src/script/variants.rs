//! The combinations that a script compares: a matrix with its sweeps, written
//! out, and those given one by one.

use mdht_plugins::{Registry, SpecError};
use serde::Deserialize;
use toml::Value;

use super::{MOST_RUNS, ScriptError, Variant};

/// Every routing module with every lookup module.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matrix {
    routing: Vec<String>,
    lookup: Vec<String>,
    #[serde(default)]
    sweep: Vec<Sweep>,
}

/// A parameter that takes several values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sweep {
    module: Side,
    parameter: String,
    values: Vec<Value>,
}

/// Of which modules it is a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Side {
    Routing,
    Lookup,
}

/// The matrix written out, then the variants that were given, with labels.
pub(crate) fn variants(
    matrix: Option<&Matrix>,
    given: Vec<Variant>,
    registry: &Registry,
) -> Result<Vec<Variant>, ScriptError> {
    for (place, variant) in given.iter().enumerate() {
        let at = format!("variant[{place}]");
        check_pair(&variant.routing, &variant.lookup, registry, &at)?;
    }
    let mut variants = match matrix {
        Some(matrix) => matrix.written_out(registry)?,
        None => Vec::new(),
    };
    variants.extend(given);
    if variants.is_empty() {
        let error = ScriptError::new("", "there is nothing to compare");
        return Err(error.allowed("a [[variant]] or a [matrix], each with `routing` and `lookup`"));
    }
    add_labels(&mut variants, registry);
    Ok(variants)
}

impl Matrix {
    fn written_out(&self, registry: &Registry) -> Result<Vec<Variant>, ScriptError> {
        self.check(registry)?;
        let lookups = self.swept(Side::Lookup, &self.lookup);
        let routings = self.swept(Side::Routing, &self.routing);
        let pairs = lookups
            .iter()
            .flat_map(|lookup| routings.iter().map(move |routing| (routing, lookup)));
        let variant = |(routing, lookup): (&String, &String)| Variant {
            label: String::new(),
            routing: routing.clone(),
            lookup: lookup.clone(),
            world: 0,
        };
        Ok(pairs.map(variant).collect())
    }

    fn check(&self, registry: &Registry) -> Result<(), ScriptError> {
        for (side, key) in [
            (Side::Routing, "matrix.routing"),
            (Side::Lookup, "matrix.lookup"),
        ] {
            if self.modules(side).is_empty() {
                return Err(ScriptError::new(key, "it is empty").allowed("at least one module"));
            }
            for (place, module) in self.modules(side).iter().enumerate() {
                check_module(side, module, registry, &format!("{key}[{place}]"))?;
            }
        }
        for (place, sweep) in self.sweep.iter().enumerate() {
            sweep.check(
                self.modules(sweep.module),
                registry,
                &format!("matrix.sweep[{place}]"),
            )?;
        }
        let lengths = [self.routing.len(), self.lookup.len()];
        let lengths = lengths
            .into_iter()
            .chain(self.sweep.iter().map(|sweep| sweep.values.len()));
        let count = lengths.fold(1, usize::saturating_mul);
        if count > MOST_RUNS {
            let reason = format!("it has {count} combinations");
            return Err(ScriptError::new("matrix", reason).allowed(format!("at most {MOST_RUNS}")));
        }
        Ok(())
    }

    const fn modules(&self, side: Side) -> &Vec<String> {
        match side {
            Side::Routing => &self.routing,
            Side::Lookup => &self.lookup,
        }
    }

    /// The modules with every combination of the values swept.
    fn swept(&self, side: Side, modules: &[String]) -> Vec<String> {
        let sweeps = self.sweep.iter().filter(|sweep| sweep.module == side);
        sweeps.fold(modules.to_vec(), |modules, sweep| {
            let with_values = |module: &String| -> Vec<_> {
                sweep
                    .values
                    .iter()
                    .map(|value| with(module, &sweep.parameter, value))
                    .collect()
            };
            modules.iter().flat_map(with_values).collect()
        })
    }
}

impl Sweep {
    fn check(&self, modules: &[String], registry: &Registry, at: &str) -> Result<(), ScriptError> {
        let is_word = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        };
        if self.values.is_empty() {
            return Err(ScriptError::new(format!("{at}.values"), "it is empty")
                .allowed("at least one value"));
        }
        if !is_word(&self.parameter) {
            return Err(ScriptError::new(
                format!("{at}.parameter"),
                "this is no name of a parameter",
            ));
        }
        for (place, value) in self.values.iter().enumerate() {
            let at_value = format!("{at}.values[{place}]");
            if !is_word(&written(value)) {
                let error = ScriptError::new(at_value, "this is no value of a parameter");
                return Err(error.allowed("a number, or a text such as \"3s\" or \"queriers\""));
            }
            for module in modules {
                let spec = with(module, &self.parameter, value);
                if let Err(error) = resolve(self.module, &spec, registry) {
                    let key = match error {
                        SpecError::UnknownParameter { .. } => format!("{at}.parameter"),
                        _ => at_value,
                    };
                    return Err(ScriptError::new(key, error.to_string()));
                }
            }
        }
        Ok(())
    }
}

/// A module's text with one more parameter.
fn with(module: &str, parameter: &str, value: &Value) -> String {
    let between = if module.contains(':') { ',' } else { ':' };
    format!("{module}{between}{parameter}={}", written(value))
}

fn written(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Checks a pair of modules that stand in the table `at`.
pub(super) fn check_pair(
    routing: &str,
    lookup: &str,
    registry: &Registry,
    at: &str,
) -> Result<(), ScriptError> {
    check_module(Side::Routing, routing, registry, &format!("{at}.routing"))?;
    check_module(Side::Lookup, lookup, registry, &format!("{at}.lookup"))
}

fn check_module(side: Side, spec: &str, registry: &Registry, key: &str) -> Result<(), ScriptError> {
    let resolved = resolve(side, spec, registry);
    resolved
        .map(drop)
        .map_err(|error| ScriptError::new(key, error.to_string()))
}

/// The module's part of a label.
fn resolve(side: Side, spec: &str, registry: &Registry) -> Result<&'static str, SpecError> {
    match side {
        Side::Routing => registry.routing(spec).map(|module| module.label()),
        Side::Lookup => registry.lookup(spec).map(|module| module.label()),
    }
}

/// Labels for those without: the modules' labels, such as `NR128-A`, with the
/// parameters that are not the same in all of them, such as `alpha=8`.
fn add_labels(variants: &mut [Variant], registry: &Registry) {
    let without = || variants.iter().filter(|variant| variant.label.is_empty());
    let given: Vec<Vec<String>> = without().map(Variant::given).collect();
    let shared = |text: &String| given.iter().all(|given| given.contains(text));
    let is_shared: Vec<Vec<bool>> = given
        .iter()
        .map(|given| given.iter().map(&shared).collect())
        .collect();
    let unlabelled = variants
        .iter_mut()
        .filter(|variant| variant.label.is_empty());
    for (variant, (given, is_shared)) in unlabelled.zip(given.iter().zip(is_shared)) {
        // both were checked
        let routing = resolve(Side::Routing, &variant.routing, registry).unwrap_or_default();
        let lookup = resolve(Side::Lookup, &variant.lookup, registry).unwrap_or_default();
        variant.label = format!("{routing}-{lookup}");
        for (text, _) in given.iter().zip(is_shared).filter(|(_, shared)| !shared) {
            variant.label.push_str(&format!(" {text}"));
        }
    }
}

impl Variant {
    /// The parameters that it gives, such as `alpha=8`.
    fn given(&self) -> Vec<String> {
        let after = |spec: &str| {
            spec.split_once(':')
                .map_or(String::new(), |(_, given)| given.to_owned())
        };
        let both = format!("{},{}", after(&self.routing), after(&self.lookup));
        both.split(',')
            .map(|text| text.replace(' ', ""))
            .filter(|text| !text.is_empty())
            .collect()
    }
}
