//! What a node must survive, one named row each: datagrams that are cut,
//! nested, overlong or no bencode.

use mdht_krpc::{Message, Oddities, ScanErrorKind};

use crate::agreement;
use crate::rows::{
    BAD_VALUES, FINE, NON_CANONICAL, NOT_KRPC, SYNTAX, TOO_DEEP, TRUNCATED, WRONG_TYPE,
    all_as_expected, query, response, row, string, with_value,
};

/// Largest payload of a UDP datagram over IPv4.
const MAX_DATAGRAM: usize = 65_507;

#[test]
fn short_datagrams() {
    all_as_expected([
        row("empty", "", TRUNCATED),
        row("1 B, `d` only", "d", TRUNCATED),
        row("1 B, `l` only", "l", SYNTAX),
        row("1 B, `e` only", "e", SYNTAX),
        row("1 B, zero", [0], SYNTAX),
        row("2 B, empty dictionary", "de", NOT_KRPC),
        row("below 15 B, list", "l1:ae", SYNTAX),
        row("below 15 B, string", "4:ping", SYNTAX),
        row("below 15 B, number", "i1e", SYNTAX),
        row("below 15 B, only `y`", "d1:y1:qe", NOT_KRPC),
        row("below 15 B, `t` and `y`", "d1:t0:1:y1:re", NOT_KRPC),
        row("15 B, response of nothing", "d1:rde1:t0:1:y1:re", FINE),
    ]);
}

#[test]
fn truncated_at_every_offset() {
    for whole in [query(""), response("5:token2:xy6:valuesl6:axje.ue")] {
        for cut in 0..whole.len() {
            let bytes = &whole.as_bytes()[..cut];
            let kind = Message::scan(bytes).map_err(|e| e.kind);
            assert_eq!(kind, Err(ScanErrorKind::Truncated), "cut at {cut}");
            assert!(!agreement::check(bytes), "cut at {cut}");
        }
    }
}

#[test]
fn nesting() {
    for depth in [17, 10_000, 100_000, 1_000_000] {
        all_as_expected([
            row("lists", "l".repeat(depth), SYNTAX),
            row("dictionaries", "d1:a".repeat(depth), TOO_DEEP),
            row("dictionaries, all `d`", "d".repeat(depth), SYNTAX),
            row(
                "lists inside a message",
                with_value(&"l".repeat(depth)),
                TOO_DEEP,
            ),
            row("closed lists", with_value(&closed("l", depth)), TOO_DEEP),
            row(
                "closed dictionaries",
                with_value(&closed("d1:a", depth)),
                TOO_DEEP,
            ),
            row(
                "lists in `values`",
                response(&format!("6:values{}", "l".repeat(depth))),
                TOO_DEEP,
            ),
        ]);
    }
    all_as_expected([
        row("as deep as can be", with_value(&closed("l", 15)), FINE),
        row("one deeper", with_value(&closed("l", 16)), TOO_DEEP),
    ]);
}

fn closed(open: &str, depth: usize) -> String {
    let inner = if open == "l" { "" } else { "0:" };
    [&open.repeat(depth), inner, &"e".repeat(depth)].concat()
}

#[test]
fn string_lengths() {
    all_as_expected([
        row("99999999999:", with_value("99999999999:"), TRUNCATED),
        row("-1:", with_value("-1:"), SYNTAX),
        row("01:", with_value("01:a"), NON_CANONICAL),
        row("+1:", with_value("+1:a"), SYNTAX),
        row("00:", with_value("00:"), NON_CANONICAL),
        row("no digits", with_value(":a"), SYNTAX),
        row("no colon", with_value("1a"), SYNTAX),
        row("one too long", with_value("3:a"), TRUNCATED),
        row("2^31 - 1", with_value("2147483647:"), TRUNCATED),
        row("2^31", with_value("2147483648:"), TRUNCATED),
        row("2^32 - 1", with_value("4294967295:"), TRUNCATED),
        row("2^32", with_value("4294967296:"), TRUNCATED),
        row("2^32 + 1", with_value("4294967297:"), TRUNCATED),
        row("2^63 - 1", with_value("9223372036854775807:"), TRUNCATED),
        row("2^63", with_value("9223372036854775808:"), TRUNCATED),
        row("2^64 - 1", with_value("18446744073709551615:"), TRUNCATED),
        row("2^64", with_value("18446744073709551616:"), TRUNCATED),
        row("2^64 + 1", with_value("18446744073709551617:"), TRUNCATED),
        row(
            "zeros without end",
            with_value(&"0".repeat(1000)),
            TRUNCATED,
        ),
        row("as a key", "d99999999999:", TRUNCATED),
        row("of `id`", "d1:ad2:id99999999999:", TRUNCATED),
    ]);
}

#[test]
fn integers() {
    all_as_expected([
        row("i-0e", with_value("i-0e"), NON_CANONICAL),
        row("ie", with_value("ie"), SYNTAX),
        row("i-e", with_value("i-e"), SYNTAX),
        row("i00e", with_value("i00e"), NON_CANONICAL),
        row("i01e", with_value("i01e"), NON_CANONICAL),
        row("i-01e", with_value("i-01e"), NON_CANONICAL),
        row("i+1e", with_value("i+1e"), SYNTAX),
        row("i1.5e", with_value("i1.5e"), SYNTAX),
        row("i 1e", with_value("i 1e"), SYNTAX),
        row("i64 max", with_value("i9223372036854775807e"), FINE),
        row(
            "above i64, unread",
            with_value("i9223372036854775808e"),
            FINE,
        ),
        row(
            "above i64 in `port`",
            query("4:porti9223372036854775808e"),
            WRONG_TYPE,
        ),
        row(
            "below i64 in `port`",
            query("4:porti-9223372036854775809e"),
            WRONG_TYPE,
        ),
        row(
            "above i64 in `ro`",
            "d1:rde2:roi9223372036854775808e1:t0:1:y1:re",
            WRONG_TYPE,
        ),
        row(
            "error code above i64",
            "d1:eli9223372036854775808e0:e1:t0:1:y1:ee",
            WRONG_TYPE,
        ),
        row(
            "65,000 digits",
            with_value(&format!("i{}e", "9".repeat(65_000))),
            FINE,
        ),
    ]);
}

#[test]
fn keys() {
    all_as_expected([
        row("unsorted", "d1:y1:r1:t2:aa1:rdee", NON_CANONICAL),
        row(
            "unsorted inside",
            response("5:token0:5:nodes0:"),
            NON_CANONICAL,
        ),
        row(
            "unsorted in an unknown value",
            with_value("d1:b0:1:a0:e"),
            NON_CANONICAL,
        ),
        row("duplicate", response("5:token1:a5:token1:b"), NON_CANONICAL),
        row("duplicate `y`", "d1:rde1:t2:aa1:y1:r1:y1:qe", NON_CANONICAL),
        row("duplicate `r`", "d1:rde1:rde1:t2:aa1:y1:re", NON_CANONICAL),
        row(
            "duplicate `values`",
            response("6:valuesle6:valuesle"),
            NON_CANONICAL,
        ),
        row("number as key", "di1ei1ee", SYNTAX),
        row("list as key", "dlei1ee", SYNTAX),
        row("dictionary as key", "ddei1ee", SYNTAX),
        row("key without value", "d1:rde1:t2:aa1:y1:r1:ze", SYNTAX),
        row("empty key", "d0:0:1:rde1:t2:aa1:y1:re", FINE),
        row(
            "trailing bytes",
            response("") + "e",
            Ok(Oddities::TRAILING_BYTES),
        ),
        row(
            "second message behind",
            response("").repeat(2),
            Ok(Oddities::TRAILING_BYTES),
        ),
        row("corrupted key 7:nodes.v", response("7:nodes.v0:"), FINE),
        row("corrupted key 5:nodes.v", response("5:nodes.v0:"), SYNTAX),
        row("corrupted key length", response("6:nodes0:"), SYNTAX),
    ]);
}

/// Datagrams as large as UDP carries, or nearly: whatever takes longest to read.
#[test]
fn datagrams_of_65507_bytes() {
    let fill = |pattern: &str| {
        let mut bytes = pattern
            .repeat(MAX_DATAGRAM / pattern.len() + 1)
            .into_bytes();
        bytes.truncate(MAX_DATAGRAM);
        bytes
    };
    // a response whose `key` takes what room there is
    let full = |key: &str, size: usize| {
        let room = MAX_DATAGRAM - response("").len() - key.len() - "65536:".len();
        response(&format!("{key}{}", string(room / size * size)))
    };
    assert_eq!(full("5:token", 1).len(), MAX_DATAGRAM);
    let peers = "6:axje.u".repeat((MAX_DATAGRAM - response("6:valuesle").len()) / 8);
    all_as_expected([
        row("zeros", vec![0; MAX_DATAGRAM], SYNTAX),
        row("ones", vec![0xff; MAX_DATAGRAM], SYNTAX),
        row("all d", fill("d"), SYNTAX),
        row("all l", fill("l"), SYNTAX),
        row("all 1", fill("1"), SYNTAX),
        row("d and digits", fill("d1"), SYNTAX),
        row("nested dictionaries", fill("d1:a"), TOO_DEEP),
        row(
            "an integer without end",
            with_value(&("i".to_owned() + &"1".repeat(65_000))),
            TRUNCATED,
        ),
        row(
            "one list of empty lists",
            with_value(&format!("l{}e", "le".repeat(32_000))),
            FINE,
        ),
        row(
            "one list of empty strings",
            with_value(&format!("l{}e", "0:".repeat(32_000))),
            FINE,
        ),
        row(
            "16,000 times the same key",
            with_value(&format!("d{}e", "0:0:".repeat(16_000))),
            NON_CANONICAL,
        ),
        row(
            "10,000 times `id`",
            response(&"2:id0:".repeat(10_000)),
            Ok(Oddities::NON_CANONICAL | Oddities::BAD_ID),
        ),
        row("nodes", full("5:nodes", 26), FINE),
        row("nodes6", full("6:nodes6", 38), FINE),
        row("token", full("5:token", 1), FINE),
        row("values", response(&format!("6:valuesl{peers}e")), FINE),
        row(
            "values, all empty",
            response(&format!("6:valuesl{}e", "0:".repeat(32_000))),
            BAD_VALUES,
        ),
    ]);
}
