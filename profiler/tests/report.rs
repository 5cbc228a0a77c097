//! The HTML report: what it says, and that nothing in a capture can act on it.

#![allow(clippy::unwrap_used)] // in helper functions too

mod profiling;
mod synthetic;

use std::path::PathBuf;

use mdht_krpc::{Body, Message, Method, Query};
use mdht_profiler::{DataTable, Options, Profile, report};
use profiling::{options, try_profile};
use serde_json::json;
use synthetic::{NODE, Talk, id};

/// A lookup, a ping, a client whose code is markup, garbage, and a cut.
fn busy_minute() -> Profile {
    let mut talk = Talk::new();
    talk.get_peers(0, "10.0.0.2:1", b"1", id(7));
    talk.get_peers(10, "10.0.0.3:1", b"2", id(7));
    talk.give(163, "10.0.0.2:1", b"1", id(2), &["1.2.3.4:5"]);
    talk.ping(20_000, "10.0.0.2:1", b"3");
    talk.respond(20_050, "10.0.0.2:1", b"3", id(2));
    let mut query = Message::new(b"4", Body::Query(Query::new(Method::Ping, id(3))));
    query.version = Some(b"<i>!");
    talk.message(30_000, "10.0.0.4:1", NODE, &query);
    talk.payload(40_000, "10.0.0.4:1", NODE, b"d1:t1:x1:y1:q");
    talk.ping(60_000, "10.0.0.2:1", b"5");
    talk.pcap.bytes.truncate(talk.pcap.bytes.len() - 3);
    let options = Options {
        waterfalls: 3,
        ..options()
    };
    try_profile(&talk.pcap.bytes, options).unwrap()
}

#[test]
fn every_section_is_there() {
    let html = report::html(&busy_minute());
    for id in [
        "captures",
        "comparison",
        "figures",
        "measurements",
        "slowest",
        "words",
        "definitions",
    ] {
        assert!(html.contains(&format!("<section id=\"{id}\">")), "{id}");
        assert!(html.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    for text in [
        "163",
        "cut short at byte",
        "1 datagrams start like KRPC",
        "From the first get_peers query",
    ] {
        assert!(html.contains(text), "{text}");
    }
    let svgs = html.matches("<svg ").count();
    assert!(
        svgs >= 5 && svgs == html.matches("</svg>").count(),
        "{svgs}"
    );
    assert!(
        html.contains(">\nd=159\n") || html.contains(">\nd="),
        "XOR distance in the waterfall"
    );
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let html = report::html(&busy_minute());
    let without_names = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for sign in ["http:", "https:", "//", "src=", "@import", "url("] {
        let found = without_names.find(sign).filter(|at| {
            // a comment of the script is no address
            !without_names[*at..].starts_with("// ")
        });
        let near = found.map(|at| &without_names[at..(at + 40).min(without_names.len())]);
        assert_eq!(near, None, "{sign}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let mut profile = busy_minute();
    let evil = "</script></title><script>alert(1)</script>\u{0}\"'&";
    profile.nodes[0].node.label = Some(evil.to_owned());
    profile.captures[0].path = evil.to_owned();
    profile.nodes[0].sections[0].tables.push(DataTable {
        name: "evil",
        title: "Evil",
        columns: vec!["text"],
        rows: vec![
            vec![json!(evil)],
            vec![json!({ "<b>": evil })],
            vec![json!(true)],
        ],
    });
    let html = report::html(&profile);
    assert!(html.contains("&lt;script&gt;alert(1)"));
    assert!(!html.contains("<script>alert") && !html.contains('\u{0}'));
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches("</script").count(), 1);
    assert!(!html.contains("<i>") && !html.contains("<b>"));
}

#[test]
fn figures_take_the_colours_of_the_page() {
    let html = report::html(&busy_minute());
    let body = &html[html.find("<body>").unwrap()..];
    assert!(body.contains("\"var(--blue)\"") && body.contains("\"var(--ink)\""));
    let fixed = body
        .match_indices("=\"#")
        .filter(|(at, _)| !body[..*at].ends_with("href"));
    assert_eq!(fixed.count(), 0);
}

#[test]
fn a_profile_of_nobody_is_a_page_too() {
    let mut profile = busy_minute();
    profile.nodes.clear();
    let html = report::html(&profile);
    assert!(html.contains("No address in the captures both sends and receives KRPC"));
    assert!(!html.contains("id=\"slowest\"") && !html.contains("id=\"figures\""));
}

#[test]
fn a_long_table_is_shared_among_the_nodes() {
    let mut profile = busy_minute();
    let rows = (0..3000).map(|i| vec![json!(i)]).collect();
    profile.nodes[0].sections[0].tables = vec![DataTable {
        name: "long",
        title: "Long",
        columns: vec!["number"],
        rows,
    }];
    let mut second = profile.nodes[0].clone();
    second.node.label = Some("second".into());
    profile.nodes.push(second);
    let html = report::html(&profile);
    assert!(html.contains("500 of 6000 rows"));
    assert!(
        html.contains(">second</td><td data-value=\"249\">"),
        "the second has its share"
    );
}

#[test]
fn the_file_is_written_at_once() {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report-file");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("report.html");
    let profile = busy_minute();
    for _ in 0..2 {
        report::write(&profile, &path).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            report::html(&profile)
        );
        assert_eq!(
            std::fs::read_dir(&dir).unwrap().count(),
            1,
            "nothing else stays"
        );
    }
    let error = report::write(&profile, &dir.join("no/such/dir.html")).unwrap_err();
    assert!(error.to_string().contains("dir.html"), "{error}");
}
