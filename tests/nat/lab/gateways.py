"""The planted classes: what each gateway is made of, and what must be seen of the nodes behind it."""

from __future__ import annotations

from dataclasses import dataclass

from . import plan

OPEN, FIREWALL, STATEFUL = "open", "firewall", "stateful firewall"
PORT_RESTRICTED, SYMMETRIC = "port-restricted cone", "symmetric"
RESTRICTED, FULL_CONE = "restricted cone", "full cone"


@dataclass(frozen=True)
class Planted:
    kind: str
    # Of the thesis's Table 1 [chapter 7].
    pattern: str
    # Seconds that a mapping (or a firewall's state) lives without packets; none where there is none.
    lifetime: int | None = None
    # How a symmetric NAT draws its ports.
    ports: str = ""
    # The clients are stopped between the two bursts: real churn.
    leaves: bool = False

    @property
    def name(self) -> str:
        words = [self.kind]
        if self.lifetime:
            words.append("short" if self.lifetime == plan.SHORT else "long")
        if self.leaves:
            words.append("leaves")
        return ", ".join(words)

    @property
    def translates(self) -> bool:
        return self.kind in (PORT_RESTRICTED, SYMMETRIC, RESTRICTED, FULL_CONE)

    @property
    def mapping(self) -> str:
        """In the words of RFC 4787, section 4.1."""
        if self.kind == FIREWALL:
            return "unknown"  # no answer ever comes back
        return "address-and-port-dependent" if self.kind == SYMMETRIC else "endpoint-independent"

    @property
    def filtering(self) -> str:
        """In the words of RFC 4787, section 5."""
        return {
            OPEN: "endpoint-independent",
            FULL_CONE: "endpoint-independent",
            RESTRICTED: "address-dependent",
            FIREWALL: "unknown",
        }.get(self.kind, "address-and-port-dependent")

    @property
    def preserves_ports(self) -> bool:
        return self.kind != SYMMETRIC

    @property
    def likely(self) -> str:
        """What mdht must take for the cause."""
        if self.leaves:
            return "left the DHT"
        if self.kind == FULL_CONE:
            # "A full cone NAT, whose entry has not expired, matches the open internet behavior" [5.1].
            return "open" if self.lifetime == plan.LONG else "full cone NAT"
        # A firewall with state lets in what a port-restricted NAT does, and only a look at its inside can tell.
        by_pattern = "port-restricted cone or symmetric NAT"
        return {OPEN: "open", FIREWALL: "firewall", RESTRICTED: "restricted cone NAT"}.get(self.kind, by_pattern)

    @property
    def goes_quiet(self) -> bool:
        """Its clients must not refresh their own mappings between the bursts."""
        return self.lifetime == plan.SHORT


PLANTED = (
    Planted(OPEN, "RRR-RRR"),
    Planted(OPEN, "RRR-UUU", leaves=True),
    Planted(FIREWALL, "UUU-UUU"),
    Planted(STATEFUL, "RUU-UUU", plan.SHORT),
    Planted(STATEFUL, "RUU-RUU", plan.LONG),
    Planted(PORT_RESTRICTED, "RUU-UUU", plan.SHORT),
    Planted(PORT_RESTRICTED, "RUU-RUU", plan.LONG),
    Planted(SYMMETRIC, "RUU-UUU", plan.SHORT, ports="random"),
    Planted(SYMMETRIC, "RUU-RUU", plan.LONG, ports="fully-random"),
    Planted(RESTRICTED, "RRU-UUU", plan.SHORT),
    Planted(RESTRICTED, "RRU-RRU", plan.LONG),
    Planted(FULL_CONE, "RRR-UUU", plan.SHORT),
    Planted(FULL_CONE, "RRR-RRR", plan.LONG),
)


def ruleset(planted: Planted) -> str:
    """The gateway's nftables; its interfaces are `wan` and `lan`.

    The input chain drops what is for nobody behind: an entry of connection tracking that an unexpected packet
    left would take the port away from the host's next packet to where it came from.
    """
    chains = [CLOSED_INPUT, FORWARD[planted.kind]]
    if planted.translates:
        chains.append(POSTROUTING % (f" {planted.ports}" if planted.ports else ""))
    if planted.kind in CONES:
        chains += [MAPPINGS % (planted.lifetime, planted.lifetime), PREROUTING % CONES[planted.kind]]
    return "table ip gateway {\n" + "\n".join(chains) + "\n}\n"


CLOSED_INPUT = """
  chain input { type filter hook input priority filter; policy drop; iifname "lan" accept; }"""

# Thesis chapter 7, 2.2.1: "outgoing packets are forwarded but the incoming packets are dropped".
ONLY_OUT = """
  chain forward { type filter hook forward priority filter; policy drop; iifname "lan" accept; }"""

ESTABLISHED = """
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "lan" accept
    ct state established,related accept
  }"""

# The host's every packet keeps its mapping alive, and lets in the address it goes to.
REMEMBERING = """
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "lan" meta l4proto udp update @mappings { udp sport : ip saddr . udp sport }
    iifname "lan" meta l4proto udp update @asked { udp sport . ip daddr }
    iifname "lan" accept
    ct state established,related accept
    ct status dnat accept
  }"""

FORWARD = {
    FIREWALL: ONLY_OUT,
    STATEFUL: ESTABLISHED,
    PORT_RESTRICTED: ESTABLISHED,
    SYMMETRIC: ESTABLISHED,
    RESTRICTED: REMEMBERING,
    FULL_CONE: REMEMBERING,
}

# Keeps the port unless told to draw one; of each connection anew.
POSTROUTING = """
  chain postrouting { type nat hook postrouting priority srcnat; oifname "wan" masquerade%s; }"""

MAPPINGS = """
  map mappings {
    type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; size 65535; timeout %ds;
  }
  set asked { type inet_service . ipv4_addr; flags dynamic,timeout; size 65535; timeout %ds; }"""

# Whom a cone lets in to a port that is mapped.
CONES = {RESTRICTED: "udp dport . ip saddr @asked ", FULL_CONE: ""}

PREROUTING = """
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "wan" %sdnat ip to udp dport map @mappings
  }"""


def sysctls(planted: Planted) -> dict[str, int]:
    settings = {"net.ipv4.ip_forward": 1}
    if not planted.translates:
        settings["net.ipv4.conf.wan.proxy_arp"] = 1  # answers for the public address of the host behind
    if planted.lifetime:
        settings["net.netfilter.nf_conntrack_udp_timeout"] = planted.lifetime
        settings["net.netfilter.nf_conntrack_udp_timeout_stream"] = planted.lifetime
    return settings
