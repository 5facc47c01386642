//! Client settings as they are recorded, and the redaction of secrets in them.

use std::collections::BTreeMap;

/// Client settings by the client library's own names, in a stable order.
pub type Settings = BTreeMap<String, String>;

/// What stands in place of a secret wherever tribunal writes or prints one.
pub const REDACTED: &str = "[redacted]";

/// Whether a setting's value must never be written or printed.
///
/// Whatever looks like a secret is one: a wrongly redacted setting costs a look, a leaked one costs a key.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if name.ends_with(".location") {
        return false;
    }
    const WORDS: [&str; 11] = [
        "password",
        "passphrase",
        "secret",
        "token",
        "jaas",
        "oauthbearer.config",
        "private",
        "credential",
        ".pem",
        "keystore.key",
        "kinit.cmd",
    ];
    WORDS.iter().any(|word| name.contains(word))
}

/// The settings with every secret replaced by [`REDACTED`].
pub fn redact(settings: &Settings) -> Settings {
    settings
        .iter()
        .map(|(name, value)| {
            (name.clone(), if is_secret(name) { REDACTED.to_owned() } else { value.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_paths_stay() {
        for name in [
            "sasl.password",
            "ssl.key.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "ssl.keystore.key",
            "sasl.kerberos.kinit.cmd",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["ssl.key.location", "ssl.ca.location", "acks", "sasl.mechanism", "sasl.username"] {
            assert!(!is_secret(name), "{name}");
        }
        let mut settings = Settings::new();
        settings.insert("sasl.password".into(), "hunter2".into());
        settings.insert("acks".into(), "all".into());
        let shown = redact(&settings);
        assert_eq!(shown["sasl.password"], REDACTED);
        assert_eq!(shown["acks"], "all");
    }
}
