//! What was found out, for programs and for people.

use std::net::SocketAddr;

use mdht_connectivity::{Behaviour, Lifetime, OwnView};
use serde_json::{Value, json};

use super::super::document::lifetime_text;

pub(super) fn document(view: &OwnView, local: SocketAddr, lifetime: Option<Lifetime>) -> Value {
    let votes = view
        .votes()
        .into_iter()
        .map(|(addr, voters)| json!({"addr": addr.to_string(), "voters": voters}));
    json!({
        "local": local.to_string(),
        "external_ip": view.external_ip().map(|ip| ip.to_string()),
        "votes": votes.collect::<Vec<_>>(),
        "behind_nat": view.behind_nat(),
        "mapping": view.mapping().map(Behaviour::name),
        "filtering": view.filtering().map(Behaviour::name),
        "port_preservation": view.port_preservation(),
        "mapping_lifetime_s": lifetime.map(|known| json!({
            "at_least": known.at_least.as_secs_f64(),
            "under": known.under.map(|under| under.as_secs_f64()),
        })),
        "carrier_grade_nat_signs": view.carrier_grade_signs(),
        "unsolicited": view.unsolicited(),
        "advice": view.advice(),
    })
}

pub(super) fn text(view: &OwnView, local: SocketAddr, lifetime: Option<Lifetime>) -> String {
    let yes_no = |known: Option<bool>| match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let behaviour = |known: Option<Behaviour>| known.map_or("unknown", Behaviour::name);
    let votes = view.votes().into_iter();
    let votes: Vec<_> = votes
        .map(|(addr, voters)| format!("{addr} ({voters})"))
        .collect();
    let mut text = format!("our socket:           {local}\n");
    text.push_str(&format!("seen from outside as: {}\n", votes.join(", ")));
    let behind = yes_no(view.behind_nat());
    text.push_str(&format!("behind a NAT:         {behind}\n"));
    let mapping = behaviour(view.mapping());
    text.push_str(&format!("mapping:              {mapping}\n"));
    let filtering = behaviour(view.filtering());
    text.push_str(&format!("filtering:            {filtering}\n"));
    let preserved = yes_no(view.port_preservation());
    text.push_str(&format!("port preserved:       {preserved}\n"));
    let lifetime = lifetime.map_or_else(|| "not measured".to_owned(), lifetime_text);
    text.push_str(&format!("mapping lives:        {lifetime}\n"));
    let unasked = yes_no(view.unsolicited());
    text.push_str(&format!("reached unasked:      {unasked}\n"));
    for sign in view.carrier_grade_signs() {
        text.push_str(&format!("carrier-grade NAT?    {sign}\n"));
    }
    for advice in view.advice() {
        text.push_str(&format!("{advice}\n"));
    }
    text
}
