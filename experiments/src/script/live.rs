//! Scripts that are run on real sockets.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::Deserialize;
use toml::Value;

use super::ScriptError;

/// What `overlay` says in such a script.
const WORD: &str = "live";
/// Most nodes to join by.
const MOST_BOOTSTRAP: usize = 64;

/// Where nodes on real sockets live, and what they look up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveSection {
    /// File of what every node looks up, in its order: an infohash of 40
    /// hexadecimal digits a line.
    pub infohashes: PathBuf,
    /// `HOST:PORT` of nodes to join by; if there are none, the public routers.
    #[serde(default)]
    pub bootstrap: Vec<String>,
    /// Address of the sockets; each node has a port of its own.
    #[serde(default = "anywhere")]
    pub bind: IpAddr,
    /// Announce the nodes as peers after each lookup, as the thesis did. On
    /// the public DHT that puts them into real swarms.
    #[serde(default)]
    pub announce: bool,
}

const fn anywhere() -> IpAddr {
    IpAddr::V4(Ipv4Addr::UNSPECIFIED)
}

impl LiveSection {
    /// The section, which stands in scripts with `overlay = "live"` and in no
    /// others.
    pub(super) fn checked(
        section: Option<Self>,
        overlay: Option<&Value>,
        worlds: usize,
    ) -> Result<Option<Self>, ScriptError> {
        let is_live = match overlay {
            Some(Value::String(word)) if word == WORD => true,
            Some(Value::Table(_)) | None => false,
            Some(_) => {
                let error = ScriptError::new("overlay", "it is no overlay");
                return Err(error.allowed("a section [overlay], or \"live\""));
            }
        };
        match section {
            None if is_live => Err(ScriptError::new("overlay", "there is no section [live]")
                .allowed("[live] with `infohashes`, a file of what is looked up")),
            Some(_) if !is_live => {
                let reason = "nothing else of the script is live";
                Err(ScriptError::new("live", reason).allowed("it, with overlay = \"live\""))
            }
            Some(_) if worlds > 0 => Err(ScriptError::new("world", "there is only one Internet")),
            Some(live) => live.check().map(Some),
            None => Ok(None),
        }
    }

    fn check(self) -> Result<Self, ScriptError> {
        if self.bootstrap.len() > MOST_BOOTSTRAP {
            let error = ScriptError::new("live.bootstrap", "there are too many");
            return Err(error.allowed(format!("at most {MOST_BOOTSTRAP}")));
        }
        for (place, host) in self.bootstrap.iter().enumerate() {
            let port = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            if !matches!(port, Some(Ok(1..))) {
                let key = format!("live.bootstrap[{place}]");
                let error = ScriptError::new(key, "it has no port");
                return Err(error.allowed("HOST:PORT, such as router.bittorrent.com:6881"));
            }
        }
        Ok(self)
    }
}
