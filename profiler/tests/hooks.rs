//! A measurement is told of what it asks for, and of nothing else.

#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use mdht_krpc::{Body, Message, Method, Query, Response};
use mdht_profiler::measurement::{Hooks, Measurement, Section, Span};
use mdht_profiler::{Direction, Exchange, Observed, Profiler};
use profiling::{CaptureFile, options};
use synthetic::{NODE, Talk, id};

/// What a measurement that asks for some hooks was told of, in order.
#[derive(Clone)]
struct Told {
    asked_for: Option<Hooks>,
    of: Vec<Hooks>,
}

impl Measurement for Told {
    fn hooks(&self) -> Hooks {
        self.asked_for.unwrap_or(Everything.hooks())
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        let is_query = matches!(observed.message.body, Body::Query(_));
        self.of.push(match (observed.direction, is_query) {
            (Direction::Sent, true) => Hooks::SENT_QUERIES,
            (Direction::Sent, false) => Hooks::SENT_ANSWERS,
            (Direction::Received, true) => Hooks::RECEIVED_QUERIES,
            (Direction::Received, false) => Hooks::RECEIVED_ANSWERS,
        });
    }

    fn on_exchange(&mut self, _: &Exchange<'_>) {
        self.of.push(Hooks::EXCHANGES);
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        Section {
            key: "told",
            json: self.of.iter().map(|hook| format!("{hook:?}")).collect(),
            ..Section::default()
        }
    }
}

/// A measurement that says nothing of what it needs.
#[derive(Clone)]
struct Everything;

impl Measurement for Everything {
    fn finish(self: Box<Self>, _: &Span) -> Section {
        Section::default()
    }
}

#[test]
fn what_is_not_asked_for_is_not_told() {
    let other = "11.0.0.2:1";
    let mut talk = Talk::new();
    talk.ping(0, other, b"a");
    talk.respond(10, other, b"a", id(2));
    let query = Body::Query(Query::new(Method::Ping, id(2)));
    talk.message(20, other, NODE, &Message::new(b"b", query));
    let answer = Body::Response(Response::new(id(1)));
    talk.message(30, NODE, other, &Message::new(b"b", answer));

    let told = [
        Hooks::SENT_QUERIES,
        Hooks::RECEIVED_ANSWERS,
        Hooks::EXCHANGES,
        Hooks::RECEIVED_QUERIES,
        Hooks::SENT_ANSWERS,
    ];
    let sets = [
        Hooks::NONE,
        Hooks::MESSAGES,
        Hooks::EXCHANGES,
        Hooks::SENT_ANSWERS | Hooks::RECEIVED_QUERIES,
        Hooks::ALL,
    ];
    let asked_for: Vec<_> = sets.into_iter().map(Some).chain([None]).collect();
    let mut profiler = Profiler::new(options());
    for &asked_for in &asked_for {
        let of = Vec::new();
        profiler = profiler.with_measurement(move |_| {
            let of = of.clone();
            Box::new(Told { asked_for, of })
        });
    }
    let file = CaptureFile::new(&talk.pcap.bytes);
    let profile = profiler.run(&[&file.0], &mut |_| {}).unwrap();
    let sections = profile.nodes[0].sections.iter().filter(|s| s.key == "told");
    for (section, asked_for) in sections.zip(asked_for) {
        let is_asked_for = |hook: &&Hooks| asked_for.is_none_or(|all| all.contains(**hook));
        let expected = told.iter().filter(is_asked_for);
        let expected: serde_json::Value = expected.map(|hook| format!("{hook:?}")).collect();
        assert_eq!(section.json, expected, "{asked_for:?}");
    }
}
