//! Asking all servers in turns, and what comes of it.

use std::thread::sleep;
use std::time::Duration;

use mdht_krpc::{Body, Id, Message, Method, Query};
use nix::unistd::Pid;

use crate::arguments::Arguments;
use crate::generator::{Answered, Ask, Generator};
use crate::server::{Overlay, Server, address, pin};

const METHODS: [(&str, Ask); 3] = [
    ("ping", Ask::Ping),
    ("find_node", Ask::FindNode),
    ("get_peers", Ask::GetPeers),
];

/// A server and what was measured of it, method by method.
struct Row {
    server: Server,
    /// Answers per second of processor time, one for each round.
    rates: [Vec<f64>; METHODS.len()],
    sums: [Answered; METHODS.len()],
    /// Resident memory with a full table.
    filled: u64,
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
    let lengths = lengths(&mut generator, &servers[0]);
    let mut echo = Server::echo(address(servers.len() as u8), &lengths);
    sleep(Duration::from_millis(500));
    echo.idle = echo.memory();
    servers.insert(0, echo);
    let row = |server: Server| Row {
        filled: server.memory(),
        server,
        rates: Default::default(),
        sums: Default::default(),
    };
    let mut rows: Vec<_> = servers.into_iter().map(row).collect();
    // only now: who is started by a pinned thread is pinned with it
    pin(Pid::from_raw(0), 1);
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for (place, (_, ask)) in METHODS.into_iter().enumerate() {
            for row in &mut rows {
                measure(&mut generator, row, place, ask, arguments.seconds);
            }
        }
    }
    print_rates(&rows);
    print_memory(&mut generator, &rows, arguments);
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
fn lengths(generator: &mut Generator, server: &Server) -> Vec<(usize, usize)> {
    let id = Id::default();
    let queries = [
        Query::new(Method::Ping, id),
        Query::find_node(id, id),
        Query::get_peers(id, id),
    ];
    let asked = queries.map(|query| Message::new(b"1234", Body::Query(query)).encode().len());
    let answered = METHODS.map(|(name, ask)| {
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

fn print_rates(rows: &[Row]) {
    println!(
        "answers per second of the server's processor time; ratio to the echo in the same round\n"
    );
    println!(
        "{:<20}{:<11}{:>10}{:>8}{:>10}{:>10}{:>12}{:>8}{:>8}",
        "", "", "answers", "ratio", "least", "most", "bytes", "nodes", "lost %"
    );
    for row in rows {
        for (place, (name, _)) in METHODS.into_iter().enumerate() {
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

fn print_memory(generator: &mut Generator, rows: &[Row], arguments: &Arguments) {
    let (swarms, peers) = (arguments.swarms, arguments.peers);
    if swarms == 0 || peers == 0 {
        return;
    }
    println!(
        "\nresident memory, MB; full: after announces of {peers} peers to each of {swarms} swarms\n"
    );
    println!(
        "{:<20}{:>10}{:>14}{:>10}{:>14}{:>12}",
        "", "at start", "filled table", "full", "announced", "CPU us each"
    );
    let mb = |bytes: u64| bytes as f64 / 1e6;
    for row in &rows[1..] {
        let before = row.server.usage();
        let got = generator.announce(row.server.addr, swarms, peers);
        let usage = row.server.usage() - before;
        println!(
            "{:<20}{:>10.1}{:>14.1}{:>10.1}{:>14}{:>12.2}",
            row.server.name,
            mb(row.server.idle),
            mb(row.filled),
            mb(row.server.memory()),
            got.answers,
            usage / got.answers.max(1) as f64 * 1e6,
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
