//! Which faults there are, by the target that can do them: for help and for `tribunal scenarios`.

use nemesis::fault::admit::Terrain;

/// A target's kind, with as many brokers and replicas as any fault needs.
fn terrain(kind: &str) -> Terrain {
    Terrain { kind: kind.to_owned(), brokers: None, replicas: 3 }
}

/// The targets in words, each with the names that `--fault` takes there.
pub fn faults_by_target() -> [(&'static str, Vec<String>); 2] {
    [("mock", terrain("mock").names()), ("docker, compose:, label:", terrain("attach").names())]
}

/// The targets in words, each with the kinds that `--nemesis` takes there.
pub fn random_by_target() -> [(&'static str, Vec<&'static str>); 2] {
    [("mock", terrain("mock").random_kinds()), ("docker, compose:, label:", terrain("attach").random_kinds())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_belongs_to_a_target() {
        let [(_, mock), (_, containers)] = faults_by_target();
        assert!(
            mock.contains(&"broker-down-random".to_owned()) && mock.contains(&"leader-move".to_owned()),
            "{mock:?}"
        );
        assert!(!mock.iter().any(|name| name.ends_with("-controller")), "the mock has none: {mock:?}");
        assert!(containers.contains(&"isolate-leader".to_owned()), "{containers:?}");
        assert!(containers.contains(&"kill-controller".to_owned()), "{containers:?}");
        assert!(!containers.iter().any(|name| name.starts_with("slow-broker")), "{containers:?}");
    }
}
