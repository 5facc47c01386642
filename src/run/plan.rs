//! The plan of a run: everything that can be refused before anything is started.

use std::time::Duration;

use anyhow::Result;
use nemesis::admin::TopicSpec;
use nemesis::cluster::mock::admit::{MockPlan, admit};
use nemesis::fault::FaultSpec;
use nemesis::fault::random::RandomSpec;
use nemesis::fault::schedule::Schedule;
use nemesis::fault::when::parse_duration;
use nemesis::target::partition_key;
use store::run_meta::Terms;
use workloads::Resolved;

use crate::exit::usage;
use crate::scenario::{Scenario, Target, parse_seed};

/// What will be done.
pub struct Plan {
    /// What was asked for, all options in it.
    pub scenario: Scenario,
    /// On what.
    pub target: Target,
    /// Seeds every random choice.
    pub seed: u64,
    /// By which clients.
    pub workload: Resolved,
    /// With which faults.
    pub schedule: Schedule,
    /// How long a partition may go without an acknowledgement.
    pub max_stall: Option<Duration>,
}

impl Plan {
    /// Makes the plan of a scenario.
    ///
    /// # Errors
    /// Every contradiction in what was asked for: all usage errors.
    pub fn make(mut scenario: Scenario) -> Result<Plan> {
        let target = scenario.target()?;
        let seed = match &scenario.seed {
            Some(seed) => parse_seed(seed)?,
            // Short enough to be typed again.
            None => u64::from(rand::random::<u32>() >> 8),
        };
        scenario.seed = Some(format!("{seed:x}"));
        let workload = scenario.workload.resolve(target.kind(), seed).map_err(usage)?;
        refuse_nothing(&scenario, &target, &workload)?;
        let mut specs: Vec<FaultSpec> = Vec::new();
        for fault in scenario.faults.iter().flatten() {
            specs.push(fault.parse().map_err(usage)?);
        }
        let random = random_faults(&scenario)?;
        refuse_faults(&scenario, &target, &specs, random.as_ref())?;
        let mut schedule =
            Schedule::plan(&specs, random.as_ref(), load_duration(&workload), seed).map_err(usage)?;
        schedule.warnings.extend(scenario.remark.take());
        let max_stall = scenario
            .max_stall
            .as_ref()
            .map(|limit| parse_duration(limit).map_err(|e| usage(format!("max_stall = {limit}: {e}"))));
        let max_stall = max_stall.transpose()?;
        let plan = Plan { scenario, target, seed, workload, schedule, max_stall };
        let judged = checker::Context { terms: plan.terms(), ..checker::Context::default() };
        checker::admit(&judged, &checker::Options::default()).map_err(usage)?;
        if plan.target == Target::Mock {
            plan.admit_on_mock()?;
        }
        plan.refuse_partitions()?;
        Ok(plan)
    }

    /// Faults at partitions that the run will not have. Elsewhere than on its own cluster the topics' names are not
    /// known yet.
    fn refuse_partitions(&self) -> Result<()> {
        if !self.owns_cluster() {
            return Ok(());
        }
        let topics = self.topics("");
        for spec in self.schedule.specs() {
            partition_key(spec.aim.partition(), &topics).map_err(|why| usage(format!("`{spec}`: {why}")))?;
        }
        Ok(())
    }

    fn owns_cluster(&self) -> bool {
        matches!(self.target, Target::Mock | Target::Docker)
    }

    fn admit_on_mock(&self) -> Result<()> {
        let load = self.workload.partition_load(self.workload.time_limit);
        let specs = self.schedule.specs();
        admit(&MockPlan {
            idempotent: self.workload.idempotent,
            transactional: self.scenario.workload.transactional,
            max_in_flight: Some(self.workload.max_in_flight),
            faults: &specs,
            bytes_per_partition: Some(load.bytes),
            batches_per_partition: Some(load.batches),
        })
        .map_err(|reasons| usage(format!("the mock cannot be trusted with this run: {reasons}")))
    }

    /// The topics of the run. On a cluster that is the run's own they have short names.
    pub fn topics(&self, run_id: &str) -> Vec<TopicSpec> {
        let workload = &self.scenario.workload;
        let own = self.owns_cluster();
        (0..workload.topics)
            .map(|i| TopicSpec {
                name: match (own, workload.topics) {
                    (true, 1) => "t".to_owned(),
                    (true, _) => format!("t{i}"),
                    (false, _) => format!("tribunal-{run_id}-{i}"),
                },
                partitions: workload.partitions as i32,
                replication_factor: workload.replication_factor as i32,
                config: self.workload.topic_settings.clone(),
            })
            .collect()
    }

    /// What judging will depend on.
    pub fn terms(&self) -> Terms {
        let mut terms = Terms {
            guarantee: self.scenario.guarantee.clone(),
            faults_asked: Some(self.schedule.faults.len() as u32),
            faults_drawn: self.scenario.random.is_some(),
            consume_all: Some(true),
            log_start_must_be_zero: self.target == Target::Mock,
            max_stall_ms: self.max_stall.map(|limit| limit.as_millis() as u64),
            expect: self.scenario.expect.clone(),
            ..Terms::default()
        };
        self.workload.terms(&mut terms);
        terms
    }

    /// How long the load lasts, where that is known.
    pub fn load_duration(&self) -> Option<Duration> {
        load_duration(&self.workload)
    }
}

/// Faults that this kind of target does not know, or that its cluster will be too small for: all at once, before
/// anything of it is started.
fn refuse_faults(
    scenario: &Scenario,
    target: &Target,
    specs: &[FaultSpec],
    random: Option<&RandomSpec>,
) -> Result<()> {
    let terrain = target.terrain(scenario.brokers.into(), scenario.workload.replication_factor);
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let mut refuse = |what: String, reason: String| match reasons.iter_mut().find(|(r, _)| *r == reason) {
        Some((_, all)) => all.push(what),
        None => reasons.push((reason, vec![what])),
    };
    for spec in specs {
        if let Some(reason) = terrain.refuses(spec) {
            refuse(format!("`{spec}`"), reason);
        }
    }
    for kind in random.iter().flat_map(|random| &random.kinds) {
        if let Some(reason) = terrain.refuses_random(kind) {
            refuse(format!("random `{kind}`"), reason);
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let reasons = reasons.iter().map(|(reason, what)| format!("{}: {reason}", what.join(", ")));
    let reasons = reasons.collect::<Vec<_>>().join("\n  ");
    Err(usage(format!("these faults cannot be done on the target {target}:\n  {reasons}")))
}

/// What no run can be made of: no brokers, more replicas than brokers, no time.
fn refuse_nothing(scenario: &Scenario, target: &Target, workload: &Resolved) -> Result<()> {
    if workload.time_limit.is_zero() {
        return Err(usage("--time-limit 0s: a load of no length does nothing; give it some seconds"));
    }
    if !matches!(target, Target::Mock | Target::Docker) {
        return Ok(());
    }
    let (brokers, replicas) = (u32::from(scenario.brokers), scenario.workload.replication_factor);
    let most = if *target == Target::Docker { 9 } else { 100 };
    if !(1..=most).contains(&brokers) {
        return Err(usage(format!("--brokers {brokers}: the target {target} has 1 to {most} brokers")));
    }
    if replicas > brokers {
        return Err(usage(format!(
            "--replication-factor {replicas} is more than the cluster's brokers ({brokers}): each replica needs a broker of \
             its own; give a smaller factor or more --brokers"
        )));
    }
    Ok(())
}

fn random_faults(scenario: &Scenario) -> Result<Option<RandomSpec>> {
    let Some(random) = &scenario.random else { return Ok(None) };
    let mut spec = RandomSpec::parse(&random.kinds.join(",")).map_err(usage)?;
    if let Some(interval) = &random.interval {
        spec.interval =
            parse_duration(interval).map_err(|e| usage(format!("cannot read interval `{interval}`: {e}")))?;
        spec.hold = spec.interval / 2;
    }
    Ok(Some(spec))
}

/// A load that its sends end has no length that is known beforehand, unless a rate paces it.
fn load_duration(workload: &Resolved) -> Option<Duration> {
    let config = &workload.config;
    match config.sends {
        None => Some(workload.time_limit),
        Some(sends) if config.rate > 0.0 => {
            let seconds = sends as f64 * f64::from(config.producers) / config.rate;
            Some(workload.time_limit.min(Duration::from_secs_f64(seconds)))
        }
        Some(_) => None,
    }
}
