//! Nodes that lie, each kind in its own way.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Contact, ErrorReply, Id, Message, Query};

use super::neighbours::{Answer, Fresh, liar_contact, response};
use super::world::addr;
use super::{LIARS, TARGET};

/// How a liar behaves: the query, who was asked, and a source of fresh names.
pub(super) type Liar = fn(&Message<'_>, usize, &mut Fresh) -> Answer;

pub(super) const ALL: [(&str, Liar); 13] = [
    ("dead", silent),
    ("slow loris", slow_loris),
    ("tarpit", tarpit),
    ("endless", endless),
    ("a thousand nodes", a_thousand_nodes),
    ("A names B names A", loops),
    ("names itself", itself),
    ("names us and martians", us_and_martians),
    ("after the timeout", after_the_timeout),
    ("garbage", garbage),
    ("errors", errors),
    ("another ID each time", another_id_each_time),
    ("values and poison", values_and_poison),
];

/// Those that draw a lookup on for as long as they like: by names that lead
/// ever closer to the target, which answer.
pub(super) const DRAW_ON: [&str; 3] = ["slow loris", "endless", "another ID each time"];

fn liar_id(n: usize) -> Id {
    liar_contact(n.saturating_sub(LIARS)).id
}

const FAST: Duration = Duration::from_millis(5);

pub(super) const fn silent(_: &Message<'_>, _: usize, _: &mut Fresh) -> Answer {
    None
}

/// Each answer at the last moment, naming others that do the same.
fn slow_loris(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    let nodes = fresh.closer(8);
    let bytes = response(message, liar_id(n), &nodes, &[]);
    Some((Duration::from_millis(1999), bytes))
}

/// Names ever closer nodes that are not there.
fn tarpit(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    if n >= LIARS + 100 {
        return None;
    }
    Some((FAST, response(message, liar_id(n), &fresh.closer(8), &[])))
}

/// As the tarpit, and those it names answer alike, without end.
fn endless(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    Some((FAST, response(message, liar_id(n), &fresh.closer(8), &[])))
}

fn a_thousand_nodes(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    if n >= LIARS + 100 {
        return None;
    }
    Some((
        FAST,
        response(message, liar_id(n), &fresh.closer(1000), &[]),
    ))
}

/// A names B, B names A.
fn loops(message: &Message<'_>, n: usize, _: &mut Fresh) -> Answer {
    let other = liar_contact((n - LIARS) ^ 1);
    Some((FAST, response(message, liar_id(n), &[other], &[])))
}

fn itself(message: &Message<'_>, n: usize, _: &mut Fresh) -> Answer {
    let own = [liar_contact(n - LIARS); 8];
    Some((FAST, response(message, liar_id(n), &own, &[])))
}

/// Names the node that asks, at many addresses, and addresses that cannot be.
fn us_and_martians(message: &Message<'_>, n: usize, _: &mut Fresh) -> Answer {
    let Body::Query(Query {
        id: Some(asker), ..
    }) = &message.body
    else {
        return None;
    };
    let martians = [
        "0.0.0.0:1",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "10.0.0.9:0",
    ];
    let mut nodes = vec![Contact::new(*asker, addr(7)), Contact::new(TARGET, addr(0))];
    nodes.extend(martians.map(|addr| Contact::new(TARGET, addr.parse().unwrap())));
    Some((FAST, response(message, liar_id(n), &nodes, &[])))
}

fn after_the_timeout(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    let bytes = response(message, liar_id(n), &fresh.closer(8), &[]);
    Some((Duration::from_millis(2001), bytes))
}

fn garbage(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    let mut bytes = response(message, liar_id(n), &fresh.closer(8), &[]);
    let at = fresh.rng.below(bytes.len());
    bytes.truncate(at);
    fresh.rng.fill(&mut bytes[at / 2..]);
    Some((FAST, bytes))
}

fn errors(message: &Message<'_>, _: usize, _: &mut Fresh) -> Answer {
    let error = ErrorReply {
        code: 202,
        message: b"no",
    };
    let bytes = Message::new(message.transaction_id, Body::Error(error)).encode();
    Some((FAST, bytes))
}

/// Another ID in each answer.
fn another_id_each_time(message: &Message<'_>, _: usize, fresh: &mut Fresh) -> Answer {
    let id = Id::random(&mut fresh.rng);
    Some((FAST, response(message, id, &fresh.closer(8), &[])))
}

/// Peers, and with them names of the dead close to the target.
fn values_and_poison(message: &Message<'_>, n: usize, fresh: &mut Fresh) -> Answer {
    if n >= LIARS + 100 {
        return None;
    }
    let peers: Vec<SocketAddr> = (1..60).map(|n| ([10, 99, 0, n], 1).into()).collect();
    Some((
        FAST,
        response(message, liar_id(n), &fresh.closer(8), &peers),
    ))
}
