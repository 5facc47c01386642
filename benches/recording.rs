//! `cargo bench --bench recording`: what recording costs. The same clients on the mock, closed loop, once
//! recording to disk and once recording nothing, in turn; the ratio of their throughput, pair by pair.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use nemesis::cluster::mock::protocol::MockTopic;
use nemesis::cluster::mock::{MockCluster, MockSpec};
use store::progress::Progress;
use store::recorder::Recorder;
use store::time::Clock;
use workloads::{QueueConfig, run_queue};

const PAIRS: usize = 5;
const PRODUCERS: u32 = 10;
const SENDS: u64 = 20_000;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut ratios = Vec::new();
    let (mut silent, mut recorded) = (Vec::new(), Vec::new());
    // One pair first that is not counted.
    for pair in 0..=PAIRS {
        let nothing = throughput(&runtime, false);
        let everything = throughput(&runtime, true);
        println!(
            "pair {pair}: {nothing:.0} sends/s recording nothing, {everything:.0} recording, ratio {:.3}",
            everything / nothing
        );
        if pair > 0 {
            ratios.push(everything / nothing);
            silent.push(nothing);
            recorded.push(everything);
        }
    }
    println!(
        "recording: {:.0} sends/s, recording nothing: {:.0} sends/s, ratio {:.3} (at least 0.9 wanted), {PRODUCERS} producers in a closed loop on the mock",
        median(&mut recorded),
        median(&mut silent),
        median(&mut ratios),
    );
    ExitCode::SUCCESS
}

/// Sends a second of one fresh run on a fresh mock.
fn throughput(runtime: &tokio::runtime::Runtime, record: bool) -> f64 {
    let topic = MockTopic { name: "t".into(), partitions: 16, replication_factor: 3 };
    let spec = MockSpec { brokers: 3, topics: vec![topic] };
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tribunal"));
    let mock = runtime.block_on(MockCluster::spawn(program, &spec)).expect("the mock starts");
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::start();
    let recorder = if record {
        Recorder::create(&dir.path().join("history.jsonl.zst"), clock).expect("a new file")
    } else {
        Recorder::discarding(clock)
    };
    let config = QueueConfig {
        producers: PRODUCERS,
        consumers: 0,
        partitions: 16,
        rate: 0.0,
        sends: Some(SENDS),
        ..QueueConfig::default()
    };
    let workload = config.resolve("mock", 1).expect("a sound configuration");
    let progress = Arc::new(Progress::default());
    let stop = AtomicBool::new(false);
    let started = Instant::now();
    run_queue(&workload, mock.endpoints(), &["t".to_owned()], &recorder, &progress, &stop).expect("it runs");
    let seconds = started.elapsed().as_secs_f64();
    let done = Progress::get(&progress.ok);
    assert_eq!(done, u64::from(PRODUCERS) * SENDS, "every send is acknowledged on a healthy mock");
    if record {
        assert!(recorder.finish().expect("finishes").lines >= 2 * done);
    }
    runtime.block_on(mock.remove()).expect("the mock ends");
    done as f64 / seconds
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
