//! What the bench is told.

use std::str::FromStr;

pub(crate) struct Arguments {
    /// Routing modules of our nodes.
    pub(crate) routing: Vec<String>,
    /// Name and command of other clients.
    pub(crate) clients: Vec<(String, Vec<String>)>,
    pub(crate) warm_up: u64,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) swarms: u32,
    pub(crate) peers: u32,
}

impl Arguments {
    pub(crate) fn parse() -> Self {
        let mut parsed = Self {
            routing: Vec::new(),
            clients: Vec::new(),
            warm_up: 300,
            rounds: 5,
            seconds: 2.0,
            swarms: 2000,
            peers: 500,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().unwrap_or_else(|| panic!("{arg} takes a value"));
            match arg.as_str() {
                "--routing" => parsed.routing.push(value()),
                "--client" => parsed.clients.push(client(&value())),
                "--warm-up" => parsed.warm_up = number(&value()),
                "--rounds" => parsed.rounds = number(&value()),
                "--seconds" => parsed.seconds = number(&value()),
                "--swarms" => parsed.swarms = number(&value()),
                "--peers" => parsed.peers = number(&value()),
                // of cargo
                "--bench" => {}
                _ => panic!("no such argument: {arg}"),
            }
        }
        if parsed.routing.is_empty() {
            parsed
                .routing
                .push(mdht_node::DhtBuilder::DEFAULT_ROUTING.to_owned());
        }
        parsed
    }
}

fn number<T: FromStr>(text: &str) -> T {
    let parsed = text.parse();
    parsed.unwrap_or_else(|_| panic!("{text} is no number that fits"))
}

fn client(text: &str) -> (String, Vec<String>) {
    let (name, command) = text.split_once('=').expect("a client is NAME=COMMAND");
    let words = command.split_whitespace().map(str::to_owned);
    (name.to_owned(), words.collect())
}
