//! Captures made up here, of which the outcome is known.

use std::io::Cursor;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Id, Message, Method, Query, Response};
use mdht_node::CaptureWriter;
use mdht_plugins::Registry;
use mdht_profiler::Input;

use super::{Answers, Error, ModuleReport, Options, Unknown, replay};

const NODE: &str = "10.0.0.1:6881";
/// The contact that falls silent.
const MORTAL: u8 = 2;
/// Eight contacts, all in the farthest bucket: they fill it.
const CONTACTS: std::ops::Range<u8> = MORTAL..10;
/// The minute of the mortal's last words.
const LAST_WORDS: u64 = 30;

/// Packets of the node by time in milliseconds.
#[derive(Default)]
struct Script(Vec<(u64, SocketAddr, SocketAddr, Vec<u8>)>);

impl Script {
    /// Every minute each contact queries the node and is pinged by it; the
    /// mortal does and answers nothing after minute 30.
    fn of(minutes: u64) -> Self {
        let mut script = Self::default();
        for minute in 1..=minutes {
            for host in CONTACTS {
                let lives = host != MORTAL || minute <= LAST_WORDS;
                let at = minute * 60_000 + u64::from(host);
                if lives {
                    script.query(at, host);
                }
                script.exchange(at + 100, host, lives);
            }
        }
        script
    }

    fn query(&mut self, at: u64, host: u8) {
        let query = Query::new(Method::Ping, id(host));
        let query = Message::new(b"q", Body::Query(query)).encode();
        self.0.push((at, addr(host), NODE.parse().unwrap(), query));
    }

    fn exchange(&mut self, at: u64, host: u8, is_answered: bool) {
        let node = NODE.parse().unwrap();
        let transaction = at.to_be_bytes();
        let query = Query::new(Method::Ping, Id::default());
        let query = Message::new(&transaction, Body::Query(query)).encode();
        self.0.push((at, node, addr(host), query));
        if is_answered {
            let answer = Body::Response(Response::new(id(host)));
            let answer = Message::new(&transaction, answer).encode();
            self.0.push((at + 50, addr(host), node, answer));
        }
    }

    fn replay(mut self, options: &Options) -> Result<super::Replay, Error> {
        self.0.sort_by_key(|packet| packet.0);
        let mut capture = CaptureWriter::new(Vec::new()).unwrap();
        for (at, from, to, payload) in &self.0 {
            let at = Duration::from_millis(*at);
            capture.datagram(at, *from, *to, payload).unwrap();
        }
        let capture = Cursor::new(capture.into_inner());
        replay(vec![Input::reader("made up", capture)], options)
    }

    /// As one module, with default parameters, makes it out.
    fn module(self, module: &str, answers: Answers) -> ModuleReport {
        let mut options = options(&[module]);
        options.answers = answers;
        self.replay(&options).unwrap().modules.remove(0)
    }
}

fn addr(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], 6881))
}

/// In the bucket that is farthest from the node's own ID of zeros.
fn id(host: u8) -> Id {
    let mut bytes = [0; Id::LEN];
    bytes[0] = 0x80 | host;
    Id::new(bytes)
}

fn options(modules: &[&str]) -> Options {
    let registry = Registry::builtin();
    let modules = modules.iter().map(|spec| registry.routing(spec).unwrap());
    Options::new(NODE.parse().unwrap(), modules.collect())
}

fn contacts(module: &ModuleReport) -> u64 {
    module.rows.last().unwrap().contacts
}

#[test]
fn nice_evicts_the_contact_that_fell_silent() {
    for answers in [Answers::All, Answers::Lookups] {
        let before = Script::of(LAST_WORDS).module("nice", answers);
        assert_eq!(contacts(&before), 8, "{answers:?}");
        assert_eq!((before.totals.admitted, before.totals.evicted), (8, 0));
        let after = Script::of(LAST_WORDS + 20).module("nice", answers);
        assert_eq!(contacts(&after), 7, "{answers:?}");
        assert_eq!((after.totals.admitted, after.totals.evicted), (8, 1));
    }
}

#[test]
fn its_own_queries_are_decided_by_those_of_the_captured_node() {
    let nice = Script::of(LAST_WORDS + 20).module("nice", Answers::Lookups);
    let decided = nice.decided;
    assert!(decided.answering > 0 && decided.silent > 0, "{decided:?}");
    assert_eq!((decided.heard, decided.unknown), (0, 0));
    let queries = decided.ping + decided.find_node;
    assert_eq!(queries, decided.answering + decided.silent);
    assert_eq!(queries, nice.totals.queries);
}

#[test]
fn nobody_enters_nice_before_the_quarantine_is_over() {
    let nice = Script::of(3).module("nice", Answers::All);
    assert_eq!((contacts(&nice), nice.totals.quarantined), (0, 8));
    assert_eq!(nice.rows.last().unwrap().waiting, 8);
}

#[test]
fn bep5_keeps_a_silent_contact_until_its_second_failure() {
    let newcomers = [20, 21, 22];
    // a newcomer in the middle of the minute: after so many failures
    for (newcomer_at, evicted) in [(LAST_WORDS, 0), (LAST_WORDS + 1, 0), (LAST_WORDS + 2, 1)] {
        let mut script = Script::of(newcomer_at);
        for host in newcomers {
            script.query(newcomer_at * 60_000 + 30_000, host);
        }
        let bep5 = script.module("bep5", Answers::All);
        assert_eq!(contacts(&bep5), 8, "{newcomer_at}");
        assert_eq!(bep5.totals.evicted, evicted, "{newcomer_at}");
        assert_eq!(bep5.totals.admitted, 8 + evicted);
    }
}

#[test]
fn rows_show_who_is_heard_from_later() {
    let bep5 = Script::of(LAST_WORDS + 20).module("bep5", Answers::Lookups);
    let at = |minute: u64| {
        let row = bep5.rows.iter().find(|row| row.at.as_secs() >= minute * 60);
        let row = row.unwrap();
        (row.later_heard, row.later_silent, row.later_unseen)
    };
    assert_eq!(at(10), (8, 0, 0));
    assert_eq!(at(LAST_WORDS + 2), (7, 1, 0));
    let last = bep5.rows.last().unwrap();
    assert_eq!(
        (last.later_heard, last.later_unseen),
        (0, 8),
        "nothing after"
    );
    assert_eq!(last.stale, 1);
    let bucket = bep5.buckets[0];
    assert_eq!((bucket.bucket, bucket.contacts, bucket.stale), (0, 8, 1));
}

#[test]
fn without_evidence_the_option_decides() {
    let queriers = || {
        let mut script = Script::default();
        CONTACTS.for_each(|host| script.query(1000, host));
        // an hour with the node in it, but nothing of the contacts
        (1..60).for_each(|minute| script.exchange(minute * 60_000, 100, true));
        script
    };
    for (unknown, admitted) in [(Unknown::Silent, 0), (Unknown::Alive, 8)] {
        let mut options = options(&["nice"]);
        (options.unknown, options.answers) = (unknown, Answers::Lookups);
        let nice = queriers().replay(&options).unwrap().modules.remove(0);
        assert!(nice.decided.unknown > 0);
        assert_eq!(nice.totals.admitted, admitted, "{unknown:?}");
    }
}

#[test]
fn the_same_capture_gives_the_same_replay() {
    let options = options(&["bep5", "nr128", "nice"]);
    let once = || {
        let replay = Script::of(40).replay(&options).unwrap();
        serde_json::to_string(&replay).unwrap()
    };
    assert_eq!(once(), once());
}

#[test]
fn a_node_that_is_not_there_or_never_says_its_id() {
    let mut elsewhere = options(&["bep5"]);
    elsewhere.node = "10.9.9.9".parse().unwrap();
    let error = Script::of(1).replay(&elsewhere).unwrap_err();
    assert!(matches!(error, Error::NoSuchNode(_)), "{error}");
    let queried_only = || {
        let mut script = Script::default();
        script.query(0, MORTAL);
        script
    };
    let mut options = options(&["bep5"]);
    let error = queried_only().replay(&options).unwrap_err();
    assert!(error.to_string().contains("--id"), "{error}");
    options.id = Some(Id::default());
    let replay = queried_only().replay(&options).unwrap();
    assert_eq!(contacts(&replay.modules[0]), 1);
}
