//! How fast a stored history is read, next to two floors: decompressing alone, and decompressing with
//! serde_json parsing each line into a typed event.
//!
//! `cargo run --release -p store --example read_speed -- HISTORY [THREADS]`; without a history it makes one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use store::chunks::map_chunks;
use store::op::{Event, Mop, More, OpType, Payload, Process};
use store::reader::{ReadError, Source, read};
use store::recorder::Recorder;
use store::time::Clock;

#[derive(Deserialize)]
#[allow(dead_code)]
struct Typed<'a> {
    time: u64,
    process: serde_json::Value,
    r#type: &'a str,
    f: &'a str,
    #[serde(borrow)]
    value: Option<&'a serde_json::value::RawValue>,
    client: Option<u32>,
    seq: Option<u64>,
    node: Option<i32>,
}

fn make(path: &Path, sends: u64) {
    let clock = Clock::start();
    let recorder = Recorder::create(path, clock).expect("a new file");
    let tape = recorder.tape();
    for value in 0..sends {
        let key = ["t-0", "t-1", "t-2", "t-3", "t-4", "t-5"][(value % 6) as usize];
        let process = Process((value % 10) as u32);
        for (op_type, offset) in [(OpType::Invoke, None), (OpType::Ok, Some(Some((value / 6) as i64)))] {
            let mops = [Mop::Send { key, value, offset }];
            let more = More { client: Some(process.0), seq: Some(value / 10), ..More::default() };
            let event = Event::new(clock.now(), process, op_type, "send", Payload::Mops(&mops)).with(more);
            tape.record(&event).expect("records");
        }
    }
    let started = Instant::now();
    let summary = recorder.finish().expect("finishes");
    let (recorded, finish) = (clock.now().as_secs_f64(), started.elapsed().as_secs_f64());
    println!(
        "recorded {} lines in {recorded:.2} s ({:.0} ns a line, {finish:.2} s of it after the last), {} bytes",
        summary.lines,
        recorded * 1e9 / summary.lines as f64,
        summary.bytes
    );
}

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = tempfile::tempdir().expect("a directory");
    let path = args.next().map_or_else(
        || {
            let path = dir.path().join("history.jsonl.zst");
            make(&path, 1_000_000);
            path
        },
        PathBuf::from,
    );
    let threads = args.next().map_or(2, |n| n.parse().expect("a number of threads"));
    let open = || Source::open(&path).expect("opens");
    for _ in 0..3 {
        let timed = |name: &str, f: &dyn Fn() -> u64| {
            let started = Instant::now();
            let lines = f();
            let seconds = started.elapsed().as_secs_f64();
            println!(
                "{name:28} {lines} lines in {seconds:.3} s: {:.0} ns a line",
                seconds * 1e9 / lines as f64
            );
        };
        timed("decompress", &|| {
            map_chunks(open(), threads, |_| Ok(()), |_| Ok::<(), ReadError>(())).expect("reads").lines
        });
        timed("decompress, serde_json", &|| {
            let parse = |text: &[u8]| {
                let text = std::str::from_utf8(text).expect("UTF-8");
                Ok(text.lines().map(|l| serde_json::from_str::<Typed<'_>>(l).expect("an event").time).max())
            };
            map_chunks(open(), threads, parse, |_| Ok::<(), ReadError>(())).expect("reads").lines
        });
        timed("decompress, parse (tribunal)", &|| {
            let mut n = 0;
            read(open(), threads, |batch| {
                n += batch.mops.len();
                Ok::<(), ReadError>(())
            })
            .expect("reads")
            .lines
        });
    }
}
