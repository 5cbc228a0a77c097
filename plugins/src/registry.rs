//! Names of modules, their parameters, and how to build them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::parameter::{Parameter, ParameterError, Parameters};
use crate::routing::{RoutingModule, RoutingSetup};
use crate::suggestion::did_you_mean;
use crate::{LookupModule, lookup, routing};

/// What a module says of itself.
#[derive(Clone, Debug)]
pub struct ModuleInfo {
    /// Its name on the command line, such as `nr128`.
    pub name: &'static str,
    /// Its part of a combination's label, such as `NR128` of `NR128-A`.
    pub label: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Where it is described.
    pub source: &'static str,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
}

type BuildRouting = Arc<dyn Fn(&Parameters, RoutingSetup) -> Box<dyn RoutingModule> + Send + Sync>;
type BuildLookup = Arc<dyn Fn(&Parameters) -> Box<dyn LookupModule> + Send + Sync>;

/// A routing module with chosen parameters, ready to be made any number of
/// times. Copies share it: an emulated world has one for each of a million nodes.
#[derive(Clone)]
pub struct RoutingFactory(Arc<Factory<BuildRouting>>);

/// What both kinds of factory hold.
struct Factory<B> {
    spec: String,
    label: &'static str,
    parameters: Parameters,
    build: B,
}

impl RoutingFactory {
    /// Makes the module.
    pub fn make(&self, setup: RoutingSetup) -> Box<dyn RoutingModule> {
        (self.0.build)(&self.0.parameters, setup)
    }

    /// The text it was asked for with.
    pub fn spec(&self) -> &str {
        &self.0.spec
    }

    /// Its part of a combination's label.
    pub fn label(&self) -> &'static str {
        self.0.label
    }
}

impl fmt::Debug for RoutingFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec())
    }
}

/// A lookup module with chosen parameters, ready to be made any number of
/// times. Copies share it.
#[derive(Clone)]
pub struct LookupFactory(Arc<Factory<BuildLookup>>);

impl LookupFactory {
    /// Makes the module.
    pub fn make(&self) -> Box<dyn LookupModule> {
        (self.0.build)(&self.0.parameters)
    }

    /// The text it was asked for with.
    pub fn spec(&self) -> &str {
        &self.0.spec
    }

    /// Its part of a combination's label.
    pub fn label(&self) -> &'static str {
        self.0.label
    }
}

impl fmt::Debug for LookupFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec())
    }
}

/// The label of a combination, such as `NR128-A` [thesis 8.VII].
pub fn combination_label(routing: &RoutingFactory, lookup: &LookupFactory) -> String {
    format!("{}-{}", routing.label(), lookup.label())
}

/// Why a text such as `nr128:refresh=3s` names no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// There is no module of this name.
    #[error("there is no {kind} module `{given}`; there are {known}{meant}")]
    UnknownModule {
        /// `routing` or `lookup`.
        kind: &'static str,
        /// The name given.
        given: String,
        /// The names there are.
        known: String,
        /// `; did you mean ...?`, or nothing.
        meant: String,
    },
    /// The module has no parameter of this name.
    #[error("module `{module}` has no parameter `{given}`; it has {known}{meant}")]
    UnknownParameter {
        /// The module.
        module: &'static str,
        /// The name given.
        given: String,
        /// The names there are.
        known: String,
        /// `; did you mean ...?`, or nothing.
        meant: String,
    },
    /// Something between the commas is not `name=value`.
    #[error("`{given}` is not of the form name=value, as in {module}:name=value,name=value")]
    Form {
        /// The module.
        module: &'static str,
        /// What was given.
        given: String,
    },
    /// A value is of the wrong type or out of range.
    #[error("module `{module}`: {error}")]
    Value {
        /// The module.
        module: &'static str,
        /// What is wrong with it.
        error: ParameterError,
    },
}

/// All modules there are to choose from.
#[derive(Clone, Default)]
pub struct Registry {
    routing: BTreeMap<&'static str, (ModuleInfo, BuildRouting)>,
    lookup: BTreeMap<&'static str, (ModuleInfo, BuildLookup)>,
}

impl Registry {
    /// A registry without modules.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The modules that come with this crate.
    pub fn builtin() -> Self {
        let mut registry = Self::empty();
        let nice_kin = [
            routing::nice,
            routing::nrtt,
            routing::checked,
            routing::nr64,
            routing::nr128,
        ];
        let others = [
            routing::bep5,
            routing::ut22,
            routing::lt,
            routing::ut,
            routing::ml,
            routing::harvest,
        ];
        for definition in others.into_iter().chain(nice_kin) {
            let (info, build) = definition();
            registry.add_routing(info, build);
        }
        let own = [lookup::standard, lookup::aggressive, lookup::hedged];
        let own = own.into_iter().map(|definition| definition());
        for (info, build) in own.chain(lookup::field()) {
            registry.add_lookup(info, build);
        }
        registry
    }

    /// Adds a routing module, in place of one of the same name.
    pub fn add_routing(
        &mut self,
        info: ModuleInfo,
        build: impl Fn(&Parameters, RoutingSetup) -> Box<dyn RoutingModule> + Send + Sync + 'static,
    ) {
        self.routing.insert(info.name, (info, Arc::new(build)));
    }

    /// Adds a lookup module, in place of one of the same name.
    pub fn add_lookup(
        &mut self,
        info: ModuleInfo,
        build: impl Fn(&Parameters) -> Box<dyn LookupModule> + Send + Sync + 'static,
    ) {
        self.lookup.insert(info.name, (info, Arc::new(build)));
    }

    /// The same modules with the defaults of a node on the open Internet, where
    /// addresses are lied about: limits that experiments with the thesis's
    /// modules leave off. A value that is given counts in both.
    #[must_use]
    pub fn live(&self) -> Self {
        let mut live = self.clone();
        let routing = live.routing.values_mut().map(|(info, _)| info);
        for info in routing.chain(live.lookup.values_mut().map(|(info, _)| info)) {
            for parameter in &mut info.parameters {
                parameter.default = parameter.live.unwrap_or(parameter.default);
            }
        }
        live
    }

    /// The routing modules, by name.
    pub fn routing_modules(&self) -> impl Iterator<Item = &ModuleInfo> {
        self.routing.values().map(|(info, _)| info)
    }

    /// The lookup modules, by name.
    pub fn lookup_modules(&self) -> impl Iterator<Item = &ModuleInfo> {
        self.lookup.values().map(|(info, _)| info)
    }

    /// The routing module that `spec` names, such as `nr128:refresh=3s,first=256`.
    ///
    /// # Errors
    /// An unknown module or parameter, or a bad value; the error names what is accepted.
    pub fn routing(&self, spec: &str) -> Result<RoutingFactory, SpecError> {
        let (info, build, parameters) = resolve("routing", &self.routing, spec)?;
        Ok(RoutingFactory(Arc::new(Factory {
            spec: spec.to_owned(),
            label: info.label,
            parameters,
            build,
        })))
    }

    /// The lookup module that `spec` names, such as `aggressive:beta=5`.
    ///
    /// # Errors
    /// An unknown module or parameter, or a bad value; the error names what is accepted.
    pub fn lookup(&self, spec: &str) -> Result<LookupFactory, SpecError> {
        let (info, build, parameters) = resolve("lookup", &self.lookup, spec)?;
        Ok(LookupFactory(Arc::new(Factory {
            spec: spec.to_owned(),
            label: info.label,
            parameters,
            build,
        })))
    }
}

/// Finds the module that `spec` names and reads its parameters.
fn resolve<'a, B: Clone>(
    kind: &'static str,
    modules: &'a BTreeMap<&'static str, (ModuleInfo, B)>,
    spec: &str,
) -> Result<(&'a ModuleInfo, B, Parameters), SpecError> {
    let (name, assignments) = spec.split_once(':').unwrap_or((spec, ""));
    let (info, build) = modules.get(name).ok_or_else(|| SpecError::UnknownModule {
        kind,
        given: name.to_owned(),
        known: list(modules.keys().copied()),
        meant: did_you_mean(name, modules.keys().copied()),
    })?;
    let module = info.name;
    let mut parameters = Parameters::defaults(&info.parameters);
    for assignment in assignments.split(',').filter(|a| !a.is_empty()) {
        let given = || assignment.to_owned();
        let (name, value) = assignment.split_once('=').ok_or_else(|| SpecError::Form {
            module,
            given: given(),
        })?;
        let declared = info.parameters.iter().find(|p| p.name == name.trim());
        let parameter = declared.ok_or_else(|| SpecError::UnknownParameter {
            module,
            given: name.to_owned(),
            known: list(info.parameters.iter().map(|p| p.name)),
            meant: did_you_mean(name, info.parameters.iter().map(|p| p.name)),
        })?;
        let value = parameter.parse(value.trim());
        let value = value.map_err(|error| SpecError::Value { module, error })?;
        parameters.set(parameter.name, value);
    }
    Ok((info, build.clone(), parameters))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_module_builds_with_its_defaults() {
        let registry = Registry::builtin();
        let setup = RoutingSetup {
            own_id: mdht_krpc::Id::default(),
            family: mdht_krpc::Family::V4,
        };
        for info in registry.routing_modules() {
            registry.routing(info.name).unwrap().make(setup);
        }
        for info in registry.lookup_modules() {
            registry.lookup(info.name).unwrap().make();
        }
    }

    #[test]
    fn every_default_is_within_its_own_range() {
        let registry = Registry::builtin();
        for info in registry.routing_modules().chain(registry.lookup_modules()) {
            for parameter in &info.parameters {
                let text = parameter.default.to_string();
                assert_eq!(
                    parameter.parse(&text),
                    Ok(parameter.default),
                    "{} {}",
                    info.name,
                    parameter.name
                );
            }
        }
    }

    #[test]
    fn live_nodes_have_the_limits_that_experiments_leave_off() {
        let thesis = Registry::builtin();
        let live = thesis.live();
        let value = |registry: &Registry, spec: &str, name: &str| {
            let (.., parameters) = resolve("routing", &registry.routing, spec).unwrap();
            parameters.integer(name)
        };
        assert_eq!(value(&thesis, "nr128", "per_subnet"), 0);
        assert_eq!(value(&live, "nr128", "per_subnet"), 4);
        assert_eq!(value(&live, "nr128:per_subnet=0", "per_subnet"), 0);
        assert_eq!(value(&live, "nr128", "first"), 128);
        let limit = |info: &ModuleInfo| info.parameters.iter().any(|p| p.name == "per_subnet");
        assert!(live.routing_modules().all(limit));
        assert!(live.lookup_modules().all(limit));
        // and the doubts of lookups
        for info in thesis.lookup_modules() {
            let value = |registry: &Registry, name| {
                let (.., parameters) = resolve("lookup", &registry.lookup, info.name).unwrap();
                parameters.integer(name)
            };
            for name in ["density", "per_responder"] {
                assert_eq!((value(&thesis, name), value(&live, name)), (0, 4), "{name}");
            }
        }
    }

    #[test]
    fn labels_join() {
        let registry = Registry::builtin();
        let routing = registry.routing("nr128:refresh=3s,first=256").unwrap();
        let lookup = registry.lookup("aggressive").unwrap();
        assert_eq!(combination_label(&routing, &lookup), "NR128-A");
    }

    #[test]
    fn errors_name_what_is_accepted() {
        let registry = Registry::builtin();
        let error = |spec| registry.routing(spec).unwrap_err().to_string();
        assert!(error("nr129").ends_with("; did you mean `nr128`?"));
        assert!(error("nr128:refesh=3s").ends_with("; did you mean `refresh`?"));
        assert!(error("nr128:refresh").contains("name=value"));
        assert!(error("nr128:refresh=0s").contains("a time from"));
    }
}
