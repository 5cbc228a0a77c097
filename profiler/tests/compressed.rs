//! Compressed captures, told by content.

#![allow(clippy::unwrap_used)] // in helper functions too

mod inputs;
mod profiling;
mod synthetic;

use std::io::{Read, Write as _};
use std::ops::ControlFlow;

use inputs::bad::gzip;
use inputs::pcapng::Pcapng;
use inputs::{OTHER, pings, sent};
use lzma_rust2::{XzOptions, XzWriter};
use mdht_krpc::{Id, Query, Rng};
use mdht_profiler::{Input, Profiler};
use profiling::{options, profile_json, try_profile};
use synthetic::Talk;

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

#[test]
fn every_compression_whole_and_in_several_parts() {
    let pcap = pings(0, 10, 5000).bytes;
    let mut pcapng = Pcapng::new(true);
    pcapng.interface(101, &[]);
    for micros in 0..5000 {
        pcapng.at(micros, &sent());
    }
    for plain in [pcap, pcapng.bytes] {
        let mut expected = profile_json(&plain, options());
        expected["captures"][0]["path"].take();
        let (head, tail) = plain.split_at(plain.len() / 3);
        for pack in [gzip, zstd, xz] {
            // what pzstd puts in front is no part of the content
            let skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd";
            let framed = [&skipped[..], &zstd(&plain)].concat();
            for packed in [pack(&plain), [pack(head), pack(tail)].concat(), framed] {
                let mut profile = profile_json(&packed, options());
                profile["captures"][0]["path"].take();
                assert_eq!(profile, expected);
            }
        }
    }
}

#[test]
fn cut_anywhere_what_was_unpacked_is_reported() {
    let mut talk = Talk::new();
    let mut rng = Rng::from_u64(1); // so that little can be packed
    for ms in 0..20_000 {
        let target = Id::random(&mut rng);
        talk.ask(
            ms,
            OTHER,
            b"aa",
            Query::find_node(Id::random(&mut rng), target),
        );
    }
    let plain = talk.pcap.bytes;
    for packed in [gzip(&plain), zstd(&plain), xz(&plain)] {
        let mut most = 0;
        for tenth in 1..10 {
            let cut = &packed[..packed.len() * tenth / 10];
            let Ok(profile) = try_profile(cut, options()) else {
                continue; // not even the file header came out
            };
            let capture = &profile.captures[0];
            assert!(capture.packets < 20_000 || !capture.faults.is_empty());
            assert!(capture.packets >= most);
            most = capture.packets;
            let kinds: Vec<_> = capture
                .faults
                .iter()
                .map(|f| format!("{:?}", f.kind))
                .collect();
            assert!(kinds.contains(&"Compression".to_owned()), "{kinds:?}");
        }
        assert!(most > 5000, "{most}");
    }
}

#[test]
fn progress_counts_the_bytes_of_the_file() {
    let plain = pings(0, 10, 20_000).bytes;
    let packed = gzip(&plain);
    let file = profiling::CaptureFile::new(&packed);
    let mut last = None;
    Profiler::new(options())
        .run(&[&file.0], &mut |progress| last = Some(progress))
        .unwrap();
    let last = last.unwrap();
    assert_eq!(last.bytes_done, packed.len() as u64);
    assert_eq!(last.bytes_total, last.bytes_done);
}

/// A pcapng file that is followed by zeros for ever.
struct Bomb(Vec<u8>, u64);

impl Read for Bomb {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if !self.0.is_empty() {
            let len = buf.len().min(self.0.len());
            buf[..len].copy_from_slice(&self.0[..len]);
            self.0.drain(..len);
            return Ok(len);
        }
        let len = buf.len().min(usize::try_from(self.1).unwrap());
        buf[..len].fill(0);
        self.1 -= len as u64;
        Ok(len)
    }
}

#[test]
fn what_unpacks_to_a_thousand_times_its_size_costs_time_only() {
    let mut file = Pcapng::new(false);
    file.interface(101, &[]);
    file.at(0, &sent());
    let at = file.bytes.len() as u64;
    let bomb = Bomb(file.bytes, 64 << 20);
    let packed = zstd::encode_all(bomb, 1).unwrap();
    assert!(packed.len() < 64 << 10, "{}", packed.len());
    let profile = try_profile(&packed, options()).unwrap();
    let capture = &profile.captures[0];
    assert_eq!(capture.packets, 1);
    assert_eq!(
        (capture.faults[0].count, capture.faults[0].first_offset),
        (1, at)
    );
}

#[test]
fn a_window_that_does_not_fit_in_memory_is_refused() {
    let mut packed = xz(&pings(0, 10, 100).bytes);
    // block header: size, flags, filter LZMA2, one byte of it: 2^31 bytes
    assert_eq!(packed[14..16], [0x21, 1]);
    packed[16] = 38;
    let end = 12 + 4 * (usize::from(packed[12]) + 1);
    let checksum = crc32(&packed[12..end - 4]);
    packed[end - 4..end].copy_from_slice(&checksum.to_le_bytes());
    let error = try_profile(&packed, options()).unwrap_err().to_string();
    assert!(error.contains("memory"), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[test]
fn also_from_what_is_no_file() {
    let packed = zstd(&pings(0, 10, 100).bytes);
    let input = Input::reader("pipe", std::io::Cursor::new(packed));
    let profiler = Profiler::new(options());
    let profile = profiler
        .watch(vec![input], &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(profile.captures[0].krpc_messages, 100);
    assert_eq!(profile.captures[0].path, "pipe");
}
