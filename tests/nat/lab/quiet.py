"""Clients that go quiet between the bursts.

The suite's clock runs 25 times as fast as the thesis's, the clients' own does not: libtorrent asks somebody every 5 s,
which is every two minutes of the thesis's time, and so would keep short mappings open by itself. What the thesis's
Table 1 names is the node whose mapping expired. So the gateway of a short mapping lets no queries of a client out any
more once both instrumented nodes have heard of it and a last second is over; it does so before it looks at any state,
which the packet would refresh. The client still answers all that reaches it.

Nor do others' queries reach it any more: whoever answers keeps a full cone's mapping open, for everybody, and among so
few nodes each is asked often. ("DHT nodes constantly receive and send messages which refresh the NAT entries", says
the thesis in 5.3, and doubts that many RRR-UUU are full cones.)

(On the host itself the sender would be told of the drop, and mdht and libtorrent react to that.)
"""

from __future__ import annotations

from . import plan

# Bencoded queries begin `d1:ad`, answers `d1:rd`, `d2:ip` or `d1:el`; 8 bytes of UDP header come before.
QUERY = "@th,64,32 0x64313a61"


def ruleset(instrumented: tuple[str, str]) -> str:
    first, second = instrumented
    return f"""
table ip quiet {{
  set met_first {{ type inet_service; flags dynamic; size 1024; }}
  set met_second {{ type inet_service; flags dynamic; size 1024; }}
  set known {{ type inet_service; flags dynamic; size 1024; }}
  set last_words {{ type inet_service; flags dynamic,timeout; size 1024; }}
  chain introduced {{
    add @last_words {{ udp sport timeout {plan.LAST_WORDS}s }}
    add @known {{ udp sport }}
  }}
  chain prerouting {{
    type filter hook prerouting priority raw; policy accept;
    meta l4proto != udp accept
    iifname "wan" ip saddr != {{ {", ".join(plan.VANTAGE)} }} udp dport @known udp dport != @last_words counter drop
    iifname "wan" accept
    {QUERY.replace(" 0x", " != 0x")} accept
    ip daddr {first} add @met_first {{ udp sport }}
    ip daddr {second} add @met_second {{ udp sport }}
    udp sport @met_first udp sport @met_second udp sport != @known jump introduced
    udp sport @known udp sport != @last_words counter drop
  }}
}}
"""
