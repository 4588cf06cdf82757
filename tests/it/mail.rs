//! Mails of the outbox go once, come back when the server is not ready, and say why when they cannot go.

use std::time::Duration;

use b2b_dashboard::access::Call;
use b2b_dashboard::access::links::{self, LinkPurpose};
use b2b_dashboard::commit::commit;
use b2b_dashboard::db::Statement;
use b2b_dashboard::email::TemplateKind;
use b2b_dashboard::email::outbox::{self, MailFilter, MailRow, MailState, NewMail};
use b2b_dashboard::events::Plan;
use b2b_dashboard::jobs;
use b2b_dashboard::locale::Locale;
use b2b_dashboard::params;
use b2b_dashboard::types::Email;
use b2b_dashboard::{tasks, worker};
use serde_json::json;
use tokio::sync::watch;

use crate::support::app::TestApp;
use crate::support::database::{Engine, OnDatabase, both};
use crate::support::smtp::{Behaviour, FakeSmtp, Step};

/// An app with a mail server.
struct MailApp {
    test: TestApp,
    smtp: FakeSmtp,
}

impl OnDatabase for MailApp {
    async fn on(engine: Engine) -> Self {
        let smtp = FakeSmtp::start().await;
        let port = smtp.addr().port().to_string();
        let settings = [
            ("B2B_EMAIL__HOST", "127.0.0.1"),
            ("B2B_EMAIL__PORT", port.as_str()),
            ("B2B_EMAIL__SECURITY", "none"),
            ("B2B_EMAIL__FROM", "Northwind <no-reply@example.com>"),
            ("B2B_EMAIL__TIMEOUT_SECONDS", "5"),
            ("B2B_JOBS__LEASE_SECONDS", "1"),
        ];
        Self {
            test: TestApp::with(engine, &settings).await,
            smtp,
        }
    }
}

/// Queues a welcome mail for a new person.
async fn welcome(test: &TestApp) -> outbox::MailId {
    let user = test.insert_user("ada@example.com", "Ada Byron").await;
    let call = Call::system(test.account.clone(), "test", test.clock.now());
    let plan = || async {
        let mut plan = Plan::new("test.welcome");
        let (link, writes) = links::new_link(&test.ids, call.now, &user, LinkPurpose::Welcome);
        plan.write_all(writes);
        let mail = NewMail {
            kind: TemplateKind::Welcome,
            user_id: Some(user.clone()),
            to: Email::parse("ada@example.com").expect("an address"),
            locale: Locale::english(),
            context: json!({ "inviter": "Grace Hopper", "products": [{ "name": "Safety", "ends_at": "2027-01-31T22:00:00Z" }] }),
            once_key: Some(format!("welcome:{user}")),
            link_id: Some(link.to_string()),
            provision_id: None,
        };
        let id = outbox::queue(&mut plan, &test.ids, call.now, mail);
        Ok((plan, id))
    };
    commit(&test.db, &test.ids, &call, plan)
        .await
        .expect("a mail")
        .value
}

async fn mail(test: &TestApp, id: &outbox::MailId) -> MailRow {
    test.db
        .first(&test.account, outbox::by_id(id))
        .await
        .expect("a read")
        .expect("a mail")
}

async fn event_types(test: &TestApp) -> Vec<String> {
    let rows: Vec<(String,)> = test
        .rows(
            "SELECT type FROM events WHERE account_id = $1 ORDER BY sequence",
            vec![],
        )
        .await;
    rows.into_iter().map(|(kind,)| kind).collect()
}

/// Makes an organization `name` below another, with a look, and a team in it; gives the ids of both.
async fn customer(
    test: &TestApp,
    name: &str,
    above: Option<&str>,
    branding: serde_json::Value,
) -> (String, String) {
    use b2b_dashboard::records::plan_create;
    use b2b_dashboard::resources::{Team, organization};
    let call = Call::system(test.account.clone(), "test", test.clock.now());
    let body = json!({ "name": name, "parent": above, "branding": branding });
    let new: organization::NewOrganization = serde_json::from_value(body).expect("a body");
    let plan = || organization::plan_create(&test.db, &test.ids, &call, new.clone());
    let node = commit(&test.db, &test.ids, &call, plan)
        .await
        .expect("an organization")
        .value;
    let plan = || async {
        let team = serde_json::from_value(json!({ "name": name, "organization": node.id }))
            .expect("a body");
        plan_create::<Team>(&test.db, &test.ids, &call, team).await
    };
    let team = commit(&test.db, &test.ids, &call, plan)
        .await
        .expect("a team")
        .value;
    (node.id.to_string(), team.id.to_string())
}

/// Puts a person into a team.
async fn join(test: &TestApp, team: &str, user: &str) {
    let insert = Statement::new(
        "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) VALUES ($1, $2, $3, 'member', 'api', 0)",
        params![team.to_owned(), user.to_owned()],
    );
    test.db
        .write(&test.account, vec![insert])
        .await
        .expect("a member");
}

both! {
    async fn a_mail_has_the_look_of_the_organization_it_concerns(app: MailApp) {
        let MailApp { test, smtp } = app;
        let account = Statement::new(
            "UPDATE accounts SET settings = $2 WHERE account_id = $1",
            params![json!({ "brand": { "color": "#010101", "postal_address": "Account Street 1" } }).to_string()],
        );
        test.db.write(&test.account, vec![account]).await.expect("settings");
        let (acme, acme_team) = customer(&test, "Acme", None, json!({ "name": "Acme Academy", "support_email": "help@acme.example" })).await;
        let (_, site_team) = customer(&test, "Site", Some(&acme), json!({ "color": "#abcdef" })).await;
        let (_, other_team) = customer(&test, "Globex", None, json!({ "name": "Globex School" })).await;
        let user = test.insert_user("ada@example.com", "Ada Byron").await;
        join(&test, &site_team, &user).await;
        let sent = async |context: serde_json::Value| {
            let call = Call::system(test.account.clone(), "test", test.clock.now());
            let plan = || async {
                let mut plan = Plan::new("test.notice");
                let (link, writes) = links::new_link(&test.ids, call.now, &user, LinkPurpose::SignIn);
                plan.write_all(writes);
                let mail = NewMail {
                    kind: TemplateKind::SignInLink,
                    user_id: Some(user.clone()),
                    to: Email::parse("ada@example.com").expect("an address"),
                    locale: Locale::english(),
                    context: context.clone(),
                    once_key: None,
                    link_id: Some(link.to_string()),
                    provision_id: None,
                };
                outbox::queue(&mut plan, &test.ids, call.now, mail);
                Ok((plan, ()))
            };
            commit(&test.db, &test.ids, &call, plan).await.expect("a mail");
            test.run_jobs().await;
            let mail = smtp.messages().pop().expect("a mail");
            let head = ["from", "reply-to"].map(|name| mail.header(name).unwrap_or_default());
            format!("{head:?} {}", mail.html().expect("a page"))
        };
        let own = sent(json!({})).await;
        assert!(own.contains("Acme Academy") && own.contains("#abcdef") && own.contains("Account Street 1"), "{own}");
        assert!(own.contains("help@acme.example"), "{own}");
        join(&test, &acme_team, &user).await;
        let common = sent(json!({})).await;
        assert!(common.contains("Acme Academy") && common.contains("#010101"), "what both teams have in common: {common}");
        join(&test, &other_team, &user).await;
        let account = sent(json!({})).await;
        assert!(account.contains("Northwind") && !account.contains("Acme Academy") && !account.contains("Globex School"), "{account}");
        let named = sent(json!({ "team_id": other_team })).await;
        assert!(named.contains("Globex School"), "the team it concerns: {named}");
    }

    async fn a_mail_goes_once_with_link_and_facts(app: MailApp) {
        let MailApp { test, smtp } = app;
        let id = welcome(&test).await;
        assert_eq!(test.run_jobs().await, 1);
        let again = jobs::Job::SendMail { mail_id: id.to_string() }.enqueue(&test.ids, None, test.clock.now(), test.clock.now());
        test.db.write(&test.account, vec![again]).await.expect("a job");
        assert_eq!(test.run_jobs().await, 1);
        let received = smtp.messages();
        assert_eq!(received.len(), 1);
        let text = received[0].text().expect("a text");
        assert!(text.contains("https://learn.example.com/sign-in/link/"), "{text}");
        assert!(text.contains("Safety") && text.contains("Grace Hopper"), "{text}");
        assert_eq!(received[0].message_id(), format!("{id}@example.com"));
        let row = mail(&test, &id).await;
        assert_eq!((row.state, row.attempts), (MailState::Sent, 1));
        assert!(row.last_reply.expect("a reply").starts_with("250"));
        assert_eq!(event_types(&test).await, ["mail.queued", "mail.sent"]);
        assert!(!json!(mail(&test, &id).await).to_string().contains("sign-in/link"));
    }

    async fn a_busy_server_is_asked_again_under_the_same_message_id(app: MailApp) {
        let MailApp { test, smtp } = app;
        let id = welcome(&test).await;
        for behaviour in [Behaviour::Answer(Step::Rcpt, 451, "later"), Behaviour::RefuseConnection, Behaviour::CutAfterData] {
            smtp.set(behaviour).await;
            assert_eq!(test.run_jobs().await, 1);
            assert_eq!(mail(&test, &id).await.state, MailState::Queued);
            assert_eq!(test.run_jobs().await, 0, "it waits");
            test.clock.advance(3600);
        }
        smtp.set(Behaviour::Accept).await;
        assert_eq!(test.run_jobs().await, 1);
        let row = mail(&test, &id).await;
        assert_eq!((row.state, row.attempts), (MailState::Sent, 4));
        let received = smtp.messages();
        assert_eq!(received.len(), 2, "the cut attempt, and the one that was acknowledged");
        assert_eq!(received[0].message_id(), received[1].message_id());
    }

    async fn a_refused_mail_fails_with_the_servers_words_and_can_be_sent_again(app: MailApp) {
        let MailApp { test, smtp } = app;
        let id = welcome(&test).await;
        smtp.set(Behaviour::Answer(Step::Rcpt, 550, "no such mailbox")).await;
        assert_eq!(test.run_jobs().await, 1);
        let row = mail(&test, &id).await;
        assert_eq!(row.state, MailState::Failed);
        assert!(row.last_reply.as_deref().expect("a reply").contains("no such mailbox"));
        assert_eq!(event_types(&test).await, ["mail.queued", "mail.failed"]);
        test.clock.advance(86_400);
        assert_eq!(test.run_jobs().await, 0, "nobody tries again by themselves");
        smtp.set(Behaviour::Accept).await;
        let call = Call::system(test.account.clone(), "test", test.clock.now());
        let plan = || async {
            let mut plan = Plan::new("mail.retry");
            outbox::retry(&mut plan, &row);
            Ok((plan, ()))
        };
        commit(&test.db, &test.ids, &call, plan).await.expect("a retry");
        assert_eq!(test.run_jobs().await, 1);
        assert_eq!(mail(&test, &id).await.state, MailState::Sent);
        assert_eq!(smtp.messages().len(), 1);
    }

    async fn after_the_last_attempt_job_and_mail_say_so(app: MailApp) {
        let MailApp { test, smtp } = app;
        let id = welcome(&test).await;
        smtp.set(Behaviour::RefuseConnection).await;
        for _ in 0..jobs::MAX_ATTEMPTS {
            assert_eq!(test.run_jobs().await, 1);
            test.clock.advance(8 * 3600);
        }
        assert_eq!(test.run_jobs().await, 0);
        let row = mail(&test, &id).await;
        assert_eq!((row.state, row.attempts), (MailState::Failed, jobs::MAX_ATTEMPTS));
        let jobs: Vec<(String, Option<String>)> = test.rows("SELECT state, last_error FROM jobs WHERE account_id = $1", vec![]).await;
        assert_eq!(jobs[0].0, "dead");
        assert!(jobs[0].1.as_deref().expect("an error").starts_with("not sent yet"), "{jobs:?}");
        assert_eq!(event_types(&test).await, ["mail.queued", "mail.failed"]);
    }

    async fn without_a_server_mails_are_caught(test: TestApp) {
        let id = welcome(&test).await;
        assert_eq!(test.run_jobs().await, 1);
        let row = mail(&test, &id).await;
        assert_eq!(row.state, MailState::Caught);
        assert_eq!(row.subject.as_deref(), Some("Your access to Safety"));
        let (text, html): (String, String) = test.db.first(&test.account, outbox::bodies(&id)).await.expect("a read").expect("bodies");
        assert!(text.contains("/sign-in/link/") && html.contains("<html"));
        let caught = MailFilter { state: Some(MailState::Caught), kind: Some(TemplateKind::Welcome), user_id: row.user_id, before: None };
        let listed: Vec<MailRow> = test.db.fetch(&test.account, outbox::list(&caught, 10)).await.expect("a list");
        assert_eq!(listed.len(), 1);
        let older = MailFilter { before: Some(id), ..MailFilter::default() };
        assert!(test.db.fetch::<MailRow>(&test.account, outbox::list(&older, 10)).await.expect("a list").is_empty());
    }

    async fn an_own_template_is_used_and_a_broken_one_gives_way(app: MailApp) {
        let MailApp { test, smtp } = app;
        let insert = "INSERT INTO mail_templates (account_id, kind, locale, subject, text_body, html_body, updated_at) VALUES ($1, 'welcome', 'en', $2, '{{ link }}', '<p>x</p>', 0)";
        test.db.write(&test.account, vec![Statement::new(insert, params!["Hi {{ recipient.name }}".to_owned()])]).await.expect("a template");
        let id = welcome(&test).await;
        test.run_jobs().await;
        assert_eq!(mail(&test, &id).await.subject.as_deref(), Some("Hi Ada Byron"));
        let change = [
            ("UPDATE mail_templates SET subject = '{{ nothing }}' WHERE account_id = $1", vec![]),
            ("DELETE FROM jobs WHERE account_id = $1", vec![]),
            ("UPDATE mails SET state = 'queued' WHERE account_id = $1", vec![]),
        ];
        let mut list: Vec<_> = change.into_iter().map(|(sql, values)| Statement::new(sql, values)).collect();
        list.push(jobs::Job::SendMail { mail_id: id.to_string() }.enqueue(&test.ids, None, test.clock.now(), test.clock.now()));
        test.db.write(&test.account, list).await.expect("changes");
        test.run_jobs().await;
        assert_eq!(smtp.messages().len(), 2);
        assert_eq!(smtp.messages()[1].subject(), "Your access to Safety");
        assert_eq!(smtp.messages()[1].header("From").as_deref(), Some("Northwind <no-reply@example.com>"));
    }

    async fn a_slow_server_does_not_cost_the_worker_its_lease(app: MailApp) {
        let MailApp { test, smtp } = app;
        smtp.set(Behaviour::GreetAfter(Duration::from_millis(2500))).await;
        let id = welcome(&test).await;
        let (stop, stopped) = watch::channel(false);
        let running = tasks::spawn(worker::run(test.app.clone(), stopped));
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            test.clock.advance(1);
            let taken: Vec<(i64,)> = test.rows("SELECT count(*) FROM jobs WHERE account_id = $1 AND kind = 'send_mail' AND (state <> 'running' OR leased_until < $2)", params![test.clock.now()]).await;
            assert_eq!(taken, [(0,)]);
        }
        smtp.wait_for(1, Duration::from_secs(10)).await;
        stop.send(true).expect("a worker");
        running.await.expect("a worker that waits for its job");
        let row = mail(&test, &id).await;
        assert_eq!((row.state, row.attempts), (MailState::Sent, 1));
        assert_eq!(smtp.messages().len(), 1);
    }

    async fn nobody_who_is_gone_gets_a_mail(app: MailApp) {
        let MailApp { test, smtp } = app;
        let id = welcome(&test).await;
        let gone = Statement::new("UPDATE users SET deleted_at = $2 WHERE account_id = $1", params![test.clock.now()]);
        test.db.write(&test.account, vec![gone]).await.expect("a change");
        test.run_jobs().await;
        assert!(smtp.messages().is_empty());
        assert_eq!(mail(&test, &id).await.state, MailState::Failed);
    }
}
