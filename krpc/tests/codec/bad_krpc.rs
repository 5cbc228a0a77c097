//! What a node must survive, one named row each: bencode that is strange or
//! wrong as a KRPC message.

use mdht_krpc::{Body, Message, Oddities, Query, error_code};

use crate::rows::{
    BAD_ID, BAD_NODES, BAD_VALUES, FINE, NON_CANONICAL, NOT_KRPC, SYNTAX, TOO_DEEP, TRUNCATED,
    WRONG_TYPE, all_as_expected, query, response, row, string,
};

#[test]
fn kinds() {
    let all = |y: &str| {
        let e = "1:eli201e1:xe";
        format!("d1:ad2:id20:abcdefghij0123456789e{e}1:q4:ping1:rde1:t2:aa1:y{y}e")
    };
    all_as_expected([
        row("mixed q, r, e; y is q", all("1:q"), FINE),
        row("mixed q, r, e; y is r", all("1:r"), FINE),
        row("mixed q, r, e; y is e", all("1:e"), FINE),
        row("mixed, y unknown", all("1:x"), NOT_KRPC),
        row("mixed, y empty", all("0:"), NOT_KRPC),
        row("mixed, y long", all("5:query"), NOT_KRPC),
        row(
            "mixed, y a number",
            all("i1e"),
            Ok(Oddities::WRONG_TYPE | Oddities::NO_KIND),
        ),
        row("y is q, no q", "d1:ade1:t2:aa1:y1:qe", NOT_KRPC),
        row("y is q, no a", "d1:q4:ping1:t2:aa1:y1:qe", NOT_KRPC),
        row(
            "y is q, a not a dictionary",
            "d1:ale1:q4:ping1:t2:aa1:y1:qe",
            NOT_KRPC,
        ),
        row("y is r, no r", "d1:t2:aa1:y1:re", NOT_KRPC),
        row("no y", "d1:rde1:t2:aae", Ok(Oddities::NO_KIND)),
        row("method unknown", "d1:ade1:q4:vote1:t2:aa1:y1:qe", FINE),
        row("method empty", "d1:ade1:q0:1:t2:aa1:y1:qe", FINE),
        row("method a number", "d1:ade1:qi1e1:t2:aa1:y1:qe", NOT_KRPC),
    ]);
}

#[test]
fn errors() {
    let error = |e: &str| format!("d1:e{e}1:t2:aa1:y1:ee");
    all_as_expected([
        row("e not a list", error("3:bad"), WRONG_TYPE),
        row("e a dictionary", error("d4:codei201ee"), WRONG_TYPE),
        row("no e", "d1:t2:aa1:y1:ee", WRONG_TYPE),
        row("e empty", error("le"), WRONG_TYPE),
        row("code only", error("li201ee"), WRONG_TYPE),
        row("text only", error("l3:bade"), WRONG_TYPE),
        row("text before code", error("l3:badi201ee"), WRONG_TYPE),
        row("something between", error("li201ei0e3:bade"), WRONG_TYPE),
        row("more behind", error("li201e3:bad3:yesi5elee"), FINE),
        row("negative code", error("li-1e3:bade"), FINE),
    ]);
    let bytes = error("l3:badi201ee");
    let Body::Error(reply) = Message::scan(bytes.as_bytes()).unwrap().body else {
        panic!("not an error message");
    };
    assert_eq!(
        (reply.code, reply.message),
        (error_code::GENERIC, &b"bad"[..])
    );
}

#[test]
fn transaction_ids() {
    let with_t = |t: &str| format!("d1:rde{t}1:y1:re");
    all_as_expected([
        row("t missing", with_t(""), Ok(Oddities::NO_TRANSACTION_ID)),
        row("t of 0 B", with_t("1:t0:"), FINE),
        row(
            "t of 1 KiB",
            with_t(&("1:t".to_owned() + &string(1024))),
            FINE,
        ),
        row(
            "t a number",
            with_t("1:ti7e"),
            Ok(Oddities::WRONG_TYPE | Oddities::NO_TRANSACTION_ID),
        ),
    ]);
}

#[test]
fn identifiers_and_lists() {
    let id = |len| format!("d1:rd2:id{}e1:t2:aa1:y1:re", string(len));
    let key = |len| query(&format!("9:info_hash{}", string(len)));
    let target = |len| query(&format!("6:target{}", string(len)));
    let nodes = |len| response(&format!("5:nodes{}", string(len)));
    let nodes6 = |len| response(&format!("6:nodes6{}", string(len)));
    let value = |len| response(&format!("6:valuesl{}e", string(len)));
    all_as_expected([
        row("id of 0 B", id(0), BAD_ID),
        row("id of 19 B", id(19), BAD_ID),
        row("id of 20 B", id(20), FINE),
        row("id of 21 B", id(21), BAD_ID),
        row("id a number", "d1:rd2:idi5ee1:t2:aa1:y1:re", WRONG_TYPE),
        row("info_hash of 19 B", key(19), BAD_ID),
        row("info_hash of 32 B", key(32), BAD_ID),
        row("target of 21 B", target(21), BAD_ID),
        row("nodes of 0 B", nodes(0), FINE),
        row("nodes of 25 B", nodes(25), BAD_NODES),
        row("nodes of 27 B", nodes(27), BAD_NODES),
        row("nodes of 38 B", nodes(38), BAD_NODES),
        row("nodes a list", response("5:nodesle"), WRONG_TYPE),
        row("nodes6 of 26 B", nodes6(26), BAD_NODES),
        row("nodes6 of 37 B", nodes6(37), BAD_NODES),
        row("nodes6 of 38 B", nodes6(38), FINE),
        row("nodes6 of 39 B", nodes6(39), BAD_NODES),
        row("value of 0 B", value(0), BAD_VALUES),
        row("value of 5 B", value(5), BAD_VALUES),
        row("value of 6 B", value(6), FINE),
        row("value of 7 B", value(7), BAD_VALUES),
        row("value of 12 B: two peers in one", value(12), BAD_VALUES),
        row("value of 17 B", value(17), BAD_VALUES),
        row("value of 18 B", value(18), FINE),
        row("value of 19 B", value(19), BAD_VALUES),
        row("value a number", response("6:valuesli1ee"), BAD_VALUES),
        row("values empty", response("6:valuesle"), FINE),
        row("values a string", response("6:values6:axje.u"), WRONG_TYPE),
        row("ip of 4 B", "d2:ip4:abcd1:rde1:t2:aa1:y1:re", WRONG_TYPE),
        row("ip of 6 B", "d2:ip6:abcdef1:rde1:t2:aa1:y1:re", FINE),
    ]);
}

#[test]
fn arguments() {
    let token = |len| query(&format!("5:token{}", string(len)));
    all_as_expected([
        row("token absent", query(""), FINE),
        row("token empty", token(0), FINE),
        row("token of 1 KiB", token(1024), FINE),
        row("token a number", query("5:tokeni1e"), WRONG_TYPE),
        row("port 0", query("4:porti0e"), FINE),
        row("port 65535", query("4:porti65535e"), FINE),
        row("port 65536", query("4:porti65536e"), WRONG_TYPE),
        row("port negative", query("4:porti-1e"), WRONG_TYPE),
        row("port a string", query("4:port4:6881"), WRONG_TYPE),
        row(
            "port absent with implied_port",
            query("12:implied_porti1e"),
            FINE,
        ),
        row(
            "implied_port a string",
            query("12:implied_port1:1"),
            WRONG_TYPE,
        ),
        row("want empty", query("4:wantle"), FINE),
        row("want unknown", query("4:wantl2:n9e"), FINE),
        row("want a string", query("4:want2:n4"), WRONG_TYPE),
        row("want of numbers", query("4:wantli4ee"), WRONG_TYPE),
    ]);
    let arguments = |bytes: String| {
        let message = Message::scan(bytes.as_bytes()).unwrap();
        let Body::Query(Query {
            port, implied_port, ..
        }) = message.body
        else {
            panic!("not a query");
        };
        (port, implied_port)
    };
    assert_eq!(arguments(query("12:implied_porti1e")), (None, true));
    assert_eq!(arguments(query("4:porti65536e")), (None, false));
    assert_eq!(arguments(query("4:porti0e")), (Some(0), false));
}

/// What is wrong with an item is for the node to say, with an error that the
/// sender can read; only what cannot be such a field at all is left out.
#[test]
fn items() {
    let (key, sig) = (string(32), string(64));
    all_as_expected([
        row(
            "whole",
            query(&format!("1:k{key}3:seqi1e3:sig{sig}1:v0:")),
            FINE,
        ),
        row(
            "k of 31 B",
            query(&format!("1:k{}", string(31))),
            WRONG_TYPE,
        ),
        row(
            "k of 33 B",
            response(&format!("1:k{}", string(33))),
            WRONG_TYPE,
        ),
        row(
            "sig of 63 B",
            query(&format!("3:sig{}", string(63))),
            WRONG_TYPE,
        ),
        row("sig a list", response("3:sigle"), WRONG_TYPE),
        row("seq a string", query("3:seq1:1"), WRONG_TYPE),
        row("seq negative", query("3:seqi-1e"), FINE),
        row("seq 2^63 - 1", query("3:seqi9223372036854775807e"), FINE),
        row("seq 2^63", query("3:seqi9223372036854775808e"), WRONG_TYPE),
        row("cas a string", with_cas("1:1"), WRONG_TYPE),
        row("cas 2^63", with_cas("i9223372036854775808e"), WRONG_TYPE),
        row(
            "salt of 65 B",
            query(&format!("4:salt{}", string(65))),
            FINE,
        ),
        row("salt a number", query("4:salti1e"), WRONG_TYPE),
        row("v of 1,001 B", query(&format!("1:v{}", string(996))), FINE),
        row("v not canonical", query("1:vd1:b0:1:a0:e"), NON_CANONICAL),
        row("v cut short", query("1:v999:hello"), TRUNCATED),
        row("v no bencode", query("1:vhello"), SYNTAX),
        row(
            "v as deep as can be",
            query(&format!("1:v{}{}", "l".repeat(14), "e".repeat(14))),
            FINE,
        ),
        row(
            "v one deeper",
            query(&format!("1:v{}{}", "l".repeat(15), "e".repeat(15))),
            TOO_DEEP,
        ),
    ]);
}

fn with_cas(value: &str) -> String {
    format!("d1:ad3:cas{value}2:id20:abcdefghij0123456789e1:q3:put1:t2:aa1:y1:qe")
}

#[test]
fn filters_and_samples() {
    let filter = |key: &str, len| format!("d1:rd{key}{}e1:t2:aa1:y1:re", string(len));
    let samples = |len| response(&format!("7:samples{}", string(len)));
    all_as_expected([
        row("BFsd of 0 B", filter("4:BFsd", 0), WRONG_TYPE),
        row("BFsd of 255 B", filter("4:BFsd", 255), WRONG_TYPE),
        row("BFsd of 256 B", filter("4:BFsd", 256), FINE),
        row("BFpe of 256 B", filter("4:BFpe", 256), FINE),
        row("BFpe of 257 B", filter("4:BFpe", 257), WRONG_TYPE),
        row("BFpe a number", "d1:rd4:BFpei1ee1:t2:aa1:y1:re", WRONG_TYPE),
        row("samples of 0 B", samples(0), FINE),
        row("samples of 19 B", samples(19), WRONG_TYPE),
        row("samples of 400 B", samples(400), FINE),
        row("samples a list", response("7:samplesle"), WRONG_TYPE),
        row("interval 21601", response("8:intervali21601e"), FINE),
        row("interval negative", response("8:intervali-1e"), WRONG_TYPE),
        row("interval a string", response("8:interval1:1"), WRONG_TYPE),
        row("num of 2^32", response("3:numi4294967296e"), WRONG_TYPE),
        row("num negative", response("3:numi-1e"), WRONG_TYPE),
        row("scrape a string", query("6:scrape1:1"), WRONG_TYPE),
        row("seed a string", query("4:seed1:1"), WRONG_TYPE),
        row("noseed a list", query("6:noseedle"), WRONG_TYPE),
    ]);
    let marks = |bytes: String| {
        let Body::Query(query) = Message::scan(bytes.as_bytes()).unwrap().body else {
            panic!("not a query");
        };
        (query.seed, query.no_seeds, query.scrape)
    };
    let with = |value: &str| {
        query(&format!(
            "6:noseedi{value}e6:scrapei{value}e4:seedi{value}e"
        ))
    };
    assert_eq!(marks(with("1")), (true, true, true));
    assert_eq!(marks(with("0")), (false, false, false));
    assert_eq!(marks(with("2")), (false, false, false), "BEP 33: not 1");
}
