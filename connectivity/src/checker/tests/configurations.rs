//! Configurations that cannot be.

use super::*;

#[test]
fn configurations_that_contradict_themselves_are_refused() {
    let refused = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        Checker::new(config, Rng::from_u64(1)).unwrap_err()
    };
    let none = refused(|config| config.identities.clear());
    assert_eq!(none, ConfigError::Identities(0));
    for (remote, ours) in [
        ("5.5.5.5:9", true),
        ("0.0.0.0:9", true),
        ("[2a00::1]:9", false),
    ] {
        let mut config = config();
        config.remote = Some(addr(remote));
        let error = Checker::new(config, Rng::from_u64(1)).unwrap_err();
        assert_eq!(matches!(error, ConfigError::SameIp(_)), ours, "{error}");
    }
    let local = refused(|config| config.identities[0].local.set_port(1000));
    assert!(matches!(local, ConfigError::Local(..)));
}
