//! What a run is aimed at, as it is written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use nemesis::fault::admit::Terrain;

/// A target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// librdkafka's mock cluster.
    Mock,
    /// Containers that tribunal creates.
    Docker,
    /// Somebody else's containers: `compose:PROJECT` or `label:KEY=VALUE`.
    Attach(String),
    /// Bootstrap servers.
    External(Vec<String>),
}

impl Target {
    /// The kind's word, as `run.json` and the workload know it.
    pub fn kind(&self) -> &'static str {
        match self {
            Target::Mock => "mock",
            Target::Docker => "docker",
            Target::Attach(_) => "attach",
            Target::External(_) => "external",
        }
    }

    /// The faults of a run that names none, as far as this many brokers and replicas can have them. What is not
    /// tribunal's own is broken only when asked.
    pub fn default_faults(&self, brokers: u32, replicas: u32) -> Vec<String> {
        let faults: &[&str] = match self {
            Target::Mock => &["broker-down@25%+15%", "leader-move@60%"],
            Target::Docker => &["isolate-leader@20%+30%", "kill-leader@65%+15%"],
            Target::Attach(_) | Target::External(_) => &[],
        };
        let terrain = self.terrain(brokers, replicas);
        let fits = |fault: &&&str| fault.parse().is_ok_and(|spec| terrain.refuses(&spec).is_none());
        faults.iter().filter(fits).map(|f| (*f).to_owned()).collect()
    }

    /// What is known of it before it is there, as far as faults go.
    pub fn terrain(&self, brokers: u32, replicas: u32) -> Terrain {
        let own = matches!(self, Target::Mock | Target::Docker);
        Terrain { kind: self.kind().to_owned(), brokers: own.then_some(brokers), replicas }
    }

    /// How long a run lasts that does not say: real brokers need 9 s to notice that a leader is gone.
    pub fn default_time_limit(&self) -> Duration {
        Duration::from_secs(if *self == Target::Docker { 60 } else { 30 })
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(s: &str) -> Result<Target, String> {
        let known = "mock, docker, compose:PROJECT, label:KEY=VALUE, or HOST:PORT[,HOST:PORT...]";
        let bad = |why: &str| format!("target \"{s}\" {why}; a target is {known}");
        match s {
            "mock" => return Ok(Target::Mock),
            "docker" => return Ok(Target::Docker),
            _ => {}
        }
        if let Some(project) = s.strip_prefix("compose:") {
            return if project.is_empty() {
                Err(bad("names no project"))
            } else {
                Ok(Target::Attach(s.into()))
            };
        }
        if let Some(label) = s.strip_prefix("label:") {
            let complete =
                label.split_once('=').is_some_and(|(key, value)| !key.is_empty() && !value.is_empty());
            return if complete {
                Ok(Target::Attach(s.into()))
            } else {
                Err(bad("names no label and value"))
            };
        }
        let servers: Vec<String> = s.split(',').map(|server| server.trim().to_owned()).collect();
        for server in &servers {
            let port = server
                .rsplit_once(':')
                .filter(|(host, _)| !host.is_empty())
                .map(|(_, port)| port.parse::<u16>());
            match port {
                Some(Ok(1..)) => {}
                Some(_) => return Err(bad(&format!("has no port in \"{server}\""))),
                None => return Err(bad("is not known")),
            }
        }
        Ok(Target::External(servers))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Mock | Target::Docker => f.write_str(self.kind()),
            Target::Attach(selector) => f.write_str(selector),
            Target::External(servers) => f.write_str(&servers.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_faults_fit_the_cluster() {
        assert_eq!(Target::Mock.default_faults(3, 3), ["broker-down@25%+15%", "leader-move@60%"]);
        assert_eq!(Target::Mock.default_faults(3, 1), ["broker-down@25%+15%"]);
        assert_eq!(Target::Docker.default_faults(3, 3).len(), 2);
        assert_eq!(Target::Docker.default_faults(1, 1), ["kill-leader@65%+15%"]);
    }

    #[test]
    fn targets_are_told_apart() {
        assert_eq!("mock".parse(), Ok(Target::Mock));
        assert_eq!("compose:shop".parse(), Ok(Target::Attach("compose:shop".into())));
        assert_eq!("label:app=kafka".parse(), Ok(Target::Attach("label:app=kafka".into())));
        let external = Target::External(vec!["a:9092".into(), "[::1]:9092".into()]);
        assert_eq!("a:9092, [::1]:9092".parse(), Ok(external));
        for bad in ["", "podman", "compose:", "label:x", "label:=v", "host:", "host:99999", "a:1,b", "host:0"]
        {
            let error = bad.parse::<Target>().expect_err(bad);
            assert!(error.contains("HOST:PORT") && error.contains(bad), "{error}");
        }
    }
}
