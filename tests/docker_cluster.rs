//! Real clusters in containers: made, broken in every way, attached to, and gone without a trace.
//!
//! Run with `cargo test --test docker_cluster -- --ignored`. The image is `local/kafka:4.3.0` where that is
//! here, else the official one; `TRIBUNAL_TEST_IMAGE` names another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nemesis::action::{Action, Bite, Direction, Link};
use nemesis::admin::{TopicSpec, create_topics};
use nemesis::cluster::Cluster;
use nemesis::cluster::attach::{AttachSpec, AttachedCluster};
use nemesis::cluster::docker::{DockerCluster, DockerSpec};
use nemesis::cluster::external::ExternalCluster;
use nemesis::containers::engine::Engine;
use nemesis::containers::{heal_tagged, images, list_owned, remove_run, sweep, undo_after_crash};
use nemesis::fault::FaultSpec;
use nemesis::fault::schedule::Schedule;
use nemesis::health::wait_healthy;
use nemesis::journal::leftover;
use nemesis::runner::{ActiveFaults, Runner, RunnerReport, Stage};
use nemesis::wire::ask::metadata_of;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use store::cluster::{Endpoints, PartitionView};
use store::recorder::Recorder;
use store::settings::Settings;
use store::time::Clock;

/// No step of a test waits longer than this, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn an_isolated_leader_still_serves_clients_while_another_leads() {
    let (mut spec, _gone) = spec("isolate").await;
    // The default, 9 s, halved: this test is about what happens then.
    spec.broker_config.insert("broker.session.timeout.ms".into(), "4500".into());
    let run = spec.run_id.clone();
    let cluster = Cluster::Docker(DockerCluster::create(spec).await.unwrap());
    with_topic(&cluster, "t").await;
    let before = view(cluster.endpoints(), "t", None).await;
    let old = before.leader.expect("a healthy partition has a leader");
    let old_node = cluster.nodes().iter().find(|n| n.id == old).unwrap().clone();
    let old_address = old_node.address.clone().unwrap();

    let cut = isolate(&cluster, &old_node.name);
    cluster.can(&cut).unwrap();
    cluster.apply(&cut).await.unwrap();
    let others = others(cluster.endpoints(), old);
    let after = until("another broker leads", async || {
        let seen = view(&others, "t", None).await;
        (seen.leader.is_some_and(|l| l != old)).then_some(seen)
    })
    .await;
    assert!(after.epoch > before.epoch, "{before:?} {after:?}");
    let stale = view(cluster.endpoints(), "t", Some(&old_address)).await;
    assert_eq!(stale.leader, Some(old), "the isolated broker does not know better");
    assert_eq!(stale.epoch, before.epoch);
    assert_eq!(produce(&old_address, "t", 20).await, 20, "the isolated leader acknowledges to clients");
    let bite = cluster.probe(&cut).await.unwrap();
    assert_eq!(bite.bit, Some(true), "{bite:?}");

    cluster.undo(&cut).await.unwrap();
    cluster.undo(&cut).await.unwrap();
    let settled = wait_healthy(cluster.endpoints(), &["t".to_owned()], PATIENCE, stay()).await.settle;
    assert!(settled.healthy, "{settled:?}");
    assert_eq!(heal_tagged(&run).await.unwrap(), Vec::<String>::new(), "no rule is left");
    cluster.remove().await.unwrap();
    assert!(owned(&run).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn cuts_that_overlap_are_undone_whichever_ends_first() {
    let (spec, _gone) = spec("overlap").await;
    let run = spec.run_id.clone();
    let cluster = Arc::new(Cluster::Docker(DockerCluster::create(spec).await.unwrap()));
    for faults in [
        // The wider one ends first, and last; it begins first, and last.
        ["isolate:kafka-2@0s+2s", "cut-link:kafka-1>kafka-2@1s+3s"],
        ["isolate:kafka-2@0s+4s", "cut-link:kafka-1>kafka-2@1s+1s"],
        ["cut-link:kafka-1>kafka-2@0s+4s", "isolate:kafka-2@1s+1s"],
    ] {
        let report = run_faults(&cluster, &faults).await;
        assert_eq!(report.unhealed, [""; 0], "{faults:?}");
        assert!(report.faults.iter().all(|f| f.struck && f.healed), "{report:?}");
        let isolation = report.faults.iter().find(|f| f.name.starts_with("isolate")).unwrap();
        assert!(isolation.evidence.contains("by 4 rules"), "{isolation:?}");
        assert_eq!(heal_tagged(&run).await.unwrap(), [""; 0], "no rule is left after {faults:?}");
    }
    Arc::into_inner(cluster).expect("the runner has let go").remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn kill_stop_and_pause_bite_and_are_undone() {
    let (spec, _gone) = spec("process").await;
    let cluster = Cluster::Docker(DockerCluster::create(spec).await.unwrap());
    with_topic(&cluster, "t").await;
    let external = ExternalCluster::open(&cluster.endpoints().bootstrap[0], Settings::new()).await.unwrap();
    assert_eq!(addresses(external.endpoints()), addresses(cluster.endpoints()));

    let node = || "kafka-2".to_owned();
    // The stop comes first: a broker that is still starting does not shut down cleanly.
    for act in [Action::Stop { node: node() }, Action::Kill { node: node() }, Action::Pause { node: node() }]
    {
        external.can(&act).unwrap_err();
        cluster.can(&act).unwrap();
        let bite = cluster.apply(&act).await.unwrap();
        assert_eq!(bite.bit, Some(true), "{act:?} {bite:?}");
        // The same fault from somebody else is still in force after one of the two ends.
        cluster.apply(&act).await.unwrap();
        cluster.undo(&act).await.unwrap();
        assert_eq!(cluster.probe(&act).await.unwrap().bit, Some(true), "{act:?}");
        cluster.undo(&act).await.unwrap();
        assert_eq!(cluster.probe(&act).await.unwrap().bit, Some(false), "{act:?}");
        cluster.undo(&act).await.unwrap();
    }
    let settled = wait_healthy(cluster.endpoints(), &["t".to_owned()], PATIENCE, stay()).await.settle;
    assert!(settled.healthy, "{settled:?}");

    // A log is also there for a broker that is down.
    cluster.apply(&Action::Kill { node: node() }).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    cluster.collect_logs(dir.path()).await.unwrap();
    for n in 1..=3 {
        let log = std::fs::read_to_string(dir.path().join(format!("kafka-{n}.log"))).unwrap();
        assert!(log.contains("Kafka Server started"), "kafka-{n}: {log}");
    }
    cluster.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn links_are_cut_from_a_side_container_too() {
    let (mut spec, _gone) = spec("side").await;
    spec.brokers = 2;
    spec.cut.way = Some("side-container".into());
    spec.cut.tools_base = Some(spec.image.clone());
    let run = spec.run_id.clone();
    let cluster = DockerCluster::create(spec).await.unwrap();
    assert!(cluster.way_to_cut().unwrap().contains("tribunal/tools"), "{:?}", cluster.way_to_cut());
    let cut = Action::Cut { links: both_ways("kafka-1", "kafka-2") };
    cluster.apply(&cut).await.unwrap();
    let bite = bites(&cluster, &cut).await;
    assert!(bite.evidence.contains("dropped by 2 rules"), "{bite:?}");

    // Given up at any moment, a side container is removed all the same.
    for given_up_after in (50..700).step_by(130).map(Duration::from_millis) {
        let _ = tokio::time::timeout(given_up_after, cluster.probe(&cut)).await;
    }
    until("every side container is gone", async || {
        let left = owned(&run).await.expect("the cluster is there").containers;
        (left.len() == 2).then_some(())
    })
    .await;

    // Rules go with the namespace of a container that ends; a cut that holds is put back.
    let kill = Action::Kill { node: "kafka-1".into() };
    cluster.apply(&kill).await.unwrap();
    assert!(cluster.probe(&cut).await.unwrap().evidence.contains("not running: kafka-1"));
    cluster.undo(&kill).await.unwrap();
    assert!(cluster.probe(&cut).await.unwrap().evidence.contains("by 2 rules"));

    // What a crashed run leaves is found by its tag alone.
    let healed = heal_tagged(&run).await.unwrap();
    assert_eq!(healed, [format!("tribunal-{run}-kafka-1: 2 rules deleted")]);
    assert!(cluster.probe(&cut).await.unwrap().evidence.contains("by 0 rules"));
    cluster.undo(&cut).await.unwrap();
    cluster.remove().await.unwrap();
    assert!(owned(&run).await.is_none(), "no side container is left either");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn two_clusters_at_once_stay_apart_and_a_kept_one_stays() {
    let ((mut left, _gone_left), (mut right, _gone_right)) = (spec("left").await, spec("right").await);
    (left.brokers, right.brokers) = (1, 1);
    left.keep = true;
    let (left_run, right_run) = (left.run_id.clone(), right.run_id.clone());
    let (left, right) = tokio::join!(DockerCluster::create(left), DockerCluster::create(right));
    let (left, right) = (left.unwrap(), right.unwrap());
    assert_ne!(left.endpoints().bootstrap, right.endpoints().bootstrap);
    let notice = left.kept_notice().unwrap();
    assert!(notice.contains(&format!("docker rm -fv tribunal-{left_run}-kafka-1")), "{notice}");
    assert_eq!(right.kept_notice(), None);

    left.remove().await.unwrap();
    right.remove().await.unwrap();
    assert!(owned(&right_run).await.is_none());
    let kept = owned(&left_run).await.expect("it was to be kept");
    assert!(kept.kept && kept.alive, "{kept:?}");
    assert_eq!((kept.containers.len(), kept.networks.len()), (1, 1));

    // As after a crash: nothing is known but the run's id and its journal.
    let pause = Action::Pause { node: "kafka-1".into() };
    docker(&["pause", &format!("tribunal-{left_run}-kafka-1")]);
    let done = undo_after_crash(&left_run, std::slice::from_ref(&pause)).await.unwrap();
    assert_eq!(done, ["undone: pause of kafka-1"]);
    let state = docker(&["inspect", "-f", "{{.State.Status}}", &format!("tribunal-{left_run}-kafka-1")]);
    assert_eq!(state.trim(), "running");
    let removed = remove_run(&left_run).await.unwrap();
    assert_eq!((removed.containers.len(), removed.networks.len()), (1, 1));
    assert!(owned(&left_run).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn somebody_elses_containers_are_broken_and_put_right_but_never_removed() {
    let (mut spec, _gone) = spec("attach").await;
    spec.brokers = 2;
    let project = format!("shop-{}", spec.run_id);
    spec.labels.insert("com.docker.compose.project".into(), project.clone());
    let theirs = spec.run_id.clone();
    let owner = DockerCluster::create(spec).await.unwrap();

    let attach =
        |selector: String| AttachSpec::new(selector, format!("{theirs}-guest"), None, Settings::new());
    let cluster = AttachedCluster::open(attach(format!("compose:{project}"))).await.unwrap();
    let names = cluster.endpoints().nodes.iter().map(|n| (n.id, n.name.clone())).collect::<Vec<_>>();
    let name = |id: i32| format!("tribunal-{theirs}-kafka-{id}");
    assert_eq!(names, [(1, name(1)), (2, name(2))]);
    assert_eq!(addresses(cluster.endpoints()), addresses(owner.endpoints()));
    for act in
        [Action::Stop { node: name(2) }, Action::Kill { node: name(2) }, Action::Pause { node: name(2) }]
    {
        assert_eq!(cluster.apply(&act).await.unwrap().bit, Some(true), "{act:?}");
        cluster.undo(&act).await.unwrap();
        assert_eq!(cluster.probe(&act).await.unwrap().bit, Some(false), "{act:?}");
    }
    let cut = Action::Cut { links: both_ways(&name(1), &name(2)) };
    cluster.apply(&cut).await.unwrap();
    until("the cut bites", async || cluster.probe(&cut).await.unwrap().bit.filter(|bit| *bit)).await;
    // A guest that crashed: only its journal tells what holds.
    let healed = undo_after_crash(&format!("{theirs}-guest"), std::slice::from_ref(&cut)).await.unwrap();
    assert_eq!(healed, ["undone: cut of 2 links"]);
    assert!(cluster.probe(&cut).await.unwrap().evidence.contains("by 0 rules"));

    // One whose journal says that nothing holds, though rules stand and a side container was left.
    let guest = format!("{theirs}-guest");
    cluster.undo(&cut).await.unwrap();
    cluster.apply(&cut).await.unwrap();
    let image = docker(&["inspect", "-f", "{{.Config.Image}}", &name(1)]);
    // A process that never was, of the world in which this one is.
    let maker = docker(&["inspect", "-f", "{{index .Config.Labels \"tribunal.maker\"}}", &name(1)]);
    let (_, world) = maker.trim().split_once('@').expect("a maker names its world");
    let side = format!("{guest}-side");
    let _side_gone = GoneAtEnd(guest.clone());
    docker(&[
        "create",
        &format!("--name={side}"),
        "--label=tribunal.owner=tribunal",
        &format!("--label=tribunal.run={guest}"),
        "--label=tribunal.role=packet filter",
        &format!("--label=tribunal.maker=4194304.77@{world}"),
        image.trim(),
        "true",
    ]);
    assert_eq!(
        sweep(&guest, &[name(1), name(2), "nobody".into()]).await.unwrap(),
        [format!("{side}: side container removed"), format!("{}: 2 rules deleted", name(1))]
    );
    assert_eq!(sweep(&guest, &[name(1), name(2)]).await.unwrap(), [""; 0]);
    assert!(owned(&guest).await.is_none());
    cluster.remove().await.unwrap();
    assert_eq!(owned(&theirs).await.unwrap().containers, [name(1), name(2)], "they are still there");

    until("both brokers are back", async || {
        let label = format!("label:com.docker.compose.project={project}");
        let by_label = AttachedCluster::open(attach(label)).await.ok()?;
        (addresses(by_label.endpoints()) == addresses(owner.endpoints())).then_some(())
    })
    .await;
    let error = AttachedCluster::open(attach("compose:nobody".into())).await.unwrap_err().to_string();
    assert!(error.contains("com.docker.compose.project=nobody") && error.contains(&project), "{error}");
    owner.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn an_attached_cluster_is_waited_for_until_it_is_whole() {
    let (mut spec, _gone) = spec("late").await;
    let project = format!("shop-{}", spec.run_id);
    spec.labels.insert("com.docker.compose.project".into(), project.clone());
    spec.broker_config.insert("broker.session.timeout.ms".into(), "4500".into());
    let guest = format!("{}-guest", spec.run_id);
    let owner = DockerCluster::create(spec).await.unwrap();
    let kill = Action::Kill { node: "kafka-3".into() };
    owner.apply(&kill).await.unwrap();
    let first = owner.endpoints().bootstrap[0].clone();
    until("the others have forgotten it", async || {
        let metadata = metadata_of(&first, &[], Duration::from_secs(5)).await.ok()?;
        (metadata.brokers.len() == 2).then_some(())
    })
    .await;
    owner.undo(&kill).await.unwrap();

    let attached = async || {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let (selector, guest) = (format!("compose:{project}"), guest.clone());
        let mut attach = AttachSpec::new(selector, guest, None, Settings::new());
        let hears = Arc::clone(&heard);
        attach.progress = Arc::new(move |line: &str| hears.lock().unwrap().push(line.to_owned()));
        let cluster = AttachedCluster::open(attach).await.unwrap();
        assert_eq!(addresses(cluster.endpoints()), addresses(owner.endpoints()));
        heard.lock().unwrap().join("\n")
    };
    // What spoke against it first: it was nowhere, or known to itself alone.
    let heard = attached().await;
    assert!(heard.contains("waiting at most 60 s") && !heard.contains("warning"), "{heard}");

    // Right after a start nobody answers at all.
    for node in ["kafka-1", "kafka-2", "kafka-3"] {
        owner.apply(&Action::Kill { node: node.into() }).await.unwrap();
    }
    for node in ["kafka-1", "kafka-2", "kafka-3"] {
        owner.undo(&Action::Kill { node: node.into() }).await.unwrap();
    }
    let heard = attached().await;
    assert!(heard.starts_with("waiting at most 60 s: 127.0.0.1:") && !heard.contains("warning"), "{heard}");
    owner.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn what_fails_half_way_leaves_nothing_and_says_why() {
    let (mut bad, _gone_bad) = spec("bad").await;
    bad.brokers = 1;
    bad.broker_config.insert("log.dirs".into(), "/proc/nowhere".into());
    let run = bad.run_id.clone();
    let error = DockerCluster::create(bad).await.unwrap_err().to_string();
    assert!(error.contains("kafka-1 ended with exit code") && error.contains("/proc/nowhere"), "{error}");
    assert!(owned(&run).await.is_none());

    let (mut absent, _gone_absent) = spec("absent").await;
    absent.image = "localhost:1/no/such-image:1".into();
    absent.pull_within = Duration::from_secs(10);
    let error = DockerCluster::create(absent).await.unwrap_err().to_string();
    assert!(error.contains("no/such-image") && error.contains("nemesis/images/build.sh"), "{error}");

    // Given up while brokers start: Ctrl-C does that.
    let (given_up, _gone_given_up) = spec("given-up").await;
    let run = given_up.run_id.clone();
    let creation = tokio::time::timeout(Duration::from_secs(1), DockerCluster::create(given_up)).await;
    assert!(creation.is_err(), "up within 1 s");
    assert!(owned(&run).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn clients_that_must_log_in_do_and_no_secret_is_told() {
    const PASSWORD: &str = "hunter2-is-no-password";
    let (mut spec, _gone) = spec("sasl").await;
    spec.brokers = 1;
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
    for (name, value) in [
        ("listener.security.protocol.map", "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:SASL_PLAINTEXT"),
        ("listener.name.external.sasl.enabled.mechanisms", "PLAIN"),
        (
            "listener.name.external.plain.sasl.jaas.config",
            &format!("{module} required user_alice=\"{PASSWORD}\";"),
        ),
    ] {
        spec.broker_config.insert(name.to_owned(), value.to_owned());
    }
    let log_in = |password: &str| {
        let settings = [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "alice"),
            ("sasl.password", password),
        ];
        Settings::from(settings.map(|(name, value)| (name.to_owned(), value.to_owned())))
    };
    spec.security = log_in(PASSWORD);
    let owner = DockerCluster::create(spec).await.unwrap();
    let bootstrap = owner.endpoints().bootstrap.join(",");

    let cluster = ExternalCluster::open(&bootstrap, log_in(PASSWORD)).await.unwrap();
    assert_eq!(addresses(cluster.endpoints()), addresses(owner.endpoints()));
    let shown = format!("{cluster:?} {:?} {owner:?} {:?}", cluster.meta(), owner.meta());
    assert!(!shown.contains(PASSWORD), "{shown}");
    let error = ExternalCluster::open(&bootstrap, log_in("a-wrong-one")).await.unwrap_err().to_string();
    assert!(error.contains("Authentication failed") && !error.contains("a-wrong-one"), "{error}");
    owner.remove().await.unwrap();
}

/// Removes a run's containers when a test ends, also by a panic.
struct GoneAtEnd(String);

impl Drop for GoneAtEnd {
    fn drop(&mut self) {
        let run_id = self.0.clone();
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("threads");
            runtime.block_on(remove_run(&run_id)).map(drop)
        });
        let _ = removal.join();
    }
}

/// Three brokers of the image that is here, under a run id of their own.
async fn spec(name: &str) -> (DockerSpec, GoneAtEnd) {
    const LOCAL: &str = "local/kafka:4.3.0";
    let mut spec = DockerSpec::new(format!("test-{name}-{}", std::process::id()));
    let engine = Engine::connect().await.expect("these tests need Docker");
    spec.image = match std::env::var("TRIBUNAL_TEST_IMAGE") {
        Ok(image) => image,
        Err(_) if images::find(&engine, LOCAL).await.unwrap().is_some() => LOCAL.to_owned(),
        Err(_) => spec.image,
    };
    let gone = GoneAtEnd(spec.run_id.clone());
    (spec, gone)
}

async fn with_topic(cluster: &Cluster, name: &str) {
    let topic =
        TopicSpec { name: name.to_owned(), partitions: 1, replication_factor: 3, config: BTreeMap::new() };
    create_topics(cluster, &[topic], PATIENCE, stay()).await.unwrap();
}

/// Runs these faults, as a run does, without clients.
async fn run_faults(cluster: &Arc<Cluster>, faults: &[&str]) -> RunnerReport {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let recorder = Recorder::create(&dir.path().join("history.jsonl.zst"), clock).unwrap();
    let specs: Vec<FaultSpec> = faults.iter().map(|f| f.parse().unwrap()).collect();
    let topic = TopicSpec { name: "t".into(), partitions: 1, replication_factor: 3, config: BTreeMap::new() };
    let stage = Stage {
        cluster: Arc::clone(cluster),
        topics: vec![topic],
        seed: 1,
        clock,
        tape: recorder.tape(),
        run_dir: dir.path().to_owned(),
        active: ActiveFaults::default(),
    };
    let (_keep, stop) = tokio::sync::watch::channel(false);
    let runner = Runner::prepare(Schedule::plan(&specs, None, None, 1).unwrap(), stage).unwrap();
    let report = runner.run(stop).await;
    recorder.finish().unwrap();
    assert!(leftover(dir.path()).unwrap().open.is_empty(), "the journal tells the same");
    report
}

/// A signal to stop that never comes.
fn stay() -> tokio::sync::watch::Receiver<bool> {
    tokio::sync::watch::channel(false).1
}

fn both_ways(at: &str, peer: &str) -> Vec<Link> {
    let link = |direction| Link { at: at.to_owned(), peer: peer.to_owned(), direction };
    vec![link(Direction::From), link(Direction::To)]
}

fn isolate(cluster: &Cluster, node: &str) -> Action {
    let peers = cluster.nodes().iter().filter(|n| n.name != node);
    Action::Cut { links: peers.flat_map(|peer| both_ways(node, &peer.name)).collect() }
}

fn addresses(endpoints: &Endpoints) -> BTreeMap<i32, Option<String>> {
    endpoints.nodes.iter().map(|n| (n.id, n.address.clone())).collect()
}

fn others(endpoints: &Endpoints, id: i32) -> Endpoints {
    let nodes = endpoints.nodes.iter().filter(|n| n.id != id).cloned().collect::<Vec<_>>();
    Endpoints {
        bootstrap: nodes.iter().filter_map(|n| n.address.clone()).collect(),
        nodes,
        security: Settings::new(),
    }
}

/// Partition 0 of a topic as one broker sees it: the one at this address, or the first that answers.
async fn view(endpoints: &Endpoints, topic: &str, address: Option<&str>) -> PartitionView {
    let asked = address.map_or_else(|| endpoints.bootstrap.clone(), |a| vec![a.to_owned()]);
    until("a broker answers", async || {
        for address in &asked {
            let answer = metadata_of(address, &[topic.to_owned()], Duration::from_secs(5)).await;
            if let Ok(metadata) = answer
                && let Some(partition) = metadata.partitions.into_iter().next()
            {
                return Some(partition);
            }
        }
        None
    })
    .await
}

/// How many of `n` records are acknowledged with acks=1 by whoever leads as this broker sees it.
async fn produce(address: &str, topic: &str, n: usize) -> usize {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("acks", "1")
        .set("message.timeout.ms", "20000")
        .create()
        .unwrap();
    let mut acknowledged = 0;
    for value in 0..n {
        let value = value.to_string();
        let sent = producer.send(FutureRecord::<str, str>::to(topic).payload(&value), PATIENCE).await;
        acknowledged += usize::from(sent.is_ok());
    }
    acknowledged
}

async fn bites(cluster: &DockerCluster, action: &Action) -> Bite {
    until("the fault bites", async || {
        let bite = cluster.probe(action).await.unwrap();
        (bite.bit == Some(true)).then_some(bite)
    })
    .await
}

async fn owned(run_id: &str) -> Option<nemesis::containers::Owned> {
    list_owned().await.unwrap().into_iter().find(|owned| owned.run_id == run_id)
}

/// Asks again until there is an answer; fails after [`PATIENCE`].
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("not within {} s: {what}", PATIENCE.as_secs());
}

fn docker(args: &[&str]) -> String {
    let ran = std::process::Command::new("docker").args(args).output().expect("these tests need Docker");
    assert!(ran.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}
