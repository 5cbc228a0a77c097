//! Arbitrary bencode, and such in the shape of KRPC.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::generate::bytes;

/// A bencoded value; dictionaries keep the order and repetition of their keys.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// The text between `i` and `e`.
    Integer(String),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Dictionary(Vec<(Vec<u8>, Tree)>),
}

impl Tree {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(text) => out.extend_from_slice(format!("i{text}e").as_bytes()),
            Self::Bytes(bytes) => write_bytes(bytes, out),
            Self::List(items) => {
                out.push(b'l');
                items.iter().for_each(|item| item.write(out));
                out.push(b'e');
            }
            Self::Dictionary(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    write_bytes(key, out);
                    value.write(out);
                }
                out.push(b'e');
            }
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}

/// A value that every reader accepts, and about as long as an item may be.
pub(crate) fn canonical() -> impl Strategy<Value = Tree> {
    let integer = any::<i64>().prop_map(|n| Tree::Integer(n.to_string()));
    let plain = prop_oneof![integer, bytes(1200).prop_map(Tree::Bytes)];
    plain.prop_recursive(8, 24, 4, |inner| {
        let entries = prop::collection::btree_map(vec(any::<u8>(), 0..3), inner.clone(), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Tree::List),
            entries.prop_map(|entries| Tree::Dictionary(entries.into_iter().collect())),
        ]
    })
}

fn integer() -> BoxedStrategy<Tree> {
    let strange = select(&["-0", "00", "01", "", "-", "65536", "9223372036854775808"][..]);
    let plain = any::<i64>().prop_map(|n| n.to_string());
    let small = (0..3_u8).prop_map(|n| n.to_string());
    prop_oneof![9 => small, 9 => plain, 1 => strange.prop_map(str::to_owned)]
        .prop_map(Tree::Integer)
        .boxed()
}

/// A string of `len` bytes.
fn sized(len: impl Into<proptest::collection::SizeRange>) -> BoxedStrategy<Tree> {
    vec(any::<u8>(), len).prop_map(Tree::Bytes).boxed()
}

fn one_of(names: &'static [&'static str]) -> BoxedStrategy<Tree> {
    let name = select(names).prop_map(|name| Tree::Bytes(name.as_bytes().to_vec()));
    name.boxed()
}

fn list(item: BoxedStrategy<Tree>) -> BoxedStrategy<Tree> {
    vec(item, 0..4).prop_map(Tree::List).boxed()
}

/// Any value, of any depth the readers allow and a little more.
pub(crate) fn tree() -> BoxedStrategy<Tree> {
    prop_oneof![integer(), sized(0..30)]
        .prop_recursive(20, 40, 4, |inner| {
            let entries = vec((vec(any::<u8>(), 0..3), inner.clone()), 0..4);
            prop_oneof![
                vec(inner, 0..4).prop_map(Tree::List),
                entries.prop_map(Tree::Dictionary),
            ]
        })
        .boxed()
}

/// A dictionary that holds some of `keys`, each mostly with the value meant
/// for it, mostly in order and mostly once.
fn dictionary(keys: Vec<(&'static str, u32, BoxedStrategy<Tree>)>) -> BoxedStrategy<Tree> {
    let entries: Vec<_> = keys
        .into_iter()
        .map(|(key, percent, value)| {
            let value = prop_oneof![40 => value, 1 => tree()];
            let entry = value.prop_map(move |value| (key.as_bytes().to_vec(), value));
            option::weighted(f64::from(percent) / 100.0, entry)
        })
        .collect();
    let unknown = option::weighted(0.2, (vec(any::<u8>(), 0..4), tree()));
    let disorder = option::weighted(0.1, any::<(prop::sample::Index, bool)>());
    (entries, unknown, disorder)
        .prop_map(|(entries, unknown, disorder)| {
            let mut entries: Vec<_> = entries.into_iter().chain([unknown]).flatten().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            if let Some((at, again)) = disorder.filter(|_| !entries.is_empty()) {
                let at = at.index(entries.len());
                if again {
                    entries.insert(at, entries[at].clone());
                } else {
                    entries.rotate_left(at);
                }
            }
            Tree::Dictionary(entries)
        })
        .boxed()
}

/// Bencode in the shape of a KRPC message, with everything wrong now and then.
pub(crate) fn krpc_tree() -> BoxedStrategy<Tree> {
    let compact = |unit: usize| {
        let whole = (0..9_usize).prop_flat_map(move |n| sized(n * unit));
        prop_oneof![9 => whole, 1 => sized(0..60)].boxed()
    };
    let want = list(one_of(&["n4", "n6", "n9"]));
    let arguments = dictionary(vec![
        ("cas", 10, integer()),
        ("id", 95, sized(20)),
        ("implied_port", 20, integer()),
        ("info_hash", 40, sized(20)),
        ("k", 20, sized(32)),
        ("noseed", 20, integer()),
        (
            "port",
            20,
            (0..70_000_u32)
                .prop_map(|n| Tree::Integer(n.to_string()))
                .boxed(),
        ),
        ("salt", 20, sized(0..70)),
        ("scrape", 20, integer()),
        ("seed", 20, integer()),
        ("seq", 20, integer()),
        ("sig", 20, sized(64)),
        ("target", 40, sized(20)),
        ("token", 30, sized(0..12)),
        ("v", 30, tree()),
        ("want", 30, want),
    ]);
    let peer = prop_oneof![9 => sized(6), 9 => sized(18), 1 => sized(0..20)].boxed();
    let filter = prop_oneof![9 => sized(256), 1 => sized(250..260)].boxed();
    let response = dictionary(vec![
        ("BFpe", 15, filter.clone()),
        ("BFsd", 15, filter),
        ("id", 95, sized(20)),
        ("interval", 15, integer()),
        ("k", 20, sized(32)),
        ("nodes", 60, compact(26)),
        ("nodes6", 30, compact(38)),
        ("num", 15, integer()),
        ("samples", 15, compact(20)),
        ("seq", 20, integer()),
        ("sig", 20, sized(64)),
        ("token", 50, sized(0..12)),
        ("v", 30, tree()),
        ("values", 50, list(peer)),
    ]);
    let error = (integer(), sized(0..20), option::weighted(0.2, tree()))
        .prop_map(|(code, text, more)| Tree::List([code, text].into_iter().chain(more).collect()));
    dictionary(vec![
        ("a", 70, arguments),
        ("e", 50, error.boxed()),
        ("ip", 20, prop_oneof![sized(6), sized(18)].boxed()),
        (
            "q",
            70,
            one_of(&["ping", "find_node", "get_peers", "put", "vote", ""]),
        ),
        ("r", 70, response),
        ("ro", 20, integer()),
        ("t", 95, sized(0..6)),
        ("v", 40, sized(4)),
        ("y", 97, one_of(&["q", "r", "e"])),
    ])
}
