//! Client settings for TLS and SASL: which there are, and which this build can speak.
//!
//! librdkafka without OpenSSL still speaks SASL PLAIN in the clear; TLS, SCRAM and OAUTHBEARER need the
//! cargo feature `ssl`. Its own errors do not say so, hence the check before any client is made.

use store::settings::Settings;

use crate::error::NemesisError;

/// Whether a client setting belongs to the cluster's security and not to the test.
pub fn is_security(name: &str) -> bool {
    name == "security.protocol"
        || name.starts_with("ssl.")
        || name.starts_with("sasl.")
        || matches!(name, "enable.ssl.certificate.verification" | "enable.sasl.oauthbearer.unsecure.jwt")
}

/// The security settings among a client's settings.
pub fn select(settings: &Settings) -> Settings {
    let chosen = settings.iter().filter(|(name, _)| is_security(name));
    chosen.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// `, sasl_ssl`: the protocol for a description, empty where there is none.
pub fn describe(security: &Settings) -> String {
    security
        .get("security.protocol")
        .map(|protocol| format!(", {}", protocol.to_lowercase()))
        .unwrap_or_default()
}

/// Refuses what this build cannot speak.
///
/// # Errors
/// What is asked for and what it needs. No message holds the value of a secret.
pub fn check(security: &Settings) -> Result<(), NemesisError> {
    check_for(security, cfg!(feature = "ssl"))
}

fn check_for(security: &Settings, has_ssl: bool) -> Result<(), NemesisError> {
    let refuse = |text: String| Err(NemesisError::Other(text));
    let get = |name: &str| security.get(name).map(|v| v.to_lowercase());
    let protocol = get("security.protocol").unwrap_or_else(|| "plaintext".to_owned());
    if !["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(&protocol.as_str()) {
        return refuse(format!(
            "security.protocol={protocol} is unknown: use plaintext, ssl, sasl_plaintext or sasl_ssl"
        ));
    }
    // Both spellings mean the same.
    let mechanism = get("sasl.mechanism").or_else(|| get("sasl.mechanisms"));
    let sasl = protocol.starts_with("sasl");
    if sasl {
        match mechanism.as_deref() {
            None => {
                return refuse(format!(
                    "security.protocol={protocol} needs sasl.mechanism: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or \
                     OAUTHBEARER"
                ));
            }
            Some("plain" | "scram-sha-256" | "scram-sha-512" | "oauthbearer") => {}
            Some("gssapi") => {
                return refuse(
                    "sasl.mechanism=GSSAPI (Kerberos) is not built in: use PLAIN, SCRAM or OAUTHBEARER"
                        .to_owned(),
                );
            }
            Some(other) => {
                return refuse(format!(
                    "sasl.mechanism={other} is unknown: use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
                ));
            }
        }
    }
    if get("sasl.oauthbearer.method").as_deref() == Some("oidc") {
        return refuse(
            "sasl.oauthbearer.method=oidc is not built in: it needs libcurl in the client library".into(),
        );
    }
    if has_ssl {
        return Ok(());
    }
    let needs = if protocol.ends_with("ssl") {
        format!("security.protocol={protocol}")
    } else if let Some(name) = security.keys().find(|name| name.starts_with("ssl.")) {
        name.clone()
    } else if sasl && let Some(mechanism) = mechanism.filter(|m| m != "plain") {
        format!("sasl.mechanism={}", mechanism.to_uppercase())
    } else {
        return Ok(());
    };
    refuse(format!(
        "{needs} needs OpenSSL, and this tribunal was built without it: build it with the cargo feature `ssl` \
         (cargo build --release --features ssl; it wants OpenSSL's headers)"
    ))
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;
    use rdkafka::consumer::BaseConsumer;

    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn sasl(mechanism: &str) -> Settings {
        settings(&[
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", mechanism),
            ("sasl.username", "alice"),
            ("sasl.password", "hunter2"),
        ])
    }

    #[test]
    fn what_needs_openssl_names_the_feature() {
        for asked in [
            settings(&[("security.protocol", "SSL")]),
            settings(&[("security.protocol", "sasl_ssl"), ("sasl.mechanism", "PLAIN")]),
            settings(&[("ssl.ca.location", "/etc/ca.pem")]),
            sasl("SCRAM-SHA-256"),
            sasl("OAUTHBEARER"),
        ] {
            let error = check_for(&asked, false).unwrap_err().to_string();
            assert!(error.contains("feature `ssl`") && !error.contains("hunter2"), "{error}");
            check_for(&asked, true).unwrap();
        }
    }

    #[test]
    fn plain_and_no_security_need_nothing() {
        check_for(&Settings::new(), false).unwrap();
        check_for(&sasl("PLAIN"), false).unwrap();
    }

    #[test]
    fn what_no_build_speaks_is_refused() {
        for (asked, word) in [
            (settings(&[("security.protocol", "tls")]), "unknown"),
            (settings(&[("security.protocol", "sasl_plaintext")]), "needs sasl.mechanism"),
            (sasl("GSSAPI"), "Kerberos"),
            (sasl("DIGEST-MD5"), "unknown"),
        ] {
            let error = check_for(&asked, true).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    /// The check must agree with the client library that is really linked.
    #[test]
    fn the_client_library_agrees() {
        for (mechanism, works) in [
            ("PLAIN", true),
            ("SCRAM-SHA-256", cfg!(feature = "ssl")),
            ("SCRAM-SHA-512", cfg!(feature = "ssl")),
        ] {
            let asked = sasl(mechanism);
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", "127.0.0.1:1");
            config.extend(asked.iter().map(|(k, v)| (k.clone(), v.clone())));
            let made = config.create::<BaseConsumer>();
            assert_eq!(made.is_ok(), works, "{mechanism}: {:?}", made.err());
            assert_eq!(check(&asked).is_ok(), works, "{mechanism}");
        }
    }

    #[test]
    fn security_settings_are_told_from_others() {
        let all = settings(&[
            ("acks", "all"),
            ("sasl.username", "a"),
            ("ssl.ca.location", "x"),
            ("security.protocol", "ssl"),
        ]);
        let chosen = select(&all);
        assert_eq!(
            chosen.keys().collect::<Vec<_>>(),
            ["sasl.username", "security.protocol", "ssl.ca.location"]
        );
        assert_eq!(describe(&chosen), ", ssl");
    }
}
