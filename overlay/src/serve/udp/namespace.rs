//! A network namespace in which a range of addresses is local and nothing else
//! can be reached.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Command;

use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getegid, geteuid, getpid};

use crate::serve::range::Range;

/// Where `ip netns` keeps namespaces.
const NAMED: &str = "/var/run/netns";

/// Why there is no namespace.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// One of this name is there.
    #[error(
        "there is a namespace {0} already; remove it with `ip netns del {0}`, or choose another name"
    )]
    Exists(String),
    /// A file name is needed.
    #[error("a namespace's name has letters, digits, '-' and '_' only")]
    Name,
    /// Neither as root nor as a user.
    #[error(
        "no privilege to make a network namespace ({0}); run as root, allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0), or leave --make-netns out and take --bind-range 127.0.0.0/8"
    )]
    NoPrivilege(String),
    /// A command that should have worked.
    #[error("{command}: {problem}{}", if *.missing { "; install iproute2" } else { "" })]
    Command {
        /// What was run.
        command: String,
        /// What it said.
        problem: String,
        /// It was not there to be run.
        missing: bool,
    },
    /// The system.
    #[error("cannot enter the namespace: {0}")]
    Enter(#[from] io::Error),
}

/// A namespace that this thread has entered; it goes with this value.
#[derive(Debug)]
pub struct Namespace {
    name: Option<String>,
}

impl Namespace {
    /// Makes a namespace, named if this is root and of this process alone if
    /// not, enters it and makes `range` local. Call it before the process has
    /// other threads.
    ///
    /// # Errors
    /// There is no privilege, or `ip` fails.
    pub fn make(name: &str, range: Range) -> Result<Self, NamespaceError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(NamespaceError::Name);
        }
        let namespace = match geteuid().is_root() {
            true => Self::named(name)?,
            false => Self::own()?,
        };
        ip(&["link", "set", "lo", "up"])?;
        ip(&["route", "add", "local", &range.to_string(), "dev", "lo"])?;
        Ok(namespace)
    }

    fn named(name: &str) -> Result<Self, NamespaceError> {
        let path = Path::new(NAMED).join(name);
        if path.exists() {
            return Err(NamespaceError::Exists(name.to_owned()));
        }
        match ip(&["netns", "add", name]) {
            Err(NamespaceError::Command {
                problem, missing, ..
            }) if !missing => {
                return Err(NamespaceError::NoPrivilege(problem));
            }
            other => other?,
        }
        let namespace = Self {
            name: Some(name.to_owned()),
        };
        setns(File::open(path)?, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?;
        Ok(namespace)
    }

    /// Being root in a user namespace of its own is enough.
    fn own() -> Result<Self, NamespaceError> {
        let (user, group) = (geteuid(), getegid());
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
            .map_err(|error| NamespaceError::NoPrivilege(error.to_string()))?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
        std::fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
        Ok(Self { name: None })
    }

    /// What starts a command inside, as the words before it.
    pub fn entrance(&self) -> Vec<String> {
        let words = match &self.name {
            Some(name) => format!("ip netns exec {name}"),
            None => format!(
                "nsenter --target {} --user --net --preserve-credentials",
                getpid()
            ),
        };
        words.split(' ').map(str::to_owned).collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // there is nobody left to tell
            let _ = ip(&["netns", "del", name]);
        }
    }
}

fn ip(words: &[&str]) -> Result<(), NamespaceError> {
    let fault = |problem, missing| NamespaceError::Command {
        command: format!("ip {}", words.join(" ")),
        problem,
        missing,
    };
    let output = Command::new("ip").args(words).output();
    let output = output
        .map_err(|error| fault(error.to_string(), error.kind() == io::ErrorKind::NotFound))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(fault(said.trim().to_owned(), false))
        }
    }
}
