//! The scripts that come with the command.

/// A script that comes with the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shipped {
    /// Its name: that of its file without `.toml`, and the one it gives itself.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Scripts by name, each from its file.
macro_rules! scripts {
    ($($name:literal),*) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../scripts/", $name, ".toml")) }),*]
    };
}

const SCRIPTS: &[Shipped] = scripts![
    "compare",
    "thesis",
    "sweep-alpha-beta",
    "sweep-buckets",
    "scale",
    "adoption",
    "churn",
    "nat",
    "connectivity",
    "localchecker",
    "sensitivity",
    "pareto",
    "pareto-worlds",
    "field",
    "research-store",
    "research-hedge",
    "research-cold",
    "paths",
    "attacks"
];

/// The scripts that come with the command.
pub const fn shipped() -> &'static [Shipped] {
    SCRIPTS
}

impl Shipped {
    /// The script of this name.
    ///
    /// # Errors
    /// There is none: what there is, and what may have been meant.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = SCRIPTS.iter().find(|script| script.name == name);
        found.copied().ok_or_else(|| {
            let names = || SCRIPTS.iter().map(|script| script.name);
            let meant = mdht_plugins::did_you_mean(name, names());
            let all = names().collect::<Vec<_>>().join(", ");
            format!(
                "there is neither a file nor a shipped script `{name}`; shipped are {all}{meant}"
            )
        })
    }
}
