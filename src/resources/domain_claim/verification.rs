//! The look-up that proves a claim: whether the domain's DNS has the claim's text.
//!
//! A claim without proof is looked up by itself, at first often and then ever more seldom, for thirty days, and whenever
//! somebody asks. One that is proved is looked up once a week; what has gone missing is shown and changes nothing, since
//! people may be on their way by it. A look-up changes its claim alone, in the version that was read; repeated or cut off
//! half-way it does no harm.

use futures::stream::{self, StreamExt as _};

use super::{CheckResult, ClaimState, DomainClaim, Proof};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Select, Statement};
use crate::dns::DnsFault;
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::types::{AccountId, Timestamp};

/// Seconds after which a new claim is looked up by itself.
pub const FIRST_CHECK: i64 = 300;
/// Longest time between two look-ups of a claim without proof.
const SELDOM: i64 = 86_400;
/// So long it is looked up by itself.
const GIVEN_UP: i64 = 30 * 86_400;
/// Time between two look-ups of a claim that is proved.
const WEEK: i64 = 7 * 86_400;
/// Claims looked up by one job, and so many at once.
const MOST: i64 = 500;
const AT_ONCE: usize = 8;

/// Looks the due claims of an account up.
pub async fn check_due(app: &App, account: &AccountId) -> Result<()> {
    let due = Select::new(
        "SELECT id FROM domain_claims WHERE account_id = $1 AND next_check_at <= $2 ORDER BY next_check_at LIMIT $3",
        params![app.clock.now(), MOST],
    );
    let due = app.db.fetch::<(String,)>(account, due).await?;
    let results: Vec<Result<()>> = stream::iter(due)
        .map(|(id,)| async move { check(app, account, &id).await })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    results.into_iter().collect()
}

/// Looks one claim up.
pub async fn check(app: &App, account: &AccountId, claim_id: &str) -> Result<()> {
    let by_id = || {
        Select::rows::<DomainClaim>(
            "WHERE account_id = $1 AND id = $2",
            params![claim_id.to_owned()],
        )
    };
    let Some(claim) = app.db.first::<DomainClaim>(account, by_id()).await? else {
        return Ok(());
    };
    let found = look_up(app, &claim).await;
    let call = Call::system(account.clone(), "worker: domains", app.clock.now());
    commit(&app.db, &app.ids, &call, || async {
        let mut plan = Plan::new("domain_claim.check");
        if let Some(before) = app.db.first::<DomainClaim>(account, by_id()).await? {
            let after = after_check(&before, found, call.now);
            plan.write(Statement::update(&after, before.version));
            if after.state != before.state {
                let previous = serde_json::json!({ "state": before.state });
                plan.event(after.event("verified").previous(previous));
            }
        }
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}

async fn look_up(app: &App, claim: &DomainClaim) -> CheckResult {
    match app.dns.texts(claim.domain.as_str()).await {
        Ok(texts) if texts.iter().any(|text| text.trim() == claim.txt_record) => CheckResult::Found,
        Ok(_) | Err(DnsFault::NoText) => CheckResult::NotFound,
        Err(DnsFault::NoSuchName) => CheckResult::NoSuchDomain,
        Err(DnsFault::Unreachable(why)) => {
            tracing::info!(claim_id = %claim.id, why, "the DNS was not reached");
            CheckResult::Unreachable
        }
    }
}

/// The claim after a look-up.
fn after_check(before: &DomainClaim, found: CheckResult, now: Timestamp) -> DomainClaim {
    let mut claim = DomainClaim {
        checked_at: Some(now),
        check_result: Some(found),
        updated_at: now,
        ..before.clone()
    };
    if found == CheckResult::Found && before.state == ClaimState::Pending {
        claim.state = ClaimState::Verified;
        claim.verified_at = Some(now);
    }
    claim.next_check_at = match (claim.state, claim.proof) {
        (ClaimState::Verified, Proof::Admin) => None,
        (ClaimState::Verified, Proof::Dns) => Some(now.plus_seconds(WEEK)),
        (ClaimState::Pending, _) => {
            let age = now.seconds() - claim.created_at.seconds();
            let pause = (age / 4).clamp(FIRST_CHECK, SELDOM);
            (age < GIVEN_UP).then(|| now.plus_seconds(pause))
        }
    };
    claim
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Ids;
    use crate::types::text::Domain;

    fn claim() -> DomainClaim {
        let at = Timestamp::from_micros(0);
        DomainClaim {
            id: Ids::seeded(1).next(at),
            domain: Domain::parse("acme.example").expect("a domain"),
            organization_id: None,
            team_id: None,
            proof: Proof::Dns,
            state: ClaimState::Pending,
            txt_record: "text".to_owned(),
            verified_at: None,
            checked_at: None,
            check_result: None,
            next_check_at: Some(at),
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn what_is_not_proved_is_looked_up_ever_more_seldom_and_then_given_up() {
        let (mut claim, mut now, mut times) = (claim(), Timestamp::from_micros(0), 0);
        let mut pause = 0;
        while let Some(next) = claim.next_check_at {
            let waited = next.seconds() - now.seconds();
            assert!(waited >= pause && waited <= SELDOM, "{pause} {waited}");
            (now, pause, times) = (next, waited, times + 1);
            claim = after_check(&claim, CheckResult::NotFound, now);
        }
        assert!((20..100).contains(&times), "{times}");
        assert_eq!(claim.state, ClaimState::Pending);
    }

    #[test]
    fn what_is_proved_stays_proved_when_the_text_goes() {
        let now = Timestamp::from_micros(1_000_000);
        let proved = after_check(&claim(), CheckResult::Found, now);
        assert_eq!(
            (proved.state, proved.verified_at),
            (ClaimState::Verified, Some(now))
        );
        let later = now.plus_seconds(WEEK);
        let gone = after_check(&proved, CheckResult::NotFound, later);
        assert_eq!(gone.state, ClaimState::Verified);
        assert_eq!(gone.check_result, Some(CheckResult::NotFound));
        assert_eq!(gone.verified_at, Some(now));
    }
}
