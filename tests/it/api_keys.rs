//! API keys: what they grant, how they are rotated and how they end, on both databases.

use std::net::IpAddr;

use b2b_dashboard::access::api_keys::{
    self, ApiKey, ApiKeyPatch, ApiKeyStatus, NewApiKey, Preset, ScopeChoice,
};
use b2b_dashboard::access::authenticate::authenticate;
use b2b_dashboard::access::roles::GlobalRole;
use b2b_dashboard::access::{Actor, ActorKind, Call, Caller, Permission, Reach};
use b2b_dashboard::accounts::{self, NewAccount};
use b2b_dashboard::admins;
use b2b_dashboard::app::App;
use b2b_dashboard::commit::commit;
use b2b_dashboard::config::Config;
use b2b_dashboard::db::{Select, Statement, migrate};
use b2b_dashboard::error::{Code, Result};
use b2b_dashboard::params;
use b2b_dashboard::resources::user::User;
use b2b_dashboard::types::{AccountId, Clock, Email, Ids, Name, Timestamp};
use tempfile::TempDir;

use crate::support::database::{Engine, OnDatabase, TestDatabase, both};

/// The cache of keys believes what it knows for less than this.
const CACHE: std::time::Duration = std::time::Duration::from_millis(900);

/// An account with its owner, on a clock that tests turn.
struct Keys {
    app: App,
    account: AccountId,
    owner: User,
    _folder: TempDir,
    _database: TestDatabase,
}

impl OnDatabase for Keys {
    async fn on(engine: Engine) -> Self {
        let database = TestDatabase::new(engine, async |url: &str| {
            migrate::migrate(url).await.expect("a schema");
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        let key_file = folder.path().join("secret.key").display().to_string();
        let env = [
            ("B2B_DATABASE__URL", database.url.clone()),
            ("B2B_SECRETS__MASTER_KEY_FILE", key_file),
        ];
        let config = Config::load(None, env.map(|(name, value)| (name.to_owned(), value)))
            .expect("settings");
        let clock = Clock::fixed(Timestamp::from_micros(1_800_000_000_000_000));
        let app = App::open(config, clock, Ids::system()).expect("an app");
        let account = accounts::create(&app, &NewAccount::named(name("Acme Academy")))
            .await
            .expect("an account");
        let call = accounts::operator(&app, account.id.clone());
        let email = Email::parse("owner@example.com").expect("an address");
        let made = commit(&app.db, &app.ids, &call, || {
            admins::create(&app, &call, &email, None, GlobalRole::Owner, None)
        });
        let (owner, _) = made.await.expect("an owner").value;
        Self {
            app,
            account: account.id,
            owner,
            _folder: folder,
            _database: database,
        }
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect(text)
}

fn full(text: &str) -> NewApiKey {
    NewApiKey::new(name(text), ScopeChoice::Preset(Preset::Full))
}

impl Keys {
    /// A call of the owner.
    fn call(&self) -> Call {
        let mut call = accounts::operator(&self.app, self.account.clone());
        let mut caller = Caller::clone(&call.caller);
        caller.actor = Actor {
            kind: ActorKind::User,
            id: Some(self.owner.id.as_str().into()),
            name: "Owner".into(),
        };
        call.caller = caller.into();
        call
    }

    /// A call with a key.
    async fn call_by(&self, secret: &str) -> Call {
        let known = self.enter(secret, None).await.expect("a live key");
        let mut call = self.call();
        call.caller = known;
        call
    }

    async fn make(&self, call: &Call, new: &NewApiKey) -> Result<(ApiKey, String)> {
        let made = commit(&self.app.db, &self.app.ids, call, || {
            api_keys::create(&self.app, call, new)
        });
        made.await
            .map(|done| (done.value.0, done.value.1.expose().to_owned()))
    }

    async fn enter(&self, secret: &str, address: Option<IpAddr>) -> Result<std::sync::Arc<Caller>> {
        let header = format!("Bearer {secret}");
        let known = authenticate(&self.app, Some(&header), address, self.app.clock.now()).await?;
        Ok(std::sync::Arc::clone(known.caller()))
    }

    async fn refusal(&self, secret: &str) -> Code {
        self.enter(secret, None).await.expect_err("refused").code()
    }

    async fn again(&self, key: &ApiKey) -> ApiKey {
        api_keys::find(&self.app.db, &self.account, &key.id)
            .await
            .expect("the key")
    }

    async fn run(&self, sql: &'static str, params: Vec<b2b_dashboard::db::Value>) {
        self.app
            .db
            .write(&self.account, vec![Statement::new(sql, params)])
            .await
            .expect(sql);
        tokio::time::sleep(CACHE).await;
    }

    async fn events(&self) -> Vec<String> {
        let select = Select::new(
            "SELECT type FROM events WHERE account_id = $1 AND type LIKE 'api_key.%' ORDER BY type",
            Vec::new(),
        );
        self.app
            .db
            .fetch::<(String,)>(&self.account, select)
            .await
            .expect("events")
            .into_iter()
            .map(|(kind,)| kind)
            .collect()
    }
}

both! {
    async fn a_key_works_until_it_is_revoked(keys: Keys) {
        let call = keys.call();
        let (key, secret) = keys.make(&call, &full("Shop")).await.expect("a key");
        let caller = keys.enter(&secret, None).await.expect("it works");
        assert_eq!(caller.permissions, Permission::all());
        assert_eq!(caller.account, keys.account);
        assert!(matches!(caller.reach, Reach::Account));
        assert_eq!(key.created_by.as_deref(), Some(keys.owner.id.as_str()));
        let shown = serde_json::to_string(&key.shown(call.now)).expect("JSON");
        assert!(!shown.contains(&secret) && shown.contains("\"status\":\"active\""), "{shown}");
        let revoked = commit(&keys.app.db, &keys.app.ids, &call, || async { api_keys::revoke(&call, &keys.again(&key).await) }).await.expect("revoked").value;
        assert_eq!(revoked.status(call.now), ApiKeyStatus::Revoked);
        let (nothing, _) = api_keys::revoke(&call, &revoked).expect("again");
        assert!(nothing.is_empty());
        tokio::time::sleep(CACHE).await;
        assert_eq!(keys.refusal(&secret).await, Code::KeyRevoked);
        let update = api_keys::update(&keys.app, &call, &revoked, &ApiKeyPatch::default()).await;
        assert_eq!(update.expect_err("refused").code(), Code::StateConflict);
        assert_eq!(keys.events().await, ["api_key.created", "api_key.revoked"]);
        let all = api_keys::list(&keys.app.db, &keys.account, None, 10).await.expect("a list");
        assert_eq!(all, [revoked]);
    }

    async fn the_older_secret_ends_with_the_overlap(keys: Keys) {
        let call = keys.call();
        let (key, first) = keys.make(&call, &full("Shop")).await.expect("a key");
        let rotate = async |key: &ApiKey, seconds| {
            commit(&keys.app.db, &keys.app.ids, &call, || api_keys::rotate(&keys.app, &call, key, seconds)).await.map(|done| (done.value.0, done.value.1.expose().to_owned()))
        };
        assert_eq!(rotate(&key, 7 * 86_400 + 1).await.expect_err("too long").code(), Code::ValidationFailed);
        let (rotated, second) = rotate(&key, 3600).await.expect("rotated");
        assert_eq!(rotated, keys.again(&key).await);
        tokio::time::sleep(CACHE).await;
        let lineage = keys.enter(&first, None).await.expect("still works").lineage.clone();
        assert_eq!(lineage, keys.enter(&second, None).await.expect("works").lineage);
        keys.app.clock.advance(3600);
        assert_eq!(keys.refusal(&first).await, Code::KeyExpired);
        let (_, third) = rotate(&rotated, 0).await.expect("rotated at once");
        tokio::time::sleep(CACHE).await;
        assert_eq!(keys.refusal(&second).await, Code::KeyExpired);
        keys.enter(&third, None).await.expect("works");
        assert_eq!(rotate(&rotated, 0).await.expect_err("the version has moved on").code(), Code::Contention);
        assert_eq!(keys.events().await, ["api_key.created", "api_key.rotated", "api_key.rotated"]);
    }

    async fn a_key_ends_and_can_be_given_more_time(keys: Keys) {
        let call = keys.call();
        let end = call.now.plus_seconds(60);
        let (key, secret) = keys.make(&call, &NewApiKey { expires_at: Some(end), ..full("Shop") }).await.expect("a key");
        keys.enter(&secret, None).await.expect("works");
        keys.app.clock.advance(60);
        assert_eq!(keys.refusal(&secret).await, Code::KeyExpired);
        let call = keys.call();
        assert_eq!(api_keys::rotate(&keys.app, &call, &key, 0).await.expect_err("expired").code(), Code::StateConflict);
        let past: ApiKeyPatch = serde_json::from_str(r#"{"expires_at":"2020-01-01T00:00:00Z"}"#).expect("a patch");
        assert_eq!(api_keys::update(&keys.app, &call, &key, &past).await.expect_err("past").code(), Code::ValidationFailed);
        let patch: ApiKeyPatch = serde_json::from_str(r#"{"expires_at":null,"name":"Big shop","requests_per_minute":30,"allowed_addresses":["10.0.0.0/8"]}"#).expect("a patch");
        let updated = commit(&keys.app.db, &keys.app.ids, &call, || async { api_keys::update(&keys.app, &call, &keys.again(&key).await, &patch).await }).await.expect("updated").value;
        assert_eq!(updated, keys.again(&key).await);
        assert_eq!(updated.status(call.now), ApiKeyStatus::Active);
        let (nothing, _) = api_keys::update(&keys.app, &call, &updated, &patch).await.expect("again");
        assert!(nothing.is_empty());
        tokio::time::sleep(CACHE).await;
        assert_eq!(keys.refusal(&secret).await, Code::IpNotAllowed);
        keys.enter(&secret, "::ffff:10.1.2.3".parse().ok()).await.expect("an address of the network in IPv6's form");
        assert_eq!(keys.enter(&secret, "11.1.2.3".parse().ok()).await.expect_err("elsewhere").code(), Code::IpNotAllowed);
    }

    async fn a_key_grants_what_its_maker_still_may(keys: Keys) {
        let (_, secret) = keys.make(&keys.call(), &full("Shop")).await.expect("a key");
        let (_, operators) = keys.make(&accounts::operator(&keys.app, keys.account.clone()), &full("Operator's")).await.expect("a key");
        let owner = keys.owner.id.clone();
        keys.run("UPDATE users SET status = 'deactivated' WHERE account_id = $1 AND id = $2", params![owner]).await;
        assert!(keys.enter(&secret, None).await.expect("known").permissions.is_empty());
        keys.run("UPDATE users SET status = 'active' WHERE account_id = $1 AND id = $2", params![owner]).await;
        assert_eq!(keys.enter(&secret, None).await.expect("known").permissions, Permission::all());
        keys.run("UPDATE user_roles SET role = 'reporter' WHERE account_id = $1 AND user_id = $2", params![owner]).await;
        assert!(keys.enter(&secret, None).await.expect("known").permissions.iter().all(|permission| permission.is_read()));
        keys.run("DELETE FROM user_roles WHERE account_id = $1 AND user_id = $2", params![owner]).await;
        assert!(keys.enter(&secret, None).await.expect("known").permissions.is_empty());
        assert_eq!(keys.enter(&operators, None).await.expect("known").permissions, Permission::all());
    }

    async fn a_key_is_no_way_to_more_than_one_has(keys: Keys) {
        let few = ScopeChoice::List([Permission::KeysWrite, Permission::UsersRead].into_iter().collect());
        let bounded = NewApiKey { allowed_addresses: serde_json::from_str(r#"["10.0.0.0/8"]"#).expect("networks"), expires_at: Some(keys.call().now.plus_days(1)), ..NewApiKey::new(name("Few"), few.clone()) };
        let (big, _) = keys.make(&keys.call(), &full("Big")).await.expect("a key");
        let (free, _) = keys.make(&keys.call(), &NewApiKey::new(name("Free"), few.clone())).await.expect("a key");
        let (_, secret) = keys.make(&keys.call(), &bounded).await.expect("a key");
        let header = format!("Bearer {secret}");
        let known = authenticate(&keys.app, Some(&header), "10.0.0.1".parse().ok(), keys.app.clock.now()).await.expect("works");
        let call = Call { caller: std::sync::Arc::clone(known.caller()), ..keys.call() };
        assert_eq!(keys.make(&call, &full("More")).await.expect_err("more scopes").code(), Code::InsufficientScope);
        assert_eq!(api_keys::rotate(&keys.app, &call, &big, 0).await.expect_err("its secret would be ours").code(), Code::InsufficientScope);
        assert_eq!(api_keys::rotate(&keys.app, &call, &free, 0).await.expect_err("it reaches further").code(), Code::Forbidden);
        let later = NewApiKey { expires_at: Some(call.now.plus_days(2)), ..NewApiKey::new(name("Later"), few.clone()) };
        assert_eq!(keys.make(&call, &later).await.expect_err("later").faults()[0].pointer, "/expires_at");
        let wider = NewApiKey { allowed_addresses: serde_json::from_str(r#"["0.0.0.0/0"]"#).expect("networks"), ..NewApiKey::new(name("Wider"), few.clone()) };
        assert_eq!(keys.make(&call, &wider).await.expect_err("wider").faults()[0].pointer, "/allowed_addresses");
        let (child, _) = keys.make(&call, &NewApiKey::new(name("Child"), few)).await.expect("a key");
        assert_eq!(child.created_by.as_deref(), Some(keys.owner.id.as_str()), "the person behind the key");
        assert_eq!((child.expires_at, child.allowed_addresses.0), (bounded.expires_at, bounded.allowed_addresses.clone()));
        api_keys::revoke(&call, &big).expect("to take rights away, one need not hold them");
        let (_, reader) = keys.make(&keys.call(), &NewApiKey::new(name("Reader"), ScopeChoice::Preset(Preset::ReadOnly))).await.expect("a key");
        let call = keys.call_by(&reader).await;
        assert_eq!(api_keys::revoke(&call, &big).expect_err("no keys:write").code(), Code::InsufficientScope);
    }

    async fn a_limited_key_reaches_its_teams(keys: Keys) {
        let now = keys.call().now;
        let organization = "INSERT INTO organizations (account_id, id, name, name_key, parent_id, path, depth, tags, metadata, version, created_at, updated_at) VALUES ($1, $2, $2, $2, $3, $4, $5, '[]', '{}', 1, $6, $6)";
        let team = "INSERT INTO teams (account_id, id, name, name_key, organization_id, tags, metadata, version, created_at, updated_at) VALUES ($1, $2, $2, $2, $3, '[]', '{}', 1, $4, $4)";
        let mut list = Vec::new();
        for (id, parent, path, depth) in [("organization_a", None, "/organization_a/", 1), ("organization_b", Some("organization_a"), "/organization_a/organization_b/", 2), ("organization_c", None, "/organization_c/", 1)] {
            list.push(Statement::new(organization, params![id.to_owned(), parent.map(str::to_owned), path.to_owned(), i64::from(depth), now]));
        }
        for (id, organization) in [("team_a", Some("organization_a")), ("team_b", Some("organization_b")), ("team_c", Some("organization_c")), ("team_d", None)] {
            list.push(Statement::new(team, params![id.to_owned(), organization.map(str::to_owned), now]));
        }
        for statement in list {
            keys.app.db.write(&keys.account, vec![statement]).await.expect("a row");
        }
        let new = NewApiKey { organization_ids: vec!["organization_a".to_owned()], team_ids: vec!["team_d".to_owned(), "team_d".to_owned()], ..full("Limited") };
        let (key, secret) = keys.make(&keys.call(), &new).await.expect("a key");
        assert_eq!(key.team_ids.0, ["team_d"]);
        let caller = keys.enter(&secret, None).await.expect("works");
        let Reach::Teams(teams) = &caller.reach else { panic!("limited") };
        let mut teams: Vec<String> = serde_json::from_str(teams).expect("a list");
        teams.sort();
        assert_eq!(teams, ["organization_a", "organization_b", "team_a", "team_b", "team_d"]);
        let call = keys.call_by(&secret).await;
        assert_eq!(keys.make(&call, &full("Unlimited")).await.expect_err("limited").code(), Code::Forbidden);
        let unknown = NewApiKey { team_ids: vec!["team_d".to_owned(), "team_x".to_owned()], ..full("Unknown") };
        assert_eq!(keys.make(&keys.call(), &unknown).await.expect_err("unknown").faults()[0].pointer, "/team_ids/1");
        // A key whose teams are all gone reaches nothing, not everything.
        keys.run("UPDATE teams SET deleted_at = 1 WHERE account_id = $1", Vec::new()).await;
        keys.run("UPDATE organizations SET depth = 1 WHERE account_id = $1", Vec::new()).await;
        let caller = keys.enter(&secret, None).await.expect("works");
        assert!(matches!(&caller.reach, Reach::Teams(places) if !places.contains("team_")));
    }

    async fn the_last_owner_stays(keys: Keys) {
        let call = accounts::operator(&keys.app, keys.account.clone());
        let refused = admins::remove_role(&keys.app.db, &call, &keys.owner, GlobalRole::Owner).await;
        assert_eq!(refused.expect_err("the last").code(), Code::LastOwner);
        let email = Email::parse("second@example.com").expect("an address");
        let plan = || admins::create(&keys.app, &call, &email, None, GlobalRole::Owner, None);
        let (second, is_new) = commit(&keys.app.db, &keys.app.ids, &call, plan).await.expect("made").value;
        assert!(is_new);
        let (_, is_new) = commit(&keys.app.db, &keys.app.ids, &call, plan).await.expect("again").value;
        assert!(!is_new);
        // Both at once: one of them stays.
        let remove = async |user: &User| {
            commit(&keys.app.db, &keys.app.ids, &call, || async { Ok((admins::remove_role(&keys.app.db, &call, user, GlobalRole::Owner).await?, ())) }).await.is_ok()
        };
        let (one, other) = tokio::join!(remove(&keys.owner), remove(&second));
        assert!(one != other, "{one} {other}");
        assert_eq!(admins::list(&keys.app.db, &keys.account).await.expect("a list").len(), 1);
    }

    async fn one_of_several_first_starts_makes_the_account(keys: Keys) {
        let first = accounts::create_first(&keys.app, &NewAccount::named(name("Second"))).await.expect("nothing to do");
        assert!(first.is_none(), "there is one already");
        keys.run("DELETE FROM accounts WHERE account_id = $1", Vec::new()).await;
        let starts = (0..4).map(|_| async { accounts::create_first(&keys.app, &NewAccount::named(name("First"))).await });
        let made = futures::future::join_all(starts).await;
        let made: Vec<_> = made.into_iter().map(|made| made.expect("no failure")).collect();
        assert_eq!(made.iter().flatten().count(), 1, "{made:?}");
    }

    async fn the_database_answers_and_tells_its_time(keys: Keys) {
        keys.app.db.ping().await.expect("alive");
        let before = Clock::system().now();
        let time = keys.app.db.server_time().await.expect("an answer");
        assert_eq!(time.is_some(), !keys.app.db.is_sqlite());
        assert!(time.is_none_or(|time| time.plus_seconds(1) >= before));
    }
}
