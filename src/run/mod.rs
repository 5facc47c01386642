//! A run, from the first line it prints to the last line of its history.
//!
//! The plan is made and refused before anything starts ([`plan`]); the cluster comes up ([`bring_up`]); load
//! and faults go on side by side; the cluster heals and settles; the consume-all pass reads everything;
//! logs are collected, the cluster goes. Whatever fails on the way, faults are healed, what the run made is
//! removed, and the history is kept.

mod bring_up;
mod display;
mod notice;
mod plan;
mod tell;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nemesis::admin::{TopicSpec, create_topics, delete_topics};
use nemesis::cluster::Cluster;
use nemesis::health::wait_healthy;
use nemesis::runner::{ActiveFaults, Runner, RunnerReport, Stage};
use nemesis::sampler::Sampler;
use store::progress::Progress;
use store::recorder::Recorder;
use store::run_dir::{RunDir, RunError, Runs};
use store::run_meta::{RUN_SCHEMA, RunMeta, RunStatus, TargetMeta};
use store::settings::Settings;
use store::time::Clock;
use workloads::settings::Side;
use workloads::{QueueReport, consume_all, run_queue};

pub use self::display::grouped;
use self::display::{Display, Phase};
use self::notice::Notices;
pub use self::plan::Plan;
use self::watch::Watch;
use crate::exit::{in_words, is_of_a_full_disk};
use crate::signals::Stop;

/// How long the topics may take to be there with every replica in sync.
const TOPICS_READY: Duration = Duration::from_secs(60);
/// How long the cluster may take to be healthy again after the last heal. A follower that was cut off
/// comes back within seconds; one that must catch up on a whole run may need longer.
const SETTLE: Duration = Duration::from_secs(120);

/// How a run ended.
pub enum Ending {
    /// Its history is complete.
    Recorded,
    /// It was asked to stop; the history up to then is kept.
    Interrupted,
}

/// A run under way.
pub struct Run<'a> {
    plan: &'a Plan,
    dir: RunDir,
    meta: RunMeta,
    notices: Arc<Notices>,
    keep: bool,
    /// Why `run.json` does not say how the run ended.
    unwritten: Option<RunError>,
    /// Somebody's cluster with the run's topics on it, until the verdict says whether they are evidence.
    standing: Option<Cluster>,
}

impl<'a> Run<'a> {
    /// Makes the run's directory and says what will be run.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn begin(plan: &'a Plan, runs: &Runs, keep: bool) -> Result<Run<'a>> {
        let dir = runs.create(&plan.scenario.test, (plan.seed & 0xffff) as u16)?;
        dir.reserve()?;
        let notices = Arc::new(Notices::create(&dir)?);
        let scenario = plan.scenario.redacted();
        let text = toml::to_string(&scenario).context("cannot write the scenario as TOML")?;
        std::fs::write(dir.scenario(), text)
            .with_context(|| format!("cannot write {}", dir.scenario().display()))?;
        let meta = RunMeta {
            schema: RUN_SCHEMA,
            tribunal: env!("CARGO_PKG_VERSION").into(),
            id: dir.id(),
            test: plan.scenario.test.clone(),
            seed: plan.seed,
            started: store::time::rfc3339(std::time::SystemTime::now()),
            status: RunStatus::Running,
            target: TargetMeta { kind: plan.target.kind().into(), ..TargetMeta::default() },
            terms: plan.terms(),
            topics: Vec::new(),
            topics_left: false,
            producer: Settings::new(),
            consumer: Settings::new(),
            topic: plan.workload.topic_settings.clone(),
            scenario: serde_json::to_value(&scenario).context("cannot write the scenario as JSON")?,
            settle: None,
        };
        dir.write_meta(&meta)?;
        let workload = &plan.scenario.workload;
        notices.say(&format!(
            "tribunal {}  run {}  seed {:x}  target {}  rf {} min.isr {} acks={}{}",
            meta.tribunal,
            meta.test,
            plan.seed,
            plan.target,
            workload.replication_factor,
            plan.workload.min_insync_replicas,
            workload.acks,
            if plan.workload.idempotent { " idempotent" } else { "" },
        ));
        notices.say(&format!("  {}", dir.path().display()));
        for warning in &plan.schedule.warnings {
            notices.say(&format!("  warning: {warning}"));
        }
        Ok(Run { plan, dir, meta, notices, keep, unwritten: None, standing: None })
    }

    /// The run's directory.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// What is known of the run now.
    pub fn meta(&self) -> &RunMeta {
        &self.meta
    }

    /// Why `run.json` does not say how the run ended, if it does not. Its history is none the worse for it.
    pub fn unwritten(&mut self) -> Option<RunError> {
        self.unwritten.take()
    }

    /// Runs it to its end. Whatever happens, `run.json` says how far it came, and `tribunal.log` why no further.
    ///
    /// # Errors
    /// If the cluster could not be brought up, or the history could not be written.
    pub async fn go(&mut self, stop: &Stop) -> Result<Ending> {
        let result = self.on_a_cluster(stop).await;
        self.meta.status = match &result {
            Ok(Ending::Recorded) => RunStatus::Recorded,
            Ok(Ending::Interrupted) => RunStatus::Interrupted,
            Err(e) => RunStatus::Failed { reason: in_words(e) },
        };
        // What was kept free is for these last words.
        self.dir.release();
        self.unwritten = self.dir.write_meta(&self.meta).err();
        result.map_err(|error| {
            let error = self.with_next_step(error);
            self.notices.keep(&format!("error: {}", in_words(&error)));
            error
        })
    }

    /// What somebody can do with a run that failed.
    fn with_next_step(&self, error: anyhow::Error) -> anyhow::Error {
        let free = if is_of_a_full_disk(&error) { "free space, then: " } else { "" };
        let next = match self.dir.history().exists() {
            true => format!("tribunal analyze {}", self.dir.as_typed()),
            false if !free.is_empty() => self.dir.again(),
            false => return error,
        };
        anyhow::anyhow!("{}\n  next: {free}{next}", in_words(&error))
    }

    async fn on_a_cluster(&mut self, stop: &Stop) -> Result<Ending> {
        let began = Instant::now();
        let id = self.dir.id();
        let cluster = tokio::select! {
            cluster = bring_up::bring_up(self.plan, &id, self.keep, Arc::clone(&self.notices)) => cluster?,
            () = stop.wait() => {
                // Dropped half way: what it had made carries the run's label.
                self.remove_leftovers(&id).await;
                return Ok(Ending::Interrupted);
            }
        };
        self.meta.target = cluster.meta();
        let endpoints = cluster.endpoints();
        self.meta.producer = self.plan.workload.recorded_settings(Side::Producer, endpoints);
        self.meta.consumer = self.plan.workload.recorded_settings(Side::Consumer, endpoints);
        self.notices.say(&format!(
            "  ✓ cluster up ({:.1}s)  {}",
            began.elapsed().as_secs_f64(),
            self.meta.target.description
        ));
        let cluster = Arc::new(cluster);
        let result = self.with_topics(&cluster, stop).await;
        if let Err(e) = cluster.collect_logs(&self.dir.nodes()).await {
            self.notices.say(&format!("  warning: the brokers' logs could not be collected: {e}"));
        }
        match Arc::try_unwrap(cluster) {
            Ok(cluster @ (Cluster::Attached(_) | Cluster::External(_))) => self.standing = Some(cluster),
            Ok(cluster) => {
                let kept = match &cluster {
                    Cluster::Docker(docker) => docker.kept_notice(),
                    _ => None,
                };
                let lost = cluster.lost().is_some();
                if let Err(e) = cluster.remove().await
                    && !lost
                {
                    self.notices.say(&format!(
                        "  warning: the cluster could not be removed: {e}; try `{}`",
                        self.heal()
                    ));
                }
                if let Some(kept) = kept {
                    self.notices.say(&format!("  {kept}"));
                }
            }
            Err(_) => self.notices.say(&format!(
                "  warning: the cluster is still in use and was not removed; try `{}`",
                self.heal()
            )),
        }
        result
    }

    /// The command that undoes what the run could not.
    fn heal(&self) -> String {
        format!("tribunal heal {}", self.dir.as_typed())
    }

    /// Docker alone can be caught half way; everything else leaves nothing.
    async fn remove_leftovers(&self, id: &str) {
        if self.plan.target != crate::scenario::Target::Docker {
            return;
        }
        if let Err(e) = nemesis::containers::owned::remove_run(id).await {
            self.notices.say(&format!(
                "  warning: what was made so far could not be removed: {e}; try `{}`",
                self.heal()
            ));
        }
    }

    async fn with_topics(&mut self, cluster: &Arc<Cluster>, stop: &Stop) -> Result<Ending> {
        let topics = self.plan.topics(&self.dir.id());
        let reasons = nemesis::runner::refusals(&self.plan.schedule, cluster, &topics);
        if !reasons.is_empty() {
            return Err(crate::exit::usage(format!(
                "these faults cannot be done here: {}",
                reasons.join("; ")
            )));
        }
        self.meta.topics = topics.iter().map(|t| t.name.clone()).collect();
        self.dir.write_meta(&self.meta)?;
        let ready = create_topics(cluster, &topics, TOPICS_READY, stop.watch.clone()).await;
        if stop.asked() {
            return Ok(Ending::Interrupted);
        }
        let ready = ready?;
        let faults = match self.plan.schedule.faults.len() {
            0 => "no faults".to_owned(),
            n => format!("faults: {n}"),
        };
        self.notices.say(&format!(
            "  ✓ topics ({:.1}s)  {} x {} partitions   ✓ {faults}",
            ready.seconds,
            topics.len(),
            self.plan.scenario.workload.partitions
        ));
        self.record(cluster, topics, stop).await
    }

    /// Leaves a cluster that is somebody's: deletes the run's topics, unless something was found in them
    /// (then they are the evidence) or the user keeps them. Nothing to do on any other cluster.
    pub async fn leave(&mut self, found: bool) -> Result<()> {
        let Some(cluster) = self.standing.take() else { return Ok(()) };
        let names = self.meta.topics.join(", ");
        if self.keep || found {
            self.notices.say(&format!("  the topics are left as they are: {names}"));
            self.meta.topics_left = true;
        } else if let Err(e) = delete_topics(&cluster, &self.meta.topics).await {
            self.notices.say(&format!("  warning: the topics could not be deleted ({names}): {e}"));
            self.meta.topics_left = true;
        }
        cluster.remove().await?;
        Ok(self.dir.write_meta(&self.meta)?)
    }

    async fn record(
        &mut self,
        cluster: &Arc<Cluster>,
        topics: Vec<TopicSpec>,
        stop: &Stop,
    ) -> Result<Ending> {
        let clock = Clock::start();
        self.meta.started = store::time::rfc3339(clock.wall_start());
        self.dir.write_meta(&self.meta)?;
        let recorder = Arc::new(Recorder::create(&self.dir.history(), clock)?);
        let names = self.meta.topics.clone();
        let sampler = Sampler::start(cluster.endpoints(), &names, clock, &self.dir.cluster())?;
        let progress = Arc::new(Progress::default());
        let active = ActiveFaults::default();
        let display = Display::start(Arc::clone(&progress), active.clone(), clock, self.plan.load_duration());

        let watch = Watch::begin(Arc::clone(cluster), stop);
        let result =
            self.load_and_drain(cluster, topics, &recorder, &progress, active, &display, stop, &watch).await;
        watch.end().await;

        display.stop().await;
        if let Err(e) = sampler.stop().await {
            self.notices.say(&format!("  warning: the cluster could not be sampled to the end: {e}"));
        }
        let recorder =
            Arc::into_inner(recorder).context("the recorder is still in use; this is a bug in tribunal")?;
        let summary = recorder.finish()?;
        self.meta.terms.lines = Some(summary.lines);
        self.notices.say(&format!(
            "  ✓ recorded {} lines, {:.1} MB",
            grouped(summary.lines),
            summary.bytes as f64 / 1e6
        ));
        result
    }

    #[allow(clippy::too_many_arguments)]
    async fn load_and_drain(
        &mut self,
        cluster: &Arc<Cluster>,
        topics: Vec<TopicSpec>,
        recorder: &Arc<Recorder>,
        progress: &Arc<Progress>,
        active: ActiveFaults,
        display: &Display,
        stop: &Stop,
        watch: &Watch,
    ) -> Result<Ending> {
        let names = self.meta.topics.clone();
        let (load_ended, over) = tokio::sync::watch::channel(false);
        let stage = Stage {
            cluster: Arc::clone(cluster),
            topics,
            seed: self.plan.seed,
            clock: recorder.clock(),
            tape: recorder.tape(),
            run_dir: self.dir.path().to_owned(),
            active,
        };
        let runner = Runner::prepare(self.plan.schedule.clone(), stage)?;
        let nemesis = tokio::spawn(runner.run(over));
        // Faults heal at once then: the clients may still wait for their last answers.
        let interruption = tokio::spawn({
            let (over, load_ended) = (watch.over.clone(), load_ended.clone());
            async move {
                Watch::wait(over).await;
                let _ = load_ended.send(true);
            }
        });
        let load = {
            let (workload, endpoints) = (self.plan.workload.clone(), cluster.endpoints().clone());
            let (recorder, progress, flag) =
                (Arc::clone(recorder), Arc::clone(progress), Arc::clone(&watch.flag));
            let names = names.clone();
            tokio::task::spawn_blocking(move || {
                run_queue(&workload, &endpoints, &names, &recorder, &progress, &flag)
            })
        };
        let load = load.await.context("the workload ended unexpectedly");
        let _ = load_ended.send(true);
        let faults = nemesis.await.context("the nemesis ended unexpectedly");
        interruption.abort();
        let load = load??;
        let faults = faults?;
        self.tell(&load, &faults, cluster.lost().as_deref());
        self.meta.terms.unsent = (self.plan.scenario.workload.rate > 0.0).then_some(load.unsent);
        if stop.asked() {
            return Ok(Ending::Interrupted);
        }
        self.still_there(cluster)?;

        display.phase(Phase::Settle);
        let health = wait_healthy(cluster.endpoints(), &names, SETTLE, watch.over.clone()).await;
        let settle = health.settle;
        let healthy = if settle.healthy { "✓ healthy" } else { "- not healthy" };
        self.notices.say(&format!("  {healthy} after {:.1}s{}", settle.seconds, listed(&settle.missing)));
        self.meta.settle = Some(settle);
        self.meta.terms.doubts = health.doubts;
        // The last words say it too: a history that can still be recorded must not end for this.
        let _ = self.dir.write_meta(&self.meta);
        if stop.asked() {
            return Ok(Ending::Interrupted);
        }
        self.still_there(cluster)?;

        display.phase(Phase::Drain);
        let drain = {
            let (workload, endpoints) = (self.plan.workload.clone(), cluster.endpoints().clone());
            let (recorder, progress, flag) =
                (Arc::clone(recorder), Arc::clone(progress), Arc::clone(&watch.flag));
            tokio::task::spawn_blocking(move || {
                consume_all(&workload, &endpoints, &names, &recorder, &progress, &flag)
            })
        };
        let drain = drain.await.context("the consume-all pass ended unexpectedly")??;
        if stop.asked() {
            return Ok(Ending::Interrupted);
        }
        self.still_there(cluster)?;
        self.notices.say(&tell::drain(&drain));
        Ok(Ending::Recorded)
    }

    /// A target that died by itself is no finding about Kafka.
    fn still_there(&self, cluster: &Cluster) -> Result<()> {
        match cluster.lost() {
            None => Ok(()),
            Some(why) => anyhow::bail!(
                "{why}: what clients saw from then on tells nothing about Kafka; what was recorded is kept, run the test \
                 again"
            ),
        }
    }

    fn tell(&self, load: &QueueReport, faults: &RunnerReport, lost: Option<&str>) {
        tell::load(load).iter().for_each(|line| self.notices.say(line));
        for fault in &faults.faults {
            let done = fault.bit == Some(true) && fault.unmet.is_none();
            let mark = if done { "✓" } else { "-" };
            let evidence = tell::once(&fault.evidence, lost);
            let unmet = fault.unmet.as_ref().map_or(String::new(), |why| format!("; {why}"));
            self.notices.say(&format!("  {mark} fault {} {}: {evidence}{unmet}", fault.number, fault.label));
        }
        // Nothing is in force on a target that is gone.
        for unhealed in faults.unhealed.iter().filter(|_| lost.is_none()) {
            self.notices.say(&format!("  warning: not healed: {unhealed}; `{}` tries again", self.heal()));
        }
    }
}

fn listed(missing: &[String]) -> String {
    if missing.is_empty() { String::new() } else { format!(": {}", missing.join("; ")) }
}
