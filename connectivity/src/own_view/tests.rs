//! What the outside sees of us, from made-up votes.

use super::*;

fn view(local: &str, votes: &[(&str, &str)]) -> OwnView {
    let mut view = OwnView::new(local.parse().unwrap());
    for (node, sees) in votes {
        view.vote(node.parse().unwrap(), sees.parse().unwrap());
    }
    view
}

const HOME: &str = "192.168.1.2:6881";

#[test]
fn mappings_are_told_apart_by_who_sees_which_port() {
    let of = |votes: &[(&str, &str)]| view(HOME, votes).mapping();
    let (a, a2, b, c) = ("8.8.8.8:1", "8.8.8.8:2", "9.9.9.9:1", "7.7.7.7:1");
    assert_eq!(of(&[(a, "5.5.5.5:10")]), None, "one voice is none");
    assert_eq!(of(&[(a, "5.5.5.5:10"), (a2, "5.5.5.5:10")]), None);
    assert_eq!(
        of(&[(a, "5.5.5.5:10"), (b, "5.5.5.5:10")]),
        Some(Behaviour::EndpointIndependent)
    );
    assert_eq!(
        of(&[(a, "5.5.5.5:10"), (b, "5.5.5.5:11")]),
        Some(Behaviour::AddressAndPerhapsPortDependent)
    );
    assert_eq!(
        of(&[(a, "5.5.5.5:10"), (a2, "5.5.5.5:10"), (b, "5.5.5.5:11")]),
        Some(Behaviour::AddressDependent)
    );
    assert_eq!(
        of(&[(a, "5.5.5.5:10"), (a2, "5.5.5.5:12"), (b, "5.5.5.5:11")]),
        Some(Behaviour::AddressAndPortDependent)
    );
    assert_eq!(
        of(&[(a, "5.5.5.5:10"), (b, "5.5.5.5:10"), (c, "6.6.6.6:3")]),
        Some(Behaviour::EndpointIndependent),
        "a liar is left out"
    );
}

#[test]
fn a_majority_says_our_address_and_one_node_has_one_voice() {
    let mut own = view(HOME, &[("8.8.8.8:1", "5.5.5.5:10")]);
    assert_eq!(own.external_ip(), None);
    for _ in 0..5 {
        own.vote("8.8.8.8:1".parse().unwrap(), "6.6.6.6:1".parse().unwrap());
    }
    own.vote("8.8.4.4:1".parse().unwrap(), "0.0.0.0:1".parse().unwrap());
    own.vote("8.8.4.4:1".parse().unwrap(), "5.5.5.5:0".parse().unwrap());
    assert_eq!(own.external_ip(), None);
    own.vote("8.8.4.4:1".parse().unwrap(), "5.5.5.5:10".parse().unwrap());
    assert_eq!(own.external_ip(), None, "one against one");
    own.vote("9.9.9.9:1".parse().unwrap(), "5.5.5.5:10".parse().unwrap());
    assert_eq!(own.external_ip(), Some([5, 5, 5, 5].into()));
    assert_eq!(
        (own.behind_nat(), own.port_preservation()),
        (Some(true), Some(false))
    );
}

#[test]
fn filtering_and_reachability_need_a_second_address() {
    let votes = [("8.8.8.8:1", "5.5.5.5:6881"), ("9.9.9.9:1", "5.5.5.5:6881")];
    let of = |unsolicited, answer, other_port| {
        let mut own = view(HOME, &votes);
        own.set_second_address(SecondAddress {
            unsolicited,
            other_port,
            answer,
            outside: None,
        });
        (own.filtering(), own.unsolicited())
    };
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(of(None, None, None), (None, None));
    assert_eq!(
        of(yes, None, None),
        (Some(Behaviour::EndpointIndependent), yes)
    );
    assert_eq!(of(no, yes, yes), (Some(Behaviour::AddressDependent), no));
    assert_eq!(
        of(no, yes, no),
        (Some(Behaviour::AddressAndPortDependent), no)
    );
    assert_eq!(of(no, no, no), (None, no), "not even answers get in");
    assert_eq!(of(None, no, no), (None, no), "and nobody said where we are");
    assert_eq!(of(no, None, None), (None, None), "it does not hear us");
    let of = |answer, outside| {
        let mut own = view(HOME, &votes);
        own.set_second_address(SecondAddress {
            unsolicited: no,
            answer,
            outside,
            ..SecondAddress::default()
        });
        (own.filtering(), own.unsolicited())
    };
    let guarded = Behaviour::AddressAndPerhapsPortDependent;
    assert_eq!(of(None, yes), (Some(guarded), no));
    assert_eq!(of(no, yes), (None, no), "not even answers get in");
    assert_eq!(of(no, no), (None, None), "it may be cut off itself");
}

#[test]
fn advice_names_the_port_and_signs_of_a_carrier_s_nat() {
    let votes = [("8.8.8.8:1", "5.5.5.5:6881"), ("9.9.9.9:1", "5.5.5.5:6881")];
    let home = view(HOME, &votes);
    assert!(home.advice()[0].contains("6881"), "{:?}", home.advice());
    assert_eq!(home.carrier_grade_signs(), Vec::<&str>::new());
    let shared = view("100.64.3.4:6881", &votes);
    assert_eq!(shared.carrier_grade_signs().len(), 1);
    assert!(shared.advice().iter().any(|text| text.contains("provider")));
    let pooled = [
        ("8.8.8.8:1", "5.5.5.5:1"),
        ("8.8.8.9:1", "5.5.5.5:1"),
        ("9.9.9.8:1", "5.5.5.6:2"),
        ("9.9.9.9:1", "5.5.5.6:2"),
        ("9.9.9.7:1", "5.5.5.6:2"),
    ];
    assert_eq!(view(HOME, &pooled).carrier_grade_signs().len(), 1);
    let twice = |a: &str, b: &str| {
        let votes = [(a, "10.0.0.1:1"), (b, "10.0.0.1:1")];
        view(HOME, &votes).carrier_grade_signs().len()
    };
    assert_eq!(
        twice("8.8.8.8:1", "9.9.9.9:1"),
        1,
        "private, seen from outside"
    );
    assert_eq!(twice("10.0.0.8:1", "10.0.0.9:1"), 0, "a private world");
    let mut open = view("5.5.5.5:6881", &votes);
    open.set_second_address(SecondAddress {
        unsolicited: Some(true),
        ..SecondAddress::default()
    });
    assert!(
        open.advice()[0].contains("nothing needs"),
        "{:?}",
        open.advice()
    );
}
