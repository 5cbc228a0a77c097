//! Market share [thesis 8.VIII.D].

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::{HashMap, HashMapExt};
use serde_json::json;

use super::{Measurement, Row, Section, Span, in_words, percentage};
use crate::{Direction, Observed};

/// Distinct remote IP addresses that sent something, by the two-letter client
/// code that `v` starts with. An address counts once, under the first code it
/// showed; one that never sent a `v` has no version, `null` in the JSON.
///
/// Its state grows with the capture, by the address and not by the packet:
/// about 10 bytes for IPv4 and 35 for IPv6.
#[derive(Debug, Default)]
pub(super) struct Clients {
    v4: Codes<u32>,
    v6: Codes<u128>,
}

/// The first two bytes of `v`; zero for none.
type Code = [u8; 2];

impl Measurement for Clients {
    fn on_message(&mut self, observed: &Observed<'_>) {
        if observed.direction != Direction::Received {
            return;
        }
        let version = observed.message.version.and_then(<[u8]>::first_chunk);
        let code = version.copied().unwrap_or(NO_VERSION);
        match observed.remote.ip() {
            IpAddr::V4(ip) => self.v4.note(ip.to_bits(), code),
            IpAddr::V6(ip) => self.v6.note(ip.to_bits(), code),
        }
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let mut nodes: BTreeMap<Code, u64> = BTreeMap::new();
        for code in self.v4.into_codes().chain(self.v6.into_codes()) {
            *nodes.entry(code).or_default() += 1;
        }
        let total = nodes.values().sum();
        let mut shares: Vec<(Code, u64)> = nodes.into_iter().collect();
        shares.sort_by_key(|&(code, nodes)| (Reverse(nodes), code));
        let json = shares.iter().map(|&(code, nodes)| {
            json!({
                "code": (code != NO_VERSION).then(|| code.escape_ascii().to_string()),
                "nodes": nodes,
                "pct": percentage(nodes, total),
            })
        });
        Section {
            key: "clients",
            json: json.collect(),
            rows: vec![Row::line("clients", in_text(&shares, total))],
        }
    }
}

/// The code of each address of a family.
///
/// The addresses are random, and the map is larger than the caches: sightings
/// wait until there are some, since the processor can look several up at once
/// when nothing else is between them.
#[derive(Debug)]
struct Codes<K> {
    known: HashMap<K, Code>,
    waiting: Vec<(K, Code)>,
}

impl<K> Default for Codes<K> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            waiting: Vec::new(),
        }
    }
}

impl<K: Eq + Hash> Codes<K> {
    fn note(&mut self, key: K, code: Code) {
        self.waiting.push((key, code));
        if self.waiting.len() >= MAX_WAITING {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (key, code) in self.waiting.drain(..) {
            if let Some(known) = self.known.get_mut(&key) {
                if *known == NO_VERSION {
                    *known = code;
                }
            } else if self.known.len() < MAX_ADDRESSES {
                self.known.insert(key, code);
            }
        }
    }

    fn into_codes(mut self) -> impl Iterator<Item = Code> {
        self.settle();
        self.known.into_values()
    }
}

fn in_text(shares: &[(Code, u64)], total: u64) -> String {
    let mut text = format!("{total} addresses");
    for (i, &(code, nodes)) in shares.iter().take(MAX_IN_TEXT).enumerate() {
        let name = match code {
            NO_VERSION => "no version".to_owned(),
            code => code.escape_ascii().to_string(),
        };
        let share = in_words(percentage(nodes, total), 1);
        let before = if i == 0 { ": " } else { ", " };
        text.push_str(&format!("{before}{name} {share} %"));
    }
    text
}

const NO_VERSION: Code = [0, 0];

/// Most addresses of each family that are told apart, about 75 MB for IPv4;
/// further ones are left out. The thesis met 4.44 million with nine nodes.
const MAX_ADDRESSES: usize = 7 << 20;

/// Sightings that wait to be looked up.
const MAX_WAITING: usize = 512;

/// Most client codes in the text table.
const MAX_IN_TEXT: usize = 8;
