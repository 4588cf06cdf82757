//! Links and passwords sign people in, once and only them.

use b2b_dashboard::access::cookies;
use b2b_dashboard::access::links::{self, LinkPurpose, LinkState};
use b2b_dashboard::access::passwords::{self, SignIn};
use b2b_dashboard::access::sessions::{self, Origin, Session};
use b2b_dashboard::access::{Permission, Reach};
use b2b_dashboard::db::Statement;
use b2b_dashboard::error::Code;
use b2b_dashboard::params;
use b2b_dashboard::types::{AccountId, Email, Secret};

use crate::support::app::TestApp;
use crate::support::database::both;

const PASSWORD: &str = "correct horse battery staple";

fn origin() -> Origin {
    Origin {
        address: Some("192.0.2.1".into()),
        agent: Some("Test".into()),
        request_id: "r1".into(),
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

async fn token(test: &TestApp, user: &str, purpose: LinkPurpose) -> String {
    let (id, writes) = links::new_link(&test.ids, test.clock.now(), user, purpose);
    test.db
        .write(&test.account, writes.into())
        .await
        .expect("a link");
    links::url(test, &test.account, id.as_str())
        .rsplit_once('/')
        .expect("a path")
        .1
        .to_owned()
}

async fn look(test: &TestApp, token: &str) -> LinkState {
    links::look(test, token, test.clock.now())
        .await
        .expect("a look")
}

async fn resume(test: &TestApp, cookie: &Secret<String>) -> Option<Session> {
    sessions::resume(test, cookie.expose(), test.clock.now())
        .await
        .expect("a read")
}

async fn sign_in(test: &TestApp, address: &str, password: &str) -> Result<SignIn, Code> {
    passwords::sign_in_with_password(
        test,
        &email(address),
        &secret(password),
        &origin(),
        test.clock.now(),
    )
    .await
    .map_err(|error| error.code())
}

async fn grant(test: &TestApp, user: &str, role: &str) {
    let insert =
        "INSERT INTO user_roles (account_id, user_id, role, created_at) VALUES ($1, $2, $3, 0)";
    test.db
        .write(
            &test.account,
            vec![Statement::new(
                insert,
                params![user.to_owned(), role.to_owned()],
            )],
        )
        .await
        .expect("a role");
}

async fn give_password(test: &TestApp, account: &AccountId, user: &str) {
    let call = b2b_dashboard::access::Call::system(account.clone(), "test", test.clock.now());
    passwords::set_password(test, &call, user, &secret(PASSWORD), None)
        .await
        .expect("a password");
}

both! {
    async fn a_link_signs_in_once_however_many_try(test: TestApp) {
        let user = test.insert_user_in(&test.account, "ada@example.com", "Ada", "invited").await;
        let token = token(&test, &user, LinkPurpose::Welcome).await;
        for _ in 0..3 {
            assert!(matches!(look(&test, &token).await, LinkState::Valid(link) if link.user_id == user && link.account_name == "Northwind"));
        }
        let (origin, now) = (origin(), test.clock.now());
        let tries = (0..8).map(|_| links::consume(&test, &token, &origin, now));
        let results = futures::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|error| error.code() == Code::SignInFailed));
        assert!(matches!(look(&test, &token).await, LinkState::Used));
        let started = results.into_iter().flatten().next().expect("one");
        let session = resume(&test, &started.cookie).await.expect("a session");
        assert_eq!((session.user.id.as_str(), session.account_name.as_str()), (user.as_str(), "Northwind"));
        let status: Vec<(String, i64)> = test.rows("SELECT status, version FROM users WHERE account_id = $1", vec![]).await;
        assert_eq!(status, [("active".to_owned(), 2)]);
        let audit: Vec<(String, Option<String>)> = test.rows("SELECT action, address FROM audit_facts WHERE account_id = $1", vec![]).await;
        assert_eq!(audit, [("session.start".to_owned(), Some("192.0.2.1".to_owned()))]);
    }

    async fn links_end_by_time_by_newer_ones_and_with_their_person(test: TestApp) {
        let user = test.insert_user("ada@example.com", "Ada").await;
        let welcome = token(&test, &user, LinkPurpose::Welcome).await;
        let older = token(&test, &user, LinkPurpose::SignIn).await;
        let newer = token(&test, &user, LinkPurpose::SignIn).await;
        assert!(matches!(look(&test, &older).await, LinkState::Expired));
        assert!(matches!(look(&test, &newer).await, LinkState::Valid(_)));
        test.clock.advance(3601);
        assert!(matches!(look(&test, &newer).await, LinkState::Expired));
        let late = links::consume(&test, &newer, &origin(), test.clock.now()).await.expect_err("too late");
        assert_eq!(late.code(), Code::SignInFailed);
        assert!(matches!(look(&test, &welcome).await, LinkState::Valid(_)));
        for broken in ["", "x", "a.b", &welcome[1..], &format!("{welcome}x")] {
            assert!(matches!(look(&test, broken).await, LinkState::Invalid), "{broken}");
        }
        let off = Statement::new("UPDATE users SET status = 'deactivated' WHERE account_id = $1", vec![]);
        test.db.write(&test.account, vec![off]).await.expect("a change");
        assert!(matches!(look(&test, &welcome).await, LinkState::Invalid));
    }

    async fn a_session_carries_roles_and_teams_and_ends(test: TestApp) {
        let user = test.insert_user("ada@example.com", "Ada").await;
        give_password(&test, &test.account, &user).await;
        let Ok(SignIn::Done(started)) = sign_in(&test, "ADA@example.com", PASSWORD).await else { panic!("not signed in") };
        let cookie = cookies::set_cookie(&test.config, Some(&started));
        assert!(cookie.starts_with("__Host-b2b_session=") && cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        let header = format!("a=b; {}", cookie.split(';').next().expect("a pair"));
        assert_eq!(cookies::cookie_of(&test.config, &header), Some(started.cookie.expose().as_str()));

        let learner = resume(&test, &started.cookie).await.expect("a session");
        assert!(!learner.is_staff && !learner.has_dashboard());
        assert_eq!(learner.caller.reach, Reach::Teams("[]".into()));
        let team = [
            "INSERT INTO teams (account_id, id, name, name_key, tags, metadata, version, created_at, updated_at) VALUES ($1, 'team_1', 'T', 't', '[]', '{}', 1, 0, 0)",
            "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) VALUES ($1, 'team_1', $2, 'owner', 'manual', 0)",
        ];
        test.db.write(&test.account, team.map(|sql| Statement::new(sql, params![user])).into()).await.expect("a team");
        let owner = resume(&test, &started.cookie).await.expect("a session");
        assert_eq!(owner.caller.reach, Reach::Teams("[\"team_1\"]".into()));
        assert!(owner.caller.may(Permission::SeatsAssign) && !owner.caller.may(Permission::SettingsRead));
        grant(&test, &user, "admin").await;
        let admin = resume(&test, &started.cookie).await.expect("a session");
        assert!(admin.is_staff && admin.caller.reach == Reach::Account && admin.caller.may(Permission::SettingsWrite));

        let form = cookies::csrf_token(&test, &admin);
        cookies::check_csrf(&test, &admin, &form).expect("its own form");
        assert_eq!(cookies::check_csrf(&test, &admin, "x").expect_err("a strange form").code(), Code::CsrfMismatch);

        let forged = started.cookie.expose().replace('A', "B");
        if forged != *started.cookie.expose() {
            assert!(resume(&test, &secret(&forged)).await.is_none());
        }
        test.clock.advance(12 * 3600);
        assert!(resume(&test, &started.cookie).await.is_none(), "idle too long for a role in the whole account");
        let role = Statement::new("DELETE FROM user_roles WHERE account_id = $1", vec![]);
        test.db.write(&test.account, vec![role]).await.expect("a change");
        let learner = resume(&test, &started.cookie).await.expect("a session");
        test.clock.advance(30 * 86_400);
        assert!(resume(&test, &started.cookie).await.is_none(), "thirty days at the most");
        let call = learner.call("r2".into(), None, test.clock.now());
        sessions::end(&test, &learner, &call).await.expect("the end");
    }

    async fn passwords_tell_nothing_and_tire(test: TestApp) {
        let user = test.insert_user("ada@example.com", "Ada").await;
        test.insert_user("bob@example.com", "Bob").await;
        give_password(&test, &test.account, &user).await;
        for (address, password) in [("ada@example.com", "wrong"), ("bob@example.com", PASSWORD), ("nobody@example.com", PASSWORD)] {
            assert_eq!(sign_in(&test, address, password).await.err(), Some(Code::SignInFailed), "{address}");
        }
        for _ in 0..9 {
            assert_eq!(sign_in(&test, "ada@example.com", "wrong").await.err(), Some(Code::SignInFailed));
        }
        assert_eq!(sign_in(&test, "ada@example.com", PASSWORD).await.err(), Some(Code::RateLimited));
        test.clock.advance(60);
        assert!(sign_in(&test, "ada@example.com", PASSWORD).await.is_ok());
    }

    async fn one_address_in_two_accounts_chooses(test: TestApp) {
        let second: AccountId = test.ids.next(test.clock.now());
        test.insert_account(&second, "Second").await;
        for account in [&test.account, &second] {
            let user = test.insert_user_in(account, "ada@example.com", "Ada", "active").await;
            give_password(&test, account, &user).await;
        }
        let Ok(SignIn::Choose(choices)) = sign_in(&test, "ada@example.com", PASSWORD).await else { panic!("no choice") };
        let chosen = choices.iter().find(|choice| choice.account_name == "Second").expect("the second");
        let started = passwords::sign_in_by_choice(&test, &chosen.token, &origin(), test.clock.now()).await.expect("a session");
        assert_eq!(started.account, second);
        test.clock.advance(301);
        passwords::sign_in_by_choice(&test, &chosen.token, &origin(), test.clock.now()).await.expect_err("too late");
    }

    async fn a_new_password_ends_other_sessions_and_links(test: TestApp) {
        let user = test.insert_user("ada@example.com", "Ada Byron").await;
        give_password(&test, &test.account, &user).await;
        let mut cookies = Vec::new();
        for _ in 0..2 {
            let Ok(SignIn::Done(started)) = sign_in(&test, "ada@example.com", PASSWORD).await else { panic!("not signed in") };
            cookies.push(started.cookie);
        }
        let link = token(&test, &user, LinkPurpose::SetPassword).await;
        let session = resume(&test, &cookies[0]).await.expect("a session");
        let call = session.call("r3".into(), None, test.clock.now());
        let weak = passwords::set_password(&test, &call, &user, &secret("ada.byron2026"), None).await.expect_err("too weak");
        assert_eq!((weak.code(), weak.faults()[0].pointer.as_str()), (Code::ValidationFailed, "/password"));
        passwords::set_password(&test, &call, &user, &secret("another horse battery staple"), Some(&session.id)).await.expect("a password");
        assert!(resume(&test, &cookies[0]).await.is_some());
        assert!(resume(&test, &cookies[1]).await.is_none());
        assert!(matches!(look(&test, &link).await, LinkState::Expired));
        assert_eq!(sign_in(&test, "ada@example.com", PASSWORD).await.err(), Some(Code::SignInFailed));
        assert!(sign_in(&test, "ada@example.com", "another horse battery staple").await.is_ok());
    }

    async fn a_link_that_is_asked_for_comes_by_mail_to_those_who_are_known(test: TestApp) {
        test.insert_user("ada@example.com", "Ada").await;
        for address in ["ada@example.com", "nobody@example.com"] {
            passwords::request_link(&test, &email(address), LinkPurpose::SignIn, &origin(), test.clock.now()).await.expect("an answer");
        }
        test.run_jobs().await;
        let mails: Vec<(String, String, String)> = test.rows("SELECT kind, to_address, text_body FROM mails WHERE account_id = $1", vec![]).await;
        assert_eq!(mails.len(), 1);
        let text = &mails[0].2;
        let token = text.split("/sign-in/link/").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link");
        assert!(matches!(look(&test, token).await, LinkState::Valid(_)));
        for _ in 0..9 {
            passwords::request_link(&test, &email("ada@example.com"), LinkPurpose::SignIn, &origin(), test.clock.now()).await.expect("an answer");
        }
        let count: Vec<(i64,)> = test.rows("SELECT count(*) FROM mails WHERE account_id = $1", vec![]).await;
        assert_eq!(count, [(5,)], "five in an hour at the most");
    }
}
