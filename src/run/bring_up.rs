//! Bringing the cluster up, and what each target needs for it.

use std::sync::Arc;

use anyhow::{Context, Result};
use nemesis::cluster::Cluster;
use nemesis::cluster::attach::{AttachSpec, AttachedCluster};
use nemesis::cluster::docker::{DockerCluster, DockerSpec};
use nemesis::cluster::external::ExternalCluster;
use nemesis::cluster::mock::{MockCluster, MockSpec};

use super::notice::Notices;
use super::plan::Plan;
use crate::scenario::Target;

/// Brings the cluster up, ready for clients.
pub async fn bring_up(plan: &Plan, run_id: &str, keep: bool, notices: Arc<Notices>) -> Result<Cluster> {
    crate::signals::name_run(run_id);
    let scenario = &plan.scenario;
    Ok(match &plan.target {
        Target::Mock => {
            let program = std::env::current_exe().context("cannot find tribunal's own program")?;
            let spec = MockSpec { brokers: u32::from(scenario.brokers), topics: Vec::new() };
            Cluster::Mock(MockCluster::spawn(&program, &spec).await?)
        }
        Target::Docker => {
            let mut spec = DockerSpec::new(run_id);
            if let Some(image) = &scenario.image {
                spec.image.clone_from(image);
            }
            spec.brokers = scenario.brokers;
            spec.keep = keep;
            spec.broker_config.clone_from(&scenario.broker_set);
            spec.security = scenario.security();
            if scenario.tools_image.is_some() {
                spec.cut.tools_base.clone_from(&scenario.tools_image);
            }
            spec.progress = Arc::new(move |text: &str| notices.say(&format!("  {text}")));
            Cluster::Docker(DockerCluster::create(spec).await?)
        }
        Target::Attach(selector) => {
            let mut spec = AttachSpec::new(selector, run_id, scenario.bootstrap.clone(), scenario.security());
            if scenario.tools_image.is_some() {
                spec.cut.tools_base.clone_from(&scenario.tools_image);
            }
            spec.progress = Arc::new(move |text: &str| notices.say(&format!("  {text}")));
            Cluster::Attached(AttachedCluster::open(spec).await?)
        }
        Target::External(servers) => {
            Cluster::External(ExternalCluster::open(&servers.join(","), plan.scenario.security()).await?)
        }
    })
}
