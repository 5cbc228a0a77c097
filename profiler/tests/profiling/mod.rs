//! Runs the profiler on bytes.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // each test takes what it needs

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use mdht_profiler::{Error, Options, Profile, Profiler};
use serde_json::Value;

use crate::synthetic::{NODE, Talk};

/// A capture file that is removed in the end.
pub struct CaptureFile(pub PathBuf);

impl CaptureFile {
    pub fn new(bytes: &[u8]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.pcap", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for CaptureFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Options with the usual node under test.
pub fn options() -> Options {
    Options {
        nodes: vec![NODE.parse().unwrap()],
        ..Options::default()
    }
}

pub fn try_profile(bytes: &[u8], options: Options) -> Result<Profile, Error> {
    let file = CaptureFile::new(bytes);
    Profiler::new(options).run(&[&file.0], &mut |_| {})
}

/// The whole profile as JSON.
pub fn profile_json(bytes: &[u8], options: Options) -> Value {
    serde_json::to_value(try_profile(bytes, options).unwrap()).unwrap()
}

/// The profile of the node under test as JSON.
pub fn node_with(talk: &Talk, options: Options) -> Value {
    profile_json(&talk.pcap.bytes, options)["nodes"][0].take()
}

/// The same, with default options.
pub fn node(talk: &Talk) -> Value {
    node_with(talk, options())
}
