//! What sets one iterative lookup apart from another.

use crate::parameter::Parameter;
use crate::subnet;

/// The parameters, with the two whose defaults the lookups of the thesis differ
/// in.
pub(in crate::lookup) fn parameters(beta: u32, parallel: u32) -> Vec<Parameter> {
    vec![
        Parameter::integer(
            "alpha",
            4,
            (1, 64),
            "queries",
            "sent in parallel at the start of a lookup",
        ),
        Parameter::integer(
            "beta",
            beta,
            (1, 64),
            "queries",
            "most that one response or timeout sets off",
        ),
        Parameter::integer(
            "parallel",
            parallel,
            (0, 1024),
            "queries",
            "most in flight after the start; 0 is no bound",
        ),
        Parameter::integer(
            "mark",
            3,
            (1, 64),
            "responders",
            "only contacts closer than this one of the closest are queried",
        ),
        Parameter::integer(
            "announce",
            3,
            (1, 64),
            "contacts",
            "closest responders to announce to",
        ),
        Parameter::integer(
            "start",
            16,
            (1, 1024),
            "contacts",
            "asked of the routing table at the start",
        ),
        Parameter::integer(
            "queue",
            64,
            (1, 4096),
            "contacts",
            "closest contacts remembered and not yet queried",
        ),
        Parameter::integer(
            "per_ip",
            1,
            (0, 64),
            "queries",
            "most to one IP address; 0 is no bound",
        ),
        subnet::lookup_parameter(),
        Parameter::integer(
            "paths",
            1,
            (1, 16),
            "lookups",
            "that share no contact, beside each other (S/Kademlia); alpha and parallel are divided among them",
        ),
        Parameter::duration("timeout", 2000, (100, 60_000), "a query is given up"),
        Parameter::duration(
            "soft",
            0,
            (0, 60_000),
            "a query no longer counts as in flight, but its answer counts; 0s is never",
        ),
        Parameter::choice(
            "bep42",
            &["off", "enforce"],
            "enforce: responders whose ID does not fit their address neither count as closest nor \
             are announced to",
        ),
    ]
}
