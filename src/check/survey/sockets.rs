//! The instrumented nodes of a survey, their sockets and their checker.

use std::net::SocketAddr;

use mdht_connectivity::{Checker, Config, Identity, Limits, Port};
use mdht_krpc::{Id, Instant, Rng};
use mdht_node::core::Core;
use mdht_plugins::Registry;

use super::Args;
use crate::check::instrument::Instrument;
use crate::check::node::seeded;
use crate::check::station::{NamedSocket, Station};
use crate::node_args::BRIEF_LOOKUP;
use crate::output::Failure;

/// Binds all sockets and makes nodes and checker.
pub(super) fn open(args: &Args, registry: &Registry) -> Result<Station, Failure> {
    let usage = |error: mdht_plugins::SpecError| Failure::Usage(error.to_string());
    let routing = registry.routing(&args.routing).map_err(usage)?;
    let lookup = registry.lookup(BRIEF_LOOKUP).map_err(usage)?;
    let mut rng = seeded()?;
    let (mut sockets, mut identities, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..u16::from(args.identities) {
        let bind = bind_of(args, number)?;
        let own = NamedSocket::bind(Port::Own(number), bind)?;
        let local = NamedSocket::bind(Port::Local(number), SocketAddr::new(bind.ip(), 0))?;
        let id = spread_id(number, args.identities, &mut rng);
        let addr = own.socket.local();
        identities.push(Identity {
            id,
            own: addr,
            local: local.socket.local(),
        });
        let config = mdht_node::core::Config {
            id: Some(id),
            allow_private: args.allow_private,
            ..mdht_node::core::Config::new(vec![addr], routing.clone(), lookup.clone())
        };
        let mut seed = [0; 32];
        rng.fill(&mut seed);
        nodes.push(Core::new(config, seed, Instant::ZERO));
        sockets.extend([own, local]);
    }
    let remote = args.checks.remote_bind;
    let remote = remote.map(|addr| NamedSocket::bind(Port::Remote, addr));
    let remote = remote.transpose()?;
    if remote.is_some() && identities.iter().any(|id| id.own.ip().is_unspecified()) {
        return Err(Failure::Usage(
            "with --remote-bind, --bind must name an address: packets must not leave from the \
             remotechecker's"
                .to_owned(),
        ));
    }
    let config = Config {
        remote: remote.as_ref().map(|remote| remote.socket.local()),
        timing: args.checks.timing(),
        mapping: args.checks.search(),
        limits: Limits {
            open: args.most_open,
            probes_per_second: args.probes_per_second,
            remembered: args.remember,
            ids_per_ip: args.ids_per_ip,
            ..Limits::default()
        },
        survey: true,
        allow_private: args.allow_private,
        own_answers: true,
        version: Some(mdht_node::core::VERSION),
        ..Config::new(identities)
    };
    let checker = Checker::new(config, rng);
    let checker = checker.map_err(|error| Failure::Usage(error.to_string()))?;
    for node in &mut nodes {
        node.join(Instant::ZERO);
    }
    sockets.extend(remote);
    let capture = args.checks.capture.as_deref();
    Station::new(checker, Instrument::Nodes(nodes), sockets, capture)
}

/// Where the instrumented node of this number is bound.
fn bind_of(args: &Args, number: u16) -> Result<SocketAddr, Failure> {
    let any = [SocketAddr::new([0, 0, 0, 0].into(), 0)];
    let binds = if args.bind.is_empty() {
        &any[..]
    } else {
        &args.bind[..]
    };
    let (turn, place) = (
        usize::from(number) / binds.len(),
        usize::from(number) % binds.len(),
    );
    let bind = binds[place];
    let above = u16::try_from(turn).unwrap_or(u16::MAX);
    let port = match bind.port() {
        0 => Some(0),
        port => port.checked_add(above),
    };
    let port = port.ok_or_else(|| {
        Failure::Usage(format!(
            "{bind}: there is no port for identity {number} above it"
        ))
    })?;
    Ok(SocketAddr::new(bind.ip(), port))
}

/// A random ID whose first four bits are spread over the ID space [7.4].
fn spread_id(number: u16, of: u8, rng: &mut Rng) -> Id {
    let mut bytes = *Id::random(rng).as_bytes();
    let top = 16 * number / u16::from(of.max(1));
    bytes[0] = (u8::try_from(top).unwrap_or(0) << 4) | (bytes[0] & 0x0f);
    Id::new(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_four_bits_of_all_identities_differ() {
        let mut rng = Rng::from_u64(1);
        for of in 1..=16 {
            let tops = (0..u16::from(of)).map(|n| spread_id(n, of, &mut rng).as_bytes()[0] >> 4);
            let tops: std::collections::BTreeSet<_> = tops.collect();
            assert_eq!(tops.len(), usize::from(of));
        }
    }
}
