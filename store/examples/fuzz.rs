//! Reads damaged histories for as long as it is told, JSON and EDN, in every layout, and stops at the first panic
//! or at a reading that takes too long.
//!
//! `cargo run --release -p store --example fuzz -- [SECONDS] [SEED] [HISTORY...]`: histories are damaged at random; without
//! any, built-in lines are. A finding is printed with its seed and kept in `fuzz-SEED.bin`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::convert::{Notation, convert};
use store::reader::{ReadError, Source, read};

const SEEDS: [&str; 4] = [
    "{:index 0, :time 1, :type :invoke, :process 0, :f :txn, :value [[:send 5 1] [:poll]], :more {:a #{1 \\b \"c\\u00e9\"}}}\n\
     #jepsen.history.Op{:index 1, :time 2, :type :ok, :process 0, :f :txn, :value ([:send 5 [0 1]] [:poll {5 [[0 1]]}])}\n\
     {:process :nemesis, :type :info, :f :kill, :value {\"n1\" [nil true 1.5M 2/3 ##Inf #inst \"2024\"]}, :time 3} ; so\n",
    "[{:type :invoke, :process 1, :f :cas, :value [1 2]} #_ {:gone 1}\n {:type :fail, :process 1, :f :cas, :value [1 2], :error [:a \"b\"]}]",
    "{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"send\",\"value\":[[\"send\",\"t-0\",42]],\"client\":0,\"seq\":7}\n\
     {\"time\":2,\"process\":0,\"type\":\"ok\",\"f\":\"poll\",\"value\":[[\"poll\",{\"t-0\":[[16,41],[17,null,3]]}]],\"position\":{\"t-0\":18},\"eof\":[5]}\n\
     {\"value\":{\"a\":[1.5e3,\"\\u00e9\\n\"]},\"f\":\"kill\",\"time\":3,\"process\":\"nemesis\",\"type\":\"info\",\"fault\":1}\n",
    "({:type :ok, :process 0, :f :poll, :time 1, :value [[:poll {1 [[0 \"x\"] [1 \"y\"]]}]]})",
];

/// Pieces that upset parsers.
const SPICE: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"#",
    b"#_",
    b"#{",
    b":",
    b";",
    b"\n",
    b"\0",
    b"\xff",
    b"\xc3",
    b"nil",
    b"-",
    b"99999999999999999999",
    b"\\u",
    b"\\ud800",
    b"1e",
    b"[[[[[[[[[[[[[[[[",
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seconds = args.first().map_or(10, |n| n.parse().expect("seconds"));
    let mut seed: u64 = args.get(1).map_or(0, |n| n.parse().expect("a seed"));
    let mut corpus: Vec<Vec<u8>> = SEEDS.iter().map(|s| s.as_bytes().to_vec()).collect();
    for path in args.iter().skip(2) {
        let bytes = std::fs::read(Path::new(path)).expect("a history");
        corpus.push(bytes[..bytes.len().min(200_000)].to_vec());
    }
    let frames: Vec<Vec<u8>> =
        corpus.iter().map(|text| zstd::bulk::compress(text, 1).expect("compresses")).collect();
    corpus.extend(frames);
    std::panic::set_hook(Box::new(|_| {}));
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut whole, mut refused, mut slowest) = (0u64, 0u64, Duration::ZERO);
    let first = seed;
    while Instant::now() < end {
        let bytes = damaged(&corpus, seed);
        let began = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| try_all(&bytes))) {
            Ok(true) => whole += 1,
            Ok(false) => refused += 1,
            Err(panic) => found(seed, &bytes, &format!("panic: {:?}", panic.downcast_ref::<String>())),
        }
        let took = began.elapsed();
        if took > Duration::from_secs(10) {
            found(seed, &bytes, &format!("it took {took:?}"));
        }
        slowest = slowest.max(took);
        seed += 1;
    }
    println!(
        "{} damaged histories (seeds {first} to {seed}): {whole} read, {refused} refused, none panicked; the slowest took {slowest:?}",
        whole + refused
    );
}

fn found(seed: u64, bytes: &[u8], what: &str) -> ! {
    let name = format!("fuzz-{seed}.bin");
    std::fs::write(&name, bytes).expect("writes");
    eprintln!("seed {seed}: {what}; kept in {name}");
    std::process::exit(1);
}

/// Reads on one thread and on three, and converts what can be read; whether it could be.
fn try_all(bytes: &[u8]) -> bool {
    let count = |threads| {
        let mut lines = 0;
        read(Source::bytes(bytes.to_vec()), threads, |batch| {
            lines += batch.lines.len();
            Ok::<(), ReadError>(())
        })
        .map(|summary| (lines, summary))
        .map_err(|e| e.to_string())
    };
    let one = count(1);
    assert_eq!(one, count(3), "threads disagree");
    for to in [Notation::Edn, Notation::JsonLines] {
        let mut out = Vec::new();
        let converted = convert(Source::bytes(bytes.to_vec()), 2, to, &mut out, std::io::sink(), "memory");
        assert_eq!(converted.is_ok(), one.is_ok(), "reading and converting disagree");
        if let (Ok(converted), Ok((lines, _))) = (converted, &one) {
            assert_eq!(converted.lines, *lines as u64);
            let mut again = 0;
            read(Source::bytes(out), 2, |batch| {
                again += batch.lines.len();
                Ok::<(), ReadError>(())
            })
            .unwrap_or_else(|e| panic!("what was converted cannot be read: {e}"));
            assert_eq!(again, *lines);
        }
    }
    one.is_ok()
}

fn damaged(corpus: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut bytes = corpus[rng.random_range(0..corpus.len())].clone();
    for _ in 0..rng.random_range(0..6) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] = rng.random(),
            1 => {
                let end = (at + rng.random_range(0..40)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let spice = SPICE[rng.random_range(0..SPICE.len())];
                bytes.splice(at..at, spice.iter().copied());
            }
            3 => {
                let end = (at + rng.random_range(0..120)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}
