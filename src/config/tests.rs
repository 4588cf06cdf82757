use super::*;

fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.toml");
    std::fs::write(&path, file).unwrap();
    Config::load(
        Some(&path),
        env.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn faults(file: &str, env: &[(&str, &str)]) -> String {
    load(file, env).unwrap_err().to_string()
}

#[test]
fn the_example_is_the_default() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.origin(), "http://127.0.0.1:8080");
    assert_eq!(config.server.body_limit_bytes, 1 << 20);
    assert_eq!(
        config.database.url,
        DatabaseUrl::Sqlite("data/b2b-dashboard.db".into())
    );
    assert!(config.email.smtp.is_none() && config.telemetry.otlp_endpoint.is_none());
    assert!(
        config
            .explain()
            .iter()
            .all(|setting| setting.source == "default")
    );
}

#[test]
fn every_setting_of_the_example_has_a_sentence() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains(" = ")) {
        assert!(
            pair[0].starts_with("# ") && pair[0].ends_with('.'),
            "{}",
            pair[1]
        );
    }
}

#[test]
fn environment_beats_file_beats_default() {
    let file =
        "[server]\nlisten = \"127.0.0.1:1\"\nbody_limit_bytes = 2048\n[jobs]\nrun_in_serve = false";
    let env = [
        ("B2B_SERVER__LISTEN", "0.0.0.0:2"),
        ("B2B_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("B2B_JOBS__WORKERS", "7"),
    ];
    let config = load(file, &env).unwrap();
    assert_eq!(config.server.origin(), "http://localhost:2");
    assert_eq!(config.server.body_limit_bytes, 2048);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.jobs.workers, 7);
    assert!(!config.jobs.run_in_serve);
    let source = |key: &str| {
        config
            .explain()
            .iter()
            .find(|setting| setting.key == key)
            .unwrap()
            .source
            .clone()
    };
    assert_eq!(source("server.listen"), "B2B_SERVER__LISTEN");
    assert!(source("jobs.run_in_serve").ends_with("test.toml"));
    assert_eq!(source("jobs.lease_seconds"), "default");
}

#[test]
fn unknown_names_are_refused_with_the_one_meant() {
    for (file, wanted) in [
        (
            "[server]\nlisen = \"x\"",
            "server.lisen: is not a setting; did you mean server.listen? (in ",
        ),
        ("[email]\nworkers = 3", "did you mean jobs.workers?"),
        (
            "[sever]\nlisten = \"x\"",
            "sever: is not a section; did you mean server?",
        ),
        (
            "listen = \"x\"",
            "listen: is not a setting; did you mean server.listen?",
        ),
        ("server = 1", "server: is a section: write [server]"),
        ("[server]\nzzz = 1", "server.zzz: is not a setting (in "),
    ] {
        let text = faults(file, &[]);
        assert!(text.contains(wanted), "{text}");
    }
    let text = faults("", &[("B2B_SERVER_LISTEN", "x"), ("B2B_JOBS__WORKER", "1")]);
    assert!(
        text.contains("B2B_SERVER_LISTEN: is not a setting; did you mean B2B_SERVER__LISTEN?"),
        "{text}"
    );
    assert!(
        text.contains(
            "jobs.worker: is not a setting; did you mean jobs.workers? (in the environment)"
        ),
        "{text}"
    );
}

#[test]
fn other_programs_variables_are_left_alone() {
    assert!(
        load(
            "",
            &[
                ("B2B_DASHBOARD_PORT_8080_TCP", "x"),
                ("B2B_SERVER_PORT", "x"),
                ("HOME", "/"),
                ("B2B", "x")
            ]
        )
        .is_ok()
    );
}

#[test]
fn all_faults_come_at_once_with_key_form_and_source() {
    let file = "[server]\nlisten = 80\n[database]\nurl = \"mysql://u:hunter2@h/d\"\npool_size = 0\n[log]\nlevel = \"inof\"";
    let text = faults(
        file,
        &[
            ("B2B_JOBS__RUN_IN_SERVE", "yes"),
            ("B2B_RETENTION__TRASH_DAYS", ""),
        ],
    );
    for wanted in [
        "server.listen: must be an address and port such as 127.0.0.1:8080, found 80 (in ",
        "database.url: must be sqlite:PATH or postgres://user:password@host/name",
        "database.pool_size: must be a whole number from 1 to 1000, found 0",
        "log.level: must be a level",
        "jobs.run_in_serve: must be true or false, found \"yes\" (in B2B_JOBS__RUN_IN_SERVE)",
        "retention.trash_days: must be a whole number from 1 to 3650, found \"\"",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn files_that_cannot_be_read_say_so_without_quoting() {
    let error = Config::load(Some(Path::new("/nonexistent/x.toml")), []).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("/nonexistent/x.toml: cannot be read"),
        "{error}"
    );
    let text = faults("[email]\npassword = \"hunter2\n", &[]);
    assert!(text.contains("is not TOML: line 2"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn secrets_are_never_shown() {
    let env = [
        ("B2B_DATABASE__URL", "postgres://b2b:hunter2@db/b2b"),
        ("B2B_EMAIL__USERNAME", "me"),
        ("B2B_EMAIL__PASSWORD", "hunter2"),
        ("B2B_SECRETS__MASTER_KEY", "hunter2"),
    ];
    let config = load("", &env).unwrap();
    let shown = format!("{config:?} {:?}", config.explain());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("postgres://b2b:***@db/b2b"), "{shown}");
    assert_eq!(config.secrets.master_key.unwrap().expose(), "hunter2");
}

#[test]
fn mail_settings_belong_together() {
    let text = faults(
        "[email]\nhost = \"smtp.example.com\"\nusername = \"me\"",
        &[],
    );
    assert!(
        text.contains("email.from: is needed when email.host is set"),
        "{text}"
    );
    assert!(
        text.contains("email.password: goes together with email.username"),
        "{text}"
    );
    let file = "[email]\nhost = \"smtp.example.com\"\nfrom = \"Training <t@example.com>\"\nsecurity = \"tls\"\nport = 465";
    let smtp = load(file, &[]).unwrap().email.smtp.unwrap();
    assert_eq!((smtp.port, smtp.security), (465, SmtpSecurity::Tls));
}

#[test]
fn public_address_has_no_path() {
    let origin = |url: &str| {
        load("", &[("B2B_SERVER__PUBLIC_URL", url)]).map(|config| config.server.origin())
    };
    assert_eq!(
        origin("https://seats.example.com/").unwrap(),
        "https://seats.example.com"
    );
    assert_eq!(
        origin("https://seats.example.com:8443").unwrap(),
        "https://seats.example.com:8443"
    );
    for bad in [
        "seats.example.com",
        "ftp://x",
        "https://x/path",
        "https://x/?a",
        "https://me@x",
    ] {
        assert!(origin(bad).is_err(), "{bad}");
    }
}

#[test]
fn passwords_in_addresses_are_hidden_however_they_are_written() {
    let masked = |key: &str, text: &str| source::masked(key, &toml::Value::String(text.to_owned()));
    for (text, shown) in [
        ("postgres://b2b@db/b2b", "postgres://b2b@db/b2b"),
        ("postgres://b2b:12#3@4@db/b2b", "postgres://b2b:***@db/b2b"),
        (
            "postgres://b2b:a?b@db/b2b?sslmode=require",
            "postgres://b2b:***@db/b2b?sslmode=require",
        ),
        (
            "postgres://db/b2b?user=b2b&password=x",
            "postgres://db/b2b?***",
        ),
        (
            "postgres://a:b@db/b2b?password=x",
            "postgres://a:***@db/b2b?***",
        ),
        ("host=db password=x", "***"),
        ("sqlite:data/x.db", "sqlite:data/x.db"),
    ] {
        assert_eq!(masked("database.url", text).as_str(), Some(shown));
    }
    assert_eq!(
        masked("telemetry.otlp_endpoint", "http://a:b@c:1").as_str(),
        Some("http://a:***@c:1")
    );
}
