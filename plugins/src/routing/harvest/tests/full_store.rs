//! What a full store costs. Measurements, not tests: they print and assert
//! nothing of time.
//!
//! `cargo test --release -p mdht-plugins full_store -- --ignored --nocapture --test-threads 1`

use std::fs;
use std::hint::black_box;
use std::time::Duration;

use mdht_krpc::{Contact, Family, Id, Instant, Rng};

use crate::Parameters;
use crate::routing::harvest::{Harvest, definition};
use crate::routing::{Candidate, ClosestRequest, ContactSource, Purpose, RoutingSetup, Standing};

/// Contacts named until the store is as full as it gets.
const NAMED: usize = 1_200_000;
/// Contacts that answered, those of the last hour as a node has them that asks
/// one every 12 s and looks something up every 90 s.
const ANSWERED: u64 = 700;
const NOW: Instant = Instant::from_micros(7_200_000_000);

fn contact(rng: &mut Rng) -> Contact {
    let host = u32::try_from(rng.below(1 << 31)).unwrap() + (1 << 29);
    Contact::new(
        Id::random(rng),
        (std::net::Ipv4Addr::from(host), 6881).into(),
    )
}

fn store(named: usize) -> (Harvest, Rng) {
    let mut rng = Rng::from_u64(5);
    let setup = RoutingSetup {
        own_id: Id::random(&mut rng),
        family: Family::V4,
    };
    let (info, _) = definition();
    let mut module = Harvest::new(&Parameters::defaults(&info.parameters), setup);
    for _ in 0..named {
        let contact = contact(&mut rng);
        module.note(&contact, NOW, |record| record.named(NOW));
    }
    for number in (0..ANSWERED).rev() {
        let (contact, ago) = (contact(&mut rng), Duration::from_secs(number * 5));
        let (then, rtt) = (NOW - ago, Duration::from_millis(5));
        module.note(&contact, then, |record| record.answered(then, rtt));
        if module.find(&contact).is_some() {
            module
                .verified
                .answered(&contact, then, module.config.serve_within);
        }
    }
    (module, rng)
}

/// As it was before there was an index: the store is searched, cell by cell.
fn by_search(module: &Harvest, request: &ClosestRequest, out: &mut Vec<Candidate>) {
    out.clear();
    for cell in module.cells.nearest(&request.target) {
        let from = out.len();
        if from >= request.count {
            break;
        }
        let fit = cell.iter().filter(|record| {
            record.standing() == Standing::Good
                && record.age(request.now) <= module.config.serve_within
        });
        out.extend(fit.map(|record| module.candidate(record, request.now)));
        out[from..].sort_unstable_by_key(|c| request.target.distance(&c.contact.id));
    }
    out.truncate(request.count);
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.map_or(0, |kb| 1024 * kb.trim().parse::<usize>().unwrap_or(0))
}

#[test]
fn index_and_search_agree() {
    let (module, mut rng) = store(20_000);
    for _ in 0..50 {
        let request = request(&mut rng);
        let (mut found, mut wanted) = (Vec::new(), Vec::new());
        module.closest(&request, &mut found);
        by_search(&module, &request, &mut wanted);
        let contacts = |all: &[Candidate]| all.iter().map(|c| c.contact).collect::<Vec<_>>();
        assert_eq!(contacts(&found), contacts(&wanted));
        assert_eq!(found.len(), 8);
    }
}

fn request(rng: &mut Rng) -> ClosestRequest {
    ClosestRequest {
        target: Id::random(rng),
        count: 8,
        purpose: Purpose::Serve,
        now: NOW,
    }
}

#[test]
#[ignore = "a measurement"]
fn serving_by_index_and_by_search() {
    let (module, mut rng) = store(NAMED);
    let mut out = Vec::new();
    let mut times = [Duration::ZERO; 2];
    for round in 0..40 {
        let which = round % 2;
        let start = clock();
        for _ in 0..2000 {
            let request = request(&mut rng);
            match which {
                0 => module.closest(black_box(&request), &mut out),
                _ => by_search(&module, black_box(&request), &mut out),
            }
            black_box(&out);
        }
        times[which] += clock() - start;
    }
    let each = times.map(|time| time.as_nanos() / 40_000);
    println!(
        "{} contacts, {ANSWERED} answered within the hour: 8 closest in {} ns by index, {} ns by \
         search: {:.0} times",
        module.cells.len(),
        each[0],
        each[1],
        times[1].as_secs_f64() / times[0].as_secs_f64()
    );
}

/// Processor time of this thread.
fn clock() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

#[test]
#[ignore = "a measurement"]
fn memory_of_a_full_store() {
    let before = resident_bytes();
    let (module, _) = store(NAMED);
    let of_store = resident_bytes() - before;
    let (contacts, bytes) = (module.cells.len(), of_store);
    println!(
        "{contacts} contacts in {:.1} MB, {} bytes each",
        bytes as f64 / 1e6,
        bytes / contacts
    );
}
