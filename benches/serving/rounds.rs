//! Asking all servers in turns, and what comes of it.

use std::thread::sleep;
use std::time::Duration;

use mdht_krpc::{Body, Id, Message, Method, Query};
use nix::unistd::Pid;

use crate::arguments::Arguments;
use crate::generator::{Answered, Ask, Generator, held};
use crate::server::{Overlay, Server, address, pin};

/// Kinds of queries.
const METHODS: usize = 4;

/// What is asked, by name.
const fn methods(swarms: u32) -> [(&'static str, Ask); METHODS] {
    [
        ("ping", Ask::Ping),
        ("find_node", Ask::FindNode),
        ("get_peers", Ask::GetPeers),
        ("held", Ask::Held(swarms)),
    ]
}

/// A server and what was measured of it, method by method.
struct Row {
    server: Server,
    /// Answers per second of processor time, one for each round.
    rates: [Vec<f64>; METHODS],
    sums: [Answered; METHODS],
    /// Resident memory with a full table.
    filled: u64,
    /// Resident memory with a full store, announces taken for it, and their
    /// processor time in seconds.
    full: (u64, u64, f64),
}

pub(crate) fn run(arguments: &Arguments) {
    let overlay = Overlay::start();
    let mut generator = Generator::new();
    let mut servers = start(arguments, &overlay.bootstrap);
    sleep(Duration::from_secs(2));
    for server in &mut servers {
        server.idle = server.memory();
    }
    eprintln!("tables fill for {} s", arguments.warm_up);
    sleep(Duration::from_secs(arguments.warm_up));
    let row = |server: Server| Row {
        filled: server.memory(),
        full: fill(&mut generator, &server, arguments),
        server,
        rates: Default::default(),
        sums: Default::default(),
    };
    let mut rows: Vec<_> = servers.into_iter().map(row).collect();
    let methods = methods(arguments.swarms);
    let lengths = lengths(&mut generator, &rows[0].server, methods);
    let echo = Server::echo(address(rows.len() as u8), &lengths);
    sleep(Duration::from_millis(500));
    rows.insert(
        0,
        Row {
            server: echo,
            rates: Default::default(),
            sums: Default::default(),
            filled: 0,
            full: (0, 0, 0.0),
        },
    );
    // only now: who is started by a pinned thread is pinned with it
    pin(Pid::from_raw(0), 1);
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for (place, (_, ask)) in methods.into_iter().enumerate() {
            for row in &mut rows {
                measure(&mut generator, row, place, ask, arguments.seconds);
            }
        }
    }
    print_rates(&rows, methods);
    print_memory(&rows, arguments);
}

/// Announces as many peers as a store holds.
fn fill(generator: &mut Generator, server: &Server, arguments: &Arguments) -> (u64, u64, f64) {
    eprintln!("the store of {} fills", server.name);
    let before = server.usage();
    let got = generator.announce(server.addr, arguments.swarms, arguments.peers);
    (server.memory(), got.answers, server.usage() - before)
}

fn start(arguments: &Arguments, bootstrap: &str) -> Vec<Server> {
    let ours = arguments.routing.iter().zip(0..);
    let mut servers: Vec<_> = ours
        .map(|(routing, number)| Server::ours(routing, address(number), bootstrap))
        .collect();
    for (name, words) in &arguments.clients {
        let addr = address(servers.len() as u8);
        servers.push(Server::client(name, words, addr, bootstrap));
    }
    servers
}

/// Lengths of queries, and of our node's answers.
fn lengths(
    generator: &mut Generator,
    server: &Server,
    methods: [(&'static str, Ask); METHODS],
) -> Vec<(usize, usize)> {
    let id = Id::default();
    let queries = [
        Query::new(Method::Ping, id),
        Query::find_node(id, id),
        Query::get_peers(id, id),
        held(id, 0),
    ];
    let asked = queries.map(|query| Message::new(b"1234", Body::Query(query)).encode().len());
    let answered = methods.map(|(name, ask)| {
        let got = generator.ask_for(server.addr, ask, 0.2);
        assert!(got.answers > 0, "{} does not answer {name}", server.name);
        (got.bytes / got.answers) as usize
    });
    asked.into_iter().zip(answered).collect()
}

fn measure(generator: &mut Generator, row: &mut Row, place: usize, ask: Ask, seconds: f64) {
    row.server.pin();
    let before = row.server.usage();
    let got = generator.ask_for(row.server.addr, ask, seconds);
    let usage = row.server.usage() - before;
    // less than a few ticks of the clock says nothing
    let rate = if usage > 0.05 {
        got.answers as f64 / usage
    } else {
        f64::NAN
    };
    row.rates[place].push(rate);
    let sum = &mut row.sums[place];
    sum.answers += got.answers;
    sum.errors += got.errors;
    sum.lost += got.lost;
    sum.bytes += got.bytes;
    sum.contacts += got.contacts;
}

fn print_rates(rows: &[Row], methods: [(&'static str, Ask); METHODS]) {
    println!(
        "answers per second of the server's processor time; ratio to the echo in the same round\n"
    );
    println!(
        "{:<20}{:<11}{:>10}{:>8}{:>10}{:>10}{:>12}{:>8}{:>8}",
        "", "", "answers", "ratio", "least", "most", "bytes", "nodes", "lost %"
    );
    for row in rows {
        for (place, (name, _)) in methods.into_iter().enumerate() {
            let (rates, sum) = (&row.rates[place], &row.sums[place]);
            let ratios = rates
                .iter()
                .zip(&rows[0].rates[place])
                .map(|(own, echo)| own / echo);
            let answers = sum.answers.max(1) as f64;
            println!(
                "{:<20}{name:<11}{:>10.0}{:>8.2}{:>10.0}{:>10.0}{:>12.0}{:>8.1}{:>8.2}",
                row.server.name,
                median(rates.clone()),
                median(ratios.collect()),
                rates.iter().copied().fold(f64::NAN, f64::min),
                rates.iter().copied().fold(f64::NAN, f64::max),
                sum.bytes as f64 / answers,
                sum.contacts as f64 / answers,
                100.0 * (sum.lost + sum.errors) as f64
                    / (sum.answers + sum.lost + sum.errors).max(1) as f64,
            );
        }
    }
}

fn print_memory(rows: &[Row], arguments: &Arguments) {
    let (swarms, peers) = (arguments.swarms, arguments.peers);
    println!(
        "\nresident memory, MB; full: after announces of {peers} peers to each of {swarms} swarms\n"
    );
    println!(
        "{:<20}{:>10}{:>14}{:>10}{:>14}{:>12}",
        "", "at start", "filled table", "full", "announced", "CPU us each"
    );
    let mb = |bytes: u64| bytes as f64 / 1e6;
    for row in &rows[1..] {
        let (full, announced, usage) = row.full;
        println!(
            "{:<20}{:>10.1}{:>14.1}{:>10.1}{announced:>14}{:>12.2}",
            row.server.name,
            mb(row.server.idle),
            mb(row.filled),
            mb(full),
            usage / announced.max(1) as f64 * 1e6,
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
