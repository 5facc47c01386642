//! Whole schedules on the mock: what lands in history, journal and samples, and that everything heals.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nemesis::action::Action;
use nemesis::cluster::Cluster;
use nemesis::fault::FaultSpec;
use nemesis::fault::schedule::Schedule;
use nemesis::health::wait_healthy;
use nemesis::journal::leftover;
use nemesis::runner::{ActiveFaults, Runner, RunnerReport, Stage};
use nemesis::sampler::Sampler;
use serde_json::Value;
use store::cluster::ClusterSample;
use store::fault::FaultOutcome;
use store::recorder::Recorder;
use store::time::Clock;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::support::{TOPIC, cluster, consume, produce, topics};

struct Scene {
    dir: tempfile::TempDir,
    cluster: Arc<Cluster>,
    recorder: Recorder,
    active: ActiveFaults,
    clock: Clock,
}

impl Scene {
    async fn new() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let recorder = Recorder::create(&dir.path().join("history.jsonl.zst"), clock).unwrap();
        let cluster = Arc::new(Cluster::Mock(cluster().await));
        Scene { dir, cluster, recorder, active: ActiveFaults::default(), clock }
    }

    fn runner(&self, faults: &[&str]) -> Runner {
        let specs: Vec<FaultSpec> = faults.iter().map(|f| f.parse().unwrap()).collect();
        let schedule = Schedule::plan(&specs, None, None, 7).unwrap();
        let stage = Stage {
            cluster: Arc::clone(&self.cluster),
            topics: topics(),
            seed: 7,
            clock: self.clock,
            tape: self.recorder.tape(),
            run_dir: self.dir.path().to_owned(),
            active: self.active.clone(),
        };
        Runner::prepare(schedule, stage).unwrap()
    }

    /// Ends the recording and the cluster; the history's lines come back.
    async fn end(self) -> Vec<Value> {
        self.recorder.finish().unwrap();
        Arc::into_inner(self.cluster).expect("the runner has let go").remove().await.ok();
        lines(&self.dir.path().join("history.jsonl.zst"))
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// Every fault has its four events, in order, whatever became of it.
fn assert_four_events(lines: &[Value], report: &RunnerReport) {
    for fault in report.faults.iter().filter(|f| f.struck) {
        let of_fault: Vec<&Value> = lines.iter().filter(|l| l["fault"] == fault.number).collect();
        let shape: Vec<_> =
            of_fault.iter().map(|l| (l["type"].as_str().unwrap(), l["f"].as_str().unwrap())).collect();
        let name = fault.name.as_str();
        assert_eq!(
            shape,
            [("invoke", name), ("info", name), ("invoke", "heal"), ("info", "heal")],
            "{fault:?}"
        );
        assert!(of_fault.iter().all(|l| l["process"] == "nemesis"));
        let outcome: FaultOutcome = serde_json::from_value(of_fault[3]["value"].clone()).unwrap();
        assert_eq!((outcome.bit, &outcome.label), (fault.bit, &fault.label));
    }
}

pub(crate) fn records_samples_and_heals(runtime: &Runtime) {
    let scene = runtime.block_on(Scene::new());
    let samples = scene.dir.path().join("cluster.jsonl");
    let topic = [TOPIC.to_owned()];
    let endpoints = scene.cluster.endpoints().clone();
    let bootstrap = endpoints.bootstrap.join(",");
    let producing =
        std::thread::spawn(move || produce(&bootstrap, &[], Instant::now() + Duration::from_millis(3500)));
    let runner = scene.runner(&[
        "broker-down:mock-2@200ms+1500ms",
        "broker-down-leader:1@500ms+2s",
        "slow-broker:30ms:mock-1@500ms+1s",
        "leader-move:0@800ms",
        "request-errors:NOT_LEADER_OR_FOLLOWER*3@1s+1s",
    ]);
    let (active, clock) = (scene.active.clone(), scene.clock);
    let report = runtime.block_on(async {
        let sampler = Sampler::start(&endpoints, &topic, clock, &samples).unwrap();
        let (_keep, stop) = watch::channel(false);
        let running = tokio::spawn(runner.run(stop.clone()));
        let mut most = 0;
        while !running.is_finished() {
            most = most.max(active.now().len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(most >= 3, "faults overlap, {most} were shown at once");
        assert!(active.now().is_empty());
        let settle = wait_healthy(&endpoints, &topic, Duration::from_secs(20), stop).await.settle;
        assert!(settle.healthy, "{settle:?}");
        let summary = sampler.stop().await.unwrap();
        assert!(summary.samples >= 9 && summary.unanswered >= 1, "{summary:?}");
        running.await.unwrap()
    });
    assert_eq!(report.unhealed, [""; 0]);
    assert!(report.faults.iter().all(|f| f.healed && f.struck && !f.unrecorded), "{report:?}");
    assert_eq!(report.bit(), 5, "{report:?}");
    let down = report.faults.iter().find(|f| f.number == 2 || f.label.contains("mock-2")).unwrap();
    assert!(down.label.contains("mock-2"), "{down:?}");

    let acknowledged = producing.join().unwrap();
    let read: Vec<u64> = consume(&endpoints.bootstrap.join(",")).into_iter().flatten().collect();
    assert!(acknowledged.iter().all(|v| read.contains(v)));

    let written = std::fs::read_to_string(&samples).unwrap();
    let written: Vec<ClusterSample> = written.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(written.iter().any(|s| s.asked == 2 && s.error.is_some() && s.partitions.is_empty()));
    let whole = written.iter().rfind(|s| s.error.is_none()).unwrap();
    assert_eq!(whole.partitions.len(), 3);
    assert!(written.iter().flat_map(|s| &s.partitions).any(|p| p.end.is_some_and(|end| end > 0)));
    assert!(written.windows(2).all(|w| w[0].time <= w[1].time));

    let left = leftover(scene.dir.path()).unwrap();
    assert!(left.open.is_empty(), "{left:?}");
    assert_four_events(&runtime.block_on(scene.end()), &report);
}

pub(crate) fn heals_when_stopped(runtime: &Runtime) {
    runtime.block_on(async {
        let scene = Scene::new().await;
        let runner = scene.runner(&["broker-down:mock-3@0s+10m", "broker-down:mock-1@5m+1s"]);
        let (stopper, stop) = watch::channel(false);
        let running = tokio::spawn(runner.run(stop));
        while scene.active.now().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(scene.active.now()[0].label.contains("mock-3"));
        assert_eq!(leftover(scene.dir.path()).unwrap().open.len(), 1, "the journal knows what holds");
        stopper.send_replace(true);
        let report = running.await.unwrap();
        assert_eq!(report.faults.iter().map(|f| f.struck).collect::<Vec<_>>(), [true, false]);
        assert!(report.faults[0].healed && report.faults[0].bit == Some(true), "{report:?}");
        assert!(leftover(scene.dir.path()).unwrap().open.is_empty());
        let down = Action::BrokerDown { node: "mock-3".into() };
        assert_eq!(scene.cluster.probe(&down).await.unwrap().bit, Some(false), "it is up again");
        assert_four_events(&scene.end().await, &report);
    });
}

pub(crate) fn survives_the_death_of_its_target(runtime: &Runtime) {
    runtime.block_on(async {
        let scene = Scene::new().await;
        let runner = scene.runner(&["broker-down:mock-3@0s+1s", "broker-down-leader:0@800ms+100ms"]);
        let (_keep, stop) = watch::channel(false);
        let running = tokio::spawn(runner.run(stop));
        while scene.active.now().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let Cluster::Mock(mock) = &*scene.cluster else { unreachable!() };
        crate::child::crash(mock.child_id(), || mock.died().is_some());
        let report = running.await.unwrap();
        assert!(!report.faults[0].healed && !report.unhealed.is_empty(), "{report:?}");
        assert!(report.faults[1].evidence.contains("no target"), "{report:?}");
        assert_eq!(
            scene.cluster.lost().as_deref(),
            Some("the mock broker process died (signal 11 (SIGSEGV))")
        );
        assert_four_events(&scene.end().await, &report);
    });
}
